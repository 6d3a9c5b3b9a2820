//! The tokio shell: wakes when a group is due, runs its job, and stops in order.

use crate::core::{Core, GroupKey, Job};
use crate::lister::Lister;
use crate::poll::Poller;
use crate::progress::{AccountProgress, Progress};
use futures::future::BoxFuture;
use provider_api::{Catalogue, MetricsProvider, UnixNanos};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Catalogues waiting to be taken in; one per scope is large, so few.
const CATALOGUES_WAITING: usize = 4;

/// Longest sleep, so that a stepped clock is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> UnixNanos;

    /// Returns when it is `time`. Right for every clock that runs by itself; one that a test moves brings its own.
    fn sleep_until(&self, time: UnixNanos) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time.since(self.now())))
    }
}

/// An account and how often it is listed.
#[derive(Clone, Debug)]
pub struct Account {
    /// The cloud.
    pub provider: Arc<dyn MetricsProvider>,
    /// How often targets are listed anew.
    pub discover_every: Duration,
}

/// Why the scheduler ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store cannot take points any more.
    #[error("polling {group} of account {account} ended")]
    Store {
        /// Whose points could not be taken.
        account: String,
        /// Which of them.
        group: Arc<str>,
        /// Why.
        source: StoreError,
    },
    /// A poll has panicked, a fault of ours.
    #[error("a poll ended by itself")]
    Panicked(#[source] JoinError),
}

type Ended = (GroupKey, Result<bool, StoreError>);

/// Polls all accounts until told to stop.
#[derive(Debug)]
pub struct Scheduler {
    accounts: Vec<Account>,
    pollers: Vec<Poller>,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    core: Core,
    store: Arc<Store>,
}

impl Scheduler {
    /// A scheduler over these accounts; nothing runs yet.
    pub fn new(accounts: Vec<Account>, store: &Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let progress = Arc::new(Progress::new(accounts.iter().map(blank).collect()));
        let learner = Arc::default();
        let poller = |(index, account): (usize, &Account)| Poller {
            index,
            provider: Arc::clone(&account.provider),
            store: Arc::clone(store),
            progress: Arc::clone(&progress),
            learner: Arc::clone(&learner),
            clock: Arc::clone(&clock),
            notices: Arc::default(),
        };
        let pollers = accounts.iter().enumerate().map(poller).collect();
        Self {
            pollers,
            accounts,
            clock,
            progress,
            core: Core::default(),
            store: Arc::clone(store),
        }
    }

    /// What has been done so far; shared, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Runs until `stop`, or until the store cannot go on; then lets jobs in flight end within `grace` and drops the
    /// rest, which keep their watermarks.
    pub async fn run(mut self, stop: CancellationToken, grace: Duration) -> Result<(), RunError> {
        // Ends the jobs also when this ends by itself.
        let stop = stop.child_token();
        let (found, mut catalogues) = mpsc::channel(CATALOGUES_WAITING);
        let mut listings = self.list_all(&found, &stop);
        let mut jobs = JoinSet::new();
        let ended = self.until_stopped(&stop, &mut catalogues, &mut jobs).await;
        stop.cancel();
        listings.shutdown().await;
        finish(jobs, grace).await;
        ended
    }

    async fn until_stopped(
        &mut self,
        stop: &CancellationToken,
        catalogues: &mut mpsc::Receiver<(usize, Catalogue)>,
        jobs: &mut JoinSet<Ended>,
    ) -> Result<(), RunError> {
        let clock = Arc::clone(&self.clock);
        let progress = Arc::clone(&self.progress);
        loop {
            self.start_due(jobs, stop);
            progress.turn();
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some((account, catalogue)) = catalogues.recv() => self.learn(account, catalogue),
                Some(ended) = jobs.join_next() => self.ended(ended)?,
                () = progress.asked() => {}
                () = clock.sleep_until(self.wake_at()) => {}
            }
        }
    }

    fn list_all(&self, found: &mpsc::Sender<(usize, Catalogue)>, stop: &CancellationToken) -> JoinSet<()> {
        let mut listings = JoinSet::new();
        for (account, poller) in self.accounts.iter().zip(&self.pollers) {
            let lister = Lister {
                poller: poller.clone(),
                every: account.discover_every,
                found: found.clone(),
            };
            listings.spawn(lister.run(stop.clone()));
        }
        listings
    }

    fn learn(&mut self, account: usize, catalogue: Catalogue) {
        self.core.learn(self.clock.now(), account, catalogue);
        let (targets, series) = self.core.targets(account);
        let core = &self.core;
        self.progress.update(account, |a| {
            a.targets = targets;
            a.series = series;
            a.groups.retain(|name, _| core.has_group(account, name));
        });
    }

    /// Polls go first; then backlogs whose turn it is.
    fn start_due(&mut self, jobs: &mut JoinSet<Ended>, stop: &CancellationToken) {
        let mut due = self.core.tick(self.clock.now());
        // The spool is a queue: what lies behind would stand in it before the polls to come.
        if self.store.keeps_up() {
            due.extend(self.core.backlogs());
        }
        self.progress.set_ticks_skipped(self.core.ticks_skipped());
        for job in due {
            self.start(job, jobs, stop.clone());
        }
    }

    fn start(&self, job: Job, jobs: &mut JoinSet<Ended>, stop: CancellationToken) {
        let Some(poller) = self.pollers.get(job.key.account).cloned() else {
            return;
        };
        self.progress.update(job.key.account, |a| a.in_flight += 1);
        jobs.spawn(async move {
            let ended = poller.run(&job, &stop).await;
            (job.key, ended)
        });
    }

    fn ended(&mut self, ended: Result<Ended, JoinError>) -> Result<(), RunError> {
        let (key, ended) = ended.map_err(RunError::Panicked)?;
        self.progress.update(key.account, |a| a.in_flight -= 1);
        let behind = ended.map_err(|source| RunError::Store {
            account: self.account_name(&key),
            group: Arc::clone(&key.name),
            source,
        })?;
        self.core.ended(&key, behind);
        Ok(())
    }

    fn account_name(&self, key: &GroupKey) -> String {
        let account = self.accounts.get(key.account);
        account.map_or_else(String::new, |a| a.provider.account().to_string())
    }

    fn wake_at(&self) -> UnixNanos {
        let latest = self.clock.now().plus(LONGEST_SLEEP);
        self.core.next_due().map_or(latest, |next| next.min(latest))
    }
}

/// Lets jobs in flight end, and drops those that do not within `grace`.
async fn finish(mut jobs: JoinSet<Ended>, grace: Duration) {
    let in_flight = jobs.len();
    let all = async { while jobs.join_next().await.is_some() {} };
    if timeout(grace, all).await.is_err() {
        let left = jobs.len();
        tracing::warn!(
            in_flight,
            left,
            "polls did not end within the grace and were dropped"
        );
    }
    jobs.shutdown().await;
}

fn blank(account: &Account) -> AccountProgress {
    AccountProgress {
        name: account.provider.account().to_string(),
        cloud: account.provider.cloud().as_str(),
        ..AccountProgress::default()
    }
}
