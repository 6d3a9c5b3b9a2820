//! How far back a query has to reach to find a group's newest point: an instant query of Prometheus looks back five
//! minutes, and most of what clouds publish is older when it comes.

use super::cost::Costs;
use crate::overview::words::many;
use std::collections::BTreeMap;
use std::time::Duration;

/// Ranges are rounded up to this, which leaves time for the delivery and for a settle that grows.
const STEP: Duration = Duration::from_secs(300);
/// From here on in whole hours.
const LONG: Duration = Duration::from_secs(7_200);
const HOUR: Duration = Duration::from_secs(3_600);

/// The range that reaches a newest point which gets as old as `freshness`.
pub(super) fn range(freshness: Duration) -> Duration {
    let step = if freshness < LONG { STEP } else { HOUR };
    let steps = freshness.as_secs() / step.as_secs() + 1;
    Duration::from_secs(steps.saturating_mul(step.as_secs()))
}

/// A line about all groups; nothing when there is none.
pub(super) fn line(costs: &Costs) -> Option<String> {
    let mut ranges: BTreeMap<Duration, usize> = BTreeMap::new();
    for group in costs.accounts.iter().flat_map(|account| &account.groups) {
        *ranges.entry(range(group.freshness)).or_default() += 1;
    }
    let several = ranges.len() > 1;
    let each = ranges.into_iter().map(|(range, groups)| {
        let of = if several {
            format!(" for {}", many(groups, "group"))
        } else {
            String::new()
        };
        format!("[{}]{of}", promql(range))
    });
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| {
        format!(
            "Queries and rules need a range that reaches the newest point, `last_over_time(x[…])`: {}.",
            each.join(", ")
        )
    })
}

/// As a query has it: `15m`, `26h`.
fn promql(range: Duration) -> String {
    let minutes = range.as_secs() / 60;
    if minutes.is_multiple_of(60) {
        format!("{}h", minutes / 60)
    } else {
        format!("{minutes}m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_longer_than_the_newest_point_is_old() {
        for (freshness_s, want) in [
            (0, "5m"),
            (12 * 60, "15m"),
            (15 * 60, "20m"),
            (59 * 60, "1h"),
            (26 * 3_600 + 60, "27h"),
        ] {
            assert_eq!(
                promql(range(Duration::from_secs(freshness_s))),
                want,
                "{freshness_s}"
            );
        }
    }
}
