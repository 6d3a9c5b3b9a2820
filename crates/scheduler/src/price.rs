//! What a day of polling takes: the calls of one poll, as the provider plans them, times the polls of a day. Pure.

use provider_api::{Due, GroupSpec, MetricsProvider, Target, UnixNanos, Window};
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);

/// What a day of polling takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Daily {
    /// Requests that fetch points, further pages included as far as they are foreseen.
    pub calls: u64,
    /// At list price.
    pub usd_nanos: u64,
}

impl Daily {
    /// Adds what another part takes.
    pub fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.usd_nanos += other.usd_nanos;
    }

    /// What the targets of one group take, polled so often. A poll asks for what is new since the one before and looks
    /// back a little; `now` only places the window.
    pub fn of(
        provider: &dyn MetricsProvider,
        spec: &GroupSpec,
        targets: &[Target],
        every: Duration,
        now: UnixNanos,
    ) -> Self {
        let end = now.minus(spec.settle).floor(spec.grain);
        let start = end.minus(every.max(spec.grain) + spec.lookback).floor(spec.grain);
        let Some(window) = Window::new(start, end) else {
            return Self::default();
        };
        let due = |target: &Target| Due {
            target: target.clone(),
            window,
        };
        let due: Vec<Due> = targets.iter().map(due).collect();
        let mut poll = Self::default();
        for call in provider.plan(&due) {
            poll.add(Self {
                calls: u64::from(call.price.requests.max(1)),
                usd_nanos: call.price.usd_nanos,
            });
        }
        // Between two points nothing is asked for, however often it is polled.
        let new = every.max(spec.grain);
        Self {
            calls: a_day(poll.calls, new),
            usd_nanos: a_day(poll.usd_nanos, new),
        }
    }
}

/// What comes once per `every`, of a whole day.
fn a_day(each: u64, every: Duration) -> u64 {
    let all = u128::from(each) * DAY.as_millis() / every.as_millis().max(1);
    u64::try_from(all).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_as_many_polls_as_the_interval_allows() {
        assert_eq!(a_day(3, Duration::from_mins(5)), 864);
        assert_eq!(a_day(3, Duration::from_hours(24)), 3);
        assert_eq!(a_day(10, Duration::from_hours(48)), 5);
        assert_eq!(a_day(u64::MAX, Duration::from_millis(1)), u64::MAX);
    }
}
