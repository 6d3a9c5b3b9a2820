//! Destinations behind a proxy: gRPC and HTTP, with the daemon's own telemetry as what is delivered.

use super::Home;
use super::stub::{Answer, Seen, Stub};
use crate::setup::{PATIENCE, local};
use export::receiver::Receiver;

/// What is delivered to `url` goes through a proxy that asks for a word, and arrives.
async fn arrives(protocol: &str, url: &str, port_of: impl Fn(&Receiver) -> String) {
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let port = port_of(&receiver)
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let proxy = Stub::proxy(port, |_| Answer::of(502, "text/plain", "not for me")).await;
    let mut home = Home::new();
    home.set("HTTP_PROXY", &proxy.url.replace("http://", "http://us:word@"));
    let daemon = home.deliver(&format!(
        "{{ name: far, otlp: {{ endpoint: \"{url}\", protocol: {protocol} }} }}"
    ));
    if protocol == "http" {
        // In clear there is no tunnel: the proxy itself is asked.
        let asked = proxy
            .comes("a delivery", &daemon, |s| s.target.starts_with(url))
            .await;
        assert_eq!(asked.header("proxy-authorization"), "Basic dXM6d29yZA==");
    } else {
        assert!(receiver.wait_for(1, PATIENCE).await, "{}", daemon.log());
        let asked = proxy.asked("a tunnel", |s| s.method == "CONNECT");
        assert_eq!(asked.target, url.trim_start_matches("http://"));
        assert_eq!(asked.header("proxy-authorization"), "Basic dXM6d29yZA==");
    }
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_goes_through_the_proxy() {
    arrives("grpc", "http://otlp.test:4317", Receiver::grpc_endpoint).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_goes_through_the_proxy() {
    arrives("http", "http://otlp.test:4318", Receiver::http_endpoint).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_on_this_machine_is_reached_directly() {
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let proxy = Stub::proxy(9, |_| Answer::of(502, "text/plain", "not for me")).await;
    for (protocol, url) in [
        ("grpc", receiver.grpc_endpoint()),
        ("http", receiver.http_endpoint()),
    ] {
        let mut home = Home::new();
        home.set("HTTP_PROXY", &proxy.url);
        let daemon = home.deliver(&format!(
            "{{ name: near, otlp: {{ endpoint: \"{url}\", protocol: {protocol} }} }}"
        ));
        receiver.take();
        assert!(receiver.wait_for(1, PATIENCE).await, "{}", daemon.log());
    }
    let delivered = |s: &Seen| s.method == "CONNECT" || s.target.contains("/v1/metrics");
    assert!(!proxy.seen().iter().any(delivered), "{:?}", proxy.seen());
    receiver.stop().await;
}
