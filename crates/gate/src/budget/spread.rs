//! How a day's money is spread over the day. Pure.
//!
//! What the present may have had by a moment is a straight line from one hour's worth at midnight to all of it shortly
//! before the next: the head start lets polls be early, and shrinks, so that the evening is not dark. The line of the past
//! begins at nothing, so that closing gaps leaves the head start to the present.

use provider_api::{UnixNanos, Urgency};

const HOUR_NANOS: u64 = 3_600 * 1_000_000_000;

/// Length of a UTC day.
const DAY_NANOS: u64 = 24 * HOUR_NANOS;

/// When all of the day's money may be out: not at its very end, so that a call that costs the whole budget has a time at
/// which it goes.
const SPREAD_NANOS: u64 = DAY_NANOS - HOUR_NANOS / 4;

/// The head start of the present is this part of the day's money.
const HEAD_PARTS: u64 = DAY_NANOS / HOUR_NANOS;

/// A UTC day, by its number since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i64);

impl Day {
    pub(super) fn of(time: UnixNanos) -> Self {
        Self(time.0.div_euclid(DAY_NANOS.cast_signed()))
    }

    pub(super) fn start(self) -> UnixNanos {
        UnixNanos(self.0.saturating_mul(DAY_NANOS.cast_signed()))
    }

    pub(super) fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub(super) fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// What a day's `limit` allows to be spent by the moment `into_day` nanoseconds after midnight.
pub(super) fn allowed(limit: u64, urgency: Urgency, into_day: u64) -> u64 {
    let head = head(limit, urgency);
    let run = u128::from(into_day.min(SPREAD_NANOS));
    let share = u128::from(limit - head) * run / u128::from(SPREAD_NANOS);
    head.saturating_add(u64::try_from(share).unwrap_or(u64::MAX))
}

/// The first moment of a day, in nanoseconds after midnight, at which [`allowed`] is at least `amount`, which must not be
/// more than `limit`.
pub(super) fn enough(limit: u64, urgency: Urgency, amount: u64) -> u64 {
    let head = head(limit, urgency);
    let missing = u128::from(amount.saturating_sub(head)) * u128::from(SPREAD_NANOS);
    let into_day = missing.div_ceil(u128::from(limit - head).max(1));
    u64::try_from(into_day).unwrap_or(u64::MAX).min(SPREAD_NANOS)
}

fn head(limit: u64, urgency: Urgency) -> u64 {
    match urgency {
        Urgency::Fresh => limit / HEAD_PARTS,
        Urgency::Backlog | Urgency::Doubtful => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DOLLAR: u64 = 1_000_000_000;

    #[test]
    fn the_present_has_an_hours_worth_ahead_and_all_before_midnight() {
        let at = |hour, urgency| allowed(24 * DOLLAR, urgency, hour * HOUR_NANOS);
        assert_eq!(
            [0, 24].map(|hour| at(hour, Urgency::Fresh)),
            [DOLLAR, 24 * DOLLAR]
        );
        assert_eq!([0, 24].map(|hour| at(hour, Urgency::Backlog)), [0, 24 * DOLLAR]);
        for hour in 1..23 {
            let (fresh, backlog) = (at(hour, Urgency::Fresh), at(hour, Urgency::Backlog));
            assert!(
                backlog < fresh && fresh < (hour + 1) * DOLLAR + DOLLAR / 4,
                "{hour}"
            );
        }
    }

    proptest! {
        #[test]
        fn enough_is_the_first_moment_that_allows_it(
            limit in 1..u64::MAX / 2,
            part in 0.0..=1.0_f64,
            fresh in any::<bool>(),
        ) {
            let urgency = if fresh { Urgency::Fresh } else { Urgency::Backlog };
            let thousandths = u64::try_from(std::time::Duration::from_secs_f64(part).as_millis()).unwrap();
            let amount = (limit / 1_000 * thousandths).clamp(1, limit);
            let moment = enough(limit, urgency, amount);
            prop_assert!(moment < DAY_NANOS);
            prop_assert!(allowed(limit, urgency, moment) >= amount);
            prop_assert!(moment == 0 || allowed(limit, urgency, moment - 1) < amount);
            prop_assert!(allowed(limit, urgency, u64::MAX) == limit);
        }
    }
}
