//! What a destination is, after the configuration has been checked.
//!
//! Reading YAML, replacing `${…}` and loading certificate files is the configuration crate's; here everything is text
//! already, and what is secret stays out of `Debug`.

use crate::endpoint::Path;
use provider_api::Matcher;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// One destination.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// Its name in the configuration, for logs and counters.
    pub name: String,
    /// Where points go.
    pub kind: Kind,
    /// Resource attributes to copy onto points.
    pub promote: Vec<Matcher>,
    /// What becomes of delta sums and histograms.
    pub deltas: Deltas,
}

/// Where points go.
#[derive(Clone, Debug)]
pub enum Kind {
    /// An OTLP server.
    Otlp(OtlpConfig),
    /// OTLP JSON lines, appended to `metrics.jsonl` in a folder.
    File {
        /// The folder; made when it is missing.
        path: PathBuf,
    },
    /// OTLP JSON lines on standard output.
    Stdout,
    /// A table of latest values, served for scraping.
    Prometheus,
}

/// What becomes of delta points on their way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deltas {
    /// They stay deltas.
    #[default]
    Keep,
    /// Running totals. The store keeps them and hands out entries that are cumulative already.
    Cumulative,
    /// Delta sums become gauges; histograms stay what they are.
    Gauge,
}

/// How to reach an OTLP server.
#[derive(Clone)]
pub struct OtlpConfig {
    /// `http://host:4317`, `https://…`; without a scheme it is `https` when `tls` is set, else `http`.
    pub endpoint: String,
    /// gRPC or HTTP.
    pub protocol: Protocol,
    /// With HTTP: the path of requests, below the endpoint or instead of its own.
    pub path: Path,
    /// How requests are compressed.
    pub compression: Compression,
    /// Headers of every request; values are secret.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// Certificates, where the system's trust does not do.
    pub tls: Option<Tls>,
    /// How long one request may take.
    pub timeout: Duration,
}

impl OtlpConfig {
    /// gRPC with gzip, no headers and ten seconds.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            protocol: Protocol::Grpc,
            path: Path::Standard,
            compression: Compression::Gzip,
            headers: Vec::new(),
            tls: None,
            timeout: Duration::from_secs(10),
        }
    }

    /// The endpoint with a scheme.
    pub(crate) fn url(&self) -> String {
        match (self.endpoint.contains("://"), &self.tls) {
            (true, _) => self.endpoint.clone(),
            (false, Some(_)) => format!("https://{}", self.endpoint),
            (false, None) => format!("http://{}", self.endpoint),
        }
    }
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpConfig")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("path", &self.path)
            .field("compression", &self.compression)
            .field("header_names", &names)
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// An `ExportMetricsServiceRequest`.
    Metrics,
    /// An `ExportTraceServiceRequest`.
    Traces,
}

/// OTLP's two transports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC, usually port 4317.
    #[default]
    Grpc,
    /// Protobuf over HTTP, usually port 4318, with the endpoint as a base: see [`Path`].
    Http,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// gzip: what the store holds goes out unchanged.
    #[default]
    Gzip,
    /// zstd: every request is compressed anew.
    Zstd,
    /// None: every request is decompressed first.
    None,
}

/// Certificates in PEM.
#[derive(Clone, Default)]
pub struct Tls {
    /// The only authorities to trust; absent = the system's.
    pub ca_pem: Option<String>,
    /// The client's certificate chain; needs `key_pem`.
    pub cert_pem: Option<String>,
    /// The client's private key; needs `cert_pem`.
    pub key_pem: Option<Zeroizing<String>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca", &self.ca_pem.is_some())
            .field("cert", &self.cert_pem.is_some())
            .field("key", &self.key_pem.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_in_debug() {
        let mut c = OtlpConfig::new("localhost:4317");
        c.headers
            .push(("authorization".into(), "Bearer hunter2".to_owned().into()));
        c.tls = Some(Tls {
            key_pem: Some("hunter2".to_owned().into()),
            ..Tls::default()
        });
        let text = format!("{c:?}");
        assert!(
            text.contains("authorization") && !text.contains("hunter2"),
            "{text}"
        );
        assert_eq!(c.url(), "https://localhost:4317");
    }
}
