//! One call: its batches into the store as they come, and its young points to those who watch them.

use super::Poller;
use crate::core::{Job, Lane};
use crate::failing::Missed;
use crate::settle::{Look, Sightings, Terms};
use futures::StreamExt as _;
use provider_api::{
    Batch, Call, ErrorKind, Failure, ProviderError, SeriesPoints, TargetId, UnixNanos, Window,
};
use std::collections::HashSet;
use store::{Change, Lane as History, StoreError};

/// Why a call ended early.
#[derive(Debug)]
pub(super) enum Broken {
    Provider(ProviderError),
    Store(StoreError),
}

/// What a call that came to its end brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    /// Targets that were answered in full.
    pub(super) completed: usize,
    /// Points taken.
    pub(super) points: u64,
    /// Targets that were not.
    pub(super) missed: Option<Missed>,
}

/// The parts of a job that a call needs.
struct Reading<'a> {
    job: &'a Job,
    terms: &'a Terms,
    call: &'a Call,
    settled: UnixNanos,
    sightings: Sightings,
    silent: HashSet<TargetId>,
    missed: Option<Missed>,
}

impl Poller {
    /// Reads a call to its end.
    pub(super) async fn read(
        &self,
        job: &Job,
        terms: &Terms,
        settled: UnixNanos,
        call: &Call,
    ) -> Result<Read, Broken> {
        let mut reading = Reading {
            job,
            terms,
            call,
            settled,
            sightings: Sightings::of(self.watched(job, call)),
            silent: call.targets.iter().map(|t| t.id).collect(),
            missed: None,
        };
        let mut read = Read::default();
        let mut batches = self.provider.fetch(call);
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(Broken::Provider)?;
            read.completed += batch.complete.len();
            read.points += self.take(&mut reading, batch).await.map_err(Broken::Store)?;
        }
        self.not_answered(&mut reading);
        read.missed = reading.missed;
        Ok(read)
    }

    /// Old points teach nothing about young ones.
    fn watched(&self, job: &Job, call: &Call) -> Vec<TargetId> {
        match job.lane {
            Lane::Fresh { .. } => {
                let namespace = &job.group.namespace;
                self.learner
                    .watched(self.provider.cloud(), namespace, &call.targets)
            }
            Lane::Backlog { .. } => Vec::new(),
        }
    }

    /// Returns how many points were taken.
    async fn take(&self, reading: &mut Reading<'_>, mut batch: Batch) -> Result<u64, StoreError> {
        for skipped in &batch.skipped {
            self.left_out(skipped);
        }
        for failure in &batch.failed {
            reading.silent.remove(&failure.target);
            self.target_failed(&reading.terms.group.name, failure);
            self.refused(reading, failure);
            let missed = Missed::target(self.clock.now(), reading.call, failure);
            Missed::add(&mut reading.missed, missed);
        }
        self.troubled.answered(&batch.complete);
        self.watch(reading, &batch);
        let taken = reading.call.window.end().min(reading.settled);
        let Some(window) = Window::new(reading.call.window.start(), taken) else {
            return Ok(0);
        };
        clip(&mut batch.series, taken);
        let change = Change {
            account: self.account(),
            lane: History::Live,
            group: &reading.terms.group,
            window,
            points: batch.series,
            complete: batch.complete,
        };
        self.commit(change).await
    }

    /// A target that failed within a call that went on is asked for with the others, until it is left out.
    fn refused(&self, reading: &Reading<'_>, failure: &Failure) {
        let scope = &reading.call.scope;
        let left_out = self.troubled.failed(scope, failure.target, &failure.kind, false);
        let mut targets = reading.call.targets.iter();
        if let Some(target) = targets.find(|target| target.id == failure.target) {
            self.troubles(&reading.job.key.name, target, left_out, &failure.message);
        }
    }

    fn watch(&self, reading: &mut Reading<'_>, batch: &Batch) {
        let (cloud, group) = (self.provider.cloud(), &reading.job.group);
        reading.sightings.see(&batch.series);
        let look = Look {
            at: self.skew.corrected(self.clock.now()),
            window: reading.call.window,
            probing: reading.terms.probing,
        };
        for target in &batch.complete {
            reading.silent.remove(target);
            if let Some(seen) = reading.sightings.complete(*target) {
                self.learner.look(cloud, group, *target, look, seen);
            }
        }
    }

    async fn commit(&self, change: Change<'_>) -> Result<u64, StoreError> {
        let group = change.group;
        let done = self.store.commit(change).await?;
        let cloud = self.provider.cloud();
        self.learner.late(self.clock.now(), cloud, group, &done);
        self.progress
            .update(self.account(), |a| a.committed(&group.name, &done));
        Ok(done.fresh)
    }

    /// An answer that ends well and says nothing of a target is no answer: the target is asked for again.
    fn not_answered(&self, reading: &mut Reading<'_>) {
        if let Some(&target) = reading.silent.iter().next() {
            let message = format!(
                "{} said nothing of {} of the {} targets it was asked for",
                reading.call.operation,
                reading.silent.len(),
                reading.call.targets.len()
            );
            let kind = ErrorKind::BadResponse;
            let failure = Failure {
                target,
                kind,
                message,
            };
            self.target_failed(&reading.terms.group.name, &failure);
            let missed = Missed::target(self.clock.now(), reading.call, &failure);
            Missed::add(&mut reading.missed, missed);
        }
    }
}

/// What ends later than `taken` is not taken yet.
fn clip(series: &mut Vec<SeriesPoints>, taken: UnixNanos) {
    for one in &mut *series {
        one.points.retain(|point| point.end <= taken);
    }
    series.retain(|one| !one.points.is_empty());
}
