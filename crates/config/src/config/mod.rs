//! The configuration as checked: everything parsed, every default resolved, nothing left to doubt.
//!
//! Consumers read only this. An empty list of names, tags or dimensions means "all".

mod api;
mod aws;
mod azure;
mod gcp;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    profile::Profile,
    secret::Secret,
    values::Pattern,
    written::destination::{Compression, Deltas, FileFormat, OnFull, Order, Protocol, Revisions},
};

pub use api::{Api, Clients, RateLimit, ReadyAccounts, ServerTls, Token};
pub use aws::{AssumeRole, AwsAccount, AwsBase, AwsCredentials, AwsEndpoints, AwsMetrics, StaticKeys};
pub use azure::{
    AzureAccount, AzureCertificate, AzureCloud, AzureCredentials, AzureIdentity, AzureMetrics,
    CustomAzureCloud,
};
pub use gcp::{GcpAccount, GcpBase, GcpCredentials, GcpMetrics};

/// The whole configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Directory of ledger and spool.
    pub state_dir: PathBuf,
    /// Most bytes that undelivered points may take.
    pub spool_max_bytes: u64,
    /// Address of the status page and `/metrics`.
    pub listen: SocketAddr,
    /// Who may ask over HTTP, and how.
    pub api: Api,
    /// Where our own telemetry goes, if anywhere.
    pub telemetry: Option<Telemetry>,
    /// Where points go; at least one, names unique.
    pub destinations: Vec<Destination>,
    /// AWS accounts.
    pub aws: Vec<AwsAccount>,
    /// Azure tenants.
    pub azure: Vec<AzureAccount>,
    /// Groups of Google Cloud projects.
    pub gcp: Vec<GcpAccount>,
}

/// Where and how our own telemetry is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Name of an OTLP destination.
    pub destination: String,
    /// Time between two requests with metrics.
    pub interval: Duration,
    /// Share of traces that is sent, from 0 to 1.
    pub sample: f64,
}

/// When and how far back to ask; resolved entry > account > defaults > built-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Time between two polls; never shorter than the entry's period.
    pub every: Duration,
    /// How long to wait for a point to be final.
    pub settle: AutoOr,
    /// How far behind the watermark to look again.
    pub lookback: AutoOr,
    /// How far back the very first poll reaches.
    pub initial: Duration,
    /// Time between two discoveries.
    pub discover_every: Duration,
}

/// Learnt by the daemon, or fixed by the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOr {
    /// Learnt.
    Auto,
    /// Fixed.
    Fixed(Duration),
}

/// One place that points go to.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Unique name.
    pub name: String,
    /// What it is.
    pub kind: DestinationKind,
    /// The kind of back end, when the user named one. Its settings are applied already.
    pub profile: Option<Profile>,
    /// What to make of delta sums.
    pub deltas: Deltas,
    /// Resource attributes to copy onto points.
    pub promote: Vec<Pattern>,
    /// Most bytes that may wait for it, if it has a bound of its own.
    pub spool_max_bytes: Option<u64>,
    /// What to do when that much waits.
    pub on_full: OnFull,
    /// What to do with changed points.
    pub revisions: Revisions,
    /// Which points go first.
    pub order: Order,
}

/// What a destination is.
#[derive(Clone, Debug, PartialEq)]
pub enum DestinationKind {
    /// An OpenTelemetry receiver.
    Otlp(Otlp),
    /// Files in a directory.
    File {
        /// The directory.
        path: PathBuf,
        /// Their format.
        format: FileFormat,
    },
    /// Served at `/federate`.
    Prometheus,
    /// Standard output.
    Stdout {
        /// Its format.
        format: FileFormat,
    },
}

/// An OpenTelemetry receiver.
#[derive(Clone, PartialEq)]
pub struct Otlp {
    /// A URL that has been parsed once, as written.
    pub endpoint: String,
    /// gRPC or HTTP.
    pub protocol: Protocol,
    /// The path of requests by HTTP.
    pub path: OtlpPath,
    /// Compression of requests.
    pub compression: Compression,
    /// Headers of every request.
    pub headers: BTreeMap<String, Secret>,
    /// Certificates, when any are configured; the files existed and were PEM at load.
    pub tls: Option<Tls>,
    /// How long one request may take.
    pub timeout: Duration,
}

impl std::fmt::Debug for Otlp {
    /// A URL may have a key in its query.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp")
            .field("endpoint", &crate::hide::shown(&self.endpoint))
            .field("protocol", &self.protocol)
            .field("path", &self.path)
            .field("headers", &self.headers)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// The path of requests by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtlpPath {
    /// `/v1/metrics` below the endpoint's own.
    Standard,
    /// The path that the kind of back end has, below the endpoint's own.
    OfProfile(&'static str),
    /// As written, in place of the endpoint's own.
    Written(String),
}

/// Certificates, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}
