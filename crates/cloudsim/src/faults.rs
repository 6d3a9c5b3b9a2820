//! What can go wrong, switchable while a simulator runs. All of it is off by default.
//!
//! This module decides which request is hit, by turns here and by what it asks for in [`crate::rules`]; each cloud says in
//! its own words what a throttled or broken answer looks like.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::rules::{Asked, Book, Moment, Part, PartFault, Rule, RuleId, Strike};
use crate::world::Clock;

/// A data answer that no client should trust. Each cloud gives it in its own format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BadAnswer {
    /// Status 200 and a proxy's HTML page.
    Html,
    /// A body that ends in the middle.
    Truncated,
    /// Each page names itself as the next one.
    LoopingToken,
    /// Each page has a fresh token, for ever.
    EndlessPages,
    /// Ten times the points that were asked for.
    TenfoldPoints,
    /// Values that are no numbers.
    NotANumber,
    /// Lists of values and times (or bucket counts and bounds) that do not fit together.
    WrongBucketCounts,
    /// Status 200 whose body says that it failed.
    ErrorInside200,
}

/// What shall happen to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Answer as usual.
    Proceed,
    /// Answer with the cloud's throttling error.
    Throttle,
    /// Answer 503.
    Unavailable,
    /// Break the connection: [`crate::serve::cut_connection`].
    Cut,
    /// Do not answer: [`crate::serve::hang`].
    Hang,
}

/// The faults of one simulator. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    seen: AtomicU64,
    throttle_every: AtomicU32,
    unavailable_every: AtomicU32,
    cut_every: AtomicU32,
    hang_every: AtomicU32,
    latency_ms: AtomicU64,
    date_skew_s: AtomicI64,
    real_quotas: AtomicBool,
    bad_answer: Mutex<Option<BadAnswer>>,
    rules: Mutex<Book>,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Throttles every nth data or list request; 0 is off.
    pub fn throttle_every(&self, nth: u32) {
        self.inner.throttle_every.store(nth, Ordering::Relaxed);
    }

    /// Answers 503 to every nth data or list request; 0 is off.
    pub fn unavailable_every(&self, nth: u32) {
        self.inner.unavailable_every.store(nth, Ordering::Relaxed);
    }

    /// Cuts the connection of every nth data or list request; 0 is off.
    pub fn cut_every(&self, nth: u32) {
        self.inner.cut_every.store(nth, Ordering::Relaxed);
    }

    /// Leaves every nth data or list request without an answer; 0 is off.
    pub fn hang_every(&self, nth: u32) {
        self.inner.hang_every.store(nth, Ordering::Relaxed);
    }

    /// Sets how long each data or list request waits before its answer.
    pub fn set_latency(&self, latency: Duration) {
        let latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.inner.latency_ms.store(latency_ms, Ordering::Relaxed);
    }

    /// How long each data or list request waits before its answer.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.inner.latency_ms.load(Ordering::Relaxed))
    }

    /// Sets how far the `Date` of every answer lies ahead of the cloud's clock, in seconds; negative is behind.
    pub fn set_date_skew_s(&self, ahead_s: i64) {
        self.inner.date_skew_s.store(ahead_s, Ordering::Relaxed);
    }

    /// How far the `Date` of every answer lies ahead of the cloud's clock, in seconds.
    pub fn date_skew_s(&self) -> i64 {
        self.inner.date_skew_s.load(Ordering::Relaxed)
    }

    /// Enforces the cloud's real quotas (requests per second and the like).
    pub fn set_real_quotas(&self, on: bool) {
        self.inner.real_quotas.store(on, Ordering::Relaxed);
    }

    /// Whether the cloud's real quotas are enforced.
    pub fn real_quotas(&self) -> bool {
        self.inner.real_quotas.load(Ordering::Relaxed)
    }

    /// Sets (or with `None` ends) the bad answer to data requests.
    pub fn set_bad_answer(&self, bad: Option<BadAnswer>) {
        *self
            .inner
            .bad_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = bad;
    }

    /// The bad answer that data requests get at present.
    pub fn bad_answer(&self) -> Option<BadAnswer> {
        *self
            .inner
            .bad_answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a rule.
    pub fn add(&self, rule: Rule) -> RuleId {
        self.rules().add(rule)
    }

    /// Takes a rule away, and what it told clients to wait for.
    pub fn remove(&self, rule: RuleId) {
        self.rules().remove(rule);
    }

    /// Takes all rules away.
    pub fn clear_rules(&self) {
        self.rules().clear();
    }

    /// What the shares of rules are drawn from.
    pub fn set_seed(&self, seed: u64) {
        self.rules().set_seed(seed);
    }

    /// How many requests a rule has struck.
    pub fn struck(&self, rule: RuleId) -> u64 {
        self.rules().struck(rule)
    }

    /// How many requests came before the wait was over that a throttling rule had told.
    pub fn too_early(&self) -> u64 {
        self.rules().too_early()
    }

    /// What the rules do to a request.
    pub(crate) fn judge(&self, asked: &Asked, clock: &Clock) -> Strike {
        let mut rules = self.rules();
        if rules.is_empty() {
            return Strike::default();
        }
        rules.judge(asked, moment(clock))
    }

    /// What the rules do to an element of the answer to `asked`.
    pub(crate) fn element(&self, asked: &Asked, part: &Part, clock: &Clock) -> Option<PartFault> {
        self.rules().element(asked, part, moment(clock))
    }

    /// Whether a rule that is on refuses this metric by its name as one that is not valid.
    pub(crate) fn names_metric(&self, asked: &Asked, part: &Part) -> bool {
        self.rules().names_metric(asked, part)
    }

    /// Whether there are rules.
    pub(crate) fn has_rules(&self) -> bool {
        !self.rules().is_empty()
    }

    fn rules(&self) -> MutexGuard<'_, Book> {
        self.inner.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one data or list request and says what shall happen to it. The worst of those that are due wins.
    pub fn next(&self) -> Verdict {
        let nth = self.inner.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let due = |every: &AtomicU32| match u64::from(every.load(Ordering::Relaxed)) {
            0 => false,
            every => nth.is_multiple_of(every),
        };
        match &*self.inner {
            inner if due(&inner.cut_every) => Verdict::Cut,
            inner if due(&inner.hang_every) => Verdict::Hang,
            inner if due(&inner.unavailable_every) => Verdict::Unavailable,
            inner if due(&inner.throttle_every) => Verdict::Throttle,
            _ => Verdict::Proceed,
        }
    }

    /// [`Faults::next`] after the latency has been waited for; `Hang` has then been waited for, too (it never ends).
    pub async fn strike(&self) -> Verdict {
        let latency = self.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let verdict = self.next();
        if verdict == Verdict::Hang {
            crate::serve::hang().await;
        }
        verdict
    }
}

fn moment(clock: &Clock) -> Moment {
    Moment {
        unix_s: clock.now_unix_s(),
        waits_ms: clock.waits_ms(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nth_is_hit_and_the_worst_wins() {
        let faults = Faults::new();
        assert!((0..10).all(|_| faults.next() == Verdict::Proceed));
        faults.throttle_every(2);
        faults.cut_every(4);
        let seen: Vec<Verdict> = (0..4).map(|_| faults.next()).collect();
        assert_eq!(
            seen,
            [
                Verdict::Proceed,
                Verdict::Cut,
                Verdict::Proceed,
                Verdict::Throttle
            ]
        );
    }
}
