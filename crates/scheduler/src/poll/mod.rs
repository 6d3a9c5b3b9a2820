//! One job of one group: what to ask for, the calls one after the other, each batch committed as it comes.
//!
//! A store that is full or cannot write makes the job wait and begin again: progress did not advance, so the cloud is
//! asked anew. Any other failure of the store ends the daemon.

mod ask;
mod asked;
mod budget;
mod read;
mod report;

use crate::core::{Job, Lane};
use crate::troubled::Troubled;
use asked::{Asked, Asking, Spare, asked};
use gate::{Budget, Skew};
use intake::{Intake, Learner, Missed, Terms};
use provider_api::{AccountId, Call, UnixNanos};
use std::sync::Arc;
use std::time::Duration;
use store::{Change, Lane as History, Store, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// Pause before the store is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause before the store is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a group works off its backlog before the next one of its account gets its turn.
const TURN: Duration = Duration::from_secs(30);

/// What a job needs.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    /// Reads the account's answers.
    pub(crate) intake: Intake,
    pub(crate) store: Arc<Store>,
    pub(crate) learner: Arc<Learner>,
    /// How far the cloud's clock is from ours.
    pub(crate) skew: Skew,
    /// What the account may cost.
    pub(crate) budget: Budget,
    /// Targets that fail by themselves.
    pub(crate) troubled: Arc<Troubled>,
}

/// How the calls of a job went.
#[derive(Clone, Debug, Default)]
struct Outcome {
    /// Targets that were answered in full.
    completed: usize,
    /// Points taken by the calls that came to their end.
    points: u64,
    /// At least one call failed.
    failed: bool,
    /// Further calls would fail as well.
    walled: bool,
    /// What was not got.
    missed: Option<Missed>,
    /// When a call that costs too much by now may go.
    held: Option<UnixNanos>,
    /// When a call that was not sent may be.
    wait: Option<UnixNanos>,
    /// A call costs more than a whole day may.
    too_dear: bool,
}

/// What is left when a job has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Left {
    /// The group may go on with its backlog.
    pub(crate) behind: bool,
    /// When it may go on with what it could not pay for or not send by now.
    pub(crate) held: Option<UnixNanos>,
}

impl Outcome {
    /// Whether the cloud gives anything at present: the past is not asked for before the present is got.
    fn gets_through(&self) -> bool {
        !self.walled && (self.completed > 0 || !self.failed)
    }

    fn label(&self) -> &'static str {
        match (self.failed, self.completed) {
            (false, _) if self.held.is_some() || self.too_dear => "held",
            (false, _) => "ok",
            (true, 0) => "failed",
            (true, _) => "partial",
        }
    }
}

impl Poller {
    /// Whose targets it polls.
    pub(crate) fn account(&self) -> &AccountId {
        self.intake.account()
    }

    /// Runs a job to its end.
    pub(crate) async fn run(&self, job: &Job, stop: &CancellationToken) -> Result<Left, StoreError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let span = self.span(job);
            let failed = match self.once(job).instrument(span).await {
                Ok(left) => return Ok(left),
                Err(error) if error.is_retryable() => error,
                Err(error) => return Err(error),
            };
            self.store_failed(job, &failed);
            tokio::select! {
                () = stop.cancelled() => return Ok(Left::default()),
                recovered = self.until_store_recovers(pause) => recovered?,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn span(&self, job: &Job) -> Span {
        tracing::info_span!(
            "poll",
            cloud = self.intake.provider.cloud().as_str(),
            account = %self.account(),
            group = %job.key.name,
            lane = job.lane.label(),
            targets = job.targets.len(),
            outcome = Empty,
            points = Empty,
        )
    }

    async fn until_store_recovers(&self, pause: Duration) -> Result<(), StoreError> {
        self.intake
            .clock
            .sleep_until(self.intake.clock.now().plus(pause))
            .await;
        self.store.recovered().await
    }

    async fn once(&self, job: &Job) -> Result<Left, StoreError> {
        // An answer that waits for room grows old, and what it tells of the present may make a second gap.
        self.store.room().await?;
        let now = self.intake.clock.now();
        let clouds = self.skew.corrected(now);
        let terms = self.terms(job, clouds);
        let asking = self.asking(job, now, clouds);
        let apart = self.troubled.among(job.targets.iter().map(|target| target.id));
        let mut asked = asked(asking, job, &terms, &apart, |target| {
            self.store.progress(self.account(), target)
        });
        self.give_up(&terms, &asked).await?;
        let outcome = self.ask(job, &terms, &mut asked).await?;
        self.paid(job, &outcome);
        let span = Span::current();
        span.record("outcome", outcome.label());
        span.record("points", outcome.points);
        let behind = match job.lane {
            Lane::Fresh { .. } => {
                let ended = outcome.held.is_none();
                // One that got nothing for want of money has yet to come.
                if ended || outcome.completed > 0 {
                    self.polled(now, &terms, &asked);
                }
                // What was held back may still be failing.
                if ended || outcome.missed.is_some() {
                    self.missed(job, &outcome);
                }
                self.compare_clocks();
                self.weigh(&terms).await?;
                !asked.behind.is_zero() && outcome.gets_through()
            }
            // Without any headway the next poll tries again; going on at once would only repeat the failure.
            Lane::Backlog { .. } => (outcome.completed > 0 || outcome.held.is_some()) && !outcome.walled,
        };
        let held = outcome.held.into_iter().chain(outcome.wait).min();
        Ok(Left { behind, held })
    }

    fn asking(&self, job: &Job, now: UnixNanos, clouds: UnixNanos) -> Asking {
        let due = match job.lane {
            Lane::Fresh { due, .. } => due,
            Lane::Backlog { .. } => now,
        };
        Asking {
            now: clouds,
            due: clouds.minus(now.since(due)),
            spare: if self.budget.limits(job.group.entry) {
                Spare::Money
            } else {
                Spare::Time
            },
        }
    }

    fn terms(&self, job: &Job, now: UnixNanos) -> Terms {
        let fresh = match job.lane {
            Lane::Fresh { deep, poll, .. } => Some((poll, deep)),
            Lane::Backlog { .. } => None,
        };
        let cloud = self.intake.provider.cloud();
        self.learner
            .terms(&self.store, now, cloud, &job.targets, &job.group, fresh)
    }

    /// Counts what can no longer be had as taken, so that what lies beyond can be, and says so.
    async fn give_up(&self, terms: &Terms, asked: &Asked) -> Result<(), StoreError> {
        for (hole, targets) in &asked.holes {
            let change = Change {
                account: self.account(),
                lane: History::Live,
                group: &terms.group,
                window: hole.skip,
                points: Vec::new(),
                complete: targets.clone(),
            };
            self.store.commit(change).await?;
            self.lost(&terms.group.name, hole, targets.len());
        }
        Ok(())
    }

    /// When a backlog has to make way.
    fn until(&self, lane: Lane) -> Option<UnixNanos> {
        match lane {
            Lane::Fresh { .. } => None,
            Lane::Backlog { until } => Some(until.min(self.intake.clock.now().plus(TURN))),
        }
    }

    fn called(&self, lane: Lane, call: &Call) {
        if let Lane::Backlog { .. } = lane {
            tracing::debug!(window = ?call.window, targets = call.targets.len(), "backlog window fetched");
            self.intake
                .progress
                .update(self.account(), |a| a.backlog_windows += 1);
        }
    }

    /// Keeps what was learnt, now and then.
    async fn weigh(&self, terms: &Terms) -> Result<(), StoreError> {
        let (cloud, namespace) = (self.intake.provider.cloud(), &terms.group.namespace);
        let weighed = self.learner.weigh(self.intake.clock.now(), cloud, namespace);
        let Some((changed, key, value)) = weighed else {
            return Ok(());
        };
        if let Some(changed) = changed {
            self.settle_changed(namespace, changed);
        }
        match self.store.put_setting(&key, value.as_bytes()).await {
            // It is weighed and put again soon.
            Err(error) if error.is_retryable() => Ok(()),
            done => done,
        }
    }
}
