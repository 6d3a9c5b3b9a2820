//! "Not before": a cloud that asks for a pause gets it from every request of the same place and operation, over polls. When
//! the time has come one request goes first, and the others follow only when it was answered.
//!
//! [`Book`] decides and takes the time from outside; [`Pauses`] waits.

use crate::place::Place;
use crate::retry::RetryLimits;
use provider_api::ErrorKind;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The longest pause that is kept, whatever the cloud or a proxy asks for: a recovery is seen within five minutes.
const LONGEST: Duration = Duration::from_secs(300);

/// A pause that nobody came to end is forgotten after this time, so that scopes that come and go do not pile up.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// Where, and what is asked.
pub(crate) type Key = (Place, &'static str);

/// Whether the gate keeps a pause after this kind of failure, so that nobody else has to wait for it.
pub(crate) fn pauses(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Throttled { .. } => true,
        ErrorKind::Unavailable { retry_after } => retry_after.is_some(),
        ErrorKind::TimedOut
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::OverBudget
        | ErrorKind::Permanent => false,
    }
}

/// Refused without being sent: the pause is longer than the request may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What is left of the pause.
    pub(crate) rest: Duration,
    /// The cloud's words when it asked for the pause.
    pub(crate) why: String,
}

/// What a request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// Nothing is in the way.
    Go,
    /// Go before the others; they wait for what becomes of it.
    First,
    /// Wait.
    Until(Instant, String),
    /// Wait for the one that went first.
    Behind(String),
}

#[derive(Debug)]
struct Pause {
    until: Instant,
    /// When it was asked for the last time; what was sent before belongs to the same round.
    noted: Instant,
    /// Rounds of throttling in a row without a time from the cloud.
    rounds: u32,
    /// Somebody went first and was not answered yet.
    trying: bool,
    why: String,
}

/// The pauses of one account. Pure.
#[derive(Debug, Default)]
struct Book(BTreeMap<Key, Pause>);

impl Book {
    fn enter(&mut self, now: Instant, key: &Key) -> Entry {
        let Some(pause) = self.0.get_mut(key) else {
            return Entry::Go;
        };
        if now < pause.until {
            return Entry::Until(pause.until, pause.why.clone());
        }
        if pause.trying {
            return Entry::Behind(pause.why.clone());
        }
        pause.trying = true;
        Entry::First
    }

    /// A request that was sent at `sent` was refused until later; `dice` is a random number in [0, 1).
    fn refused(
        &mut self,
        (sent, now): (Instant, Instant),
        key: &Key,
        asked: Option<Duration>,
        why: &str,
        limits: &RetryLimits,
        dice: f64,
    ) {
        if !self.0.contains_key(key) {
            self.0
                .retain(|_, pause| now.saturating_duration_since(pause.until) < FORGOTTEN_AFTER);
        }
        let known = self.0.get(key);
        let rounds = match known {
            Some(pause) if asked.is_none() && sent >= pause.noted => pause.rounds.saturating_add(1),
            Some(pause) => pause.rounds,
            None => 0,
        };
        let wait = match asked {
            Some(asked) => asked.min(LONGEST) + limits.base.mul_f64(dice),
            None => step(rounds, limits).mul_f64(0.5 + dice / 2.0),
        };
        let until = known.map_or(now + wait, |pause| pause.until.max(now + wait));
        let pause = Pause {
            until,
            noted: now,
            rounds,
            trying: known.is_some_and(|pause| pause.trying),
            why: why.to_owned(),
        };
        self.0.insert(key.clone(), pause);
    }

    /// The one that went first got another answer than to wait: the pause is over.
    fn answered(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// The one that went first is back, with whatever answer or none at all.
    fn back(&mut self, key: &Key) {
        if let Some(pause) = self.0.get_mut(key) {
            pause.trying = false;
        }
    }

    /// Whether a pause has been asked for and nobody was answered since.
    fn stands(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }
}

fn step(rounds: u32, limits: &RetryLimits) -> Duration {
    let grown = limits.base.saturating_mul(2_u32.saturating_pow(rounds));
    grown.min(limits.longest_retry_after)
}

/// The pauses of one account, and those who wait for them.
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    book: Mutex<Book>,
    back: Notify,
}

impl Pauses {
    /// Returns when the request may go; refused when that is after its `deadline`.
    pub(crate) async fn turn(&self, key: &Key, deadline: Instant) -> Result<Turn<'_>, Refused> {
        loop {
            let back = self.back.notified();
            tokio::pin!(back);
            back.as_mut().enable();
            let now = Instant::now();
            match self.with(|book| book.enter(now, key)) {
                Entry::Go => return Ok(Turn::new(self, key, false)),
                Entry::First => return Ok(Turn::new(self, key, true)),
                Entry::Until(until, why) if until > deadline => {
                    return Err(Refused {
                        rest: until - now,
                        why,
                    });
                }
                Entry::Until(until, _) => sleep_until(until).await,
                Entry::Behind(why) => {
                    if timeout_at(deadline, back).await.is_err() {
                        let rest = Duration::ZERO;
                        return Err(Refused { rest, why });
                    }
                }
            }
        }
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut Book) -> T) -> T {
        f(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The right to send once. One that is dropped without an answer leaves its place to the next.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pauses: &'a Pauses,
    key: Key,
    first: bool,
    sent: Instant,
}

impl<'a> Turn<'a> {
    fn new(pauses: &'a Pauses, key: &Key, first: bool) -> Self {
        Self {
            pauses,
            key: key.clone(),
            first,
            sent: Instant::now(),
        }
    }

    /// Whether it still may go after waiting for something else; it leaves now if so.
    pub(crate) fn may_go(&mut self) -> bool {
        self.sent = Instant::now();
        self.first || !self.pauses.with(|book| book.stands(&self.key))
    }

    /// The answer is here.
    pub(crate) fn ended(self, failure: Option<(&ErrorKind, &str)>, limits: &RetryLimits, dice: f64) {
        match failure {
            Some((
                ErrorKind::Throttled { retry_after: asked } | ErrorKind::Unavailable { retry_after: asked },
                why,
            )) if failure.is_some_and(|(kind, _)| pauses(kind)) => {
                let times = (self.sent, Instant::now());
                self.pauses
                    .with(|book| book.refused(times, &self.key, *asked, why, limits, dice));
            }
            // The others were on their way already and say nothing of the pause.
            _ if self.first => self.pauses.with(|book| book.answered(&self.key)),
            _ => {}
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.first {
            self.pauses.with(|book| book.back(&self.key));
            self.pauses.back.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Scope;

    fn key() -> Key {
        (Place::new(&Scope::new("s"), None), "Op")
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn one_goes_first_and_the_rest_when_it_was_answered() {
        let (mut book, start, limits) = (Book::default(), Instant::now(), RetryLimits::default());
        let at = |s| start + seconds(s);
        assert_eq!(book.enter(start, &key()), Entry::Go);
        book.refused(
            (start, start),
            &key(),
            Some(seconds(40)),
            "slow down",
            &limits,
            0.0,
        );
        for other in [
            (Place::new(&Scope::new("other"), None), "Op"),
            (Place::new(&Scope::new("s"), Some(&"host".into())), "Op"),
            (Place::new(&Scope::new("s"), None), "Other"),
        ] {
            assert_eq!(book.enter(start, &other), Entry::Go);
        }
        assert!(matches!(book.enter(at(39), &key()), Entry::Until(until, _) if until == at(40)));
        assert_eq!(book.enter(at(40), &key()), Entry::First);
        assert!(matches!(book.enter(at(41), &key()), Entry::Behind(_)));
        book.back(&key());
        assert_eq!(book.enter(at(41), &key()), Entry::First, "it was dropped");
        book.answered(&key());
        assert_eq!(book.enter(at(41), &key()), Entry::Go);
    }

    #[test]
    fn pauses_without_a_time_grow_by_round_and_not_by_request() {
        let (mut book, start, limits) = (Book::default(), Instant::now(), RetryLimits::default());
        let until = |book: &Book| book.0[&key()].until - start;
        for _ in 0..8 {
            book.refused((start, start + seconds(1)), &key(), None, "no", &limits, 0.0);
        }
        assert_eq!(until(&book), seconds(1) + limits.base / 2);
        let mut grown = Vec::new();
        for round in 1..=12 {
            let now = start + seconds(1_000 * round);
            assert_eq!(book.enter(now, &key()), Entry::First);
            book.refused((now, now), &key(), None, "no", &limits, 0.999);
            book.back(&key());
            grown.push(book.0[&key()].until - now);
        }
        assert!(grown.is_sorted() && grown[0] > limits.base, "{grown:?}");
        assert!(grown[11] <= limits.longest_retry_after, "{grown:?}");
    }

    #[test]
    fn no_pause_is_longer_than_five_minutes_and_none_is_kept_for_ever() {
        let (mut book, start, limits) = (Book::default(), Instant::now(), RetryLimits::default());
        book.refused((start, start), &key(), Some(seconds(86_400)), "no", &limits, 0.0);
        assert_eq!(book.enter(start + LONGEST, &key()), Entry::First);
        let other = (Place::new(&Scope::new("other"), None), "Op");
        let later = start + LONGEST + FORGOTTEN_AFTER;
        book.refused((later, later), &other, None, "no", &limits, 0.0);
        assert_eq!(book.0.len(), 1);
    }
}
