//! Entries that lie beyond a gap. A destination that takes the oldest points first gets them when the gap has been closed;
//! to all others they are like any other entry.

use crate::ledger::targets::Targets;
use provider_api::UnixNanos;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// How much newer than an entry the ledger may become before the entry goes out all the same: a target that is no longer
/// listed closes no gap.
const WAITS_AT_MOST: Duration = Duration::from_secs(2 * 3_600);

/// What an entry waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// Where the gap ends.
    pub(crate) from: UnixNanos,
    /// The targets that have it.
    pub(crate) slots: Vec<u32>,
}

impl Behind {
    /// Whether all targets have been taken up to the entry and none of them `waits` for one before it, or nobody can wait
    /// for it any longer; `latest` is the ledger's idea of now.
    fn is_over(&self, targets: &Targets, latest: Option<UnixNanos>, waits: &HashSet<u32>) -> bool {
        let closed = |slot: &u32| {
            let upto = targets.row(*slot).and_then(|row| row.upto);
            upto.is_none_or(|upto| upto >= self.from)
        };
        let old = latest.is_some_and(|latest| latest.since(self.from) > WAITS_AT_MOST);
        old || self
            .slots
            .iter()
            .all(|slot| closed(slot) && !waits.contains(slot))
    }

    /// As it is written in the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.slots.iter().flat_map(|slot| slot.to_le_bytes()).collect()
    }

    /// From the file; bytes that are no slot are left out.
    pub(crate) fn decode(from: UnixNanos, slots: &[u8]) -> Self {
        let (slots, _) = slots.as_chunks();
        Self {
            from,
            slots: slots.iter().map(|slot| u32::from_le_bytes(*slot)).collect(),
        }
    }
}

/// Lets go what need not wait any longer. What comes later of a target waits for what came before.
pub(crate) fn release(all: &mut BTreeMap<u64, Behind>, targets: &Targets) {
    if all.is_empty() {
        return;
    }
    let (latest, mut waits) = (targets.latest(), HashSet::new());
    all.retain(|_, behind| {
        let over = behind.is_over(targets, latest, &waits);
        if !over {
            waits.extend(behind.slots.iter().copied());
        }
        !over
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_read_as_they_were_written() {
        let behind = Behind {
            from: UnixNanos(7),
            slots: vec![1, 70_000],
        };
        assert_eq!(Behind::decode(UnixNanos(7), &behind.encode()), behind);
    }
}
