//! Destinations as written, and the small closed sets of words that the checked form shares.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, PatternText, SizeText};
use crate::{profile::Profile, secret::Secret};

/// One place that points go to: exactly one of `otlp`, `file`, `prometheus` and `stdout`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name"]))]
pub struct Destination {
    /// A name of your choice, unique; it labels the daemon's own metrics.
    #[schemars(extend("examples" = ["gateway"]))]
    pub name: String,
    /// An OpenTelemetry receiver.
    pub otlp: Option<Otlp>,
    /// Files in a directory.
    pub file: Option<FileOut>,
    /// The newest point of each series, served on `listen` at `/federate` with its own timestamp.
    pub prometheus: Option<Empty>,
    /// Standard output.
    pub stdout: Option<Stdout>,
    /// The kind of back end that takes `otlp`. It sets `path`, `protocol`, `deltas`, `promote` and `order` as that kind
    /// needs them; each can still be written. Default: none, and nothing is set.
    #[serde(rename = "for")]
    #[schemars(extend("examples" = ["prometheus"]))]
    pub profile: Option<Profile>,
    /// What to make of delta sums. Default: keep, or what `for` sets.
    pub deltas: Option<Deltas>,
    /// Resource attributes to copy onto every point, as globs. Default: none, or what `for` sets.
    #[schemars(extend("examples" = [["cloud.region"]]))]
    pub promote: Option<Vec<PatternText>>,
    /// Most that may wait for this destination. Default: `state.spool_max`.
    pub spool_max: Option<SizeText>,
    /// What to do when that much waits. Default: pause.
    pub on_full: Option<OnFull>,
    /// What to do when the cloud changes a point that was already sent. Default: count.
    pub revisions: Option<Revisions>,
    /// Whether a gap is delivered before what is newer. Default: `as_polled`, or what `for` sets.
    pub order: Option<Order>,
}

/// An OpenTelemetry receiver.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["endpoint"]))]
pub struct Otlp {
    /// URL. Port 4317 is usual for grpc, 4318 for http. With http it is a base: `/v1/metrics`, or the path that `for`
    /// knows, is appended unless the URL ends so.
    #[schemars(extend("examples" = ["http://127.0.0.1:4317"]))]
    pub endpoint: String,
    /// How to speak to it. Default: grpc, or what `for` sets.
    pub protocol: Option<Protocol>,
    /// With http: the whole path of requests, in place of the endpoint's. Default: see `endpoint`.
    #[schemars(extend("examples" = ["/v2/datapoint/otlp"]))]
    pub path: Option<String>,
    /// How to compress requests. Default: gzip.
    pub compression: Option<Compression>,
    /// Headers (gRPC metadata) of every request; their values are kept secret.
    #[schemars(extend("examples" = [{ "authorization": "Bearer ${env:OTLP_TOKEN}" }]))]
    pub headers: BTreeMap<String, Secret>,
    /// Certificates. Default: the system's authorities, no client certificate.
    pub tls: Option<Tls>,
    /// How long one request may take. Default: 10s.
    #[schemars(extend("examples" = ["10s"]))]
    pub timeout: Option<DurationText>,
}

/// Certificates, all PEM.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Authorities to trust instead of the system's.
    #[schemars(extend("examples" = ["/etc/ssl/certs/ca-certificates.crt"]))]
    pub ca_file: Option<PathBuf>,
    /// Our certificate; needs `key_file`.
    #[schemars(extend("examples" = ["/etc/nephoscope/client.crt"]))]
    pub cert_file: Option<PathBuf>,
    /// Our private key; needs `cert_file`.
    #[schemars(extend("examples" = ["/etc/nephoscope/client.key"]))]
    pub key_file: Option<PathBuf>,
}

/// Files in a directory.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["path"]))]
pub struct FileOut {
    /// The directory.
    #[schemars(extend("examples" = ["/var/lib/nephoscope/out"]))]
    pub path: PathBuf,
    /// Default: `otlp_json`.
    pub format: Option<FileFormat>,
}

/// Standard output.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stdout {
    /// Default: `otlp_json`.
    pub format: Option<FileFormat>,
}

/// Nothing to set: write `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("examples" = [{}]))]
pub struct Empty {}

/// How an OTLP receiver is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// gRPC over HTTP/2.
    #[default]
    Grpc,
    /// Protobuf over HTTP.
    Http,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Every receiver understands it.
    #[default]
    Gzip,
    /// Smaller and faster; not every receiver understands it.
    Zstd,
    /// Not at all.
    None,
}

/// What is made of delta sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deltas {
    /// Sent as deltas, as the cloud gives them.
    #[default]
    Keep,
    /// Added up to totals that survive restarts, for back ends that refuse deltas.
    Cumulative,
    /// Sent as gauges: each says what happened in its interval.
    Gauge,
}

/// What happens when the spool is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFull {
    /// Polling pauses; the cloud keeps the points.
    #[default]
    Pause,
    /// This destination loses its oldest points, counted.
    DropOldest,
}

/// What happens when the cloud changes a point that was already sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Revisions {
    /// Counted and shown.
    #[default]
    Count,
    /// Counted, and the new value is sent as well.
    Resend,
}

/// Which points go first when some were late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The present first; a gap is filled beside it.
    #[default]
    AsPolled,
    /// A gap before the present, each series in the order of time, for back ends that refuse what is out of order.
    OldestFirst,
}

/// How points are written to files and standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// One OTLP JSON request a line.
    #[default]
    OtlpJson,
}
