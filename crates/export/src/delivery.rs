//! Drains one destination: delivers, waits, bisects, counts.
//!
//! Every destination has its own loop and its own position in the store, so one that is down holds back nobody else.
//! Points are given up only when the back end says so.

use crate::deltas::{Parted, part, refuses_deltas};
use crate::encode::Encoded;
use crate::recode::{DecodeError, split};
use crate::stats::DeliveryStats;
use crate::transport::{Transport, Verdict};
use crate::watch::Watch;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use tracing::field::Empty;

const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A back end may ask for more patience than ours, but not for a day of it.
const AFTER_MAX: Duration = Duration::from_secs(300);
/// How often a held batch is tried again: somebody may have put the credentials right.
const HOLD_EVERY: Duration = Duration::from_secs(30);
/// How long a batch in flight may still take once we are asked to stop.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// Requests spent on finding the bad points of one batch. Finding one among 20 000 takes about 30.
const MAX_BISECT_REQUESTS: u32 = 256;

/// Where a destination's batches come from.
///
/// # Contract
/// `next` waits for the oldest batch that is not done and gives the same one again until `done` was called for it; it
/// may be dropped while it waits. Nothing = there will never be another.
#[async_trait]
pub trait Source: Send + Sync {
    /// The oldest batch that is not done.
    async fn next(&self) -> Option<(u64, Encoded)>;
    /// The batch was delivered or given up: forget it.
    async fn done(&self, sequence: u64);
    /// How many points wait, the batch that is not done among them. For the log: a close upper bound does.
    async fn waiting(&self) -> u64;
}

/// The loop of one destination.
pub struct Delivery<S> {
    transport: Arc<dyn Transport>,
    source: S,
    watch: Watch,
    hold_every: Duration,
    backoff_first: Duration,
}

impl<S> std::fmt::Debug for Delivery<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

/// Asked to stop before the batch was settled.
struct Stopped;

impl<S: Source> Delivery<S> {
    /// A loop that carries what `source` has through `transport`.
    pub fn new(name: impl Into<String>, transport: Arc<dyn Transport>, source: S) -> Self {
        Self {
            transport,
            source,
            watch: Watch::new(name.into()),
            hold_every: HOLD_EVERY,
            backoff_first: BACKOFF_FIRST,
        }
    }

    /// Other waits than a second and half a minute, for tests and the demo.
    #[must_use]
    pub fn with_waits(mut self, backoff_first: Duration, hold_every: Duration) -> Self {
        (self.backoff_first, self.hold_every) = (backoff_first, hold_every);
        self
    }

    /// Counts on in the counters of a delivery that has ended.
    #[must_use]
    pub fn with_stats(mut self, stats: Arc<DeliveryStats>) -> Self {
        self.watch.count_in(stats);
        self
    }

    /// Its counters; take them before [`Self::run`].
    pub fn stats(&self) -> Arc<DeliveryStats> {
        Arc::clone(self.watch.stats())
    }

    /// Delivers until `stop` or until the source has ended. A batch in flight at `stop` gets a grace; one that is not
    /// settled by then stays in the source.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(Some((sequence, batch))) = stop.run_until_cancelled(self.source.next()).await {
            self.watch.stats().waiting(Some(batch.oldest_end));
            if self.settle(batch, &stop).await.is_err() {
                return;
            }
            self.source.done(sequence).await;
            self.watch.stats().waiting(None);
        }
    }

    /// Delivers a batch, its halves, their halves; oldest first. Stopped between two parts, the whole batch stays
    /// in the source and those delivered come again: a duplicate is cheaper than a hole.
    async fn settle(&mut self, batch: Encoded, stop: &CancellationToken) -> Result<(), Stopped> {
        let mut parts = vec![batch];
        let mut splits = 0;
        while let Some(part) = parts.pop() {
            if stop.is_cancelled() {
                return Err(Stopped);
            }
            let Some(why) = self.carry(&part, stop).await? else {
                continue;
            };
            splits += 1;
            match cut(&part, &why, splits) {
                Ok(Some((first, second))) => parts.extend([second, first]),
                Ok(None) => self.watch.gave_up(&part, &why),
                Err(e) => self.watch.gave_up(&part, &e.to_string()),
            }
        }
        Ok(())
    }

    /// Carries one part until it is taken or dropped (nothing), or has to be split (the reason).
    async fn carry(&mut self, part: &Encoded, stop: &CancellationToken) -> Result<Option<String>, Stopped> {
        let mut attempt = 0;
        loop {
            let wait = match self.attempt(part, stop).await? {
                Verdict::Delivered { rejected, message } => {
                    self.answered().await;
                    self.watch.taken(part, rejected, &message);
                    return Ok(None);
                }
                Verdict::Drop { why } => {
                    self.answered().await;
                    self.watch.refused(|stats| &stats.refused, &why);
                    self.watch.gave_up(part, &why);
                    return Ok(None);
                }
                Verdict::Split { why } => {
                    self.answered().await;
                    self.watch.refused(|stats| &stats.split, &why);
                    return Ok(Some(why));
                }
                Verdict::Retry { after, why } => {
                    self.watch.failed(false, &why);
                    backoff(self.backoff_first, attempt, after, fastrand::f64())
                }
                Verdict::Hold { why } => {
                    self.watch.failed(true, &why);
                    self.hold_every
                }
            };
            attempt += 1;
            stop.run_until_cancelled(sleep(wait)).await.ok_or(Stopped)?;
        }
    }

    /// The back end judged a request: it is there.
    async fn answered(&mut self) {
        if let Some(outage) = self.watch.answered() {
            self.watch.recovered(outage, self.source.waiting().await);
        }
    }

    /// One attempt; after `stop` it has a grace to end.
    async fn attempt(&self, part: &Encoded, stop: &CancellationToken) -> Result<Verdict, Stopped> {
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

/// Two parts of a refused request: deltas and others when deltas are what is refused, else two halves. Nothing when
/// there is no point in asking again.
fn cut(batch: &Encoded, why: &str, splits: u32) -> Result<Option<(Encoded, Encoded)>, DecodeError> {
    if splits >= MAX_BISECT_REQUESTS {
        return Ok(None);
    }
    if refuses_deltas(why) {
        match part(batch)? {
            Parted::Both(others, deltas) => return Ok(Some((others, deltas))),
            Parted::OnlyDeltas => return Ok(None),
            Parted::NoDeltas => {}
        }
    }
    split(batch)
}

/// Full jitter between nothing and the exponential step, on top of what the back end asked for.
fn backoff(first: Duration, attempt: u32, after: Option<Duration>, random: f64) -> Duration {
    let step = first
        .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
        .min(BACKOFF_MAX);
    let floor = after.unwrap_or_default().min(AFTER_MAX);
    floor + step.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_its_bound_and_honours_the_floor() {
        let s = Duration::from_secs;
        assert_eq!(backoff(s(1), 0, None, 1.0), s(1));
        assert_eq!(backoff(s(1), 3, None, 0.5), s(4));
        assert_eq!(backoff(s(1), 99, None, 1.0), s(30));
        assert_eq!(backoff(s(1), 1, Some(s(17)), 0.5), s(18));
        assert_eq!(backoff(s(1), 0, Some(s(86_400)), 0.0), s(300));
    }
}
