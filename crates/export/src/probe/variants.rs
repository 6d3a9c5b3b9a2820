//! What else a server may take when it does not take a request as it is configured: another compression, protocol, scheme,
//! path, or OTLP's own ports. The same host always; credentials never go anywhere less safe than they were written for.

use super::BackEnd;
use crate::config::{Compression, OtlpConfig, Protocol};
use crate::endpoint::{Path, shown};
use reqwest::Url;

/// OTLP's ports and what is spoken there.
const PORTS: [(u16, Protocol); 2] = [(4318, Protocol::Http), (4317, Protocol::Grpc)];

/// One way to ask.
#[derive(Clone, Debug)]
pub(super) struct Variant {
    /// What the operator would write.
    pub(super) line: String,
    pub(super) config: OtlpConfig,
    /// Without credentials, so that an answer that wants them is an answer.
    pub(super) bare: bool,
}

/// The likelier first. Each differs from `config` in as little as possible.
pub(super) fn of(config: &OtlpConfig, kinds: &[BackEnd]) -> Vec<Variant> {
    let Ok(url) = config.url().parse::<Url>() else {
        return vec![];
    };
    let mut all = vec![];
    if config.compression != Compression::Gzip {
        let changed = OtlpConfig {
            compression: Compression::Gzip,
            ..config.clone()
        };
        all.push(variant(&changed, &url, "write `compression: gzip`".into()));
    }
    let mut here = vec![url.clone()];
    here.extend(other_scheme(&url));
    for url in &here {
        for protocol in [config.protocol, other(config.protocol)] {
            let changed = OtlpConfig {
                protocol,
                path: Path::Standard,
                ..config.clone()
            };
            let lines = [scheme_line(config, url), protocol_line(config, protocol)];
            let line = written(lines.into_iter().flatten());
            if !line.is_empty() {
                all.push(variant(&changed, url, line));
            }
        }
        all.extend(kinds.iter().flat_map(|kind| of_kind(config, url, *kind)));
    }
    all.extend(
        PORTS
            .iter()
            .filter_map(|(port, protocol)| on_port(config, &url, *port, *protocol)),
    );
    all
}

/// At the path of a kind of back end: as a base that the kind completes, or without the path that was written.
fn of_kind(config: &OtlpConfig, url: &Url, kind: BackEnd) -> Vec<Variant> {
    let mut bare = url.clone();
    bare.set_path("");
    let mut bases = vec![url.clone()];
    if !url.path().trim_end_matches('/').is_empty() {
        bases.push(bare);
    }
    let grpc = config.protocol == Protocol::Grpc;
    let at = |base: Url| {
        let scheme_or_path = (base.as_str().trim_end_matches('/') != config.url().trim_end_matches('/'))
            .then(|| endpoint_line(&base));
        let lines = [
            Some(format!("`for: {}`", kind.word)),
            grpc.then(|| "`protocol: http`".to_owned()),
            scheme_or_path,
        ];
        let changed = OtlpConfig {
            protocol: Protocol::Http,
            path: Path::Below(kind.path.to_owned()),
            ..config.clone()
        };
        variant(&changed, &base, written(lines.into_iter().flatten()))
    };
    bases.into_iter().map(at).collect()
}

fn on_port(config: &OtlpConfig, url: &Url, port: u16, protocol: Protocol) -> Option<Variant> {
    let mut moved = url.clone();
    moved.set_port(Some(port)).ok()?;
    let changed = OtlpConfig {
        protocol,
        path: Path::Standard,
        ..config.clone()
    };
    let lines = [Some(endpoint_line(&moved)), protocol_line(config, protocol)];
    (moved.port_or_known_default() != url.port_or_known_default())
        .then(|| variant(&changed, &moved, written(lines.into_iter().flatten())))
}

fn variant(config: &OtlpConfig, url: &Url, line: String) -> Variant {
    let written: Option<Url> = config.url().parse().ok();
    let safe = written.is_some_and(|written| {
        written.port_or_known_default() == url.port_or_known_default()
            && (written.scheme() == url.scheme() || url.scheme() == "https")
    });
    let changed = OtlpConfig {
        endpoint: url.as_str().to_owned(),
        headers: if safe { config.headers.clone() } else { vec![] },
        ..config.clone()
    };
    Variant {
        line,
        config: changed,
        bare: !safe,
    }
}

fn other(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::Grpc => Protocol::Http,
        Protocol::Http => Protocol::Grpc,
    }
}

/// The same host and port by the other scheme.
fn other_scheme(url: &Url) -> Option<Url> {
    let port = url.port_or_known_default()?;
    let mut changed = url.clone();
    changed
        .set_scheme(if url.scheme() == "https" { "http" } else { "https" })
        .ok()?;
    changed.set_port(Some(port)).ok()?;
    Some(changed)
}

fn scheme_line(config: &OtlpConfig, url: &Url) -> Option<String> {
    let same = config.url().starts_with(&format!("{}://", url.scheme()));
    (!same).then(|| endpoint_line(url))
}

fn endpoint_line(url: &Url) -> String {
    format!("`endpoint: {}`", shown(url).trim_end_matches('/'))
}

fn protocol_line(config: &OtlpConfig, protocol: Protocol) -> Option<String> {
    let word = match protocol {
        Protocol::Grpc => "grpc",
        Protocol::Http => "http",
    };
    (config.protocol != protocol).then(|| format!("`protocol: {word}`"))
}

fn written(lines: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("write {}", lines.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [BackEnd; 1] = [BackEnd {
        word: "prometheus",
        path: "/api/v1/otlp/v1/metrics",
    }];

    fn lines(config: &OtlpConfig) -> Vec<String> {
        of(config, &KINDS)
            .into_iter()
            .map(|variant| variant.line)
            .collect()
    }

    #[test]
    fn each_variant_says_what_to_write() {
        let mut config = OtlpConfig::new("http://h:9090/wrong");
        config.protocol = Protocol::Http;
        config.compression = Compression::Zstd;
        assert_eq!(
            lines(&config),
            [
                "write `compression: gzip`",
                "write `protocol: grpc`",
                "write `for: prometheus`",
                "write `for: prometheus` and `endpoint: http://h:9090`",
                "write `endpoint: https://h:9090/wrong`",
                "write `endpoint: https://h:9090/wrong` and `protocol: grpc`",
                "write `for: prometheus` and `endpoint: https://h:9090/wrong`",
                "write `for: prometheus` and `endpoint: https://h:9090`",
                "write `endpoint: http://h:4318/wrong`",
                "write `endpoint: http://h:4317/wrong` and `protocol: grpc`",
            ]
        );
    }

    #[test]
    fn credentials_do_not_leave_for_another_port_or_go_in_the_clear() {
        let mut config = OtlpConfig::new("https://h");
        config.compression = Compression::Zstd;
        config.headers = vec![("authorization".into(), "Bearer hunter2".to_owned().into())];
        for variant in of(&config, &KINDS) {
            let url: Url = variant.config.endpoint.parse().unwrap();
            let safe = url.scheme() == "https" && url.port_or_known_default() == Some(443);
            assert_eq!(variant.config.headers.is_empty(), !safe, "{}", variant.line);
            assert_eq!(variant.bare, !safe, "{}", variant.line);
            let gzip = variant.line.contains("compression");
            assert_eq!(
                variant.config.compression == Compression::Gzip,
                gzip,
                "{}",
                variant.line
            );
        }
    }
}
