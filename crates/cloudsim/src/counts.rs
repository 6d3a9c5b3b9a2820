//! Counts what a simulator was asked and what the real cloud would have billed for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of one simulator. Clones share everything.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    inner: Arc<Mutex<CountsSnapshot>>,
}

/// All counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountsSnapshot {
    /// Requests by (operation, outcome), for example `("GetMetricData", "ok")`.
    pub requests: BTreeMap<(String, String), u64>,
    /// What the cloud bills, by its name for it, for example `"metrics requested"`.
    pub billable: BTreeMap<String, u64>,
}

impl CountsSnapshot {
    /// Requests for one operation, whatever came of them.
    pub fn operation(&self, operation: &str) -> u64 {
        self.requests
            .iter()
            .filter(|((op, _), _)| op == operation)
            .map(|(_, n)| n)
            .sum()
    }

    /// Requests for one operation with one outcome.
    pub fn outcome(&self, operation: &str, outcome: &str) -> u64 {
        self.requests
            .get(&(operation.to_owned(), outcome.to_owned()))
            .copied()
            .unwrap_or(0)
    }

    /// Billable units of one kind.
    pub fn units(&self, unit: &str) -> u64 {
        self.billable.get(unit).copied().unwrap_or(0)
    }
}

impl Counts {
    /// Counts one request.
    pub fn request(&self, operation: &str, outcome: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner
            .requests
            .entry((operation.to_owned(), outcome.to_owned()))
            .or_default() += 1;
    }

    /// Counts billable units.
    pub fn bill(&self, unit: &str, amount: u64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner.billable.entry(unit.to_owned()).or_default() += amount;
    }

    /// All counters as they stand.
    pub fn snapshot(&self) -> CountsSnapshot {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
