//! A destination that takes one entry after the other at a steady pace, but nothing for a while.

use super::cloud::{TARGETS_PER_GROUP, series, targets};
use super::lines;
use provider_api::UnixNanos;
use std::collections::BTreeMap;
use std::time::Duration;
use store::Store;

/// Time between two entries.
const PACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Destination {
    /// Nothing is taken between these times.
    outage: (UnixNanos, UnixNanos),
    /// When it takes something again.
    pub(crate) next: UnixNanos,
    numbers: BTreeMap<u128, u64>,
    /// Ends by target, in the order in which they were taken.
    pub(crate) taken: BTreeMap<u64, Vec<i64>>,
    /// The newest end by group.
    pub(crate) newest: BTreeMap<u64, UnixNanos>,
}

impl Destination {
    pub(crate) fn new(now: UnixNanos, outage: (UnixNanos, UnixNanos)) -> Self {
        Self {
            outage,
            next: now,
            numbers: targets().map(|target| (series(target).id().0, target)).collect(),
            taken: BTreeMap::new(),
            newest: BTreeMap::new(),
        }
    }

    pub(crate) fn is_dark(&self, now: UnixNanos) -> bool {
        (self.outage.0..self.outage.1).contains(&now)
    }

    /// Takes the oldest entry, if there is one.
    pub(crate) async fn take(&mut self, now: UnixNanos, store: &Store) {
        self.next = if self.is_dark(now) {
            self.outage.1
        } else {
            self.take_one(store).await;
            now.plus(PACE)
        };
    }

    async fn take_one(&mut self, store: &Store) {
        if store.usage().destinations[0].pending_points == 0 {
            return;
        }
        let (seq, entry) = store.next("d").await.unwrap();
        for (series, end) in lines::read(&entry) {
            let target = self.numbers[&series];
            self.taken.entry(target).or_default().push(end);
            let end = UnixNanos::from_seconds(end);
            let newest = self.newest.entry(target / TARGETS_PER_GROUP).or_insert(end);
            *newest = end.max(*newest);
        }
        store.acknowledge("d", seq).await.unwrap();
    }
}
