//! How long a delivery waits for what.

use std::time::Duration;

/// Longest pause between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A back end may ask for more patience than ours, but not for a day of it.
const AFTER_MAX: Duration = Duration::from_secs(300);

/// How long a delivery waits for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// The first pause after a failure; it doubles.
    pub backoff_first: Duration,
    /// How often what is held is tried again: somebody may have put the credentials right.
    pub hold_every: Duration,
    /// After how long a batch that fails is no longer waited for, if the next one is taken.
    pub others_after: Duration,
    /// After how long a batch that fails while others are taken is taken apart.
    pub apart_after: Duration,
    /// How often a back end that refuses deltas is asked again.
    pub deltas_every: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            backoff_first: Duration::from_secs(1),
            hold_every: Duration::from_secs(30),
            others_after: Duration::from_secs(300),
            apart_after: Duration::from_secs(1_800),
            deltas_every: Duration::from_secs(300),
        }
    }
}

impl Waits {
    /// All of them changed alike, for a rehearsal.
    #[must_use]
    pub fn map(self, change: impl Fn(Duration) -> Duration) -> Self {
        Self {
            backoff_first: change(self.backoff_first),
            hold_every: change(self.hold_every),
            others_after: change(self.others_after),
            apart_after: change(self.apart_after),
            deltas_every: change(self.deltas_every),
        }
    }

    /// Full jitter between nothing and the exponential step, on top of what the back end asked for.
    pub(super) fn backoff(&self, attempt: u32, after: Option<Duration>, random: f64) -> Duration {
        let step = self
            .backoff_first
            .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(BACKOFF_MAX);
        let floor = after.unwrap_or_default().min(AFTER_MAX);
        floor + step.mul_f64(random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_bound_and_honours_the_floor() {
        let s = Duration::from_secs;
        let waits = Waits::default();
        assert_eq!(waits.backoff(0, None, 1.0), s(1));
        assert_eq!(waits.backoff(3, None, 0.5), s(4));
        assert_eq!(waits.backoff(99, None, 1.0), s(30));
        assert_eq!(waits.backoff(1, Some(s(17)), 0.5), s(18));
        assert_eq!(waits.backoff(0, Some(s(86_400)), 0.0), s(300));
    }
}
