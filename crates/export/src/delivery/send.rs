//! One attempt to send, and what is learnt from it.

use super::trouble::{Failure, Troubled};
use super::{Delivery, STOP_GRACE, Source, Stopped};
use crate::encode::Encoded;
use crate::transport::Verdict;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

impl<S: Source> Delivery<S> {
    /// One attempt. What is taken is counted; nothing = it is settled.
    pub(super) async fn carry(
        &mut self,
        part: &Encoded,
        item: &mut Troubled,
        stop: &CancellationToken,
    ) -> Result<Option<Failure>, Stopped> {
        let verdict = self.attempt(part, stop).await?;
        match &verdict {
            Verdict::Delivered { rejected, message } => {
                if let Some(outage) = self.watch.answered() {
                    self.watch.recovered(outage, self.source.waiting().await);
                }
                self.flows();
                let kept = self.rejected_deltas(part, *rejected, message);
                item.deltas += kept;
                self.watch.taken(part, *rejected, kept, message);
            }
            Verdict::Drop { why } => self.watch.gave_up(part, why),
            Verdict::Retry { .. } | Verdict::Hold { .. } | Verdict::Refused { .. } => {}
        }
        Ok(Failure::of(verdict))
    }

    /// Points were taken: what failed while none were is worth another try.
    pub(super) fn flows(&mut self) {
        let now = Instant::now();
        if !self.flow.others {
            self.troubled.iter_mut().for_each(|item| item.next = now);
        }
        (self.flow.taken, self.flow.others) = (Some(now), true);
    }

    /// Whether a request without points is taken.
    pub(super) async fn takes_empty(&mut self, stop: &CancellationToken) -> Result<bool, Stopped> {
        let Some(empty) = crate::pick::empty() else {
            return Ok(false);
        };
        let verdict = self.attempt(&empty, stop).await?;
        Ok(matches!(verdict, Verdict::Delivered { .. }))
    }

    /// One attempt; after `stop` it has a grace to end.
    pub(super) async fn attempt(&self, part: &Encoded, stop: &CancellationToken) -> Result<Verdict, Stopped> {
        if stop.is_cancelled() {
            return Err(Stopped);
        }
        let span = tracing::info_span!(
            "export",
            otel.kind = "client",
            destination = self.watch.name(),
            points = part.points,
            outcome = Empty,
        );
        let mut attempt = self.transport.deliver(part).instrument(span.clone());
        let verdict = tokio::select! {
            verdict = &mut attempt => Ok(verdict),
            () = stop.cancelled() => timeout(STOP_GRACE, &mut attempt).await.map_err(|_| Stopped),
        };
        span.record("outcome", verdict.as_ref().map_or("stopped", Verdict::label));
        verdict
    }
}
