//! How many series each metric type was seen to have. A descriptor does not say, and Google bills by series, so the price
//! of the next read is that of the last one. Survives re-listing; a restart begins anew, with one each.

use provider_api::TargetId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Until a type has been read: counting its series needs one more read per type, with the same price per series as reading
/// the points.
const EXPECTED: u32 = 1;

/// The series of one target; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Seen(Arc<AtomicU32>);

impl Default for Seen {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(EXPECTED)))
    }
}

impl Seen {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// A whole answer had so many.
    pub(crate) fn set(&self, series: u64) {
        let series = u32::try_from(series).unwrap_or(u32::MAX);
        self.0.store(series.max(1), Ordering::Relaxed);
    }
}

/// Those of all targets that somebody still has.
#[derive(Debug, Default)]
pub(crate) struct Census(Mutex<HashMap<TargetId, Seen>>);

impl Census {
    /// What was seen of a target.
    pub(crate) fn of(&self, target: TargetId) -> Seen {
        self.with(|all| all.entry(target).or_default().clone())
    }

    /// Forgets targets that are in nobody's catalogue any more.
    pub(crate) fn sweep(&self) {
        self.with(|all| all.retain(|_, seen| Arc::strong_count(&seen.0) > 1));
    }

    /// It stays usable if a thread panicked while it held it: each change is a single one.
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<TargetId, Seen>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_remembered_while_somebody_has_the_target() {
        let census = Census::default();
        let target = TargetId(1);
        let seen = census.of(target);
        assert_eq!(seen.get(), 1);
        seen.set(1_000);
        census.sweep();
        assert_eq!(census.of(target).get(), 1_000, "listed again");
        drop(seen);
        census.sweep();
        assert_eq!(census.of(target).get(), 1, "it was gone");
    }
}
