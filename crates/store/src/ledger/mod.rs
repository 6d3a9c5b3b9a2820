//! What has been taken from the clouds: per target how far, per series which points. Held in memory; what a
//! transaction touches is undone when it fails.

mod bits;
pub(crate) mod codec;
mod grid;
mod print;
mod prints;
mod progress;
pub(crate) mod series;
mod stretches;
mod take;
mod taken;
pub(crate) mod targets;
mod times;

pub use progress::Progress;
pub use stretches::{MOST_STRETCHES, Stretches};
pub(crate) use take::{GroupFacts, Taking, Took};

use hashbrown::{HashMap, HashSet, HashTable};
use provider_api::SeriesId;
use series::{Series, VACANT};
use targets::index;

/// Slot of a series: its row in the file.
pub(crate) type Slot = u32;

/// All series, by slot, and what the open transaction has changed.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: Vec<Series>,
    slots: HashTable<Slot>,
    free: Vec<Slot>,
    /// Per target: series that hold more than is kept between polls.
    wide: HashMap<u32, HashSet<Slot>>,
    /// Series as they were before the open transaction; nothing for those that are new.
    undo: HashMap<Slot, Option<Series>>,
}

impl Ledger {
    /// How many series are known.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Series> {
        self.rows.get(index(slot)).filter(|row| row.target != VACANT)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Slot, &Series)> {
        (0_u32..).zip(&self.rows).filter(|(_, row)| row.target != VACANT)
    }

    fn find(&self, id: SeriesId) -> Option<Slot> {
        let bytes = id.0.to_le_bytes();
        let is = |slot: &Slot| self.rows.get(index(*slot)).is_some_and(|row| row.id == bytes);
        self.slots.find(hash(&bytes), is).copied()
    }

    /// The series for changing, with its slot; remembers how it was. One that is known by what `former` says only gets the
    /// identity of today.
    fn touch(
        &mut self,
        id: SeriesId,
        former: impl FnOnce() -> [SeriesId; 2],
        target: u32,
        grain_s: u32,
    ) -> Slot {
        if let Some(slot) = self.find(id) {
            self.remember(slot);
            return slot;
        }
        if let Some(slot) = former().into_iter().find_map(|former| self.find(former)) {
            self.remember(slot);
            self.rename(slot, id);
            return slot;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Series::vacant());
            u32::try_from(self.rows.len() - 1).unwrap_or(VACANT)
        });
        self.put(slot, Series::new(id.0.to_le_bytes(), target, grain_s));
        self.undo.insert(slot, None);
        slot
    }

    fn remember(&mut self, slot: Slot) {
        if !self.undo.contains_key(&slot) {
            self.undo.insert(slot, self.get(slot).cloned());
        }
    }

    fn rename(&mut self, slot: Slot, id: SeriesId) {
        let Some(mut series) = self.get(slot).cloned() else {
            return;
        };
        self.unlink(slot);
        series.id = id.0.to_le_bytes();
        self.put(slot, series);
    }

    /// Takes a row out of the index; says whether it was there.
    fn unlink(&mut self, slot: Slot) -> bool {
        let Some(hash_now) = self.rows.get(index(slot)).map(|row| hash(&row.id)) else {
            return false;
        };
        let entry = self.slots.find_entry(hash_now, |found| *found == slot);
        entry.is_ok_and(|entry| {
            entry.remove();
            true
        })
    }

    fn put(&mut self, slot: Slot, series: Series) {
        let hash_now = hash(&series.id);
        if let Some(place) = self.rows.get_mut(index(slot)) {
            *place = series;
        }
        let rows = &self.rows;
        self.slots.insert_unique(hash_now, slot, |slot| {
            rows.get(index(*slot)).map_or(0, |row| hash(&row.id))
        });
    }

    /// Forgets a series.
    pub(crate) fn remove(&mut self, slot: Slot) {
        if self.unlink(slot) {
            self.free.push(slot);
        }
        if let Some(row) = self.rows.get_mut(index(slot)) {
            *row = Series::vacant();
        }
    }

    /// Slots whose rows have to be written, in the order of the file.
    pub(crate) fn changed(&self) -> Vec<Slot> {
        let differs = |(slot, before): &(&Slot, &Option<Series>)| before.as_ref() != self.get(**slot);
        let mut slots: Vec<Slot> = self.undo.iter().filter(differs).map(|(slot, _)| *slot).collect();
        slots.sort_unstable();
        slots
    }

    /// The transaction is durable.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// The transaction failed: everything as it was.
    pub(crate) fn undo(&mut self) {
        for (slot, before) in std::mem::take(&mut self.undo) {
            match before {
                None => self.remove(slot),
                Some(before) => {
                    if before.is_wide(0) {
                        self.wide.entry(before.target).or_default().insert(slot);
                    }
                    if self.get(slot).is_some_and(|row| row.id != before.id) {
                        self.unlink(slot);
                        self.put(slot, before);
                    } else if let Some(place) = self.rows.get_mut(index(slot)) {
                        *place = before;
                    }
                }
            }
        }
    }

    /// Room for as many rows as the file has.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.rows.reserve_exact(rows);
        let all = &self.rows;
        self.slots
            .reserve(rows, |slot| all.get(index(*slot)).map_or(0, |row| hash(&row.id)));
    }

    /// From a row of the file; rows come in the order of their slots.
    pub(crate) fn load(&mut self, slot: Slot, series: Series) {
        while self.rows.len() < index(slot) {
            self.free.push(u32::try_from(self.rows.len()).unwrap_or(VACANT));
            self.rows.push(Series::vacant());
        }
        self.rows.push(Series::vacant());
        // What a window needed that was open when the file was left is trimmed when its target is taken again.
        if series.is_wide(0) {
            self.wide.entry(series.target).or_default().insert(slot);
        }
        self.put(slot, series);
    }
}

/// Identities are hashes already.
fn hash(id: &[u8; 16]) -> u64 {
    let [low, _] = codec::halves(id);
    low
}
