//! What passed the gate: requests by operation and outcome, retries, waiting, and money.

use provider_api::Price;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// Requests of one operation that ended one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The API operation.
    pub operation: &'static str,
    /// `ok` or the label of an error kind.
    pub outcome: &'static str,
    /// How many.
    pub requests: u64,
}

/// All counters at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Sorted by operation and outcome.
    pub requests: Vec<Counter>,
    /// Retries by the kind of the failure before them.
    pub retries: Vec<(&'static str, u64)>,
    /// Time spent waiting for quota and concurrency, over all requests.
    pub waited: Duration,
    /// What the requests cost at list price, in billionths of a US dollar.
    pub usd_nanos: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(&'static str, &'static str), u64>,
    retries: BTreeMap<&'static str, u64>,
    waited: Duration,
    usd_nanos: u64,
}

impl Counters {
    /// A throttled or refused attempt is counted at full price: an upper bound of the bill.
    pub(crate) fn answered(&self, operation: &'static str, outcome: &'static str, price: Price) {
        self.with(|c| {
            *c.requests.entry((operation, outcome)).or_default() += 1;
            c.usd_nanos = c.usd_nanos.saturating_add(price.usd_nanos);
        });
    }

    /// What an answer cost beyond its price.
    pub(crate) fn owes(&self, usd_nanos: u64) {
        self.with(|c| c.usd_nanos = c.usd_nanos.saturating_add(usd_nanos));
    }

    pub(crate) fn retried(&self, kind: &'static str) {
        self.with(|c| *c.retries.entry(kind).or_default() += 1);
    }

    pub(crate) fn waited(&self, time: Duration) {
        self.with(|c| c.waited += time);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let counter = |(&(operation, outcome), &requests): (&(&'static str, &'static str), &u64)| Counter {
            operation,
            outcome,
            requests,
        };
        self.with(|c| Snapshot {
            requests: c.requests.iter().map(counter).collect(),
            retries: c.retries.iter().map(|(k, n)| (*k, *n)).collect(),
            waited: c.waited,
            usd_nanos: c.usd_nanos,
        })
    }

    /// The counts stay usable if a thread panicked while it held them: each change is a single addition.
    fn with<T>(&self, f: impl FnOnce(&mut Counts) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
