//! What the scheduler has done, for the status page, the metrics and tests that wait for a state.

use provider_api::{Skipped, UnixNanos};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Of one account.
#[derive(Clone, Debug, Default)]
pub struct AccountProgress {
    /// The configuration's name.
    pub name: String,
    /// Which cloud.
    pub cloud: &'static str,
    /// Scopes listed without an error, the last time each was tried.
    pub scopes_ok: usize,
    /// Targets known.
    pub targets: usize,
    /// Series expected of them.
    pub series: u64,
    /// Listings that ended.
    pub discoveries: u64,
    /// Polls of a group that ended.
    pub polls: u64,
    /// Points taken.
    pub points: u64,
    /// Points older than one already taken of their series.
    pub late: u64,
    /// Points that had been taken before.
    pub repeated: u64,
    /// Points left out, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Calls, listings and targets that failed, by kind of error.
    pub errors: BTreeMap<&'static str, u64>,
    /// End of the newest point taken.
    pub newest: Option<UnixNanos>,
    /// The last failure and when it was.
    pub last_error: Option<(UnixNanos, String)>,
}

/// Of all accounts.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Vec<AccountProgress>>);

impl Progress {
    pub(crate) fn new(accounts: Vec<AccountProgress>) -> Self {
        Self(Mutex::new(accounts))
    }

    /// A copy of the moment.
    pub fn snapshot(&self) -> Vec<AccountProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn update(&self, account: usize, change: impl FnOnce(&mut AccountProgress)) {
        if let Some(one) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(account)
        {
            change(one);
        }
    }

    pub(crate) fn error(&self, account: usize, kind: &'static str) {
        self.update(account, |a| *a.errors.entry(kind).or_default() += 1);
    }

    /// Counts what was left out.
    pub(crate) fn skipped(&self, account: usize, skipped: &Skipped) {
        self.update(account, |a| {
            *a.skipped.entry(skipped.reason.label()).or_default() += skipped.points.max(1);
        });
    }
}
