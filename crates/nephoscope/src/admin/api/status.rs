//! `/api/v1/status`: everything at once, for `nephoscope status`.

use super::accounts::{self, AccountRow};
use super::asked::Asked;
use super::destinations::{self, DestinationRow};
use super::error::ApiError;
use super::listing::object;
use crate::clock::SystemClock;
use crate::live::{LastReload, Live};
use crate::overview::{Overview, Problem};
use axum::extract::State as Shared;
use axum::response::Response;
use provider_api::UnixNanos;
use scheduler::{Clock as _, NamespaceProgress};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// The state of the moment.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Status {
    /// The daemon's version.
    pub(crate) version: Cow<'static, str>,
    /// How much the headline matters: `bad`, `warn`, `busy` or `good`.
    pub(crate) level: Cow<'static, str>,
    /// The first sentence.
    pub(crate) headline: String,
    /// What is to be added to it.
    pub(crate) detail: String,
    /// What a person should know, the worst first.
    pub(crate) problems: Vec<ProblemRow>,
    /// Accounts, the worst first.
    pub(crate) accounts: Vec<AccountRow>,
    /// What has been learnt of each namespace.
    pub(crate) namespaces: Vec<NamespaceRow>,
    /// Destinations, in the order of the configuration.
    pub(crate) destinations: Vec<DestinationRow>,
    /// How the last reload went; absent when there was none.
    pub(crate) reload: Option<ReloadRow>,
    /// Ledger and spool.
    pub(crate) store: StoreStatus,
}

/// How a reload went.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ReloadRow {
    /// Whether it was taken up.
    pub(crate) ok: bool,
    /// How long ago, in seconds.
    pub(crate) s_ago: u64,
    /// Why it changed nothing: every problem of the file, one a line.
    pub(crate) why: Option<String>,
}

/// What a person should know.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ProblemRow {
    /// How much it matters: `bad`, `warn`, `busy` or `good`.
    pub(crate) level: Cow<'static, str>,
    /// What is wrong.
    pub(crate) title: String,
    /// What was tried, where, and why it failed.
    pub(crate) text: String,
    /// What to do.
    pub(crate) remedy: String,
    /// For how long, in seconds.
    pub(crate) since_s: Option<u64>,
    /// Accounts that have it.
    pub(crate) accounts: Vec<String>,
    /// Further accounts that have it.
    pub(crate) more: usize,
    /// Whether it passes by itself, so that nobody need act.
    pub(crate) passes: bool,
}

/// What has been learnt of a namespace.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct NamespaceRow {
    /// `aws`, `azure` or `gcp`.
    pub(crate) cloud: Cow<'static, str>,
    /// The cloud's grouping, such as `AWS/EC2`.
    pub(crate) namespace: String,
    /// How old a point must be before it is asked for, in seconds.
    pub(crate) settle_s: u64,
    /// Where that comes from.
    pub(crate) source: Cow<'static, str>,
    /// How far windows reach back for late points, in seconds.
    pub(crate) lookback_s: u64,
    /// Points that it was learnt from, older ones counting less.
    pub(crate) samples: f64,
    /// Share of them that was late or revised.
    pub(crate) late_share: f64,
}

/// Ledger and spool.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct StoreStatus {
    /// Series in the ledger.
    pub(crate) series: usize,
    /// Bytes that wait to be delivered.
    pub(crate) spool_bytes: u64,
    /// Points that wait to be delivered.
    pub(crate) spool_points: u64,
    /// Whether there is no room and polling waits.
    pub(crate) full: bool,
}

/// The answer.
pub(in crate::admin) async fn show(
    Shared(live): Shared<Arc<Live>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.params(&[])?;
    let overview = Overview::of(&live, SystemClock.now());
    let status = Status {
        version: env!("CARGO_PKG_VERSION").into(),
        level: overview.headline.level.label().into(),
        headline: overview.headline.title.clone(),
        detail: overview.headline.detail.clone(),
        problems: overview.problems.iter().map(problem).collect(),
        accounts: accounts::rows(&overview),
        namespaces: overview.namespaces.iter().map(namespace).collect(),
        destinations: destinations::rows(&overview),
        reload: live.last_reload().map(|last| reload(last, overview.now)),
        store: StoreStatus {
            series: overview.store.series,
            spool_bytes: overview.store.spool_bytes,
            spool_points: overview.store.spool_points,
            full: overview.store.full,
        },
    };
    object(&asked, &status)
}

fn reload(last: LastReload, now: UnixNanos) -> ReloadRow {
    ReloadRow {
        ok: last.outcome.is_ok(),
        s_ago: now.since(last.at).as_secs(),
        why: last.outcome.err().map(|refused| refused.why),
    }
}

fn problem(problem: &Problem) -> ProblemRow {
    ProblemRow {
        level: problem.level.label().into(),
        title: problem.title.clone(),
        text: problem.text.clone(),
        remedy: problem.remedy.clone(),
        since_s: problem.since.map(|since| since.as_secs()),
        accounts: problem.names.clone(),
        more: problem.more,
        passes: problem.passes,
    }
}

fn namespace(known: &NamespaceProgress) -> NamespaceRow {
    NamespaceRow {
        cloud: known.cloud.into(),
        namespace: known.namespace.to_string(),
        settle_s: known.settle.as_secs(),
        source: known.source.label().into(),
        lookback_s: known.lookback.as_secs(),
        samples: known.samples,
        late_share: known.late_share,
    }
}
