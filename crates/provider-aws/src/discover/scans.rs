//! Which namespaces to list, and whether what has been active lately is all that windows can reach.

use crate::config::AwsEntry;
use std::time::Duration;

/// `RecentlyActive=PT3H` leaves out what has no point in the last three hours (API reference of `ListMetrics`).
const RECENTLY_ACTIVE: Duration = Duration::from_hours(3);
/// What listing takes, and what the cloud's clock and ours may differ by.
const MARGIN: Duration = Duration::from_mins(15);

/// One namespace to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    pub(crate) namespace: &'a str,
    /// Only what had a point in the last three hours.
    pub(crate) recent: bool,
}

/// Each namespace once. `reach` is how long ago the oldest point that will be asked for may have ended.
pub(crate) fn scans(entries: &[AwsEntry], reach: Duration) -> Vec<Scan<'_>> {
    let mut scans: Vec<Scan<'_>> = Vec::new();
    for entry in entries {
        let recent = !entry.may_be_rare() && oldest(entry, reach) <= RECENTLY_ACTIVE;
        match scans.iter_mut().find(|s| s.namespace == entry.namespace) {
            Some(known) => known.recent &= recent,
            None => scans.push(Scan {
                namespace: &entry.namespace,
                recent,
            }),
        }
    }
    scans
}

/// How long ago the newest point of a metric may be that a poll until the next listing would still bring.
fn oldest(entry: &AwsEntry, reach: Duration) -> Duration {
    let parts = [
        entry.settle.start(),
        entry.lookback.start(),
        entry.every,
        entry.former_grain(),
        MARGIN,
    ];
    // What is new, or is asked for anew, is looked back over by `initial`.
    parts
        .into_iter()
        .fold(reach.max(entry.initial), Duration::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;
    use provider_api::{Matcher, Span};

    const QUARTER: Duration = Duration::from_mins(15);

    fn recent(entries: &[AwsEntry], reach: Duration) -> Vec<(&str, bool)> {
        scans(entries, reach)
            .iter()
            .map(|s| (s.namespace, s.recent))
            .collect()
    }

    #[test]
    fn only_short_reaches_list_recently_active_metrics() {
        let mut long = entry("AWS/RDS");
        long.lookback = Span::Fixed(Duration::from_hours(48));
        assert_eq!(
            recent(&[entry("AWS/EC2"), long, entry("AWS/RDS")], QUARTER),
            [("AWS/EC2", true), ("AWS/RDS", false)]
        );
        // A backfill of a day looks for what ended five hours ago.
        for (reach, wanted) in [
            (Duration::from_hours(2), true),
            (Duration::from_hours(3), false),
            (Duration::from_hours(24), false),
            (Duration::MAX, false),
        ] {
            assert_eq!(
                recent(&[entry("AWS/EC2")], reach),
                [("AWS/EC2", wanted)],
                "{reach:?}"
            );
        }
    }

    #[test]
    fn a_long_look_back_at_what_is_new_is_a_reach() {
        for (initial, wanted) in [(QUARTER, true), (Duration::from_hours(3), false)] {
            let entry = AwsEntry {
                initial,
                ..entry("AWS/EC2")
            };
            assert_eq!(recent(&[entry], Duration::ZERO), [("AWS/EC2", wanted)]);
        }
    }

    #[test]
    fn what_is_published_rarely_is_not_looked_for_among_the_recently_active() {
        let named = |name: &'static str| AwsEntry {
            names: vec![Matcher::exactly(name)],
            ..entry("AWS/S3")
        };
        let hourly = AwsEntry {
            period: Some(Duration::from_hours(6)),
            ..entry("Shop")
        };
        for (entry, wanted) in [
            (entry("AWS/S3"), false),
            (named("BucketSizeBytes"), false),
            (named("AllRequests"), true),
            (entry("AWS/Billing"), false),
            (hourly, false),
        ] {
            assert_eq!(
                recent(std::slice::from_ref(&entry), QUARTER)[0].1,
                wanted,
                "{entry:?}"
            );
        }
    }
}
