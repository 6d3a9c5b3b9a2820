//! When a group's time comes: spread over the interval by a hash, pinned to absolute time, the same after a restart.

use provider_api::UnixNanos;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::time::Duration;

/// Where in `every` something is due.
pub(super) fn phase(key: &impl Hash, every: Duration) -> Duration {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(hash % every)
}

/// The first time after `now` that lies `phase` behind a multiple of `every`.
pub(super) fn next_tick(now: UnixNanos, every: Duration, phase: Duration) -> UnixNanos {
    now.minus(phase).floor(every).plus(phase).plus(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_pinned_to_absolute_time() {
        let at = |minutes: i64| UnixNanos::from_seconds(minutes * 60);
        let minute = Duration::from_secs(60);
        let first = next_tick(at(7), 5 * minute, minute);
        assert_eq!(first, at(11));
        assert_eq!(next_tick(first, 5 * minute, minute), at(16));
    }
}
