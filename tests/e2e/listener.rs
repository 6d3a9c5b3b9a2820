//! What the page's listener bears: clients that are slow, silent, many, or send too much. Whoever they are, others are
//! answered.

use crate::setup::{Daemon, PATIENCE, http_get, wait_for};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connections that are served at once.
const SERVED: u64 = 256;

/// Files of other parts that come and go meanwhile.
const OTHERS: u64 = 10;

/// A daemon whose cloud cannot be reached: only its listener matters.
async fn start() -> (Daemon, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let yaml = format!(
        "state: {{ dir: {path}/state }}\nlisten: 127.0.0.1:0\ndestinations: [{{ name: scrape, prometheus: {{}} }}]\naws:\n  - \
         name: a\n    regions: [eu-west-1]\n    endpoint: http://127.0.0.1:9\n    credentials: {{ static: {{ access_key_id: x, \
         secret_access_key: y }} }}\n    metrics: [{{ namespace: AWS/EC2 }}]\n"
    );
    let daemon = Daemon::start(folder.path(), &yaml);
    let address = daemon.address().await;
    (daemon, address, folder)
}

/// Sends this and reads until the daemon closes the connection.
async fn sent(address: &str, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be refused before it has all been sent.
    drop(stream.write_all(text.as_bytes()).await);
    until_closed(&mut stream).await
}

/// What comes until the daemon closes the connection, which it must.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A reset is an end, too.
    drop(read.expect("the connection stays open"));
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_slow_with_its_request_or_silent_after_one_is_cut_off_while_others_are_answered() {
    let (daemon, address, _folder) = start().await;
    let mut slow = TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        .await
        .unwrap();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    silent
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut body = TcpStream::connect(&address).await.unwrap();
    let head = b"POST /api/v1/poll HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    body.write_all(head).await.unwrap();
    assert_eq!(http_get(&address, "/healthz").await, "ok\n");

    let (slow, silent, body) = tokio::join!(
        until_closed(&mut slow),
        until_closed(&mut silent),
        until_closed(&mut body)
    );
    assert!(slow.is_empty() || slow.starts_with("HTTP/1.1 408"), "{slow}");
    assert!(
        silent.starts_with("HTTP/1.1 200") && silent.ends_with("ok\n"),
        "one answer, then the end: {silent}"
    );
    assert!(
        body.starts_with("HTTP/1.1 408") && body.contains("body_too_slow"),
        "{body}"
    );
    assert_eq!(http_get(&address, "/healthz").await, "ok\n");
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_clients_than_are_served_wait_and_silent_ones_do_not_keep_the_others_out() {
    let (daemon, address, _folder) = start().await;
    let before = daemon.open_files();
    let mut silent = Vec::new();
    for _ in 0..SERVED + 50 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        silent.push(stream);
    }
    wait_for("as many connections as are served", || {
        (daemon.open_files() + OTHERS >= before + SERVED).then_some(())
    })
    .await;
    // It stands behind all of them.
    let mut answered = tokio::spawn({
        let address = address.clone();
        async move { http_get(&address, "/healthz").await }
    });
    let limit = Instant::now() + PATIENCE;
    let mut most = 0;
    while timeout(Duration::from_millis(50), &mut answered).await.is_err() {
        most = most.max(daemon.open_files());
        assert!(Instant::now() < limit, "silent clients keep the others out");
    }
    assert!(most <= before + SERVED + OTHERS, "{most} files, {before} before");
    drop(silent);
    drop(daemon);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_refused_and_leaves_nothing_behind() {
    let (daemon, address, _folder) = start().await;
    let before = daemon.peak_rss_bytes();
    let start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let long_header = format!("{start}X-Long: {}\r\n\r\n", "x".repeat(8 << 20));
    let many_headers = format!("{start}{}\r\n", "X-Many: 1\r\n".repeat(10_000));
    for request in [&long_header, &many_headers] {
        let answer = sent(&address, request).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }
    let long_path = format!(
        "GET /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "x".repeat(100_000)
    );
    let answer = sent(&address, &long_path).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    // A body that says how long it is, and one that never ends.
    let post = "POST /api/v1/poll HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let announced = format!("{post}Content-Length: {}\r\n\r\n{}", 8 << 20, "x".repeat(1 << 20));
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(32));
    for request in [&announced, &chunked] {
        let answer = sent(&address, request).await;
        // The refusal may be lost with what was not read any more.
        assert!(answer.is_empty() || answer.contains("body_too_large"), "{answer}");
    }
    assert_eq!(http_get(&address, "/healthz").await, "ok\n");
    let grown = daemon.peak_rss_bytes().saturating_sub(before);
    assert!(grown < 32 << 20, "{} MiB more at its peak", grown >> 20);
    drop(daemon);
}
