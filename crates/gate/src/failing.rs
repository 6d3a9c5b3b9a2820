//! What fails at present: operations whose last request, after all tries, had no success. One success strikes it out.
//!
//! What is to be done about it is told elsewhere; this only remembers.

use crate::place::Place;
use provider_api::{ErrorKind, ProviderError, Scope};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Most operations of one account that are remembered to fail: enough to tell a person where to look, and a bound for
/// an account with thousands of subscriptions. Each failure is counted all the same.
const MOST_REMEMBERED: usize = 64;

/// After this time an operation that was not asked for again says nothing of the present: longer than the longest
/// usual pause between two listings.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(26 * 3600);

/// An operation that fails at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Where.
    pub scope: Scope,
    /// The host, where the scope has several.
    pub host: Option<Arc<str>>,
    /// The API operation.
    pub operation: &'static str,
    /// How, the last time.
    pub kind: ErrorKind,
    /// The cloud's words, the last time.
    pub message: String,
    /// The cloud's id of that request.
    pub request_id: Option<String>,
    /// How long it has failed without a success.
    pub since: Duration,
}

#[derive(Debug)]
struct Entry {
    first: Instant,
    last: Instant,
    failing: Failing,
}

/// The memory of one account.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<(Place, &'static str), Entry>>);

impl Memory {
    /// A request succeeded.
    pub(crate) fn succeeded(&self, place: &Place, operation: &'static str) {
        self.with(|all| {
            // The ordinary case, without a key of its own.
            if !all.is_empty() {
                all.remove(&(place.clone(), operation));
            }
        });
    }

    /// A request was given up.
    pub(crate) fn failed(&self, now: Instant, place: &Place, error: &ProviderError) {
        let key = (place.clone(), error.operation());
        self.with(|all| {
            let first = all.get(&key).map(|entry| entry.first);
            if first.is_none() && all.len() >= MOST_REMEMBERED {
                return;
            }
            let failing = Failing {
                scope: key.0.scope.clone(),
                host: key.0.host.clone(),
                operation: key.1,
                kind: error.kind().clone(),
                message: error.message().to_owned(),
                request_id: error.request_id().map(str::to_owned),
                since: Duration::ZERO,
            };
            let first = first.unwrap_or(now);
            all.insert(
                key,
                Entry {
                    first,
                    last: now,
                    failing,
                },
            );
        });
    }

    /// Nothing is known to fail any more.
    pub(crate) fn forget(&self) {
        self.with(BTreeMap::clear);
    }

    /// All that fails now, by scope and operation.
    pub(crate) fn list(&self, now: Instant) -> Vec<Failing> {
        self.with(|all| {
            all.retain(|_, entry| now.duration_since(entry.last) < FORGOTTEN_AFTER);
            let one = |entry: &Entry| Failing {
                since: now.duration_since(entry.first),
                ..entry.failing.clone()
            };
            all.values().map(one).collect()
        })
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<(Place, &'static str), Entry>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Cloud;

    fn place(scope: &str) -> Place {
        Place::new(&Scope::new(scope), None)
    }

    fn fail(memory: &Memory, now: Instant, place: &Place, message: &str) {
        let scope = place.scope.clone();
        let error = ProviderError::new(Cloud::Aws, "ListMetrics", scope, ErrorKind::Forbidden, message);
        memory.failed(now, place, &error);
    }

    #[test]
    fn a_failure_stands_from_its_first_time_until_a_success() {
        let (memory, start) = (Memory::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        fail(&memory, at(0), &place("a"), "first");
        fail(&memory, at(10), &place("a"), "second");
        fail(&memory, at(10), &place("b"), "other");
        memory.succeeded(&place("b"), "ListMetrics");
        memory.succeeded(&place("a"), "GetMetricData");
        let [failing] = &memory.list(at(30))[..] else {
            panic!("one fails")
        };
        assert_eq!(failing.message, "second");
        assert_eq!(failing.since, Duration::from_secs(30));
        memory.succeeded(&place("a"), "ListMetrics");
        assert!(memory.list(at(40)).is_empty());
    }

    #[test]
    fn the_hosts_of_a_scope_are_told_apart() {
        let (memory, now) = (Memory::default(), Instant::now());
        let hosts = ["west", "east"].map(|host| Place::new(&Scope::new("a"), Some(&host.into())));
        for host in &hosts {
            fail(&memory, now, host, "no");
        }
        memory.succeeded(&hosts[0], "ListMetrics");
        let hosts: Vec<_> = memory.list(now).into_iter().map(|f| f.host).collect();
        assert_eq!(hosts, [Some("east".into())]);
    }

    #[test]
    fn what_is_asked_no_longer_is_forgotten_and_the_rest_is_bounded() {
        let (memory, start) = (Memory::default(), Instant::now());
        for scope in 0..2 * MOST_REMEMBERED {
            fail(&memory, start, &place(&scope.to_string()), "no");
        }
        assert_eq!(memory.list(start).len(), MOST_REMEMBERED);
        assert!(memory.list(start + FORGOTTEN_AFTER).is_empty());
    }
}
