//! Which proxy stands before a destination: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, for gRPC as for HTTP.
//! What is on this machine is reached directly, as Go's programs do it: the usual gateway beside us needs no `NO_PROXY`.

use crate::connect::{Wrong, wrong};
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use std::net::IpAddr;
use std::task::{Context, Poll};
use tower::Service;

/// Whether an address is of this machine.
pub(crate) fn is_local(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a proxy stands before `url`.
pub(crate) fn intercepts(url: &str) -> bool {
    url.parse()
        .is_ok_and(|to: Uri| !to.host().is_some_and(is_local) && Matcher::from_env().intercept(&to).is_some())
}

/// The way through the proxy to `url`, if there is one.
pub(crate) fn tunnel(url: &str) -> Result<Option<Through>, Wrong> {
    through(url, &Matcher::from_env())
}

fn through(url: &str, matcher: &Matcher) -> Result<Option<Through>, Wrong> {
    let to: Uri = url
        .parse()
        .map_err(|e: http::uri::InvalidUri| wrong("the endpoint", e))?;
    if to.host().is_some_and(is_local) {
        return Ok(None);
    }
    let Some(proxy) = matcher.intercept(&to) else {
        return Ok(None);
    };
    if proxy.uri().scheme_str() != Some("http") {
        let text = "gRPC can be led through a proxy that is reached over http:// only";
        return Err(wrong("the proxy of the environment", std::io::Error::other(text)));
    }
    let tunnel = Tunnel::new(proxy.uri().clone(), HttpConnector::new());
    let tunnel = match proxy.basic_auth() {
        Some(word) => tunnel.with_auth(word.clone()),
        None => tunnel,
    };
    Ok(Some(Through(tunnel)))
}

/// A tunnel (`CONNECT`) to whatever is asked for.
#[derive(Debug)]
pub(crate) struct Through(Tunnel<HttpConnector>);

impl Service<Uri> for Through {
    type Response = <Tunnel<HttpConnector> as Service<Uri>>::Response;
    type Error = <Tunnel<HttpConnector> as Service<Uri>>::Error;
    type Future = <Tunnel<HttpConnector> as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        self.0.call(with_port(to))
    }
}

/// The tunnel takes 443 for every address without a port.
fn with_port(to: Uri) -> Uri {
    let (Some("http"), Some(host), None) = (to.scheme_str(), to.host(), to.port()) else {
        return to;
    };
    format!("http://{host}:80/").parse().unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(url: &str, no_proxy: &str) -> bool {
        let matcher = Matcher::builder()
            .all("http://us:word@proxy.test:3128")
            .no(no_proxy)
            .build();
        through(url, &matcher).expect("usable").is_some()
    }

    #[test]
    fn a_proxy_stands_before_what_is_elsewhere_and_not_excepted() {
        for url in [
            "http://otlp.test:4317",
            "https://otlp.test",
            "http://10.1.2.3:4317",
        ] {
            assert!(proxied(url, ""), "{url}");
        }
        assert!(!proxied("http://otlp.test:4317", "otlp.test"));
        for url in [
            "http://127.0.0.1:4317",
            "http://localhost:4317",
            "http://[::1]:4317",
            "http://127.9.9.9",
        ] {
            assert!(!proxied(url, ""), "{url}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named() {
        let matcher = Matcher::builder().all("https://proxy.test").build();
        let (what, why) = through("https://otlp.test", &matcher)
            .map(drop)
            .expect_err("unusable");
        assert_eq!(what, "the proxy of the environment");
        assert!(why.to_string().contains("http:// only"));
    }

    #[test]
    fn the_tunnel_ends_at_the_port_of_the_scheme() {
        let port = |url: &str| with_port(url.parse().expect("a URL")).port_u16();
        assert_eq!(port("http://otlp.test"), Some(80));
        assert_eq!(port("http://otlp.test:4317"), Some(4317));
        assert_eq!(port("https://otlp.test"), None, "which is 443");
    }
}
