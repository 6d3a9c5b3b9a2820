//! Points in time and half-open windows on grain boundaries. Nothing here reads a clock.

use std::fmt;
use std::time::Duration;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Nanoseconds since 1970-01-01T00:00:00Z, as OTLP counts them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// From whole seconds; saturates at the ends of the representable range (years 1677 and 2262).
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// Whole seconds, rounded towards the past.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS_PER_SECOND)
    }

    /// The time of day in UTC, as `14:05`.
    pub fn hour_and_minute(self) -> String {
        let minutes = self.seconds().div_euclid(60);
        let (hour, minute) = (minutes.div_euclid(60).rem_euclid(24), minutes.rem_euclid(60));
        format!("{hour:02}:{minute:02}")
    }

    /// The latest multiple of `grain` that is not after this time, or the earliest time there is; a zero grain leaves it
    /// as it is.
    #[must_use]
    pub fn floor(self, grain: Duration) -> Self {
        let grain = nanos(grain);
        if grain == 0 {
            self
        } else {
            Self(self.0.div_euclid(grain).saturating_mul(grain))
        }
    }

    /// This time plus `d`, saturating.
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(nanos(d)))
    }

    /// This time minus `d`, saturating.
    #[must_use]
    pub fn minus(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(d)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Debug for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.seconds(), self.0.rem_euclid(NANOS_PER_SECOND))
    }
}

fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)
}

/// The points whose interval **ends** in `(start, end]`. For clouds that stamp the start of a bucket this is the
/// same as bucket starts in `[start, end)` once both ends lie on the grain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    start: UnixNanos,
    end: UnixNanos,
}

impl Window {
    /// A window that holds at least one instant, else nothing.
    pub fn new(start: UnixNanos, end: UnixNanos) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// Exclusive lower end.
    pub fn start(self) -> UnixNanos {
        self.start
    }

    /// Inclusive upper end.
    pub fn end(self) -> UnixNanos {
        self.end
    }

    /// Length of the window.
    pub fn length(self) -> Duration {
        self.end.since(self.start)
    }

    /// Whether a point that ends at `end` belongs to it.
    pub fn holds(self, end: UnixNanos) -> bool {
        self.start < end && end <= self.end
    }

    /// How many points of one series with this grain it can hold; at least one.
    pub fn grains(self, grain: Duration) -> u64 {
        let grain = grain.as_nanos().max(1);
        u64::try_from(self.length().as_nanos().div_ceil(grain))
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_towards_the_past_also_before_1970() {
        let minute = Duration::from_secs(60);
        assert_eq!(
            UnixNanos::from_seconds(119).floor(minute),
            UnixNanos::from_seconds(60)
        );
        assert_eq!(
            UnixNanos::from_seconds(120).floor(minute),
            UnixNanos::from_seconds(120)
        );
        assert_eq!(
            UnixNanos::from_seconds(-1).floor(minute),
            UnixNanos::from_seconds(-60)
        );
    }

    #[test]
    fn the_floor_of_the_earliest_time_is_that_time() {
        let earliest = UnixNanos(i64::MIN);
        assert_eq!(earliest.floor(Duration::from_secs(60)), earliest);
    }

    #[test]
    fn a_window_holds_its_end_and_not_its_start() {
        let w = Window::new(UnixNanos(10), UnixNanos(20)).expect("not empty");
        assert!(
            !w.holds(UnixNanos(10))
                && w.holds(UnixNanos(11))
                && w.holds(UnixNanos(20))
                && !w.holds(UnixNanos(21))
        );
        assert!(Window::new(UnixNanos(20), UnixNanos(20)).is_none());
    }
}
