//! How a metric type is polled: its grain and delay as the descriptor has them, and how long its points are kept. Pure.

use super::target::host;
use crate::config::GcpEntry;
use google_cloud_api::model::MetricDescriptor;
use provider_api::{GroupSpec, Scope, Span};
use std::time::Duration;

/// Distance of points when the descriptor does not say: Google's usual one.
const DEFAULT_GRAIN: Duration = Duration::from_secs(60);

/// Delay when the descriptor does not say: "not visible for up to 240 seconds".
const DEFAULT_SETTLE: Duration = Duration::from_secs(240);

pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// Raw points of Google's own metrics are kept six weeks.
const RETENTION_DAYS: u32 = 42;

/// Raw points of users' metrics are kept 24 months.
const USER_RETENTION_DAYS: u32 = 730;

/// Hosts of the types that users write.
const USER_HOSTS: [&str; 4] = [
    "custom.googleapis.com",
    "external.googleapis.com",
    "workload.googleapis.com",
    "prometheus.googleapis.com",
];

/// A day and its delays in one read: price is by series, not by points, so longer reads are cheaper.
const LONGEST_WINDOW: Duration = Duration::from_secs(25 * 3_600);

/// Types whose newest point is at least this old as a rule are not sure to be among the active ones.
const RARE: Duration = Duration::from_secs(12 * 3_600);

/// Whether points come so rarely, or so late, that a listing of what was active lately may miss the type.
pub(super) fn is_rare(descriptor: &MetricDescriptor) -> bool {
    let (grain, delay) = times(descriptor);
    grain.unwrap_or_default() + delay.unwrap_or_default() >= RARE
}

/// Distance and delay of points, where the descriptor has them.
fn times(descriptor: &MetricDescriptor) -> (Option<Duration>, Option<Duration>) {
    let metadata = descriptor.metadata.as_ref();
    let time = |d: Option<google_cloud_wkt::Duration>| d.and_then(|d| Duration::try_from(d).ok());
    let grain = time(metadata.and_then(|m| m.sample_period)).filter(|d| !d.is_zero());
    (grain, time(metadata.and_then(|m| m.ingest_delay)))
}

pub(super) fn group(
    scope: &Scope,
    index: usize,
    entry: &GcpEntry,
    descriptor: &MetricDescriptor,
) -> GroupSpec<Span> {
    let (grain, documented) = times(descriptor);
    let grain = grain.unwrap_or(DEFAULT_GRAIN);
    let documented = documented.unwrap_or(DEFAULT_SETTLE);
    let settle = entry.settle.map_or(Span::Auto(documented), Span::Fixed);
    let namespace = host(&descriptor.r#type);
    GroupSpec {
        scope: scope.clone(),
        name: group_name(scope, namespace, grain, settle.start(), index).into(),
        entry: index,
        namespace: namespace.into(),
        grain,
        on_grain: false,
        every: entry.every,
        settle,
        lookback: entry.lookback,
        // A type with a point a day shows its last one at once.
        initial: entry.initial.max(grain),
        retention: retention(namespace),
        longest_window: LONGEST_WINDOW.max(grain),
    }
}

/// Unique: whatever tells two groups apart and is not the usual is said.
fn group_name(scope: &Scope, namespace: &str, grain: Duration, settle: Duration, index: usize) -> String {
    let settle = (settle != DEFAULT_SETTLE).then(|| format!(" settle {}s", settle.as_secs_f64()));
    let entry = (index > 0).then(|| format!(" #{}", index + 1));
    let grain = grain.as_secs_f64();
    format!(
        "{scope} {namespace} {grain}s{}{}",
        settle.unwrap_or_default(),
        entry.unwrap_or_default()
    )
}

fn retention(namespace: &str) -> Duration {
    DAY * if USER_HOSTS.contains(&namespace) {
        USER_RETENTION_DAYS
    } else {
        RETENTION_DAYS
    }
}
