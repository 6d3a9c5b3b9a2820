//! What a job has to say: counters, and log lines that do not repeat themselves.

use super::{Asked, Outcome, Poller};
use crate::core::{Hole, Job};
use intake::{CLOCKS_APART, Changed, Terms};
use provider_api::{Target, UnixNanos};
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;

impl Poller {
    /// A fresh poll has ended.
    pub(super) fn polled(&self, now: UnixNanos, terms: &Terms, asked: &Asked) {
        self.intake.progress.update(self.account(), |a| {
            a.polls += 1;
            let group = a.group(&terms.group.name);
            group.last_poll = Some(now);
            group.window_end = Some(asked.settled);
            group.behind = asked.behind;
            group.settle = terms.group.settle;
            group.lookback = terms.group.lookback;
        });
        self.intake
            .progress
            .namespace(self.learner.status(self.intake.provider.cloud(), terms));
    }

    /// What its last poll did not get fails, and nothing else does.
    pub(super) fn missed(&self, job: &Job, outcome: &Outcome) {
        let missed = outcome.missed.clone();
        if missed.is_none() {
            self.intake.worked(&job.key.name, &[]);
        }
        self.intake.progress.update(self.account(), |a| {
            let group = a.group(&job.key.name);
            group.scope = Some(job.key.scope.clone());
            group.answered = outcome.completed > 0 || missed.is_none();
            group.failing = missed.map(|missed| missed.into_fails(group.failing.as_ref()));
        });
    }

    /// Windows go by the cloud's clock; everything else on this machine goes by its own.
    pub(super) fn compare_clocks(&self) {
        // Not when the poll began: however long it took, both clocks are read at one moment.
        let now = self.intake.clock.now();
        let Some(ahead) = self.skew.ahead_nanos(now) else {
            return;
        };
        let apart = Duration::from_nanos(ahead.unsigned_abs());
        if apart < CLOCKS_APART {
            return;
        }
        if let Some(since) = self.intake.notices.due("clocks apart".to_owned(), now) {
            let (seconds, side) = (apart.as_secs(), if ahead > 0 { "behind" } else { "ahead of" });
            tracing::warn!(account = %self.intake.provider.account(), since, "this machine's clock is {seconds} s {side} the cloud's, which points are asked for by; set it, for example with chrony or systemd-timesyncd");
        }
    }

    pub(super) fn lost(&self, group: &Arc<str>, hole: &Hole, targets: usize) {
        let seconds = hole.lost.as_secs();
        self.intake
            .progress
            .update(self.account(), |a| a.lost_seconds += seconds);
        let event = format!("{group} lost");
        if let Some(since) = self.intake.notices.due(event, self.intake.clock.now()) {
            let account = self.account();
            tracing::warn!(%account, %group, targets, seconds, from = ?hole.skip.start(), to = ?hole.skip.end(), since, "account {account}: data lost: {seconds} s of {group} expired at the source before they could be fetched");
        }
    }

    pub(super) fn settle_changed(&self, namespace: &str, changed: Changed) {
        let before = changed.before.map(|before| before.as_secs());
        tracing::info!(cloud = %self.intake.provider.cloud(), namespace, before_s = before, settle_s = changed.after.as_secs(), "settle of {namespace} learned: points are final after {} s", changed.after.as_secs());
    }

    pub(super) fn store_failed(&self, job: &Job, error: &StoreError) {
        let event = format!("store {error}");
        if let Some(since) = self.intake.notices.due(event, self.intake.clock.now()) {
            let account = self.account();
            tracing::warn!(%account, group = %job.key.name, since, "account {account}: polling paused, retrying: {error}");
        }
    }

    /// Says once that a target is left out.
    pub(super) fn troubles(&self, group: &Arc<str>, target: &Target, left_out: bool, why: &str) {
        if !left_out {
            return;
        }
        let event = format!("{group} target left out");
        if let Some(since) = self.intake.notices.due(event, self.intake.clock.now()) {
            let (account, what) = (self.account(), target.detail.describe());
            tracing::warn!(
                %account, %group, target = what, since, why,
                "account {account}: {what} refused twice in a row; left out until the next listing"
            );
        }
    }
}
