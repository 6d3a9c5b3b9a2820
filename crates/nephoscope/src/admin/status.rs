//! `/api/v1/status`: what the page shows, as JSON; `nephoscope status` makes a table of it.

use crate::clock::SystemClock;
use crate::live::{Live, LiveDestination};
use provider_api::UnixNanos;
use scheduler::{AccountProgress, Clock as _, GroupProgress, NamespaceProgress};
use serde_json::{Value, json};
use store::DestinationUsage;

/// The state of the moment.
pub(super) fn render(state: &Live) -> Value {
    let now = SystemClock.now();
    let accounts = state.progress.snapshot();
    let usage = state.store.usage();
    let not_connected = state.not_connected();
    let broken = not_connected
        .iter()
        .map(|(name, why)| json!({ "account": name, "ready": false, "last_error": why }));
    let connected = accounts.iter().map(|a| account(a, now));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "accounts": connected.chain(broken).collect::<Vec<_>>(),
        "namespaces": state.progress.namespaces().iter().map(namespace).collect::<Vec<_>>(),
        "destinations": destinations(state, &usage.destinations, now),
        "store": { "series": usage.series, "spool_bytes": usage.spool_bytes, "spool_points": usage.spool_points,
            "full": usage.full },
    })
}

fn account(account: &AccountProgress, now: UnixNanos) -> Value {
    let groups: Vec<Value> = account.groups.iter().map(|(n, g)| group(n, g, now)).collect();
    json!({
        "account": account.name,
        "cloud": account.cloud,
        "ready": account.scopes_ok > 0,
        "scopes": account.scopes_ok,
        "targets": account.targets,
        "series": account.series,
        "points": account.points,
        "late": account.late,
        "revised": account.revised,
        "lost_seconds": account.lost_seconds,
        "freshness_s": account.newest.map(|newest| now.since(newest).as_secs()),
        "last_error": account.last_error.as_ref().map(|(_, why)| why),
        "last_error_s_ago": account.last_error.as_ref().map(|(when, _)| now.since(*when).as_secs()),
        "groups": groups,
    })
}

fn group(name: &str, group: &GroupProgress, now: UnixNanos) -> Value {
    json!({
        "group": name,
        "freshness_s": group.newest.map(|newest| now.since(newest).as_secs()),
        "behind_s": group.behind.as_secs(),
        "settle_s": group.settle.as_secs(),
        "lookback_s": group.lookback.as_secs(),
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

fn destinations(state: &Live, usage: &[DestinationUsage], now: UnixNanos) -> Vec<Value> {
    let one = |(destination, waiting): (&LiveDestination, &DestinationUsage)| {
        let delivery = destination.stats.snapshot();
        json!({
            "destination": destination.name,
            "up": delivery.up,
            "delivered": delivery.delivered_points,
            "rejected": delivery.rejected_points,
            "dropped": delivery.dropped_points + waiting.dropped_points,
            "waiting_points": waiting.pending_points,
            "waiting_bytes": waiting.pending_bytes,
            "lag_s": waiting.oldest_end.map_or(0, |oldest| now.since(oldest).as_secs()),
            "last_error": delivery.last_error,
        })
    };
    state.destinations().iter().zip(usage).map(one).collect()
}
