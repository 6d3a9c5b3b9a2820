//! The world that the simulated clouds show: its seed, its clock, and the pure functions that everything is derived from.
//!
//! Nothing here knows a cloud; a cloud turns `unit` into values, and asks `is_gap` and [`World::sight`] what may be seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::pace::Pace;

/// How long series reach back by default: fourteen days, what the listing calls of AWS still show.
const DEFAULT_HISTORY: Duration = Duration::from_secs(14 * 24 * 3600);

/// System time plus an offset that a test may move while the clouds run, faster where a [`Pace`] is given, or a time that
/// stands still until a test moves it. Clones share offset and time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
    pace: Option<Pace>,
    still_ms: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// A clock that runs at this pace.
    pub fn paced(pace: Pace) -> Self {
        Self {
            pace: Some(pace),
            ..Self::default()
        }
    }

    /// A clock that stands still at this time until it is moved.
    pub fn still(at: Timestamp) -> Self {
        Self {
            still_ms: Some(Arc::new(AtomicI64::new(at.as_millisecond()))),
            ..Self::default()
        }
    }

    /// Now, as the simulated clouds see it.
    pub fn now(&self) -> Timestamp {
        if let Some(still) = &self.still_ms {
            return Timestamp::from_millisecond(still.load(Ordering::Relaxed)).unwrap_or(Timestamp::MAX);
        }
        let now = self.unpaced();
        self.pace.map_or(now, |pace| pace.at(now))
    }

    /// Now at the pace of all other clocks: for what clients compare with their own, such as signatures and tokens, and for
    /// quotas.
    pub(crate) fn unpaced(&self) -> Timestamp {
        let offset = jiff::SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed));
        Timestamp::now().saturating_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// Whether it runs at a pace of its own.
    pub(crate) fn is_paced(&self) -> bool {
        self.pace.is_some() || self.still_ms.is_some()
    }

    /// What clients wait by, in milliseconds since the epoch.
    pub(crate) fn waits_ms(&self) -> i64 {
        let now = if self.still_ms.is_some() {
            self.now()
        } else {
            self.unpaced()
        };
        now.as_millisecond()
    }

    /// [`Clock::unpaced`] in whole seconds since the epoch.
    pub(crate) fn unpaced_unix_s(&self) -> i64 {
        self.unpaced().as_second()
    }

    /// Now, in whole seconds since the epoch.
    pub fn now_unix_s(&self) -> i64 {
        self.now().as_second()
    }

    /// Sets the distance to system time, in milliseconds.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    /// Moves the clock on (or back, when negative) by so many milliseconds.
    pub fn advance_ms(&self, by_ms: i64) {
        let moved = self.still_ms.as_ref().unwrap_or(&self.offset_ms);
        moved.fetch_add(by_ms, Ordering::Relaxed);
    }
}

/// What is simulated, alike for all three clouds. Change the public fields before a simulator is started.
#[derive(Clone, Debug)]
pub struct World {
    /// All data derives from it.
    pub seed: u64,
    /// What the clouds take for the time.
    pub clock: Clock,
    /// A bucket becomes visible so long after its end.
    pub publish_delay: Duration,
    /// Series have data from `born_unix_s - history` on.
    pub history: Duration,
    /// When this world was made, in seconds since the epoch.
    pub born_unix_s: i64,
    /// So many of a thousand buckets have no data.
    pub gaps_per_thousand: u32,
    /// So many of a thousand buckets become visible later than normal, each by its own share of `late_by`.
    pub late_per_thousand: u32,
    /// A late bucket becomes visible within this time after it normally would.
    pub late_by: Duration,
    /// So many of a thousand buckets show a preliminary value at first.
    pub revised_per_thousand: u32,
    /// A revised bucket shows its final value so long after it is normally published.
    pub revised_after: Duration,
    /// Wanted number of series in each cloud; 0 is the catalogue's own small size.
    pub series: usize,
    /// So many machines at a time, besides, that live for 3 to 40 minutes: in each region of AWS, and in the first
    /// subscription and project.
    pub churn: u32,
    /// Whether resources of one type differ, as they do in Azure: metrics that some lack, services that some accounts do
    /// not have, interfaces that have no metrics at all.
    pub unlike: bool,
    /// Whether AWS has metrics of an application whose names differ by case and script alone.
    pub alike: bool,
}

impl Default for World {
    fn default() -> Self {
        let clock = Clock::default();
        let born_unix_s = clock.now_unix_s();
        Self {
            seed: 1,
            clock,
            publish_delay: Duration::ZERO,
            history: DEFAULT_HISTORY,
            born_unix_s,
            gaps_per_thousand: 0,
            late_per_thousand: 0,
            late_by: Duration::ZERO,
            revised_per_thousand: 0,
            revised_after: Duration::ZERO,
            series: 0,
            churn: 0,
            unlike: false,
            alike: false,
        }
    }
}

impl World {
    /// A pure hash of (seed, key, bucket) in `[0, 1)`.
    pub fn unit(&self, key: &str, bucket_unix_s: i64) -> f64 {
        to_unit(self.hash(key, bucket_unix_s))
    }

    /// A pure hash of (seed, key, bucket); the raw material of [`World::unit`].
    pub fn hash(&self, key: &str, bucket_unix_s: i64) -> u64 {
        Self::bucket_hash(self.series_seed(key), bucket_unix_s)
    }

    /// The part of [`World::hash`] that depends on the series only: compute it once, use it for each bucket.
    pub fn series_seed(&self, key: &str) -> u64 {
        xxh3_64_with_seed(key.as_bytes(), self.seed)
    }

    /// The other part of [`World::hash`].
    pub fn bucket_hash(series_seed: u64, bucket_unix_s: i64) -> u64 {
        xxh3_64_with_seed(&bucket_unix_s.to_le_bytes(), series_seed)
    }

    /// Whether the series `key` has no data in the bucket that starts at `bucket_unix_s`.
    pub fn is_gap(&self, key: &str, bucket_unix_s: i64) -> bool {
        self.gaps_per_thousand != 0 && self.is_gap_of(self.series_seed(key), bucket_unix_s)
    }

    /// [`World::is_gap`] for a series whose seed is known.
    pub fn is_gap_of(&self, series_seed: u64, bucket_unix_s: i64) -> bool {
        self.gaps_per_thousand != 0
            && Self::bucket_hash(series_seed, bucket_unix_s ^ i64::MIN) % 1000
                < u64::from(self.gaps_per_thousand)
    }

    /// Whether a bucket with this end may be seen at `now`.
    pub fn published(&self, bucket_end_unix_s: i64, now: Timestamp) -> bool {
        let delay_s = i64::try_from(self.publish_delay.as_secs()).unwrap_or(i64::MAX);
        bucket_end_unix_s.saturating_add(delay_s) <= now.as_second()
    }

    /// The first second of which any series has data.
    pub fn start_unix_s(&self) -> i64 {
        let history_s = i64::try_from(self.history.as_secs()).unwrap_or(i64::MAX);
        self.born_unix_s.saturating_sub(history_s)
    }
}

/// Spreads a hash over `[0, 1)`: its upper 52 bits become the mantissa of a number in `[1, 2)`.
pub fn to_unit(hash: u64) -> f64 {
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    f64::from_bits(ONE | (hash >> 12)) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_is_pure_and_within_its_range() {
        let world = World::default();
        let mut sum = 0.0;
        for bucket in 0..1000 {
            let value = world.unit("cpu", bucket * 60);
            assert!((0.0..1.0).contains(&value));
            assert_eq!(value.to_bits(), world.unit("cpu", bucket * 60).to_bits());
            sum += value;
        }
        assert!((400.0..600.0).contains(&sum), "{sum}");
    }

    #[test]
    fn gaps_come_at_about_their_rate() {
        let world = World {
            gaps_per_thousand: 100,
            ..World::default()
        };
        let gaps = (0..10_000).filter(|b| world.is_gap("cpu", b * 60)).count();
        assert!((800..1200).contains(&gaps), "{gaps}");
    }

    #[test]
    fn the_clock_moves_for_all_its_clones() {
        let world = World {
            publish_delay: Duration::from_secs(60),
            ..World::default()
        };
        let end = world.clock.now_unix_s();
        assert!(!world.published(end, world.clock.now()));
        world.clone().clock.advance_ms(61_000);
        assert!(world.published(end, world.clock.now()));
    }
}
