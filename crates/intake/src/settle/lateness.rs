//! How far back late points have been seen: the maximum of the last day. Pure.

use provider_api::UnixNanos;
use std::collections::VecDeque;
use std::time::Duration;
use store::{Committed, LATE_CLASSES};

/// How long a late point is remembered.
const HOURS: i64 = 24;

const HOUR_SECONDS: i64 = 3_600;

/// The deepest look in grains, within the 64 that the ledger remembers of every series.
pub(super) const DEEP_GRAINS: u32 = 60;

/// Latest point by hour, oldest hour first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lateness {
    pub(super) hours: VecDeque<(i64, Duration)>,
}

impl Lateness {
    /// A point came so late.
    pub(super) fn note(&mut self, now: UnixNanos, late: Duration) {
        let hour = now.seconds() / HOUR_SECONDS;
        self.hours.retain(|(seen, _)| *seen > hour - HOURS);
        match self.hours.back_mut() {
            Some((last, longest)) if *last == hour => *longest = late.max(*longest),
            _ => self.hours.push_back((hour, late)),
        }
    }

    /// How far to look back so that points as late as those of the last day are found.
    pub(super) fn lookback(&self, now: UnixNanos, grain: Duration) -> Duration {
        let hour = now.seconds() / HOUR_SECONDS;
        let recent = self.hours.iter().filter(|(seen, _)| *seen > hour - HOURS);
        let seen = recent.map(|(_, late)| *late).max().unwrap_or_default();
        seen.clamp(grain, grain * DEEP_GRAINS)
    }
}

/// How far one has to look back to find the latest of the late points that a commit met.
pub(super) fn latest(done: &Committed, grain: Duration) -> Option<Duration> {
    if done.deep > 0 {
        return Some(grain * DEEP_GRAINS);
    }
    let class = (0..LATE_CLASSES)
        .rev()
        .find(|class| done.late_by_grains.get(*class).is_some_and(|count| *count > 0))?;
    let grains = 1_u32.checked_shl(u32::try_from(class).ok()?)?;
    Some(grain * grains.min(DEEP_GRAINS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_latest_point_of_a_day_decides() {
        let at = |hours: i64| UnixNanos::from_seconds(1_000_000 * HOUR_SECONDS + hours * HOUR_SECONDS);
        let mut lateness = Lateness::default();
        assert_eq!(lateness.lookback(at(0), MINUTE), MINUTE, "at least one grain");
        lateness.note(at(0), 8 * MINUTE);
        lateness.note(at(3), 2 * MINUTE);
        lateness.note(at(3), MINUTE);
        assert_eq!(lateness.lookback(at(3), MINUTE), 8 * MINUTE);
        assert_eq!(
            lateness.lookback(at(24), MINUTE),
            2 * MINUTE,
            "the eight are a day old"
        );
        lateness.note(at(24), 999 * MINUTE);
        assert_eq!(lateness.lookback(at(24), MINUTE), 60 * MINUTE);
        assert_eq!(lateness.hours.len(), 2);
    }

    #[test]
    fn classes_become_lengths() {
        let with = |class: usize| {
            let mut done = Committed::default();
            done.late_by_grains[class] = 1;
            latest(&done, MINUTE)
        };
        assert_eq!(latest(&Committed::default(), MINUTE), None);
        assert_eq!(with(0), Some(MINUTE));
        assert_eq!(with(3), Some(8 * MINUTE));
        assert_eq!(with(6), Some(60 * MINUTE), "33 to 64 grains");
    }
}
