//! The tokio shell: wakes when a group is due, runs its job, takes on and lets go of accounts, and stops in order.

use crate::account::Account;
use crate::core::{Core, GroupKey, Job};
use crate::handle::{COMMANDS_WAITING, Command, Handle};
use crate::listed::Listed;
use crate::lister::Lister;
use crate::poll::{Left, Poller};
use crate::roster::{Number, Roster};
use intake::{Clock, Intake, Learner, Progress};
use provider_api::{AccountId, Catalogue, UnixNanos};
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Catalogues waiting to be taken in; one per scope is large, so few.
const CATALOGUES_WAITING: usize = 4;

/// Longest sleep, so that a stepped clock is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Why the scheduler ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store cannot take points any more.
    #[error("polling {group} of account {account} ended")]
    Store {
        /// Whose points could not be taken.
        account: String,
        /// Which of them: a group, or a scope that was listed.
        group: Arc<str>,
        /// Why.
        source: StoreError,
    },
    /// A poll or a listing has panicked, a fault of ours.
    #[error("a poll or a listing panicked")]
    Panicked(#[source] JoinError),
}

type Found = (AccountId, Number, Catalogue);
type Ended = (Number, GroupKey, Result<Left, StoreError>);

/// Polls all accounts until told to stop.
#[derive(Debug)]
pub struct Scheduler {
    accounts: Vec<Account>,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
    learner: Arc<Learner>,
    listed: Arc<Listed>,
    store: Arc<Store>,
    core: Core,
    roster: Roster,
    handle: Handle,
    commands: mpsc::Receiver<Command>,
}

/// What runs beside the loop.
#[derive(Debug)]
struct Tasks {
    jobs: JoinSet<Ended>,
    listings: JoinSet<Result<(), RunError>>,
    found: mpsc::Sender<Found>,
    stop: CancellationToken,
}

impl Scheduler {
    /// A scheduler over these accounts; nothing runs yet.
    pub fn new(accounts: Vec<Account>, store: &Arc<Store>, clock: Arc<dyn Clock>) -> Self {
        let progress = Arc::new(Progress::default());
        for account in &accounts {
            progress.enlist(account.provider.as_ref());
        }
        let (sender, commands) = mpsc::channel(COMMANDS_WAITING);
        Self {
            accounts,
            clock,
            progress,
            learner: Arc::default(),
            listed: Arc::default(),
            store: Arc::clone(store),
            core: Core::default(),
            roster: Roster::default(),
            handle: Handle::new(sender),
            commands,
        }
    }

    /// What has been done so far; shared, to be read while it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Changes its accounts while it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `stop`, or until the store cannot go on; then lets jobs in flight end within `grace` and drops the
    /// rest, which keep their watermarks.
    pub async fn run(mut self, stop: CancellationToken, grace: Duration) -> Result<(), RunError> {
        let (found, mut catalogues) = mpsc::channel(CATALOGUES_WAITING);
        let mut tasks = Tasks {
            jobs: JoinSet::new(),
            listings: JoinSet::new(),
            found,
            // Ends the jobs also when this ends by itself.
            stop: stop.child_token(),
        };
        for account in std::mem::take(&mut self.accounts) {
            self.put(account, &mut tasks);
        }
        let ended = self.until_stopped(&mut catalogues, &mut tasks).await;
        tasks.stop.cancel();
        tasks.listings.shutdown().await;
        finish(tasks.jobs, grace).await;
        ended
    }

    async fn until_stopped(
        &mut self,
        catalogues: &mut mpsc::Receiver<Found>,
        tasks: &mut Tasks,
    ) -> Result<(), RunError> {
        let clock = Arc::clone(&self.clock);
        let progress = Arc::clone(&self.progress);
        loop {
            self.start_due(tasks);
            progress.turn();
            self.listed.rest(clock.now());
            let wake_at = self.wake_at();
            tokio::select! {
                () = tasks.stop.cancelled() => return Ok(()),
                Some(found) = catalogues.recv() => self.learn(found),
                Some(ended) = tasks.jobs.join_next_with_id() => self.ended(ended)?,
                Some(ended) = tasks.listings.join_next() => listing_ended(ended)?,
                Some(command) = self.commands.recv() => self.obey(command, tasks),
                () = progress.asked() => {}
                () = clock.sleep_until(wake_at) => {}
            }
        }
    }

    fn obey(&mut self, command: Command, tasks: &mut Tasks) {
        // Whoever has stopped waiting is told nothing.
        match command {
            Command::Put(account, done) => {
                self.put(account, tasks);
                done.send(()).ok();
            }
            Command::Remove(account, done) => {
                self.remove(&account);
                self.progress.strike(&account);
                done.send(()).ok();
            }
            Command::Poll(account, reply) => {
                let due = self.core.poll_now(self.clock.now(), account.as_ref());
                reply.send(due).ok();
            }
        }
    }

    /// Takes an account on; one of the same name ends.
    fn put(&mut self, account: Account, tasks: &mut Tasks) {
        let before = self.roster.poller(account.provider.account());
        let lasting = before.map(|(_, poller)| poller.intake.notices.lasting());
        self.remove(account.provider.account());
        self.progress.enlist(account.provider.as_ref());
        let number = self.roster.number();
        let poller = Poller {
            intake: Intake {
                provider: account.provider,
                progress: Arc::clone(&self.progress),
                notices: Arc::new(lasting.unwrap_or_default()),
                clock: Arc::clone(&self.clock),
            },
            skew: account.skew,
            budget: account.budget,
            store: Arc::clone(&self.store),
            learner: Arc::clone(&self.learner),
            troubled: Arc::default(),
        };
        let lister = Lister {
            poller: poller.clone(),
            number,
            every: account.discover_every,
            found: tasks.found.clone(),
            listed: Arc::clone(&self.listed),
        };
        let listing = tasks.listings.spawn(lister.run(tasks.stop.clone()));
        self.roster.add(number, poller, listing);
    }

    /// Ends an account's tasks and forgets its groups.
    fn remove(&mut self, account: &AccountId) {
        if let Some(dropped) = self.roster.remove(account) {
            self.core.forget(account);
            tracing::debug!(%account, jobs = dropped, "account ended");
        }
    }

    fn learn(&mut self, (account, number, catalogue): Found) {
        if !self.roster.is_current(&account, number) {
            return;
        }
        let scope = catalogue.scope.clone();
        self.core.learn(self.clock.now(), &account, catalogue);
        let (targets, series) = self.core.targets(&account);
        let core = &self.core;
        if let Some((_, poller)) = self.roster.poller(&account) {
            poller.troubled.listed(&scope);
            poller.budget.retain(|group| core.has_group(&account, group));
        }
        self.progress.update(&account, |a| {
            a.targets = targets;
            a.series = series;
            a.groups.retain(|name, _| core.has_group(&account, name));
        });
    }

    /// Polls go first; then backlogs whose turn it is.
    fn start_due(&mut self, tasks: &mut Tasks) {
        let mut due = self.core.tick(self.clock.now());
        // The spool is a queue: what lies behind would stand in it before the polls to come.
        if self.store.keeps_up() {
            due.extend(self.core.backlogs());
        }
        self.progress.set_ticks_skipped(self.core.ticks_skipped());
        for job in due {
            self.start(job, tasks);
        }
    }

    fn start(&mut self, job: Job, tasks: &mut Tasks) {
        let account = job.key.account.clone();
        let Some((number, poller)) = self.roster.poller(&account) else {
            return;
        };
        self.progress.update(&account, |a| a.in_flight += 1);
        let stop = tasks.stop.clone();
        let begun = tasks.jobs.spawn(async move {
            let ended = poller.run(&job, &stop).await;
            (number, job.key, ended)
        });
        self.roster.began(&account, begun);
    }

    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) -> Result<(), RunError> {
        let (id, (number, key, ended)) = match ended {
            Ok(ended) => ended,
            Err(error) if error.is_cancelled() => return Ok(()),
            Err(error) => return Err(RunError::Panicked(error)),
        };
        let left = ended.map_err(|source| RunError::Store {
            account: key.account.to_string(),
            group: Arc::clone(&key.name),
            source,
        })?;
        if self.roster.is_current(&key.account, number) {
            self.roster.ended(&key.account, id);
            self.progress.update(&key.account, |a| a.in_flight -= 1);
            if let Some(until) = left.held {
                self.core.held_back(&key, until);
            }
            self.core.ended(&key, left.behind);
            let next = self.core.next_poll(&key.account);
            self.progress.update(&key.account, |a| a.next_poll = next);
        }
        Ok(())
    }

    fn wake_at(&self) -> UnixNanos {
        let latest = self.clock.now().plus(LONGEST_SLEEP);
        self.core.next_due().map_or(latest, |next| next.min(latest))
    }
}

/// A lister ends when it is told to; that of an account which has gone is cut off.
fn listing_ended(ended: Result<Result<(), RunError>, JoinError>) -> Result<(), RunError> {
    match ended {
        Err(error) if !error.is_cancelled() => Err(RunError::Panicked(error)),
        Err(_) => Ok(()),
        Ok(ended) => ended,
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
