//! The breaker of each scope: one that does not answer again and again is asked by one probe at a time, so that an
//! outage costs neither time nor requests. Pure: the time comes from outside.
//!
//! Only failures to answer count ([`counts`]). What a cloud refuses, it answers, and throttling is the quota's.

use provider_api::{ErrorKind, ProviderError, Scope};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Requests given up in a row, each after all its tries, until the scope is believed to be out of order: by then it was
/// asked some twenty times.
const FAILURES_TO_OPEN: u32 = 3;

/// Pause between two probes. With it a recovery is seen within a minute, also when a probe met the very end.
const PROBE_EVERY: Duration = Duration::from_secs(20);

/// A scope that was not asked for this long is forgotten, so that scopes that come and go do not pile up.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

/// Whether a failure means that the scope does not answer.
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
    /// Go, once.
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
    /// From now on only probes go.
    Opened,
    /// All go again, after so long.
    Closed(Duration),
}

/// One scope.
#[derive(Debug)]
struct Breaker {
    failures: u32,
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
    fn admit(&mut self, now: Instant) -> Admission {
        self.asked = now;
        let Some(open) = &mut self.open else {
            return Admission::Go;
        };
        if now >= open.next_probe {
            open.next_probe = now + PROBE_EVERY;
            return Admission::Probe;
        }
        Admission::Refused {
            wait: open.next_probe - now,
            last: open.last.clone(),
        }
    }

    fn failed(&mut self, now: Instant, last: (ErrorKind, String)) -> Option<Change> {
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES_TO_OPEN {
            return None;
        }
        let before = self.open.take();
        let since = before.as_ref().map_or(now, |open| open.since);
        self.open = Some(Open {
            since,
            next_probe: now + PROBE_EVERY,
            last,
        });
        before.is_none().then_some(Change::Opened)
    }

    fn answered(&mut self, now: Instant) -> Option<Change> {
        self.failures = 0;
        let open = self.open.take()?;
        Some(Change::Closed(now.duration_since(open.since)))
    }
}

/// The breakers of one account.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<Scope, Breaker>>);

impl Breakers {
    /// Whether a request may go.
    pub(crate) fn admit(&self, now: Instant, scope: &Scope) -> Admission {
        self.with(|all| {
            if let Some(known) = all.get_mut(scope) {
                return known.admit(now);
            }
            all.retain(|_, breaker| now.duration_since(breaker.asked) < FORGOTTEN_AFTER);
            let new = Breaker {
                failures: 0,
                asked: now,
                open: None,
            };
            all.insert(scope.clone(), new);
            Admission::Go
        })
    }

    /// The scope answered, be it with a refusal.
    pub(crate) fn answered(&self, now: Instant, scope: &Scope) -> Option<Change> {
        self.with(|all| all.get_mut(scope)?.answered(now))
    }

    /// A request was given up; only failures that [`counts`] says yes to belong here.
    pub(crate) fn failed(&self, now: Instant, error: &ProviderError) -> Option<Change> {
        let last = (error.kind().clone(), error.message().to_owned());
        self.with(|all| all.get_mut(error.scope())?.failed(now, last))
    }

    /// Each scope, and whether only probes go.
    pub(crate) fn list(&self) -> Vec<(Scope, bool)> {
        self.with(|all| {
            let one = |(scope, breaker): (&Scope, &Breaker)| (scope.clone(), breaker.open.is_some());
            all.iter().map(one).collect()
        })
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<Scope, Breaker>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Cloud;

    fn error() -> ProviderError {
        ProviderError::new(Cloud::Aws, "Op", Scope::new("a"), ErrorKind::TimedOut, "silence")
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    /// A scope whose third request was given up just now.
    fn opened(now: Instant) -> Breakers {
        let breakers = Breakers::default();
        for failure in 1..=FAILURES_TO_OPEN {
            assert_eq!(breakers.admit(now, &Scope::new("a")), Admission::Go);
            let change = (failure == FAILURES_TO_OPEN).then_some(Change::Opened);
            assert_eq!(breakers.failed(now, &error()), change);
        }
        breakers
    }

    #[test]
    fn it_opens_at_the_third_failure_and_only_for_its_scope() {
        let now = Instant::now();
        let breakers = opened(now);
        let refused = Admission::Refused {
            wait: seconds(15),
            last: (ErrorKind::TimedOut, "silence".into()),
        };
        assert_eq!(breakers.admit(now + seconds(5), &Scope::new("a")), refused);
        assert_eq!(breakers.admit(now, &Scope::new("b")), Admission::Go);
        let list = [(Scope::new("a"), true), (Scope::new("b"), false)];
        assert_eq!(breakers.list(), list);
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew() {
        let (now, breakers, scope) = (Instant::now(), Breakers::default(), Scope::new("a"));
        for _ in 0..3 * FAILURES_TO_OPEN {
            assert_eq!(breakers.admit(now, &scope), Admission::Go);
            assert_eq!(breakers.failed(now, &error()), None);
            assert_eq!(breakers.failed(now, &error()), None);
            assert_eq!(breakers.answered(now, &scope), None);
        }
    }

    #[test]
    fn one_probe_at_a_time_goes_and_its_answer_closes() {
        let (start, scope) = (Instant::now(), Scope::new("a"));
        let breakers = opened(start);
        let at = |s| start + seconds(s);
        assert_eq!(breakers.admit(at(20), &scope), Admission::Probe);
        assert!(matches!(
            breakers.admit(at(21), &scope),
            Admission::Refused { .. }
        ));
        assert_eq!(breakers.failed(at(25), &error()), None);
        assert!(matches!(
            breakers.admit(at(44), &scope),
            Admission::Refused { .. }
        ));
        assert_eq!(breakers.admit(at(45), &scope), Admission::Probe);
        assert_eq!(
            breakers.answered(at(46), &scope),
            Some(Change::Closed(seconds(46)))
        );
        assert_eq!(breakers.admit(at(46), &scope), Admission::Go);
    }

    #[test]
    fn whatever_happens_to_the_probes_a_recovery_is_seen_within_a_minute() {
        let (start, scope) = (Instant::now(), Scope::new("a"));
        let breakers = opened(start);
        // No probe ever reports, as when the callers are dropped.
        let probes = (0..600).filter(|s| breakers.admit(start + seconds(*s), &scope) == Admission::Probe);
        let probes: Vec<u64> = probes.collect();
        assert_eq!(probes[0], 20);
        assert!(
            probes.windows(2).all(|pair| pair[1] - pair[0] <= 60),
            "{probes:?}"
        );
    }

    #[test]
    fn scopes_that_are_gone_are_forgotten() {
        let now = Instant::now();
        let breakers = opened(now);
        assert_eq!(
            breakers.admit(now + FORGOTTEN_AFTER, &Scope::new("b")),
            Admission::Go
        );
        assert_eq!(breakers.list(), [(Scope::new("b"), false)]);
    }
}
