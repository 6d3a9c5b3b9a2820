//! When a group's time comes: spread over the interval by a hash, pinned to absolute time, the same after a restart.

use super::GroupKey;
use provider_api::UnixNanos;
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

/// Where in `every` something is due.
pub(super) fn phase(key: &GroupKey, every: Duration) -> Duration {
    let hash = hash(key);
    let every = u64::try_from(every.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(hash % every)
}

/// The names behind their lengths, by a hash that no version of Rust changes.
fn hash(key: &GroupKey) -> u64 {
    let mut hash = Xxh3::new();
    for name in [&*key.account.0, &*key.scope.0, &*key.name] {
        hash.update(&u64::try_from(name.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(name.as_bytes());
    }
    hash.digest()
}

/// The first time after `now` that lies `phase` behind a multiple of `every`.
pub(super) fn next_tick(now: UnixNanos, every: Duration, phase: Duration) -> UnixNanos {
    now.minus(phase).floor(every).plus(phase).plus(every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::{AccountId, Scope};

    #[test]
    fn phases_are_the_same_in_every_version() {
        let key = |account: &str, name: &str| GroupKey {
            account: AccountId(account.into()),
            scope: Scope::new("eu-west-1"),
            name: name.into(),
        };
        let minutes = Duration::from_secs(300);
        let phases = [
            key("a", "eu-west-1 AWS/EC2 60s"),
            key("ae", "u-west-1 AWS/EC2 60s"),
        ]
        .map(|key| phase(&key, minutes).as_millis());
        assert_eq!(phases, [65_537, 206_927]);
    }

    #[test]
    fn ticks_are_pinned_to_absolute_time() {
        let at = |minutes: i64| UnixNanos::from_seconds(minutes * 60);
        let minute = Duration::from_secs(60);
        let first = next_tick(at(7), 5 * minute, minute);
        assert_eq!(first, at(11));
        assert_eq!(next_tick(first, 5 * minute, minute), at(16));
    }
}
