//! When a bucket may be seen, and which of its two values: late buckets and revised ones, as pure functions of
//! (seed, series, bucket). What the values are is each cloud's affair; it asks here which of them to show.

use jiff::Timestamp;

use crate::world::World;

/// Told apart from the hashes that values and gaps are made of.
const LATE_SALT: i64 = 0x1A7E << 46;
const LATE_BY_SALT: i64 = 0x1A7B << 46;
const REVISED_SALT: i64 = 0x2E71 << 46;
/// What a cloud mixes into the bucket's time for the hash of its preliminary value.
const PRELIMINARY_SALT: i64 = 0x3F5A << 46;
const MS_PER_S: i64 = 1000;

/// Which value a bucket shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The one that a revised bucket shows first.
    Preliminary,
    /// The one that stays.
    Final,
}

impl Version {
    /// The time to draw a bucket's value by: its own for the final value, another one for the preliminary one.
    pub(crate) fn mark(self, bucket_unix_s: i64) -> i64 {
        match self {
            Self::Preliminary => bucket_unix_s ^ PRELIMINARY_SALT,
            Self::Final => bucket_unix_s,
        }
    }
}

/// When a bucket comes to light, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// From here on something is seen of it.
    pub visible_unix_ms: i64,
    /// From here on it no longer changes; not before `visible_unix_ms`.
    pub final_unix_ms: i64,
}

impl Sight {
    /// What is seen at `now_unix_ms`.
    pub fn at(self, now_unix_ms: i64) -> Option<Version> {
        match now_unix_ms {
            now if now < self.visible_unix_ms => None,
            now if now < self.final_unix_ms => Some(Version::Preliminary),
            _ => Some(Version::Final),
        }
    }

    /// What is seen at `now`; without a `now`, the final value.
    pub(crate) fn shown(self, now: Option<Timestamp>) -> Option<Version> {
        now.map_or(Some(Version::Final), |now| self.at(now.as_millisecond()))
    }

    /// Of two buckets that are shown as one: seen with the first, final with the last.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            visible_unix_ms: self.visible_unix_ms.min(other.visible_unix_ms),
            final_unix_ms: self.final_unix_ms.max(other.final_unix_ms),
        }
    }

    /// From the first second on that is wholly within sight, and within the final value.
    pub(crate) fn unix_s(self) -> (i64, i64) {
        (ceil_s(self.visible_unix_ms), ceil_s(self.final_unix_ms))
    }
}

impl World {
    /// When the bucket that starts at `bucket_unix_s` comes to light, if it would normally be published at
    /// `published_unix_ms`.
    pub fn sight(&self, series_seed: u64, bucket_unix_s: i64, published_unix_ms: i64) -> Sight {
        let visible_unix_ms = published_unix_ms.saturating_add(self.late_by_ms(series_seed, bucket_unix_s));
        let revised_ms = if self.is_revised(series_seed, bucket_unix_s) {
            millis(self.revised_after)
        } else {
            0
        };
        Sight {
            visible_unix_ms,
            final_unix_ms: visible_unix_ms.max(published_unix_ms.saturating_add(revised_ms)),
        }
    }

    /// [`World::sight`] of a bucket with this end, published after the world's own delay.
    pub(crate) fn sight_of(&self, series_seed: u64, bucket_unix_s: i64, end_unix_s: i64) -> Sight {
        let published_unix_ms = end_unix_s
            .saturating_mul(MS_PER_S)
            .saturating_add(millis(self.publish_delay));
        self.sight(series_seed, bucket_unix_s, published_unix_ms)
    }

    /// How much later than normal a bucket comes to light, in milliseconds: 0 for most, else 1 up to `late_by`.
    pub fn late_by_ms(&self, series_seed: u64, bucket_unix_s: i64) -> i64 {
        let most_ms = u64::try_from(millis(self.late_by)).unwrap_or(0);
        if most_ms == 0 || !chosen(series_seed, bucket_unix_s ^ LATE_SALT, self.late_per_thousand) {
            return 0;
        }
        let draw = Self::bucket_hash(series_seed, bucket_unix_s ^ LATE_BY_SALT);
        i64::try_from(1 + draw % most_ms).unwrap_or(i64::MAX)
    }

    /// Whether a bucket shows a preliminary value first.
    pub fn is_revised(&self, series_seed: u64, bucket_unix_s: i64) -> bool {
        chosen(
            series_seed,
            bucket_unix_s ^ REVISED_SALT,
            self.revised_per_thousand,
        )
    }
}

fn chosen(series_seed: u64, mark: i64, per_thousand: u32) -> bool {
    per_thousand != 0 && World::bucket_hash(series_seed, mark) % 1000 < u64::from(per_thousand)
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn ceil_s(unix_ms: i64) -> i64 {
    unix_ms.saturating_add(MS_PER_S - 1).div_euclid(MS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn world() -> World {
        World {
            late_per_thousand: 200,
            late_by: Duration::from_secs(100),
            revised_per_thousand: 100,
            revised_after: Duration::from_secs(50),
            ..World::default()
        }
    }

    #[test]
    fn late_and_revised_come_at_about_their_rates_and_within_their_bounds() {
        let world = world();
        let seed = world.series_seed("cpu");
        let sights: Vec<Sight> = (0..10_000).map(|b| world.sight(seed, b * 60, 0)).collect();
        let late: Vec<i64> = sights
            .iter()
            .map(|s| s.visible_unix_ms)
            .filter(|v| *v > 0)
            .collect();
        assert!((1800..2200).contains(&late.len()), "{}", late.len());
        assert!(late.iter().all(|v| *v <= 100_000));
        let mean = late.iter().sum::<i64>() / i64::try_from(late.len()).unwrap();
        assert!((45_000..55_000).contains(&mean), "{mean}");
        let revised = sights.iter().filter(|s| s.final_unix_ms > s.visible_unix_ms);
        assert!((700..1100).contains(&revised.count()));
        assert!(
            sights
                .iter()
                .all(|s| s.final_unix_ms <= s.visible_unix_ms.max(50_000))
        );
    }

    #[test]
    fn nothing_is_late_or_revised_by_default() {
        let world = World::default();
        let seed = world.series_seed("cpu");
        assert!((0..1000).all(|b| {
            let sight = world.sight_of(seed, b * 60, b * 60 + 60);
            sight.visible_unix_ms == (b * 60 + 60) * MS_PER_S && sight.final_unix_ms == sight.visible_unix_ms
        }));
    }

    #[test]
    fn a_bucket_is_hidden_then_preliminary_then_final() {
        let sight = Sight {
            visible_unix_ms: 10,
            final_unix_ms: 20,
        };
        let seen = [9, 10, 19, 20].map(|now| sight.at(now));
        let (first, last) = (Some(Version::Preliminary), Some(Version::Final));
        assert_eq!(seen, [None, first, first, last]);
    }
}
