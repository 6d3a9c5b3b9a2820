//! Totals of what waited as deltas when its destination began to want totals. What waits is known by what it looks like on
//! the wire, not by its place in the ledger, so it has totals of its own; the ledger's go on from them.

use super::Total;
use hashbrown::HashMap;
use provider_api::{Resource, Series};
use std::sync::Arc;

/// By what a series looks like on the wire.
#[derive(Debug, Default)]
pub(crate) struct Seeds {
    rows: HashMap<u128, Total>,
    undo: HashMap<u128, Option<Total>>,
}

impl Seeds {
    /// The total of a series.
    pub(crate) fn of(&self, series: &Series) -> Option<Total> {
        if self.rows.is_empty() {
            return None;
        }
        self.rows.get(&key(series)).cloned()
    }

    pub(super) fn put(&mut self, series: &Series, total: Option<Total>) {
        let Some(total) = total else { return };
        let key = key(series);
        let before = self.rows.insert(key, total);
        self.undo.entry(key).or_insert(before);
    }

    /// Rows that have to be written.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (u128, &Total)> {
        self.undo
            .keys()
            .filter_map(|key| Some((*key, self.rows.get(key)?)))
    }

    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    pub(super) fn undo(&mut self) {
        for (key, before) in std::mem::take(&mut self.undo) {
            match before {
                Some(before) => self.rows.insert(key, before),
                None => self.rows.remove(&key),
            };
        }
    }

    /// From a row of the file.
    pub(crate) fn load(&mut self, key: u128, total: Total) {
        self.rows.insert(key, total);
    }
}

/// All attributes of the resource count: what only describes it cannot be told apart on the wire.
fn key(series: &Series) -> u128 {
    let resource = Resource::new(series.resource.attributes().clone());
    let on_the_wire = Series {
        resource: Arc::new(resource),
        ..series.clone()
    };
    on_the_wire.id().0
}
