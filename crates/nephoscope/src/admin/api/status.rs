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
use serde::Serialize;
use std::sync::Arc;

/// The state of the moment.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Status {
    /// The daemon's version.
    version: &'static str,
    /// How much the headline matters: `bad`, `warn`, `busy` or `good`.
    level: &'static str,
    /// The first sentence.
    headline: String,
    /// What is to be added to it.
    detail: String,
    /// What a person should know, the worst first.
    problems: Vec<ProblemRow>,
    /// Accounts, the worst first.
    accounts: Vec<AccountRow>,
    /// What has been learnt of each namespace.
    namespaces: Vec<NamespaceRow>,
    /// Destinations, in the order of the configuration.
    destinations: Vec<DestinationRow>,
    /// How the last reload went; absent when there was none.
    reload: Option<ReloadRow>,
    /// Ledger and spool.
    store: StoreStatus,
}

/// How a reload went.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ReloadRow {
    /// Whether it was taken up.
    ok: bool,
    /// How long ago, in seconds.
    s_ago: u64,
    /// Why it changed nothing: every problem of the file, one a line.
    why: Option<String>,
}

/// What a person should know.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ProblemRow {
    /// How much it matters: `bad`, `warn`, `busy` or `good`.
    level: &'static str,
    /// What is wrong.
    title: String,
    /// What was tried, where, and why it failed.
    text: String,
    /// What to do.
    remedy: String,
    /// For how long, in seconds.
    since_s: Option<u64>,
    /// Accounts that have it.
    accounts: Vec<String>,
    /// Further accounts that have it.
    more: usize,
    /// Whether it passes by itself, so that nobody need act.
    passes: bool,
}

/// What has been learnt of a namespace.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NamespaceRow {
    /// `aws`, `azure` or `gcp`.
    cloud: &'static str,
    /// The cloud's grouping, such as `AWS/EC2`.
    namespace: String,
    /// How old a point must be before it is asked for, in seconds.
    settle_s: u64,
    /// Where that comes from.
    source: &'static str,
    /// How far windows reach back for late points, in seconds.
    lookback_s: u64,
    /// Points that it was learnt from, older ones counting less.
    samples: f64,
    /// Share of them that was late or revised.
    late_share: f64,
}

/// Ledger and spool.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StoreStatus {
    /// Series in the ledger.
    series: usize,
    /// Bytes that wait to be delivered.
    spool_bytes: u64,
    /// Points that wait to be delivered.
    spool_points: u64,
    /// Whether there is no room and polling waits.
    full: bool,
}

/// The answer.
pub(in crate::admin) async fn show(
    Shared(live): Shared<Arc<Live>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    asked.params(&[])?;
    let overview = Overview::of(&live, SystemClock.now());
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        level: overview.headline.level.label(),
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
        level: problem.level.label(),
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
        cloud: known.cloud,
        namespace: known.namespace.to_string(),
        settle_s: known.settle.as_secs(),
        source: known.source.label(),
        lookback_s: known.lookback.as_secs(),
        samples: known.samples,
        late_share: known.late_share,
    }
}
