//! The configuration as a user writes it: the types whose JSON Schema is the contract.
//!
//! Texts are still texts here; what they mean is decided in `check/`. Every field is optional to
//! serde, so that the checks can run over a file that also has other mistakes; what is required
//! stands in the schema.

pub mod api;
pub mod aws;
pub mod azure;
pub mod destination;
pub mod gcp;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Nephoscope's configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// Where the daemon keeps its ledger and spool.
    pub state: State,
    /// Address of the status page, `/metrics`, `/healthz`, `/readyz` and `/federate`. Default: 127.0.0.1:9464.
    #[schemars(extend("examples" = ["127.0.0.1:9464"]))]
    pub listen: Option<String>,
    /// Who may ask the daemon over HTTP, and how.
    pub api: api::Api,
    /// Account files, relative to this file: globs (`.yaml` takes `.yml` too), directories or files; each holds `aws`, `azure`,
    /// `gcp` and `destinations` lists.
    #[schemars(extend("examples" = [["accounts.d/*.yaml"]]))]
    pub accounts: Vec<String>,
    /// What holds for every account unless the account or the entry says otherwise.
    pub defaults: Defaults,
    /// The daemon's own telemetry. Default: sent to the first OTLP destination.
    pub telemetry: Option<Telemetry>,
    /// Where points go; each destination gets every point.
    #[schemars(extend("examples" = [[{ "name": "gateway", "otlp": { "endpoint": "http://127.0.0.1:4317" } }]]))]
    pub destinations: Vec<destination::Destination>,
    /// Accounts of Amazon Web Services.
    pub aws: Vec<aws::Account>,
    /// Tenants of Microsoft Azure.
    pub azure: Vec<azure::Account>,
    /// Groups of Google Cloud projects.
    pub gcp: Vec<gcp::Account>,
}

/// Where the daemon keeps its ledger and spool.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// Directory, writable for the daemon. Default: /var/lib/nephoscope.
    #[schemars(extend("examples" = ["/var/lib/nephoscope"]))]
    pub dir: Option<PathBuf>,
    /// Most bytes that undelivered points may take; when they do, polling pauses. Default: 2GiB.
    pub spool_max: Option<SizeText>,
}

/// What holds for every account unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// When and how far back to ask.
    pub poll: Poll,
    /// What an account may cost. Default: no limit.
    pub budget: Option<Budget>,
}

/// The daemon's own telemetry.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// Whether to send it. Default: true. `/metrics` is always served.
    pub enabled: Option<bool>,
    /// The OTLP destination it goes to, by its name. Default: the first.
    #[schemars(extend("examples" = ["gateway"]))]
    pub destination: Option<String>,
    /// How often its metrics are sent. Default: 1m.
    #[schemars(extend("examples" = ["1m"]))]
    pub interval: Option<DurationText>,
    /// Traces of polls, API requests and deliveries.
    pub traces: Traces,
}

/// Traces of polls, API requests and deliveries.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Traces {
    /// Which share of them is sent, from 0 to 1. Default: 0.01.
    #[schemars(extend("examples" = [0.01]))]
    pub sample: Option<f64>,
}

/// When and how far back to ask.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("examples" = [{ "every": "5m" }]))]
pub struct Poll {
    /// Time between two polls of the same metrics; at least their period. Default: 5m.
    pub every: Option<DurationText>,
    /// How long to wait for a point to be final. `auto` learns it per namespace. Default: auto.
    pub settle: Option<AutoText>,
    /// How far behind the watermark to look again for late points. `auto` learns it. Default: auto.
    pub lookback: Option<AutoText>,
    /// How far back the very first poll reaches. Default: 15m.
    #[schemars(extend("examples" = ["15m"]))]
    pub initial: Option<DurationText>,
    /// Time between two listings of what exists; Azure, where nothing can be asked of what has been deleted, is listed every
    /// 5m unless this says otherwise. Default: 1h.
    #[schemars(extend("examples" = ["1h"]))]
    pub discover_every: Option<DurationText>,
}

/// What an account, or one entry of it, may cost.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// US dollars of API calls a day (UTC) at list price; polls wait rather than pass it. Default: no limit.
    #[schemars(extend("examples" = [20]))]
    pub usd_per_day: Option<f64>,
}

/// A duration with its unit: `30s`, `5m`, `1h`, `1d`, `1h30m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("format" = "duration", "examples" = ["5m"]))]
pub struct DurationText(pub String);

/// `auto`, or a duration with its unit: `90s`, `5m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("format" = "duration", "examples" = ["auto"]))]
pub struct AutoText(pub String);

/// A number of bytes with its unit: `512MiB`, `2GiB`, `1GB`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("format" = "size", "examples" = ["2GiB"]))]
pub struct SizeText(pub String);

/// A name (exact or with `*`, `?`, `[…]`, `{a,b}`), or `~` and a regular expression for the whole name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(extend("examples" = ["Network*"]))]
pub struct PatternText(pub String);
