//! What a destination counts about itself.
//!
//! Written by its delivery loop, read by the status page and our own metrics; nothing here decides anything.

use crate::encode::Encoded;
use provider_api::UnixNanos;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Losses further apart than this are not told together.
pub const LOSS_FORGOTTEN: Duration = Duration::from_secs(3_600);

/// Counters of one destination.
#[derive(Debug, Default)]
pub struct DeliveryStats {
    delivered: AtomicU64,
    rejected: AtomicU64,
    dropped: AtomicU64,
    bytes: AtomicU64,
    ok: AtomicU64,
    retry: AtomicU64,
    hold: AtomicU64,
    pub(crate) split: AtomicU64,
    pub(crate) refused: AtomicU64,
    holding: AtomicBool,
    down: AtomicBool,
    down_since_ms: AtomicI64,
    oldest_waiting: AtomicI64,
    last_success_ms: AtomicI64,
    newest_end: AtomicI64,
    last_error: Mutex<String>,
    aside: AtomicU64,
    aside_why: Mutex<String>,
    no_deltas: Mutex<String>,
    losses: Mutex<Option<Losing>>,
}

/// How points were lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Refused while others were taken, and given up.
    Dropped,
    /// Rejected out of a request that was taken.
    Rejected,
}

/// Points lost lately, to be told to people until nothing more has been lost for an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Losses {
    /// Dropped.
    pub dropped: u64,
    /// Rejected.
    pub rejected: u64,
    /// How long ago the first and the last of them were.
    pub first_ago: Duration,
    /// See `first_ago`.
    pub last_ago: Duration,
    /// The back end's words about the last one.
    pub why: String,
}

#[derive(Debug)]
struct Losing {
    dropped: u64,
    rejected: u64,
    first: Instant,
    last: Instant,
    why: String,
}

/// [`DeliveryStats`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliverySnapshot {
    /// Points taken.
    pub delivered_points: u64,
    /// Points refused by partial success.
    pub rejected_points: u64,
    /// Points given up because the back end refused them for good.
    pub dropped_points: u64,
    /// Compressed bytes of batches taken.
    pub delivered_bytes: u64,
    /// Requests that were taken.
    pub requests_ok: u64,
    /// Requests to be tried again.
    pub requests_retry: u64,
    /// Requests held until a person acts.
    pub requests_hold: u64,
    /// Requests to be halved.
    pub requests_split: u64,
    /// Requests refused for good.
    pub requests_dropped: u64,
    /// Whether the queue is held until a person acts.
    pub holding: bool,
    /// Whether it answers: false after some failures in a row, and while it is held.
    pub up: bool,
    /// Unix milliseconds when it was found to be down; zero while it is up.
    pub down_since_ms: i64,
    /// End of the oldest point not delivered yet, Unix nanoseconds; zero = nothing waits.
    pub oldest_undelivered_end: i64,
    /// Unix milliseconds of the last success; zero = never.
    pub last_success_ms: i64,
    /// End of the newest point delivered, Unix nanoseconds; zero = none.
    pub newest_delivered_end: i64,
    /// What went wrong last; empty = nothing yet.
    pub last_error: String,
    /// Points that are refused or fail while others are taken, and are tried again.
    pub aside_points: u64,
    /// Why.
    pub aside_why: String,
    /// Why delta points wait; empty = they do not.
    pub no_deltas: String,
    /// What was lost last; see [`LOSS_FORGOTTEN`].
    pub losses: Option<Losses>,
}

impl DeliverySnapshot {
    /// How far the destination is behind: now minus the end of the oldest point that it does not have. Zero when
    /// nothing waits.
    pub fn lag(&self, now: UnixNanos) -> Duration {
        if self.oldest_undelivered_end == 0 {
            return Duration::ZERO;
        }
        let nanos = now.0.saturating_sub(self.oldest_undelivered_end);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

impl DeliveryStats {
    /// The counters now.
    pub fn snapshot(&self) -> DeliverySnapshot {
        DeliverySnapshot {
            delivered_points: self.delivered.load(Relaxed),
            rejected_points: self.rejected.load(Relaxed),
            dropped_points: self.dropped.load(Relaxed),
            delivered_bytes: self.bytes.load(Relaxed),
            requests_ok: self.ok.load(Relaxed),
            requests_retry: self.retry.load(Relaxed),
            requests_hold: self.hold.load(Relaxed),
            requests_split: self.split.load(Relaxed),
            requests_dropped: self.refused.load(Relaxed),
            holding: self.holding.load(Relaxed),
            up: !self.down.load(Relaxed),
            down_since_ms: self.down_since_ms.load(Relaxed),
            oldest_undelivered_end: self.oldest_waiting.load(Relaxed),
            last_success_ms: self.last_success_ms.load(Relaxed),
            newest_delivered_end: self.newest_end.load(Relaxed),
            last_error: text(&self.last_error),
            aside_points: self.aside.load(Relaxed),
            aside_why: text(&self.aside_why),
            no_deltas: text(&self.no_deltas),
            losses: self.losses(),
        }
    }

    fn losses(&self) -> Option<Losses> {
        let losing = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losing.as_ref().map(|losing| Losses {
            dropped: losing.dropped,
            rejected: losing.rejected,
            first_ago: losing.first.elapsed(),
            last_ago: losing.last.elapsed(),
            why: losing.why.clone(),
        })
    }

    /// Points were lost.
    pub(crate) fn lost(&self, how: Lost, points: u64, why: &str) {
        let now = Instant::now();
        let mut losing = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = losing
            .take()
            .filter(|before| now.duration_since(before.last) < LOSS_FORGOTTEN);
        let mut lately = lately.unwrap_or(Losing {
            dropped: 0,
            rejected: 0,
            first: now,
            last: now,
            why: String::new(),
        });
        match how {
            Lost::Dropped => lately.dropped += points,
            Lost::Rejected => lately.rejected += points,
        }
        lately.last = now;
        why.clone_into(&mut lately.why);
        *losing = Some(lately);
    }

    /// Points fail while others are taken.
    pub(crate) fn set_aside(&self, points: u64, why: &str) {
        if self.aside.swap(points, Relaxed) != points || points > 0 {
            why.clone_into(&mut self.aside_why.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Delta points are refused, or are not any more. Gives whether they were before.
    pub(crate) fn deltas_refused(&self, why: Option<&str>) -> bool {
        let mut no_deltas = self.no_deltas.lock().unwrap_or_else(PoisonError::into_inner);
        let before = !no_deltas.is_empty();
        why.unwrap_or_default().clone_into(&mut no_deltas);
        before
    }

    /// Points were refused alone that belong to a request of which others were taken.
    pub(crate) fn rejected_alone(&self, part: &Encoded) {
        self.rejected.fetch_add(u64::from(part.points), Relaxed);
    }

    /// A request is to be tried again while others are taken.
    pub(crate) fn retried(&self, why: &str) {
        self.error(&self.retry, why);
    }

    /// A request was taken; `kept` of its points stay in the store.
    pub(crate) fn success(&self, batch: &Encoded, rejected: i64, kept: u32) {
        let points = u64::from(batch.points.saturating_sub(kept));
        let rejected = u64::try_from(rejected).unwrap_or(0).min(points);
        self.ok.fetch_add(1, Relaxed);
        self.delivered.fetch_add(points - rejected, Relaxed);
        self.rejected.fetch_add(rejected, Relaxed);
        self.bytes
            .fetch_add(u64::try_from(batch.gzip.len()).unwrap_or(0), Relaxed);
        self.last_success_ms.store(now_ms(), Relaxed);
        self.newest_end.fetch_max(batch.newest_end.0, Relaxed);
    }

    /// A request is to be tried again, as it is or after a person has acted.
    pub(crate) fn failed(&self, for_a_person: bool, why: &str) {
        let counter = if for_a_person { &self.hold } else { &self.retry };
        self.error(counter, why);
        self.holding.store(for_a_person, Relaxed);
    }

    /// The destination went down.
    pub(crate) fn down(&self) {
        if !self.down.swap(true, Relaxed) {
            self.down_since_ms.store(now_ms(), Relaxed);
        }
    }

    /// The destination answered.
    pub(crate) fn up(&self) {
        self.holding.store(false, Relaxed);
        self.down.store(false, Relaxed);
        self.down_since_ms.store(0, Relaxed);
    }

    /// The end of the oldest point of what waits; nothing = it is settled.
    pub(crate) fn waiting(&self, oldest: Option<UnixNanos>) {
        self.oldest_waiting.store(oldest.map_or(0, |t| t.0), Relaxed);
    }

    /// Points were refused for good.
    pub(crate) fn given_up(&self, batch: &Encoded) {
        self.dropped.fetch_add(u64::from(batch.points), Relaxed);
    }

    /// A request was not taken.
    pub(crate) fn error(&self, counter: &AtomicU64, why: &str) {
        counter.fetch_add(1, Relaxed);
        why.clone_into(&mut self.last_error.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn text(of: &Mutex<String>) -> String {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
