//! Where a destination's batches come from.

use crate::encode::Encoded;
use async_trait::async_trait;
use std::collections::BTreeSet;

/// A batch that waits.
#[derive(Clone, Debug)]
pub struct Batch {
    /// What is to be sent.
    pub encoded: Encoded,
    /// Everything else of it was delivered before: only its delta points are left.
    pub deltas_only: bool,
}

impl Batch {
    /// One that has not been delivered in part.
    pub fn whole(encoded: Encoded) -> Self {
        Self {
            encoded,
            deltas_only: false,
        }
    }
}

/// Which batch is wanted.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Not these, which are troubled.
    pub except: BTreeSet<u64>,
    /// Also those of which only deltas are left.
    pub deltas: bool,
}

/// Where a destination's batches come from.
///
/// # Contract
/// `next` waits for the first batch that is wanted and not done, and gives the same one again until `done` was called for
/// it; it may be dropped while it waits. Nothing = there will never be another. Batches may be done in any order, and what
/// is not done is there again after a crash.
#[async_trait]
pub trait Source: Send + Sync {
    /// The first batch that is wanted and not done.
    async fn next(&self, want: &Want) -> Option<(u64, Batch)>;
    /// The batch was delivered, or dropped: forget it.
    async fn done(&self, sequence: u64);
    /// All but the batch's delta points, this many, was delivered: from now on only those are left of it.
    async fn keep_deltas(&self, sequence: u64, points: u32);
    /// Points that the source has dropped by itself because it was full, since it was made.
    async fn skipped(&self) -> u64;
    /// How many points wait, those in hand among them. For the log: a close upper bound does.
    async fn waiting(&self) -> u64;
}
