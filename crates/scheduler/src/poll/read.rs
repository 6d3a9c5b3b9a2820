//! One call of a job: its points into the store as they come, and its young ones to those who watch them.

use super::Poller;
use crate::core::{Job, Lane};
use intake::{Arrived, Look, Missed, Read, Sightings, Taker, Terms};
use provider_api::{Batch, Call, Failure, TargetId, UnixNanos};
use store::{Change, Lane as History, StoreError};

/// Takes the points of one call into the store.
struct Taking<'a> {
    poller: &'a Poller,
    job: &'a Job,
    terms: &'a Terms,
    call: &'a Call,
    sightings: Sightings,
}

impl Poller {
    /// Reads a call to its end; returns what of it was not got as well.
    pub(super) async fn read(
        &self,
        job: &Job,
        terms: &Terms,
        settled: UnixNanos,
        call: &Call,
    ) -> (Read<StoreError>, Option<Missed>) {
        let mut taking = Taking {
            poller: self,
            job,
            terms,
            call,
            sightings: Sightings::of(self.watched(job, call)),
        };
        let read = self.intake.read(call, settled, &mut taking).await;
        let mut missed = None;
        for failure in &read.failed {
            self.refused(job, call, failure);
        }
        for failure in read.failed.iter().chain(&read.silent) {
            let later = Missed::target(self.intake.clock.now(), call, failure);
            Missed::add(&mut missed, later);
        }
        (read, missed)
    }

    /// Old points teach nothing about young ones.
    fn watched(&self, job: &Job, call: &Call) -> Vec<TargetId> {
        match job.lane {
            Lane::Fresh { .. } => {
                let namespace = &job.group.namespace;
                let cloud = self.intake.provider.cloud();
                self.learner.watched(cloud, namespace, &call.targets)
            }
            Lane::Backlog { .. } => Vec::new(),
        }
    }

    /// A target that failed within a call that went on is asked for with the others, until it is left out.
    fn refused(&self, job: &Job, call: &Call, failure: &Failure) {
        let left_out = self
            .troubled
            .failed(&call.scope, failure.target, &failure.kind, false);
        let mut targets = call.targets.iter();
        if let Some(target) = targets.find(|target| target.id == failure.target) {
            self.troubles(&job.key.name, target, left_out, &failure.message);
        }
    }
}

#[async_trait::async_trait]
impl Taker for Taking<'_> {
    type Error = StoreError;

    fn look(&mut self, batch: &Batch) {
        let poller = self.poller;
        poller.troubled.answered(&batch.complete);
        self.sightings.see(&batch.series);
        let look = Look {
            at: poller.skew.corrected(poller.intake.clock.now()),
            window: self.call.window,
            probing: self.terms.probing,
        };
        let cloud = poller.intake.provider.cloud();
        for target in &batch.complete {
            if let Some(seen) = self.sightings.complete(*target) {
                poller.learner.look(cloud, &self.job.group, *target, look, seen);
            }
        }
    }

    async fn take(&mut self, arrived: Arrived) -> Result<u64, StoreError> {
        let (poller, group) = (self.poller, &self.terms.group);
        let change = Change {
            account: poller.account(),
            lane: History::Live,
            group,
            window: arrived.window,
            points: arrived.points,
            complete: arrived.complete,
        };
        let done = poller.store.commit(change).await?;
        let intake = &poller.intake;
        let cloud = intake.provider.cloud();
        poller.learner.late(intake.clock.now(), cloud, group, &done);
        let account = intake.account();
        intake
            .progress
            .update(account, |a| a.committed(&group.name, &done));
        Ok(done.fresh)
    }
}
