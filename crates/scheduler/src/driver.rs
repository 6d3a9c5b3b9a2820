//! The tokio shell: discovers, wakes when a group is due, runs its poll, and stops in order.

use crate::core::{Core, GroupKey};
use crate::poll::Poller;
use crate::progress::{AccountProgress, Progress};
use futures::StreamExt as _;
use provider_api::{Catalogue, MetricsProvider, UnixNanos};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Catalogues waiting to be taken in; one per scope is large, so few.
const CATALOGUES_WAITING: usize = 4;

/// Longest sleep, so that a stepped clock is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Shortest pause before a failed or empty listing is tried again.
const LISTING_PAUSE: Duration = Duration::from_secs(30);

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> UnixNanos;
}

/// An account and how often it is listed.
#[derive(Clone, Debug)]
pub struct Account {
    /// The cloud.
    pub provider: Arc<dyn MetricsProvider>,
    /// How often targets are listed anew.
    pub discover_every: Duration,
}

/// Polls all accounts until told to stop.
#[derive(Debug)]
pub struct Scheduler {
    accounts: Vec<Account>,
    pollers: Vec<Poller>,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    core: Core,
}

impl Scheduler {
    /// A scheduler over these accounts; nothing runs yet.
    pub fn new(accounts: Vec<Account>, store: &Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let progress = Arc::new(Progress::new(accounts.iter().map(blank).collect()));
        let poller = |(index, account): (usize, &Account)| Poller {
            index,
            provider: Arc::clone(&account.provider),
            store: Arc::clone(store),
            progress: Arc::clone(&progress),
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
        }
    }

    /// What has been done so far; shared, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Runs until `stop`; then lets polls in flight end within `grace` and drops the rest, which keep their watermarks.
    pub async fn run(mut self, stop: CancellationToken, grace: Duration) {
        let (found, mut catalogues) = mpsc::channel(CATALOGUES_WAITING);
        let mut listings = self.list_all(&found, &stop);
        let mut polls: JoinSet<GroupKey> = JoinSet::new();
        loop {
            self.start_due(&mut polls);
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(self.until_next()) => {}
                Some((account, catalogue)) = catalogues.recv() => self.learn(account, catalogue),
                Some(ended) = polls.join_next() => self.ended(ended),
            }
        }
        listings.shutdown().await;
        let in_flight = polls.len();
        if timeout(grace, async { while polls.join_next().await.is_some() {} })
            .await
            .is_err()
        {
            tracing::warn!(
                in_flight,
                left = polls.len(),
                "polls did not end within the grace and were dropped"
            );
        }
        polls.shutdown().await;
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
        self.progress.update(account, |a| {
            a.targets = targets;
            a.series = series;
        });
    }

    fn start_due(&mut self, polls: &mut JoinSet<GroupKey>) {
        let now = self.clock.now();
        for key in self.core.tick(now) {
            let Some(poller) = self.pollers.get(key.account).cloned() else {
                continue;
            };
            let account = poller.provider.account().clone();
            let due = self
                .core
                .due(&key, now, |target| poller.store.watermark(&account, target));
            polls.spawn(async move {
                if let Some(group) = due.first().map(|d| Arc::clone(&d.target.group)) {
                    poller.poll(&group, &due).await;
                }
                key
            });
        }
    }

    fn ended(&mut self, ended: Result<GroupKey, tokio::task::JoinError>) {
        match ended {
            Ok(key) => self.core.finished(&key, self.clock.now(), false),
            // A panic in a provider is a fault of ours; it ends the daemon by name instead of a silent account.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn until_next(&self) -> Duration {
        let now = self.clock.now();
        self.core
            .next_due()
            .map_or(LONGEST_SLEEP, |next| next.since(now))
            .min(LONGEST_SLEEP)
    }
}

/// Lists one account again and again.
struct Lister {
    poller: Poller,
    every: Duration,
    found: mpsc::Sender<(usize, Catalogue)>,
}

impl Lister {
    async fn run(self, stop: CancellationToken) {
        loop {
            let complete = self.once().await;
            let pause = if complete {
                self.every
            } else {
                self.every.min(LISTING_PAUSE)
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// True when every scope could be listed.
    async fn once(&self) -> bool {
        let mut scopes = self.poller.provider.discover();
        let (mut listed, mut complete) = (0, true);
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => {
                    listed += 1;
                    for skipped in &catalogue.skipped {
                        self.poller.left_out(skipped);
                    }
                    if self.found.send((self.poller.index, catalogue)).await.is_err() {
                        return false;
                    }
                }
                Err(error) => {
                    complete = false;
                    self.poller.failed(&error);
                }
            }
        }
        self.poller.progress.update(self.poller.index, |a| {
            a.discoveries += 1;
            a.scopes_ok = listed;
        });
        complete
    }
}

fn blank(account: &Account) -> AccountProgress {
    AccountProgress {
        name: account.provider.account().to_string(),
        cloud: account.provider.cloud().as_str(),
        ..AccountProgress::default()
    }
}
