//! The breaker of each place: one that does not answer again and again is asked by one probe at a time, so that an
//! outage costs neither time nor requests. Pure: the time comes from outside.
//!
//! Only failures to answer count ([`counts`]). What a cloud refuses, it answers, and throttling is the quota's. A question
//! that fails by itself is no outage either: a breaker opens when *different* questions fail in a row, many of them where
//! each is answered with an error at once, or when nothing is reached at all. A question that goes on failing is asked
//! once a poll, without retries, and counts no more.

use crate::place::Place;
use provider_api::{ErrorKind, Scope};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests given up in a row, each after all its tries, until a place is believed to be out of order, and one question to
/// fail by itself: by then it was asked some twenty times.
const FAILURES_TO_OPEN: u32 = 3;

/// Different questions in a row that are answered with an error until the place is believed to be out of order, unless it
/// has been asked no others. Such answers cost little time, and a few neighbours in the order of asking may well fail for a
/// reason of their own.
const QUESTIONS_TO_OPEN: usize = 8;

/// Pause between two probes. With it a recovery is seen within a minute, also when a probe met the very end.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(20);

/// A place that was not asked for this long is forgotten, so that scopes that come and go do not pile up.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// Questions of one place that are remembered to fail by themselves; a place with more of them is out of order.
const MOST_QUESTIONS: usize = 1_024;

/// Whether a failure means that there was no proper answer.
pub(crate) fn counts(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable { .. } | ErrorKind::TimedOut | ErrorKind::BadResponse => true,
        ErrorKind::Throttled { .. }
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::OverBudget
        | ErrorKind::Permanent => false,
    }
}

/// What a request may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Go, with all its tries.
    Go,
    /// Go, once: this question fails again and again.
    Once,
    /// Go, once, for all.
    Probe,
    /// Not now.
    Refused {
        /// When the next probe may go.
        wait: Duration,
        /// How and why it failed the last time.
        last: (ErrorKind, String),
    },
}

/// What a result changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// From now on only probes go, after so many failures in a row.
    Opened(u32),
    /// All go again, after so long.
    Closed(Duration),
}

/// A request that was given up.
#[derive(Clone, Debug)]
pub(crate) struct GivenUp {
    /// What was asked.
    pub(crate) question: u64,
    /// Whether nobody was reached, which says more of the place than of the question.
    pub(crate) unreached: bool,
    /// How and why it failed.
    pub(crate) last: (ErrorKind, String),
}

/// Failures since the last answer.
#[derive(Debug, Default)]
struct Row {
    failures: u32,
    unreached: u32,
    silent: u32,
    /// At most [`QUESTIONS_TO_OPEN`].
    questions: BTreeSet<u64>,
}

impl Row {
    fn add(&mut self, failure: &GivenUp) {
        self.failures = self.failures.saturating_add(1);
        self.unreached += u32::from(failure.unreached);
        self.silent += u32::from(failure.unreached || failure.last.0 == ErrorKind::TimedOut);
        if self.questions.len() < QUESTIONS_TO_OPEN {
            self.questions.insert(failure.question);
        }
    }

    /// `asked` is how many questions the place has been asked.
    fn opens(&self, asked: usize) -> bool {
        let all_fail = self.questions.len() > 1 && self.questions.len() >= asked.min(QUESTIONS_TO_OPEN);
        self.failures >= FAILURES_TO_OPEN
            && (all_fail
                || self.unreached >= FAILURES_TO_OPEN
                || (self.silent >= FAILURES_TO_OPEN && self.questions.len() > 1))
    }
}

/// One place.
#[derive(Debug)]
struct Breaker {
    row: Row,
    /// Failures in a row of each question that fails.
    questions: BTreeMap<u64, u32>,
    /// Questions that have been asked, as many as matter: at most [`QUESTIONS_TO_OPEN`].
    all: BTreeSet<u64>,
    asked: Instant,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    /// A probe that never reports delays the next one no longer than one that failed.
    next_probe: Instant,
    last: (ErrorKind, String),
}

impl Breaker {
    fn new(now: Instant) -> Self {
        Self {
            row: Row::default(),
            questions: BTreeMap::new(),
            all: BTreeSet::new(),
            asked: now,
            open: None,
        }
    }

    fn admit(&mut self, now: Instant, question: u64) -> Admission {
        self.asked = now;
        if self.all.len() < QUESTIONS_TO_OPEN {
            self.all.insert(question);
        }
        let fails = self.fails_by_itself(question);
        let Some(open) = &mut self.open else {
            return if fails { Admission::Once } else { Admission::Go };
        };
        // One that failed before the outage is a bad probe: others are let go before it.
        let probe_from = open.next_probe + if fails { PROBE_EVERY } else { Duration::ZERO };
        if now >= probe_from {
            open.next_probe = now + PROBE_EVERY;
            return Admission::Probe;
        }
        Admission::Refused {
            wait: probe_from - now,
            last: open.last.clone(),
        }
    }

    fn fails_by_itself(&self, question: u64) -> bool {
        let failures = self.questions.get(&question);
        failures.is_some_and(|failures| *failures >= FAILURES_TO_OPEN)
    }

    fn failed(&mut self, now: Instant, failure: GivenUp) -> Option<Change> {
        let known = self.fails_by_itself(failure.question);
        if self.questions.len() < MOST_QUESTIONS || self.questions.contains_key(&failure.question) {
            let failures = self.questions.entry(failure.question).or_default();
            *failures = failures.saturating_add(1);
        }
        if self.open.is_none() && known && !failure.unreached {
            return None;
        }
        self.row.add(&failure);
        if self.open.is_none() && !self.row.opens(self.all.len()) {
            return None;
        }
        let before = self.open.take();
        let since = before.as_ref().map_or(now, |open| open.since);
        self.open = Some(Open {
            since,
            next_probe: now + PROBE_EVERY,
            last: failure.last,
        });
        before.is_none().then_some(Change::Opened(self.row.failures))
    }

    fn answered(&mut self, now: Instant) -> Option<Change> {
        self.row = Row::default();
        let open = self.open.take()?;
        Some(Change::Closed(now.duration_since(open.since)))
    }
}

/// The breakers of one account.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<Place, Breaker>>);

impl Breakers {
    /// Whether a request may go.
    pub(crate) fn admit(&self, now: Instant, place: &Place, question: u64) -> Admission {
        self.with(|all| {
            if let Some(known) = all.get_mut(place) {
                return known.admit(now, question);
            }
            all.retain(|_, breaker| now.duration_since(breaker.asked) < FORGOTTEN_AFTER);
            let new = all.entry(place.clone());
            new.or_insert_with(|| Breaker::new(now)).admit(now, question)
        })
    }

    /// The question got its answer.
    pub(crate) fn answered(&self, now: Instant, place: &Place, question: u64) -> Option<Change> {
        self.with(|all| {
            let breaker = all.get_mut(place)?;
            breaker.questions.remove(&question);
            breaker.answered(now)
        })
    }

    /// The place answered, be it with a refusal; of the question that says nothing.
    pub(crate) fn refused(&self, now: Instant, place: &Place) -> Option<Change> {
        self.with(|all| all.get_mut(place)?.answered(now))
    }

    /// A request was given up; only failures that [`counts`] says yes to belong here.
    pub(crate) fn failed(&self, now: Instant, place: &Place, failure: GivenUp) -> Option<Change> {
        self.with(|all| all.get_mut(place)?.failed(now, failure))
    }

    /// Each scope, and whether only probes go to one of its hosts.
    pub(crate) fn list(&self) -> Vec<(Scope, bool)> {
        self.with(|all| {
            let mut scopes = BTreeMap::new();
            for (place, breaker) in all.iter() {
                *scopes.entry(place.scope.clone()).or_default() |= breaker.open.is_some();
            }
            scopes.into_iter().collect()
        })
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<Place, Breaker>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
