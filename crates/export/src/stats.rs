//! What a destination counts about itself.
//!
//! Written by its delivery loop, read by the status page and our own metrics; nothing here decides anything.

use crate::encode::Encoded;
use provider_api::UnixNanos;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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
            last_error: self
                .last_error
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// A request was taken.
    pub(crate) fn success(&self, batch: &Encoded, rejected: i64) {
        let points = u64::from(batch.points);
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

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
