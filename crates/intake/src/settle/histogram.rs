//! How old points are before they are final: a histogram that forgets, and the delay that follows from it. Pure.

use std::time::Duration;

/// Width of a bucket; a settle is a multiple of it.
pub(super) const BUCKET: Duration = Duration::from_secs(30);

/// Buckets up to the longest settle.
pub(super) const BUCKETS: usize = 120;

/// Longest settle that is learnt: what changes later is left to the deep look.
pub(super) const LONGEST: Duration = Duration::from_secs(3_600);

/// Late and revised points that a settle may leave, as a share of all.
const TOLERATED: f64 = 0.001;

/// Fewer points than this tell nothing about one in a thousand.
const ENOUGH: f64 = 1_000.0;

/// Old behaviour counts half after so long, an eighth after a day.
const HALF_LIFE: Duration = Duration::from_secs(8 * 3_600);

/// Points by the greatest age at which they were not final.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Never seen otherwise than final.
    pub(super) final_at_once: f64,
    /// By [`BUCKET`].
    pub(super) not_final: [f64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            final_at_once: 0.0,
            not_final: [0.0; BUCKETS],
        }
    }
}

impl Histogram {
    /// One more point, with the greatest age at which it was absent or had another value.
    pub(super) fn add(&mut self, not_final: Option<Duration>) {
        match not_final {
            None => self.final_at_once += 1.0,
            Some(age) => {
                if let Some(count) = self.not_final.get_mut(bucket(age).min(BUCKETS - 1)) {
                    *count += 1.0;
                }
            }
        }
    }

    /// Lets what is known fade.
    pub(super) fn fade(&mut self, elapsed: Duration) {
        let factor = 0.5_f64.powf(elapsed.as_secs_f64() / HALF_LIFE.as_secs_f64());
        self.final_at_once *= factor;
        self.not_final.iter_mut().for_each(|count| *count *= factor);
    }

    /// How many points it speaks for.
    pub(super) fn total(&self) -> f64 {
        self.final_at_once + self.not_final.iter().sum::<f64>()
    }

    /// Whether it speaks for enough points to decide.
    pub(super) fn is_enough(&self) -> bool {
        self.total() >= ENOUGH
    }

    /// The share of points that were not final at `age` or later.
    pub(super) fn late_share(&self, age: Duration) -> f64 {
        let late: f64 = self.not_final.iter().skip(bucket(age)).sum();
        late / self.total().max(1.0)
    }

    /// The shortest delay that leaves fewer late and revised points than tolerated; nothing while too little is known.
    pub(super) fn settle(&self) -> Option<Duration> {
        if !self.is_enough() {
            return None;
        }
        let most = TOLERATED * self.total();
        let mut late = 0.0;
        // From the oldest bucket on: the first that brings the tail up to what is tolerated has to be waited for.
        let spares = |count: &&f64| {
            late += **count;
            late < most
        };
        let spared = self.not_final.iter().rev().take_while(spares).count();
        let buckets = u32::try_from(BUCKETS - spared).unwrap_or(u32::MAX);
        Some((BUCKET * buckets).min(LONGEST))
    }
}

fn bucket(age: Duration) -> usize {
    usize::try_from(age.as_secs() / BUCKET.as_secs()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(points: &[(Option<u64>, u32)]) -> Histogram {
        let mut histogram = Histogram::default();
        for (seconds, count) in points {
            for _ in 0..*count {
                histogram.add(seconds.map(Duration::from_secs));
            }
        }
        histogram
    }

    #[test]
    fn the_shortest_delay_that_leaves_less_than_one_in_a_thousand() {
        let settle = |points: &[(Option<u64>, u32)]| of(points).settle().map(|s| s.as_secs());
        assert_eq!(settle(&[(None, 999)]), None, "too few");
        assert_eq!(settle(&[(None, 1_000)]), Some(0));
        assert_eq!(
            settle(&[(None, 9_991), (Some(200), 9)]),
            Some(0),
            "under the tolerance"
        );
        assert_eq!(settle(&[(None, 9_990), (Some(200), 10)]), Some(210));
        assert_eq!(
            settle(&[(Some(0), 5_000), (Some(89), 5_000)]),
            Some(90),
            "the bucket's end"
        );
        assert_eq!(
            settle(&[(Some(9_999), 5_000)]),
            Some(3_600),
            "no longer than this"
        );
    }

    #[test]
    fn old_behaviour_fades_within_about_a_day() {
        let mut histogram = of(&[(Some(600), 10_000)]);
        histogram.fade(Duration::from_secs(86_400));
        assert!((histogram.total() - 1_250.0).abs() < 1.0);
    }
}
