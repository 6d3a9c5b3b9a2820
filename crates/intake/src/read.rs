//! One call: its batches taken as they come, and all that it did not bring.
//!
//! This is the one place that turns an answer into points, for whoever has asked: the daemon, `backfill`, `collect`. What
//! becomes of the points is left to a [`Taker`]; what is asked again, and when, to the caller.

use crate::Intake;
use futures::StreamExt as _;
use provider_api::{
    Batch, Call, ErrorKind, Failure, ProviderError, SeriesPoints, Skipped, TargetId, UnixNanos, Window,
};
use std::collections::HashSet;

/// Who takes what arrives.
#[async_trait::async_trait]
pub trait Taker: Send {
    /// Why points could not be taken.
    type Error: Send;

    /// A part of an answer as it came, also what is too young to be taken.
    fn look(&mut self, batch: &Batch);

    /// Takes the points. Returns how many of them were new.
    async fn take(&mut self, arrived: Arrived) -> Result<u64, Self::Error>;
}

/// A part of an answer, as far as it is settled.
#[derive(Debug)]
pub struct Arrived {
    /// What was asked for; no point lies outside it.
    pub window: Window,
    /// Points as the cloud gave them.
    pub points: Vec<SeriesPoints>,
    /// Targets of which everything in the window has now been handed over.
    pub complete: Vec<TargetId>,
}

/// Why a call ended early.
#[derive(Debug)]
pub enum Broken<E> {
    /// The cloud: what was taken before stands.
    Provider(ProviderError),
    /// The taker.
    Taker(E),
}

/// What a call brought and what it did not. Failed targets and skipped points have been logged and counted.
#[must_use = "what an answer lacks has to be told"]
#[derive(Debug)]
pub struct Read<E> {
    /// Targets that were answered in full.
    pub completed: Vec<TargetId>,
    /// Points that were new.
    pub points: u64,
    /// Points that were no points.
    pub skipped: Vec<Skipped>,
    /// Targets that failed by themselves.
    pub failed: Vec<Failure>,
    /// One failure for all targets of which a call that came to its end said nothing.
    pub silent: Option<Failure>,
    /// Why the call ended early, if it did.
    pub broken: Option<Broken<E>>,
}

impl<E> Read<E> {
    /// How many parts of what was asked for are missing: the call, targets of it, metrics without all of their points.
    pub fn missing(&self) -> usize {
        let lost = self.skipped.iter().filter(|skipped| skipped.reason.loses());
        let ended_early = usize::from(self.broken.is_some());
        self.failed.len() + usize::from(self.silent.is_some()) + lost.count() + ended_early
    }
}

/// By hand: an error need have no default.
impl<E> Default for Read<E> {
    fn default() -> Self {
        Self {
            completed: Vec::new(),
            points: 0,
            skipped: Vec::new(),
            failed: Vec::new(),
            silent: None,
            broken: None,
        }
    }
}

impl Intake {
    /// Reads a call to its end, or until it breaks. Points that end after `settled` are looked at and not taken.
    pub async fn read<T: Taker>(&self, call: &Call, settled: UnixNanos, taker: &mut T) -> Read<T::Error> {
        let mut silent: HashSet<TargetId> = call.targets.iter().map(|target| target.id).collect();
        let mut read = Read::default();
        let mut batches = self.provider.fetch(call);
        while let Some(batch) = batches.next().await {
            let taken = match batch {
                Ok(batch) => {
                    let answered = batch.failed.iter().map(|failure| &failure.target);
                    for target in answered.chain(&batch.complete) {
                        silent.remove(target);
                    }
                    self.take(call, settled, batch, taker, &mut read).await
                }
                Err(error) => Err(Broken::Provider(error)),
            };
            if let Err(broken) = taken {
                read.broken = Some(broken);
                return read;
            }
        }
        read.silent = unanswered(call, &silent);
        if let Some(failure) = &read.silent {
            self.target_failed(call, failure);
        }
        read
    }

    async fn take<T: Taker>(
        &self,
        call: &Call,
        settled: UnixNanos,
        mut batch: Batch,
        taker: &mut T,
        read: &mut Read<T::Error>,
    ) -> Result<(), Broken<T::Error>> {
        taker.look(&batch);
        for skipped in batch.skipped.drain(..) {
            self.skipped(&skipped);
            add(&mut read.skipped, skipped);
        }
        for failure in batch.failed.drain(..) {
            self.target_failed(call, &failure);
            read.failed.push(failure);
        }
        let Some(arrived) = arrived(call.window, settled, batch) else {
            return Ok(());
        };
        let complete = arrived.complete.clone();
        read.points += taker.take(arrived).await.map_err(Broken::Taker)?;
        read.completed.extend(complete);
        Ok(())
    }
}

/// As many entries as there are metrics and reasons, however many batches name them.
fn add(all: &mut Vec<Skipped>, skipped: Skipped) {
    let known = all
        .iter_mut()
        .find(|one| one.reason == skipped.reason && one.metric == skipped.metric);
    match known {
        Some(one) => one.points = one.points.saturating_add(skipped.points),
        None => all.push(skipped),
    }
}

/// What of a batch is settled; nothing when nothing of the window is.
fn arrived(window: Window, settled: UnixNanos, batch: Batch) -> Option<Arrived> {
    let end = window.end().min(settled);
    let window = Window::new(window.start(), end)?;
    let mut points = batch.series;
    for one in &mut points {
        one.points.retain(|point| point.end <= end);
    }
    points.retain(|one| !one.points.is_empty());
    Some(Arrived {
        window,
        points,
        complete: batch.complete,
    })
}

/// An answer that ends well and says nothing of a target is no answer.
fn unanswered(call: &Call, silent: &HashSet<TargetId>) -> Option<Failure> {
    let first = call.targets.iter().find(|target| silent.contains(&target.id))?;
    let (asked, without) = (call.targets.len(), silent.len());
    Some(Failure {
        target: first.id,
        kind: ErrorKind::BadResponse,
        message: format!("no answer for {without} of {asked} targets"),
    })
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
