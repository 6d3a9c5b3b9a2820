//! How far the cloud's clock is from ours, from the `Date` of its answers. No clock of the machine is read: samples are
//! pinned to the time since the start, which nobody sets, so a step of the machine's clock shows at once.
//!
//! Each place has samples of its own: a region's front end with a wrong clock moves the windows of no other.

use crate::place::Place;
use provider_api::{Scope, UnixNanos};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Answers remembered; half of them must lie before the middle one moves.
const SAMPLES: usize = 9;

/// A `Date` has whole seconds: on average it is so much older than the moment it was written.
const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// An answer that took longer says too little about when its `Date` was written.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(10);

/// What is older counts no more: a machine that has slept does not know for how long.
const OLDEST_SAMPLE: Duration = Duration::from_secs(2 * 3_600);

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Within the resolution of a `Date` and the way it took.
const IGNORED_NANOS: i64 = 2 * NANOS_PER_SECOND;

/// A cloud that says it is ahead is believed from here on only. Asking a little late costs nothing but that; asking for
/// what is not there yet, because a `Date` was wrong, would count it as taken.
const IGNORED_AHEAD_NANOS: i64 = 30 * NANOS_PER_SECOND;

/// When a request left.
#[derive(Clone, Copy, Debug)]
pub struct Asked(Instant);

#[derive(Clone, Copy, Debug)]
struct Sample {
    /// The middle of the round trip.
    at: Instant,
    cloud: UnixNanos,
}

/// The clocks of one place, or of all; where the samples are.
type Samples = BTreeMap<Option<Place>, VecDeque<Sample>>;

/// The clock of one account's cloud. Cheap to clone, all clones share what they have heard.
#[derive(Clone, Debug, Default)]
pub struct Skew {
    samples: Arc<Mutex<Samples>>,
    /// The place it speaks for; nothing for the whole cloud.
    place: Option<Place>,
}

impl Skew {
    /// The clock of a scope, or of one host of it. Where nothing was heard of it, it is that of the whole cloud.
    #[must_use]
    pub fn at(&self, scope: &Scope, host: Option<&Arc<str>>) -> Self {
        Self {
            samples: Arc::clone(&self.samples),
            place: Some(Place::new(scope, host)),
        }
    }

    /// A request leaves now.
    pub fn asked(&self) -> Asked {
        Asked(Instant::now())
    }

    /// Its answer is here and says that it is `date`.
    pub fn answered(&self, asked: Asked, date: UnixNanos) {
        self.note(asked.0, Instant::now(), date);
    }

    /// How many nanoseconds the cloud's clock is ahead of ours, which says `now`; nothing without an answer of late.
    pub fn ahead_nanos(&self, now: UnixNanos) -> Option<i64> {
        let cloud = self.cloud_now(Instant::now())?;
        Some(cloud.0.saturating_sub(now.0))
    }

    /// The same in whole seconds, to be shown.
    pub fn ahead_seconds(&self, now: UnixNanos) -> Option<i64> {
        self.ahead_nanos(now).map(|nanos| nanos / NANOS_PER_SECOND)
    }

    /// The cloud's now, given ours; ours where they agree or nothing is known.
    #[must_use]
    pub fn corrected(&self, now: UnixNanos) -> UnixNanos {
        let agree = -IGNORED_NANOS + 1..IGNORED_AHEAD_NANOS;
        let ahead = self.ahead_nanos(now).filter(|ahead| !agree.contains(ahead));
        UnixNanos(now.0.saturating_add(ahead.unwrap_or(0)))
    }

    fn note(&self, asked: Instant, answered: Instant, date: UnixNanos) {
        let round_trip = answered.saturating_duration_since(asked);
        if round_trip > LONGEST_ROUND_TRIP {
            return;
        }
        let sample = Sample {
            at: asked + round_trip / 2,
            cloud: date.plus(HALF_A_SECOND),
        };
        let mut all = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(&self.place) {
            let heard = |samples: &VecDeque<Sample>| samples.back().map(|last| age(answered, last));
            all.retain(|_, samples| heard(samples).is_some_and(|age| age <= OLDEST_SAMPLE));
        }
        let samples = all.entry(self.place.clone()).or_default();
        if samples.len() == SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    fn cloud_now(&self, now: Instant) -> Option<UnixNanos> {
        let all = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let of_place = self.place.as_ref().and_then(|place| says_of(&all, place, now));
        of_place.or_else(|| middle(all.values().filter_map(|samples| says(samples, now)).collect()))
    }
}

/// What a place says; of a scope without a host, what its hosts say.
fn says_of(all: &Samples, place: &Place, now: Instant) -> Option<UnixNanos> {
    let belongs =
        |known: &Place| known.scope == place.scope && (place.host.is_none() || known.host == place.host);
    let of = all
        .iter()
        .filter(|(known, _)| known.as_ref().is_some_and(belongs));
    middle(of.filter_map(|(_, samples)| says(samples, now)).collect())
}

fn says(samples: &VecDeque<Sample>, now: Instant) -> Option<UnixNanos> {
    let young = samples.iter().filter(|sample| age(now, sample) <= OLDEST_SAMPLE);
    middle(young.map(|sample| sample.cloud.plus(age(now, sample))).collect())
}

/// The middle of what is said; of two the earlier, because what has not happened yet must not be asked for.
fn middle(mut says: Vec<UnixNanos>) -> Option<UnixNanos> {
    says.sort_unstable();
    says.get(says.len().checked_sub(1)? / 2).copied()
}

fn age(now: Instant, sample: &Sample) -> Duration {
    now.saturating_duration_since(sample.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos::from_seconds(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn half_the_round_trip_is_subtracted_and_the_clock_runs_on() {
        let (skew, begun) = (Skew::default(), Instant::now());
        assert_eq!(skew.ahead_nanos(at(1_000)), None);
        assert_eq!(skew.corrected(at(1_000)), at(1_000));
        // Asked at 1,000 by our clock, answered four seconds later: the cloud said it was 1,100.
        skew.note(begun, begun + Duration::from_secs(4), at(1_100));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(skew.ahead_nanos(at(1_004)), Some(98 * SECOND + SECOND / 2));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(skew.ahead_nanos(at(1_064)), Some(98 * SECOND + SECOND / 2));
        // Somebody sets our clock: that is seen at once.
        assert_eq!(skew.corrected(at(5_000)), at(1_162).plus(HALF_A_SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_single_wrong_date_changes_nothing_and_a_real_step_is_followed() {
        let (skew, now) = (Skew::default(), Instant::now());
        let hears = |seconds: i64, times: usize| {
            for _ in 0..times {
                skew.note(now, now, at(seconds));
            }
            skew.ahead_nanos(at(1_000)).map(|nanos| nanos / SECOND)
        };
        assert_eq!(hears(1_100, 2), Some(100));
        for wrong in [0, 9_000_000_000] {
            assert_eq!(hears(wrong, 1), Some(100));
            assert_eq!(hears(1_100, 3), Some(100));
        }
        assert_eq!(hears(700, 6), Some(-299));
        let slow = now + LONGEST_ROUND_TRIP + HALF_A_SECOND;
        (0..9).for_each(|_| skew.note(now, slow, at(5)));
        assert_eq!(hears(700, 1), Some(-299), "slow answers do not count");
    }

    #[tokio::test(start_paused = true)]
    async fn small_skews_and_old_answers_are_left_out() {
        let skew = Skew::default();
        skew.answered(skew.asked(), at(1_001));
        for (ours, corrected) in [(1_000, 1_000), (1_003, 1_003), (975, 975)] {
            assert_eq!(skew.corrected(at(ours)), at(corrected));
        }
        for ours in [1_004, 971] {
            assert_eq!(skew.corrected(at(ours)), at(1_001).plus(HALF_A_SECOND));
        }
        tokio::time::advance(OLDEST_SAMPLE + HALF_A_SECOND).await;
        assert_eq!(skew.ahead_nanos(at(9_000)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn each_place_has_its_own_clock_and_the_cloud_that_of_most() {
        let (skew, scope) = (Skew::default(), Scope::new("s"));
        let (west, east): (Arc<str>, Arc<str>) = ("west".into(), "east".into());
        let (west, east, arm) = (
            skew.at(&scope, Some(&west)),
            skew.at(&scope, Some(&east)),
            skew.at(&Scope::new("other"), None),
        );
        let seconds = |skew: &Skew| skew.ahead_seconds(at(1_000));
        assert_eq!(seconds(&west), None);
        for (place, says) in [(&west, 700), (&east, 1_000), (&arm, 1_000)] {
            (0..9).for_each(|_| place.answered(place.asked(), at(says)));
        }
        assert_eq!(seconds(&west), Some(-299));
        assert_eq!(seconds(&east), Some(0));
        assert_eq!(seconds(&skew), Some(0), "one of three is wrong");
        assert_eq!(
            seconds(&skew.at(&scope, None)),
            Some(-299),
            "the earlier of two hosts"
        );
        assert_eq!(seconds(&skew.at(&Scope::new("unheard"), None)), Some(0));
    }
}
