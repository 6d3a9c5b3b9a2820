//! `/api/v1/accounts`: how each configured account is, what it has done, and what to do about it.

use super::asked::Asked;
use super::error::ApiError;
use super::filter;
use super::listing::{Listing, Row, page};
use crate::clock::SystemClock;
use crate::live::Live;
use crate::overview::{self, Overview};
use axum::extract::State as Shared;
use axum::response::Response;
use jiff::Timestamp;
use provider_api::UnixNanos;
use scheduler::Clock as _;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

const DEFAULT_ROWS: usize = 100;
const MOST_ROWS: usize = 1000;

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct AccountRow {
    /// The configuration's name.
    pub(crate) account: String,
    /// `aws`, `azure` or `gcp`; empty when the account could not be connected.
    pub(crate) cloud: Cow<'static, str>,
    /// How it is, in a few words.
    pub(crate) state: String,
    /// How much that matters: `bad`, `warn`, `busy` or `good`.
    pub(crate) level: Cow<'static, str>,
    /// Whether at least one scope could be listed and can be read.
    pub(crate) ready: bool,
    /// Scopes (regions, subscriptions, projects) that could be listed.
    pub(crate) scopes: usize,
    /// Targets known.
    pub(crate) targets: usize,
    /// Series expected of them.
    pub(crate) series: u64,
    /// Points taken since the start.
    pub(crate) points: u64,
    /// Points that came late.
    pub(crate) late: u64,
    /// Points that the cloud has changed after they were taken.
    pub(crate) revised: u64,
    /// Seconds that the cloud no longer keeps and that were never taken.
    pub(crate) lost_seconds: u64,
    /// Age of the newest point, in seconds.
    pub(crate) freshness_s: Option<u64>,
    /// Requests made.
    pub(crate) requests: u64,
    /// Requests that the cloud refused because there were too many.
    pub(crate) throttled: u64,
    /// How much of the quota is used that is used most; 1 is all of it.
    pub(crate) quota_share: Option<f64>,
    /// What the requests cost at list price, in billionths of a US dollar.
    pub(crate) cost_usd_nanos: u64,
    /// What a day (UTC) may cost, in billionths of a US dollar.
    pub(crate) budget_usd_nanos: Option<u64>,
    /// What today has cost of that.
    pub(crate) spent_today_usd_nanos: Option<u64>,
    /// When the first poll that waits for its budget may go on.
    pub(crate) budget_waits_until: Option<String>,
    /// What is wrong, or was last.
    pub(crate) last_error: Option<String>,
    /// Whether it still is.
    pub(crate) last_error_lasts: Option<bool>,
    /// For how long, or how long ago, in seconds.
    pub(crate) last_error_s_ago: Option<u64>,
    /// The cloud's id of the request that failed.
    pub(crate) request_id: Option<String>,
    /// Further operations and scopes that fail.
    pub(crate) failing_besides: Option<usize>,
    /// What to do.
    pub(crate) remedy: Option<String>,
    /// Groups of targets that are polled together; in JSON only.
    pub(crate) groups: Vec<GroupRow>,
}

/// A group of targets that are polled together.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct GroupRow {
    /// Its name.
    pub(crate) group: String,
    /// Age of the newest point, in seconds.
    pub(crate) freshness_s: Option<u64>,
    /// How much of the past is still being caught up with, in seconds.
    pub(crate) behind_s: u64,
    /// How old a point must be before it is asked for, in seconds.
    pub(crate) settle_s: u64,
    /// How far windows reach back for late points, in seconds.
    pub(crate) lookback_s: u64,
}

impl Row for AccountRow {
    const NAME: &'static str = "account";
    const COLUMNS: &'static [&'static str] = &[
        "account",
        "cloud",
        "state",
        "level",
        "ready",
        "scopes",
        "targets",
        "series",
        "points",
        "late",
        "revised",
        "lost_seconds",
        "freshness_s",
        "requests",
        "throttled",
        "quota_share",
        "cost_usd_nanos",
        "budget_usd_nanos",
        "spent_today_usd_nanos",
        "budget_waits_until",
        "last_error",
        "last_error_lasts",
        "last_error_s_ago",
        "request_id",
        "failing_besides",
        "remedy",
    ];
}

/// The answer.
pub(in crate::admin) async fn list(
    Shared(live): Shared<Arc<Live>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let params = asked.params(&["account", "cloud", "limit", "cursor", "format"])?;
    let limit = params.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let (account, cloud) = (params.wanted("account"), filter::cloud(&params)?);
    let mut wanted = rows(&Overview::of(&live, SystemClock.now()));
    wanted.retain(|row| {
        account.is_none_or(|name| row.account == name) && cloud.is_none_or(|cloud| row.cloud == cloud)
    });
    let listing: Listing<AccountRow> = page(wanted, |row| &row.account, &params, limit)?;
    listing.answer(&asked, &params)
}

/// All accounts, the worst first.
pub(super) fn rows(overview: &Overview) -> Vec<AccountRow> {
    let mut groups: HashMap<&str, Vec<GroupRow>> = HashMap::new();
    for one in &overview.groups {
        groups
            .entry(&one.account)
            .or_default()
            .push(group(one, overview.now));
    }
    let accounts = overview.accounts.iter();
    let rows = accounts.map(|one| row(one, groups.remove(one.name.as_str()), overview.now));
    rows.collect()
}

fn row(account: &overview::AccountRow, groups: Option<Vec<GroupRow>>, now: UnixNanos) -> AccountRow {
    let (progress, trouble) = (&account.progress, account.trouble.as_ref());
    let standing = account.budget.as_ref();
    AccountRow {
        account: account.name.clone(),
        cloud: account.cloud.into(),
        state: account.said().into_owned(),
        level: account.state.level().label().into(),
        ready: account.ready,
        scopes: progress.scopes_ok,
        targets: progress.targets,
        series: progress.series,
        points: progress.points,
        late: progress.late,
        revised: progress.revised,
        lost_seconds: progress.lost_seconds,
        freshness_s: progress.newest.map(|newest| now.since(newest).as_secs()),
        requests: account.requests,
        throttled: account.throttled,
        quota_share: account.quota.as_ref().map(|used| used.share),
        cost_usd_nanos: account.usd_nanos,
        budget_usd_nanos: standing.and_then(|standing| standing.limit),
        spent_today_usd_nanos: standing.filter(|s| s.limit.is_some()).map(|s| s.spent),
        budget_waits_until: standing.and_then(|s| s.until).and_then(rfc3339),
        last_error: trouble.map(|trouble| trouble.text.clone()),
        last_error_lasts: trouble.map(|trouble| trouble.lasts),
        last_error_s_ago: trouble
            .and_then(|trouble| trouble.since)
            .map(|since| since.as_secs()),
        request_id: trouble.and_then(|trouble| trouble.request_id.clone()),
        failing_besides: trouble.map(|trouble| trouble.more),
        remedy: trouble.map(|trouble| trouble.remedy.clone()),
        groups: groups.unwrap_or_default(),
    }
}

fn rfc3339(time: UnixNanos) -> Option<String> {
    let time = Timestamp::from_second(time.seconds()).ok()?;
    Some(time.to_string())
}

fn group(group: &overview::GroupRow, now: UnixNanos) -> GroupRow {
    GroupRow {
        group: group.name.clone(),
        freshness_s: group.age(now).map(|age| age.as_secs()),
        behind_s: group.progress.behind.as_secs(),
        settle_s: group.progress.settle.as_secs(),
        lookback_s: group.progress.lookback.as_secs(),
    }
}
