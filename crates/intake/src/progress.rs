//! What the scheduler has done, for the status page, the metrics and tests that wait for a state.

use crate::failing::{Fails, Unlisted};
use crate::matches::Unmatched;
use crate::settle::NamespaceProgress;
use provider_api::{AccountId, ErrorKind, MetricsProvider, Scope, Skipped, UnixNanos};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Committed, LATE_CLASSES};
use tokio::sync::{Notify, watch};

/// Clocks as far apart as this, or further, are a fault of this machine: requests begin to be refused at five minutes.
pub const CLOCKS_APART: Duration = Duration::from_secs(30);

/// Of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupProgress {
    /// When its last poll began.
    pub last_poll: Option<UnixNanos>,
    /// The newest end that it could ask for.
    pub window_end: Option<UnixNanos>,
    /// How much of its slowest target lies behind the present and is being caught up with.
    pub behind: Duration,
    /// How old a point must be before it is asked for.
    pub settle: Duration,
    /// How far windows reach back.
    pub lookback: Duration,
    /// End of the newest point taken.
    pub newest: Option<UnixNanos>,
    /// Region, subscription or project; known when it has been polled.
    pub scope: Option<Scope>,
    /// Whether its last poll got an answer to anything that it asked for.
    pub answered: bool,
    /// What its last poll did not get.
    pub failing: Option<Fails>,
}

/// A failure of an account, as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastError {
    /// When it was.
    pub at: UnixNanos,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The API operation.
    pub operation: &'static str,
    /// What was tried, where, and why it failed, with its causes.
    pub text: String,
}

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
    /// Fresh polls of a group that ended.
    pub polls: u64,
    /// Polls and backlogs that run.
    pub in_flight: usize,
    /// Calls that worked off what lay behind.
    pub backlog_windows: u64,
    /// Points taken.
    pub points: u64,
    /// Points that were not there when their target was taken up to a later time.
    pub late: u64,
    /// Late points by how many grains, in the classes of [`LATE_CLASSES`]; the last is what lay beyond them.
    pub late_classes: [u64; LATE_CLASSES + 1],
    /// Points that had been taken before.
    pub repeated: u64,
    /// Points that had been taken before with another value.
    pub revised: u64,
    /// Points older than all that is remembered of their series.
    pub too_old: u64,
    /// Points in a gap, left to the window that closes it.
    pub deferred: u64,
    /// Seconds that the cloud no longer keeps and that were never taken, each hole of a group once.
    pub lost_seconds: u64,
    /// Points left out, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Calls, listings and targets that failed, by kind of error.
    pub errors: BTreeMap<&'static str, u64>,
    /// End of the newest point taken.
    pub newest: Option<UnixNanos>,
    /// When the next of its groups is polled; known when one has been.
    pub next_poll: Option<UnixNanos>,
    /// The last failure.
    pub last_error: Option<LastError>,
    /// Listings that fail at present.
    pub unlisted: Unlisted,
    /// Patterns of its entries that fit nothing, by the last listing in which nothing failed.
    pub unmatched: Vec<Unmatched>,
    /// By the group's name.
    pub groups: BTreeMap<Arc<str>, GroupProgress>,
}

impl AccountProgress {
    /// A group of it; a blank one when it is not known.
    pub fn group(&mut self, name: &Arc<str>) -> &mut GroupProgress {
        self.groups.entry(Arc::clone(name)).or_default()
    }

    /// It is polled anew: nothing is in flight, and nothing is known to fail any more.
    fn forget_failures(&mut self) {
        self.in_flight = 0;
        self.unlisted = Unlisted::default();
        self.groups.values_mut().for_each(|group| group.failing = None);
    }

    /// What a commit did.
    pub fn committed(&mut self, group: &Arc<str>, done: &Committed) {
        self.points += done.fresh;
        self.late += done.late;
        self.repeated += done.repeated;
        self.revised += done.revised;
        self.too_old += done.too_old;
        self.deferred += done.deferred;
        let by_grains = done.late_by_grains.iter().map(|count| u64::from(*count));
        let classes = by_grains.chain([done.deep]);
        self.late_classes
            .iter_mut()
            .zip(classes)
            .for_each(|(all, more)| *all += more);
        self.newest = self.newest.max(done.newest);
        let group = self.group(group);
        group.newest = group.newest.max(done.newest);
    }
}

/// Of all accounts.
#[derive(Debug, Default)]
pub struct Progress {
    accounts: Mutex<BTreeMap<AccountId, AccountProgress>>,
    namespaces: Mutex<BTreeMap<(&'static str, Arc<str>), NamespaceProgress>>,
    ticks_skipped: std::sync::atomic::AtomicU64,
    asked: Notify,
    turns: watch::Sender<()>,
}

impl Progress {
    /// An account is polled from now on. One that was polled before under its name, in the same cloud, counts on.
    pub fn enlist(&self, provider: &dyn MetricsProvider) {
        let (account, cloud) = (provider.account(), provider.cloud().as_str());
        let mut accounts = self.accounts();
        if let Some(known) = accounts.get_mut(account).filter(|known| known.cloud == cloud) {
            known.forget_failures();
            return;
        }
        let blank = AccountProgress {
            name: account.to_string(),
            cloud,
            ..AccountProgress::default()
        };
        accounts.insert(account.clone(), blank);
    }

    /// An account is polled no more.
    pub fn strike(&self, account: &AccountId) {
        self.accounts().remove(account);
    }

    /// A copy of the moment, by name.
    pub fn snapshot(&self) -> Vec<AccountProgress> {
        self.accounts().values().cloned().collect()
    }

    /// What is known of each namespace.
    pub fn namespaces(&self) -> Vec<NamespaceProgress> {
        let namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        namespaces.values().cloned().collect()
    }

    /// Ticks that found the poll before still running.
    pub fn ticks_skipped(&self) -> u64 {
        self.ticks_skipped.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// How many ticks have found the poll before still running.
    pub fn set_ticks_skipped(&self, ticks: u64) {
        self.ticks_skipped
            .store(ticks, std::sync::atomic::Ordering::Relaxed);
    }

    /// Returns when the scheduler's loop has taken a turn since this call, which it wakes it up for: a loop that hangs
    /// or has ended keeps the caller waiting.
    pub async fn turned(&self) {
        let mut turns = self.turns.subscribe();
        self.asked.notify_one();
        // It fails only without a sender, and that is ours.
        drop(turns.changed().await);
    }

    /// Returns when somebody waits in [`Self::turned`].
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// The scheduler's loop has taken a turn.
    pub fn turn(&self) {
        self.turns.send_replace(());
    }

    /// What is known of a namespace.
    pub fn namespace(&self, known: NamespaceProgress) {
        let key = (known.cloud, Arc::clone(&known.namespace));
        let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        namespaces.insert(key, known);
    }

    /// Changes what is known of an account, if it is polled.
    pub fn update(&self, account: &AccountId, change: impl FnOnce(&mut AccountProgress)) {
        if let Some(one) = self.accounts().get_mut(account) {
            change(one);
        }
    }

    /// How far the slowest group of a scope lies behind.
    pub fn behind(&self, account: &AccountId, scope: &Scope) -> Duration {
        let accounts = self.accounts();
        let groups = accounts.get(account).into_iter().flat_map(|a| a.groups.values());
        let of_scope = groups.filter(|group| group.scope.as_ref() == Some(scope));
        of_scope.map(|group| group.behind).max().unwrap_or_default()
    }

    /// Counts a call, listing or target that failed.
    pub fn error(&self, account: &AccountId, kind: &'static str) {
        self.update(account, |a| *a.errors.entry(kind).or_default() += 1);
    }

    /// Counts what was left out.
    pub fn skipped(&self, account: &AccountId, skipped: &Skipped) {
        self.update(account, |a| {
            *a.skipped.entry(skipped.reason.label()).or_default() += skipped.points.max(1);
        });
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<AccountId, AccountProgress>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
