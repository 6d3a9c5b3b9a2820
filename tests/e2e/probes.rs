//! `check` against destinations that are wrong, each in one way: what is wrong is named before the first start, with the
//! line to write, and with that line the same check passes.

use crate::authority::Authority;
use crate::commands::nephoscope;
use crate::credentials::stub::{Answer, Seen, Stub};
use crate::setup::{Clouds, local};
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use serde_json::Value;
use std::path::Path;

/// Prometheus in what a probe sees of it: its path, its compressions, and what it says of deltas and of two resources
/// that it cannot tell apart. Requests are read uncompressed.
fn prometheus(asked: &Seen) -> Answer {
    let text = |status, words: &str| Answer::of(status, "text/plain", words);
    if asked.target != "/api/v1/otlp/v1/metrics" {
        return text(404, "404 page not found");
    }
    match asked.header("content-encoding") {
        "zstd" => {
            return text(
                400,
                "unsupported compression: zstd. Only \"gzip\" or no compression supported",
            );
        }
        "gzip" => return text(200, ""),
        _ => {}
    }
    let second = asked.body.matches("nephoscope/probe/1").count();
    if asked.body.contains("delta ") {
        return text(
            500,
            "invalid temporality and type combination for metric \"nephoscope.probe\"",
        );
    }
    match second {
        1 => text(400, "duplicate sample for timestamp"),
        _ => text(200, ""),
    }
}

/// Wants a token, and takes everything with it.
fn guarded(asked: &Seen) -> Answer {
    match asked.header("authorization") {
        "Bearer right" => Answer::of(200, "text/plain", ""),
        _ => Answer::of(401, "text/plain", "who are you"),
    }
}

/// The rows of `check --json` about destinations.
async fn checked(folder: &Path, clouds: &Clouds, destinations: &str) -> Vec<Value> {
    let path = folder.join("nephoscope.yaml");
    let state = folder.join("state");
    let yaml = format!(
        "state: {{ dir: {} }}\nlisten: 127.0.0.1:0\ntelemetry: {{ enabled: false }}\ndestinations:\n{destinations}{}{}",
        state.display(),
        clouds.aws_account(),
        clouds.gcp_account(folder),
    );
    std::fs::write(&path, yaml).unwrap();
    let output = nephoscope(&["check", "--json", "--config", path.to_str().unwrap()]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    let rows = report["rows"].as_array().unwrap().iter();
    rows.filter(|row| row["destination"].is_string())
        .cloned()
        .collect()
}

/// What was found to be wrong with a destination: `tried: detail -> remedy` a line.
fn wrong_with(rows: &[Value], name: &str) -> String {
    let bad = rows
        .iter()
        .filter(|row| row["destination"] == name && row["outcome"] != "passed");
    let lines: Vec<String> = bad
        .map(|row| {
            let field = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            format!("{}: {} -> {}", field("tried"), field("detail"), field("remedy"))
        })
        .collect();
    lines.join("\n")
}

/// One wrong destination: its name, how it is written, and what must be said of it.
type Case<'a> = (&'a str, String, &'a [&'a str]);

fn yaml(cases: &[Case<'_>]) -> String {
    let entry = |(name, rest, _): &Case<'_>| format!("  - {{ name: {name}, {rest} }}\n");
    cases.iter().map(entry).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_destinations_are_named_with_the_line_to_write() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let http = receiver.http_endpoint();
    let server = Stub::http(prometheus).await;
    let token = Stub::http(guarded).await;
    let authority = Authority::new("ours");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    let secure = Stub::https(&authority, &["localhost"], |_| Answer::of(200, "text/plain", "")).await;
    let (tls, ca) = (&secure.url, ca.display());
    let clear = format!("http://localhost:{}", secure.port);
    let otlp = |rest: &str| format!("otlp: {{ protocol: http, {rest} }}");
    let path = "/api/v1/otlp";
    let cases: Vec<Case<'_>> = vec![
        (
            "port",
            otlp("endpoint: \"http://127.0.0.9:9\""),
            &["onnection refused", "port in `endpoint`"],
        ),
        (
            "path",
            otlp(&format!("endpoint: \"{0}/wrong\"", server.url)),
            &["/wrong/v1/metrics: HTTP 404", "write `for: prometheus`"],
        ),
        (
            "scheme",
            otlp(&format!("endpoint: \"{clear}\", tls: {{ ca_file: {ca} }}")),
            &["write `endpoint: https://"],
        ),
        (
            "protocol",
            format!("otlp: {{ endpoint: \"{http}\" }}"),
            &["write `protocol: http`"],
        ),
        (
            "tls",
            otlp(&format!("endpoint: \"{tls}\"")),
            &["UnknownIssuer", "`tls.ca_file`"],
        ),
        (
            "token",
            otlp(&format!("endpoint: \"{}\"", token.url)),
            &["HTTP 401: who are you", "write `headers: { authorization: "],
        ),
        (
            "compression",
            format!(
                "deltas: cumulative, promote: [\"*\"], {}",
                otlp(&format!("endpoint: \"{}{path}\", compression: zstd", server.url))
            ),
            &["unsupported compression: zstd", "write `compression: gzip`"],
        ),
        (
            "deltas",
            format!(
                "promote: [\"*\"], {}",
                otlp(&format!("endpoint: \"{}{path}\", compression: none", server.url))
            ),
            &["delta sum: ", "invalid temporality", "write `deltas: cumulative`"],
        ),
        (
            "merging",
            format!(
                "deltas: cumulative, {}",
                otlp(&format!("endpoint: \"{}{path}\", compression: none", server.url))
            ),
            &[
                "two resources: ",
                "stored as one series",
                "duplicate sample",
                "promote",
            ],
        ),
        (
            "name",
            otlp("endpoint: \"http://nobody.invalid:4318\""),
            &["name resolution: nobody.invalid", "write a host"],
        ),
    ];
    let rows = checked(folder.path(), &clouds, &yaml(&cases)).await;
    for (name, _, wanted) in &cases {
        let said = wrong_with(&rows, name);
        for words in *wanted {
            assert!(said.contains(words), "{name}: `{words}` is not in: {said}");
        }
    }
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_line_written_the_same_destinations_pass() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let server = Stub::http(prometheus).await;
    let token = Stub::http(guarded).await;
    let authority = Authority::new("ours");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &authority.pem).unwrap();
    let secure = Stub::https(&authority, &["localhost"], |_| Answer::of(200, "text/plain", "")).await;
    let otlp = |rest: String| format!("otlp: {{ {rest} }}");
    let cases: Vec<Case<'_>> = vec![
        (
            "path",
            format!(
                "for: prometheus, {}",
                otlp(format!("endpoint: \"{}\", compression: none", server.url))
            ),
            &[],
        ),
        (
            "zstd",
            format!(
                "for: prometheus, {}",
                otlp(format!("endpoint: \"{}\"", server.url))
            ),
            &[],
        ),
        (
            "tls",
            otlp(format!(
                "endpoint: \"{}\", protocol: http, tls: {{ ca_file: {} }}",
                secure.url,
                ca.display()
            )),
            &[],
        ),
        (
            "grpc",
            otlp(format!("endpoint: \"{}\"", receiver.grpc_endpoint())),
            &[],
        ),
        (
            "http",
            otlp(format!(
                "endpoint: \"{}\", protocol: http",
                receiver.http_endpoint()
            )),
            &[],
        ),
        (
            "token",
            otlp(format!(
                "endpoint: \"{}\", protocol: http, headers: {{ authorization: Bearer right }}",
                token.url
            )),
            &[],
        ),
        (
            "local",
            format!("file: {{ path: {} }}", folder.path().join("out").display()),
            &[],
        ),
    ];
    let rows = checked(folder.path(), &clouds, &yaml(&cases)).await;
    for (name, ..) in &cases {
        assert_eq!(wrong_with(&rows, name), "", "{name}");
    }
    let probed = receiver.received();
    assert!(
        !probed.is_empty() && probed.iter().all(|point| point.metric == "nephoscope.probe"),
        "{probed:?}"
    );
    clouds.stop().await;
    receiver.stop().await;
}
