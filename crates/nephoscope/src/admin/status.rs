//! `/api/v1/status`: what the page shows, as JSON; `nephoscope status` makes a table of it.

use crate::clock::SystemClock;
use crate::live::Live;
use crate::overview::{AccountRow, DestinationRow, GroupRow, Overview, Problem};
use provider_api::UnixNanos;
use scheduler::{Clock as _, NamespaceProgress};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The state of the moment.
pub(super) fn render(state: &Live) -> Value {
    let overview = Overview::of(state, SystemClock.now());
    let now = overview.now;
    let mut groups: HashMap<&str, Vec<Value>> = HashMap::new();
    for row in &overview.groups {
        groups.entry(&row.account).or_default().push(group(row, now));
    }
    let accounts = overview
        .accounts
        .iter()
        .map(|row| account(row, groups.remove(row.name.as_str()), now));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "level": overview.headline.level.label(),
        "headline": overview.headline.title,
        "detail": overview.headline.detail,
        "problems": overview.problems.iter().map(problem).collect::<Vec<_>>(),
        "accounts": accounts.collect::<Vec<_>>(),
        "namespaces": overview.namespaces.iter().map(namespace).collect::<Vec<_>>(),
        "destinations": overview.destinations.iter().map(destination).collect::<Vec<_>>(),
        "store": {
            "series": overview.store.series,
            "spool_bytes": overview.store.spool_bytes,
            "spool_points": overview.store.spool_points,
            "full": overview.store.full,
        },
    })
}

fn problem(problem: &Problem) -> Value {
    json!({
        "level": problem.level.label(),
        "title": problem.title,
        "text": problem.text,
        "remedy": problem.remedy,
        "since_s": problem.since.map(|since| since.as_secs()),
        "accounts": problem.names,
        "more": problem.more,
    })
}

fn account(row: &AccountRow, groups: Option<Vec<Value>>, now: UnixNanos) -> Value {
    let (progress, trouble) = (&row.progress, row.trouble.as_ref());
    json!({
        "account": row.name,
        "cloud": row.cloud,
        "state": row.state.label(),
        "level": row.state.level().label(),
        "ready": progress.scopes_ok > 0,
        "scopes": progress.scopes_ok,
        "targets": progress.targets,
        "series": progress.series,
        "points": progress.points,
        "late": progress.late,
        "revised": progress.revised,
        "lost_seconds": progress.lost_seconds,
        "freshness_s": progress.newest.map(|newest| now.since(newest).as_secs()),
        "requests": row.requests,
        "throttled": row.throttled,
        "quota_share": row.quota.as_ref().map(|used| used.share),
        "cost_usd_nanos": row.usd_nanos,
        "last_error": trouble.map(|t| &t.text),
        "last_error_lasts": trouble.map(|t| t.lasts),
        "last_error_s_ago": trouble.and_then(|t| t.since).map(|since| since.as_secs()),
        "request_id": trouble.and_then(|t| t.request_id.as_ref()),
        "failing_besides": trouble.map(|t| t.more),
        "remedy": trouble.map(|t| &t.remedy),
        "groups": groups.unwrap_or_default(),
    })
}

fn group(row: &GroupRow, now: UnixNanos) -> Value {
    json!({
        "group": row.name,
        "freshness_s": row.age(now).map(|age| age.as_secs()),
        "behind_s": row.progress.behind.as_secs(),
        "settle_s": row.progress.settle.as_secs(),
        "lookback_s": row.progress.lookback.as_secs(),
    })
}

fn namespace(known: &NamespaceProgress) -> Value {
    json!({
        "cloud": known.cloud,
        "namespace": &*known.namespace,
        "settle_s": known.settle.as_secs(),
        "source": known.source.label(),
        "lookback_s": known.lookback.as_secs(),
        "samples": known.samples,
        "late_share": known.late_share,
    })
}

fn destination(row: &DestinationRow) -> Value {
    json!({
        "destination": row.name,
        "state": row.state.label(),
        "level": row.state.level().label(),
        "up": row.delivery.up,
        "delivered": row.delivery.delivered_points,
        "rejected": row.delivery.rejected_points,
        "dropped": row.dropped(),
        "waiting_points": row.waiting.pending_points,
        "waiting_bytes": row.waiting.pending_bytes,
        "spool_share": row.fill,
        "lag_s": row.lag.as_secs(),
        "last_error": row.delivery.last_error,
        "last_error_lasts": row.fails(),
        "remedy": row.remedy,
    })
}
