//! What becomes of a batch that was not taken: looked into, parted from its deltas, or put aside for later.

use super::trouble::{Failure, Kind, Troubled};
use super::{Delivery, Source, Stopped};
use crate::deltas::{Parted, part};
use crate::encode::Encoded;
use crate::refusal::{Refusal, refuses_deltas};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

impl<S: Source> Delivery<S> {
    /// Reacts to a failure.
    pub(super) async fn trouble(
        &mut self,
        mut item: Troubled,
        failure: Failure,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        match failure.kind {
            Kind::Refused(Refusal::Deltas) => {
                self.refuses_deltas(&failure.why);
                if item.deltas_only || !Self::strip(&mut item) {
                    self.finish(item).await;
                } else if item.deltas == 0 {
                    let kind = Kind::Refused(Refusal::Points { account: false });
                    return self.look_into(item, Failure { kind, ..failure }, stop).await;
                } else {
                    return Box::pin(self.again_at_once(item, stop)).await;
                }
            }
            Kind::Refused(Refusal::Order { rest_stored: true }) => {
                if let Some(part) = item.rest.pop() {
                    self.watch.stored_but_some(&part, &failure.why);
                }
                return Box::pin(self.again_at_once(item, stop)).await;
            }
            Kind::Refused(Refusal::Order { rest_stored: false }) => {
                return self.sieve(item, &failure.why, stop).await;
            }
            Kind::Refused(_) if !item.searched => return self.look_into(item, failure, stop).await,
            Kind::Refused(_) | Kind::Passing | Kind::Held => self.put_aside(item, failure),
        }
        Ok(())
    }

    /// What is left of a batch, without waiting.
    pub(super) async fn again_at_once(
        &mut self,
        mut item: Troubled,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        item.next = Instant::now();
        self.again(item, stop).await
    }

    /// Keeps a batch for later. Others are not thought to be taken any more until one is.
    pub(super) fn put_aside(&mut self, mut item: Troubled, failure: Failure) {
        let now = Instant::now();
        let new = item.attempts == 0;
        item.failed(failure, now, &self.waits, fastrand::f64());
        if new {
            self.flow.others = false;
        }
        if self.flow.others {
            self.watch.counted(&item.failure.why);
        } else {
            if new {
                self.flow.probe_at = Some(now + item.others_after(&self.waits));
            }
            self.watch.failed(item.needs_somebody(), &item.failure.why);
        }
        self.troubled.push(item);
    }

    /// All of it was delivered or dropped, but for its deltas where those are refused.
    pub(super) async fn finish(&mut self, item: Troubled) {
        if item.deltas > 0 {
            self.source.keep_deltas(item.sequence, item.deltas).await;
        } else if !(item.deltas_only && self.no_deltas.is_some()) {
            self.source.done(item.sequence).await;
        }
        self.watch.stats().waiting(None);
    }

    /// Leaves the deltas of a batch where they are; false when nothing else is in it.
    pub(super) fn strip(item: &mut Troubled) -> bool {
        if item.deltas_only {
            return false;
        }
        let mut rest = Vec::with_capacity(item.rest.len());
        for whole in std::mem::take(&mut item.rest) {
            match part(&whole) {
                Ok(Parted::Both(others, deltas)) => {
                    item.deltas += deltas.points;
                    rest.push(others);
                }
                Ok(Parted::OnlyDeltas) => item.deltas += whole.points,
                // What cannot be read is the transport's to tell.
                Ok(Parted::NoDeltas) | Err(_) => rest.push(whole),
            }
        }
        item.rest = rest;
        !item.rest.is_empty()
    }

    pub(super) fn refuses_deltas(&mut self, why: &str) {
        self.no_deltas = Some(Instant::now() + self.waits.deltas_every);
        self.watch.refused(|stats| &stats.split, why);
        self.watch.no_deltas(why);
    }

    pub(super) fn takes_deltas_again(&mut self) {
        self.no_deltas = None;
        self.watch.deltas_again();
    }

    /// Delta points that a partial success has not taken.
    pub(super) fn rejected_deltas(&mut self, sent: &Encoded, rejected: i64, message: &str) -> u32 {
        if rejected <= 0 || !refuses_deltas(message) {
            return 0;
        }
        self.refuses_deltas(message);
        match part(sent) {
            Ok(Parted::Both(_, deltas)) => deltas.points,
            Ok(Parted::OnlyDeltas) => sent.points,
            Ok(Parted::NoDeltas) | Err(_) => 0,
        }
    }
}
