//! A batch whose turn it is: a new one, or one that failed before.

use super::source::Batch;
use super::trouble::{Failure, Kind, Troubled};
use super::{Delivery, Source, Stopped};
use crate::refusal::Refusal;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

impl<S: Source> Delivery<S> {
    /// A new batch. Beside one in trouble it is a probe: when it fails as well, it stays where it is.
    pub(super) async fn first(
        &mut self,
        sequence: u64,
        batch: Batch,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        let now = Instant::now();
        self.watch.stats().waiting(Some(batch.encoded.oldest_end));
        let probe = !self.troubled.is_empty() && !self.flow.others;
        let mut item = Troubled::new(sequence, batch, now);
        if self.strips(now) && !Self::strip(&mut item) {
            self.finish(item).await;
            return Ok(());
        }
        let asks_for_deltas = self.no_deltas.is_some() && item.deltas == 0;
        match self.carry_first(&mut item, stop).await? {
            None => {
                if asks_for_deltas && item.deltas == 0 {
                    self.takes_deltas_again();
                }
                self.finish(item).await;
            }
            Some(failure) if probe && !of_some_points(failure.kind) => {
                self.watch.counted(&failure.why);
                self.flow.probe_at = Some(Instant::now() + self.waits.hold_every);
            }
            Some(failure) => self.trouble(item, failure, stop).await?,
        }
        Ok(())
    }

    /// Carries the part whose turn it is, which is then gone from the batch; or says why not.
    pub(super) async fn carry_first(
        &mut self,
        item: &mut Troubled,
        stop: &CancellationToken,
    ) -> Result<Option<Failure>, Stopped> {
        let Some(part) = item.rest.pop() else {
            return Ok(None);
        };
        let failed = self.carry(&part, item, stop).await;
        if !matches!(failed, Ok(None)) {
            item.rest.push(part);
        }
        failed
    }

    /// A batch that failed before: taken apart when it is time, else tried as it is.
    pub(super) async fn again(
        &mut self,
        mut item: Troubled,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        let now = Instant::now();
        let others = self.flow.taken_since(item.last) || self.passes_others(&item, now, stop).await?;
        if item.comes_apart(now, others, &self.waits) {
            return self.take_apart(item, stop).await;
        }
        if item.rest.is_empty() {
            return self.ask_about_one(item, stop).await;
        }
        while !item.rest.is_empty() {
            if let Some(failure) = self.carry_first(&mut item, stop).await? {
                return self.trouble(item, failure, stop).await;
            }
        }
        if item.suspects.is_empty() {
            self.finish(item).await;
        } else {
            item.next = now;
            self.troubled.push(item);
        }
        Ok(())
    }

    /// Single points: one of them tells whether anything has changed.
    pub(super) async fn ask_about_one(
        &mut self,
        mut item: Troubled,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        let Some(suspect) = item.suspects.pop() else {
            self.finish(item).await;
            return Ok(());
        };
        let part = suspect.part.clone();
        match self.carry(&part, &mut item, stop).await? {
            Some(failure) => {
                item.suspects.push(suspect);
                self.put_aside(item, failure);
            }
            None if item.suspects.is_empty() => self.finish(item).await,
            None => self.troubled.push(item),
        }
        Ok(())
    }

    /// Where order matters nothing passes a batch that may yet be taken, so that an empty request has to tell.
    pub(super) async fn passes_others(
        &mut self,
        item: &Troubled,
        now: Instant,
        stop: &CancellationToken,
    ) -> Result<bool, Stopped> {
        Ok(self.in_order && item.lasts(now, &self.waits) && self.takes_empty(stop).await?)
    }
}

/// Whether the words tell which points are refused, so that it is the batch and not the back end.
fn of_some_points(kind: Kind) -> bool {
    matches!(kind, Kind::Refused(Refusal::Deltas | Refusal::Order { .. }))
}
