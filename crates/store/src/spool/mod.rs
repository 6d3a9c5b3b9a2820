//! What is still to be delivered: encoded entries in order, one cursor per destination. The payloads are in the file;
//! in memory are their sizes and the newest few.

mod behind;
mod cursor;
mod draft;
mod layout;

pub(crate) use behind::Behind;
pub(crate) use cursor::{Cursor, CursorRow, Left};
pub(crate) use draft::Draft;
pub(crate) use layout::Layout;

use crate::ledger::targets::Targets;
use crate::options::Stream;
use bytes::Bytes;
use provider_api::UnixNanos;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Which entries a destination wants at present.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Not these: it goes on beside them.
    pub except: BTreeSet<u64>,
    /// Also those of which only deltas are left.
    pub deltas: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            except: BTreeSet::new(),
            deltas: true,
        }
    }
}

/// One encoded batch. The spool does not look inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The batch, compressed.
    pub payload: Bytes,
    /// Its size before compression.
    pub raw_len: u32,
    /// How many points it holds.
    pub points: u32,
    /// End of its oldest point.
    pub oldest_end: UnixNanos,
    /// End of its newest point.
    pub newest_end: UnixNanos,
}

/// What is known of an entry without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) stream: Stream,
    pub(crate) bytes: u64,
    pub(crate) points: u32,
    pub(crate) oldest_end: UnixNanos,
    /// Everything else of it was delivered before.
    pub(crate) deltas_only: bool,
}

impl Meta {
    pub(crate) fn of(stream: Stream, entry: &Entry) -> Self {
        Self {
            stream,
            bytes: u64::try_from(entry.payload.len()).unwrap_or(u64::MAX),
            points: entry.points,
            oldest_end: entry.oldest_end,
            deltas_only: false,
        }
    }
}

/// The spool as the last transaction left it.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(crate) cursors: Vec<Cursor>,
    metas: BTreeMap<u64, Meta>,
    /// Entries beyond gaps that are not closed.
    behind: BTreeMap<u64, Behind>,
    /// Newest entries, for destinations that keep up.
    cache: BTreeMap<u64, Entry>,
    cache_max_bytes: u64,
    cached_bytes: u64,
    /// Sequence number of the next entry.
    next: u64,
}

impl Spool {
    /// From what the file has.
    pub(crate) fn new(
        mut cursors: Vec<Cursor>,
        metas: BTreeMap<u64, Meta>,
        behind: BTreeMap<u64, Behind>,
        next: u64,
        cache_max_bytes: u64,
    ) -> Self {
        for cursor in &mut cursors {
            cursor.count(&metas);
        }
        Self {
            cursors,
            metas,
            behind,
            cache: BTreeMap::new(),
            cache_max_bytes,
            cached_bytes: 0,
            next,
        }
    }

    /// A full destination that pauses has no room; one that waits for nothing always has, so that an entry larger
    /// than its limit cannot block for ever.
    pub(crate) fn has_room(&self) -> bool {
        self.cursors.iter().all(Cursor::has_room)
    }

    /// Whether every destination that polling waits for has taken nearly everything.
    pub(crate) fn keeps_up(&self) -> bool {
        let waits = |cursor: &Cursor| {
            let behind = self
                .behind
                .keys()
                .filter_map(|seq| Some((*seq, self.metas.get(seq)?)));
            let of_it = behind.filter(|(seq, meta)| self.waits(cursor, *seq) && cursor.row.wants(*seq, meta));
            of_it.map(|(_, meta)| meta.bytes).sum()
        };
        self.cursors.iter().all(|cursor| cursor.keeps_up(waits(cursor)))
    }

    /// Whether an entry is held back from a destination until a gap has been closed. Room goes before order: what fills
    /// half of the destination's part goes out.
    fn waits(&self, cursor: &Cursor, seq: u64) -> bool {
        cursor.spec.oldest_first && cursor.is_half_empty() && self.behind.contains_key(&seq)
    }

    /// Targets of which something waits for a gap, and from when on.
    pub(crate) fn slots_behind(&self, draft: &Draft) -> HashMap<u32, UnixNanos> {
        let mut slots = HashMap::new();
        let pushed = draft.behind.iter().map(|(_, behind)| behind);
        for behind in self.behind.values().chain(pushed) {
            for slot in &behind.slots {
                let first: &mut UnixNanos = slots.entry(*slot).or_insert(behind.from);
                *first = behind.from.min(*first);
            }
        }
        slots
    }

    /// Entries whose gaps have been closed need not wait any longer.
    pub(crate) fn release(&mut self, targets: &Targets) {
        behind::release(&mut self.behind, targets);
    }

    /// The first entry that a destination wants and has not acknowledged, and its bytes if they are at hand.
    pub(crate) fn next(&self, destination: &str, wanted: &Wanted) -> Option<(u64, Meta, Option<Entry>)> {
        let mut cursors = self.cursors.iter();
        let cursor = cursors.find(|cursor| cursor.spec.name == destination)?;
        let is_wanted = |seq: &u64, meta: &Meta| {
            !wanted.except.contains(seq) && (wanted.deltas || !meta.deltas_only) && !self.waits(cursor, *seq)
        };
        let mut pending = cursor
            .pending(&self.metas)
            .filter(|(seq, meta)| is_wanted(seq, meta));
        let (seq, meta) = if cursor.spec.oldest_first {
            pending.min_by_key(|(seq, meta)| (meta.oldest_end, *seq))?
        } else {
            pending.next()?
        };
        Some((seq, meta, self.cache.get(&seq).cloned()))
    }

    /// What a destination still has to get.
    pub(crate) fn pending_of<'a>(&'a self, cursor: &'a Cursor) -> impl Iterator<Item = (u64, Meta)> + 'a {
        cursor.pending(&self.metas)
    }

    /// End of the oldest point that a destination waits for.
    pub(crate) fn oldest_end(&self, cursor: &Cursor) -> Option<UnixNanos> {
        cursor
            .pending(&self.metas)
            .next()
            .map(|(_, meta)| meta.oldest_end)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.metas.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.metas.values().map(|meta| meta.bytes).sum()
    }

    pub(crate) fn points(&self) -> u64 {
        self.metas.values().map(|meta| u64::from(meta.points)).sum()
    }

    /// What a transaction has made durable.
    pub(crate) fn publish(&mut self, draft: Draft) {
        self.cursors = draft.cursors;
        self.next = draft.next;
        self.behind.extend(draft.behind);
        for (seq, meta, entry) in draft.pushed {
            self.metas.insert(seq, meta);
            self.remember(seq, entry);
        }
        self.remove(draft.gone);
    }

    /// Where every destination is.
    pub(crate) fn rows(&self) -> BTreeMap<String, CursorRow> {
        let row = |cursor: &Cursor| (cursor.spec.name.clone(), cursor.row.clone());
        self.cursors.iter().map(row).collect()
    }

    /// The newest entry there has ever been.
    pub(crate) fn last(&self) -> u64 {
        self.next - 1
    }

    /// Entries that none of these destinations has to get.
    pub(crate) fn unwanted(&self, cursors: &[Cursor]) -> Vec<u64> {
        unwanted(&self.metas, cursors)
    }

    /// Other destinations, now that it is durable; `gone` is what none of them has to get.
    pub(crate) fn replace(&mut self, mut cursors: Vec<Cursor>, gone: Vec<u64>) {
        self.remove(gone);
        for cursor in &mut cursors {
            cursor.count(&self.metas);
        }
        self.cursors = cursors;
    }

    fn remove(&mut self, gone: Vec<u64>) {
        for seq in gone {
            self.metas.remove(&seq);
            self.behind.remove(&seq);
            if let Some(entry) = self.cache.remove(&seq) {
                self.cached_bytes -= size(&entry);
            }
        }
    }

    fn remember(&mut self, seq: u64, entry: Entry) {
        self.cached_bytes += size(&entry);
        self.cache.insert(seq, entry);
        while self.cached_bytes > self.cache_max_bytes {
            let Some((_, oldest)) = self.cache.pop_first() else {
                return;
            };
            self.cached_bytes -= size(&oldest);
        }
    }
}

/// Entries that none of these destinations has to get.
pub(crate) fn unwanted(metas: &BTreeMap<u64, Meta>, cursors: &[Cursor]) -> Vec<u64> {
    let wanted = |seq: &u64, meta: &Meta| cursors.iter().any(|cursor| cursor.row.wants(*seq, meta));
    let unwanted = metas.iter().filter(|(seq, meta)| !wanted(seq, meta));
    unwanted.map(|(seq, _)| *seq).collect()
}

fn size(entry: &Entry) -> u64 {
    u64::try_from(entry.payload.len()).unwrap_or(u64::MAX)
}
