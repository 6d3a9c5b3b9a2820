//! How the targets of an entry are polled, and how far the cloud lets one look back.

use crate::config::AwsEntry;
use crate::plan::MOST_POINTS;
use provider_api::{Group, GroupSpec, Scope, Span};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A backfill window leaves room for this many targets in one call.
const TARGETS_IN_LONGEST_WINDOW: u64 = 50;

/// One group per entry, with names that stay unique.
pub(super) fn groups(scope: &Scope, entries: &[AwsEntry]) -> Vec<Group> {
    let mut named: HashMap<String, usize> = HashMap::new();
    let group = |(index, entry): (usize, &AwsEntry)| {
        let base = format!("{scope} {} {}s", entry.namespace, entry.grain().as_secs());
        let times = named.entry(base.clone()).and_modify(|n| *n += 1).or_insert(1);
        let name = if *times == 1 {
            base
        } else {
            format!("{base} #{times}")
        };
        Arc::new(spec(scope, index, entry, name.into()))
    };
    entries.iter().enumerate().map(group).collect()
}

fn spec(scope: &Scope, index: usize, entry: &AwsEntry, name: Arc<str>) -> GroupSpec<Span> {
    let grain = entry.grain();
    GroupSpec {
        scope: scope.clone(),
        name,
        entry: index,
        namespace: entry.namespace.as_str().into(),
        grain,
        on_grain: true,
        every: entry.every,
        settle: entry.settle,
        lookback: entry.lookback,
        initial: entry.initial,
        retention: retention(grain),
        longest_window: longest_window(grain, entry.statistics().len()),
    }
}

/// How long points of a period can be read (API reference of `GetMetricData`).
fn retention(grain: Duration) -> Duration {
    let day = Duration::from_hours(24);
    match grain.as_secs() {
        0..60 => Duration::from_hours(3),
        60..300 => day * 15,
        300..3_600 => day * 63,
        _ => day * 455,
    }
}

/// So many grains that [`TARGETS_IN_LONGEST_WINDOW`] targets fit into one call; at least one.
fn longest_window(grain: Duration, statistics: usize) -> Duration {
    let statistics = u64::try_from(statistics).unwrap_or(u64::MAX).max(1);
    let grains = (MOST_POINTS / TARGETS_IN_LONGEST_WINDOW / statistics).max(1);
    Duration::from_secs(grain.as_secs().saturating_mul(grains)).min(retention(grain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;

    #[test]
    fn groups_have_unique_names_and_limits_of_their_period() {
        let mut coarse = entry("AWS/EC2");
        coarse.period = Some(Duration::from_secs(300));
        let groups = groups(&Scope::new("r"), &[entry("AWS/EC2"), entry("AWS/EC2"), coarse]);
        let names: Vec<&str> = groups.iter().map(|g| &*g.name).collect();
        assert_eq!(names, ["r AWS/EC2 60s", "r AWS/EC2 60s #2", "r AWS/EC2 300s"]);
        assert_eq!([0, 1, 2].map(|n: usize| groups[n].entry), [0, 1, 2]);
        assert_eq!(groups[2].retention, Duration::from_hours(24 * 63));
        assert_eq!(groups[0].longest_window, Duration::from_mins(2_016));
    }
}
