//! What has been taken from the clouds (the ledger) and what is still to be delivered (the spool), changed together in
//! one transaction of one file.
//!
//! A crash or a power cut leaves both or neither. A full spool makes [`Store::commit`] wait, which slows polling down to
//! the pace of the slowest destination. This crate knows nothing of OTLP; an [`Encode`] handed in at the start turns
//! points into opaque entries, and an [`Observer`] sees them once they are durable.

mod error;
mod ledger;
mod load;
mod options;
mod shared;
mod spool;
mod sqlite;
mod store;
mod totals;
mod writer;

pub use error::{OpenError, StoreError};
pub use ledger::{MOST_STRETCHES, Progress, Stretches};
pub use options::{
    BALLAST_BYTES, DestinationSpec, FORGET_AFTER, Format, LEDGER_BYTES, LOG_BYTES, OnFull, Options,
};
pub use spool::{Entry, Wanted};
pub use store::Store;

use provider_api::{AccountId, GroupSpec, Members, SeriesPoints, TargetId, UnixNanos, Window};
use std::fmt;

/// Turns points into what the spool holds.
pub trait Encode: Send + Sync {
    /// Entries of bounded size, oldest points first; together they hold every point once.
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry>;

    /// What [`Self::encode`] was given for an entry, as far as the entry tells; nothing when it cannot be read.
    fn decode(&self, entry: &Entry) -> Option<Vec<SeriesPoints>>;
}

impl fmt::Debug for dyn Encode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encode")
    }
}

/// Told of points when they are durable.
pub trait Observer: Send + Sync {
    /// Points that a transaction has taken for the first time, as the cloud gave them: once each, after it is durable and
    /// whoever waits for it has been answered. The next transaction waits for this, so it has to be quick; as many points
    /// are kept for it as one transaction takes.
    fn taken(&self, fresh: &[SeriesPoints]);
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Which history a window belongs to. The two are told apart because what a series has had can only be remembered near
/// the place where it is being taken: history may lie months before what is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What is polled as time goes on.
    Live,
    /// What lies before it and is fetched later. Running totals cannot take it in: a total has been handed over already.
    Backfill,
}

/// What an account's history is kept under. No account of a configuration has such a name.
const BACKFILL: &str = "\u{1f}backfill";

impl Lane {
    /// What the account's progress is kept under.
    pub(crate) fn account(self, account: &AccountId) -> AccountId {
        match self {
            Self::Live => account.clone(),
            Self::Backfill => AccountId(format!("{account}{BACKFILL}").into()),
        }
    }

    /// Keeps the memory of a series in one lane apart from that in the other.
    pub(crate) fn salt(self) -> u128 {
        match self {
            Self::Live => 0,
            Self::Backfill => 0x6261_636b_6669_6c6c_6261_636b_6669_6c6c,
        }
    }
}

/// One poll's points and what they mean for the ledger.
#[derive(Debug)]
pub struct Change<'a> {
    /// What is polled, or history.
    pub lane: Lane,
    /// Whose targets.
    pub account: &'a AccountId,
    /// How they are polled.
    pub group: &'a GroupSpec,
    /// What was asked for; no point lies outside it.
    pub window: Window,
    /// Points as they arrived; those already taken are left out.
    pub points: Vec<SeriesPoints>,
    /// Targets of which everything in the window has now been handed over.
    pub complete: Vec<TargetId>,
}

/// A target as it has been listed, for [`Store::enlist`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Which.
    pub target: TargetId,
    /// What is asked of it.
    pub members: Members,
    /// The identities that files of format 3 and older have for it.
    pub former: Vec<TargetId>,
    /// What ends at and before it is never asked for of a target that is new; on the grain. Nothing leaves a new target
    /// without a beginning until something of it has been taken.
    pub from: Option<UnixNanos>,
    /// Everything after it is asked for again of a target whose members have changed; on the grain.
    pub again: UnixNanos,
}

/// What came of [`Store::enlist`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Enlisted {
    /// Targets that were not known.
    pub new: usize,
    /// Targets whose members have changed.
    pub changed: usize,
    /// Targets that were known by another identity.
    pub taken_over: usize,
}

/// Classes of lateness: 1, 2, 3–4, 5–8, 9–16, 17–32 and 33–64 grains.
pub const LATE_CLASSES: usize = 7;

/// What a commit did. Every point that arrived is in exactly one of `fresh`, `repeated`, `revised`, `too_old` and
/// `deferred`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Points handed to the spool.
    pub fresh: u64,
    /// Those among them that were not there when their target was taken up to a later time.
    pub late: u64,
    /// Points that had been taken before.
    pub repeated: u64,
    /// Points that had been taken before with another value.
    pub revised: u64,
    /// Points older than all that is remembered of their series: whether they were taken cannot be told, so they are not.
    pub too_old: u64,
    /// Points in a gap, left to the window that will close it.
    pub deferred: u64,
    /// Late deltas that a running total could only take in without a point of their own.
    pub folded: u64,
    /// Deltas of history, which running totals leave out.
    pub withheld: u64,
    /// End of the newest fresh point.
    pub newest: Option<UnixNanos>,
    /// Late points by how many grains their target had been taken past them; see [`LATE_CLASSES`].
    pub late_by_grains: [u32; LATE_CLASSES],
    /// Late points beyond the last class.
    pub deep: u64,
}

/// Figures for the status page and the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes waiting to be delivered to at least one destination.
    pub spool_bytes: u64,
    /// Points in them.
    pub spool_points: u64,
    /// Series in the ledger.
    pub series: usize,
    /// No room in the file or on the disk; polling waits.
    pub full: bool,
    /// Whether every destination has room for more; polling waits while one has not.
    pub has_room: bool,
    /// Per destination, in the order in which they were given.
    pub destinations: Vec<DestinationUsage>,
}

/// Figures of one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationUsage {
    /// Which.
    pub name: String,
    /// Bytes that wait for it.
    pub pending_bytes: u64,
    /// Bytes that may wait for it.
    pub max_bytes: u64,
    /// Points that wait for it.
    pub pending_points: u64,
    /// Points that it will never get because it fell too far behind, since it was configured.
    pub dropped_points: u64,
    /// End of the oldest point that waits for it.
    pub oldest_end: Option<UnixNanos>,
    /// Delta points among them of entries whose other points it has.
    pub kept_deltas: u64,
}
