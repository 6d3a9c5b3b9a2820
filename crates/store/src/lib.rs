//! What has been taken from the clouds (the ledger) and what is still to be delivered (the spool), changed together in
//! one commit.
//!
//! This version keeps both in memory, within a byte limit: a full spool makes [`Store::commit`] wait, which slows
//! polling down to the pace of the slowest destination. It knows nothing of OTLP; an [`Encode`] handed in at the start
//! turns points into opaque entries.

mod ledger;
mod spool;

pub use ledger::{Ledger, Taken};
pub use spool::Entry;

use provider_api::{AccountId, GroupSpec, SeriesPoints, TargetId, UnixNanos};
use spool::Spool;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Turns points into what the spool holds.
pub trait Encode: Send + Sync {
    /// Entries of bounded size, oldest points first; together they hold every point once.
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry>;
}

/// One poll's points and what they mean for the ledger.
#[derive(Debug)]
pub struct Change<'a> {
    /// Whose targets.
    pub account: &'a AccountId,
    /// How they are polled.
    pub group: &'a GroupSpec,
    /// Points as they arrived; those already taken are left out.
    pub points: Vec<SeriesPoints>,
    /// Targets that now have everything up to a time.
    pub watermarks: Vec<(TargetId, UnixNanos)>,
}

/// What a commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Points handed to the spool.
    pub fresh: u64,
    /// Those among them that are older than a point already taken of their series.
    pub late: u64,
    /// Points that had been taken before.
    pub repeated: u64,
    /// End of the newest fresh point.
    pub newest: Option<UnixNanos>,
}

/// Figures for the status page and the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes waiting to be delivered to at least one destination.
    pub spool_bytes: u64,
    /// Points in them.
    pub spool_points: u64,
    /// Series in the ledger.
    pub series: usize,
}

/// Ledger and spool of one daemon.
pub struct Store {
    inner: Mutex<Inner>,
    encoder: Box<dyn Encode>,
    pushed: Notify,
    trimmed: Notify,
}

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    spool: Spool,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// A store whose spool holds at most `max_bytes` (and always at least one entry) for these destinations.
    pub fn in_memory(max_bytes: u64, destinations: usize, encoder: Box<dyn Encode>) -> Arc<Self> {
        let inner = Inner {
            ledger: Ledger::default(),
            spool: Spool::new(max_bytes, destinations),
        };
        Arc::new(Self {
            inner: Mutex::new(inner),
            encoder,
            pushed: Notify::new(),
            trimmed: Notify::new(),
        })
    }

    /// Takes what is new of a poll: waits for room in the spool, then changes ledger and spool together.
    pub async fn commit(&self, change: Change<'_>) -> Committed {
        self.room().await;
        let mut inner = self.lock();
        let (fresh, done) = inner.ledger.take(change.group, change.points);
        for entry in self.encoder.encode(&fresh) {
            inner.spool.push(entry);
        }
        for (target, upto) in change.watermarks {
            inner.ledger.advance(change.account, target, upto);
        }
        drop(inner);
        self.pushed.notify_waiters();
        done
    }

    /// Up to when everything of a target has been taken.
    pub fn watermark(&self, account: &AccountId, target: TargetId) -> Option<UnixNanos> {
        self.lock().ledger.watermark(account, target)
    }

    /// The oldest entry that a destination (by its number) has not acknowledged; waits until there is one.
    pub async fn next(&self, destination: usize) -> (u64, Entry) {
        loop {
            let pushed = self.pushed.notified();
            tokio::pin!(pushed);
            pushed.as_mut().enable();
            if let Some(found) = self.lock().spool.next(destination) {
                return found;
            }
            pushed.await;
        }
    }

    /// The destination has everything up to and with this entry.
    pub fn acknowledge(&self, destination: usize, sequence: u64) {
        self.lock().spool.acknowledge(destination, sequence);
        self.trimmed.notify_waiters();
    }

    /// Waits until every destination has everything.
    pub async fn drained(&self) {
        loop {
            let trimmed = self.trimmed.notified();
            tokio::pin!(trimmed);
            trimmed.as_mut().enable();
            if self.lock().spool.is_empty() {
                return;
            }
            trimmed.await;
        }
    }

    /// Figures of the moment.
    pub fn usage(&self) -> Usage {
        let inner = self.lock();
        Usage {
            spool_bytes: inner.spool.bytes(),
            spool_points: inner.spool.points(),
            series: inner.ledger.series(),
        }
    }

    async fn room(&self) {
        loop {
            let trimmed = self.trimmed.notified();
            tokio::pin!(trimmed);
            trimmed.as_mut().enable();
            if self.lock().spool.has_room() {
                return;
            }
            trimmed.await;
        }
    }

    /// A panic elsewhere leaves the data whole: each change is made by infallible steps.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
