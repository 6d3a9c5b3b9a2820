//! How far one destination is, and how much waits for it.

use super::Meta;
use crate::options::{DestinationSpec, OnFull, Stream};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What keeps up has at most this waiting: a few seconds of work for any destination.
const FEW_BYTES: u64 = 8 << 20;

/// And at most one part in so many of its limit, so that what lies behind does not fill a small spool.
const FEW_SHARE: u64 = 8;

/// The part of a cursor that the file keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CursorRow {
    /// Everything up to and with this entry has been acknowledged.
    pub(crate) seq: u64,
    /// Points skipped because it fell too far behind.
    pub(crate) dropped: u64,
    /// What it wants.
    pub(crate) stream: Stream,
    /// What it wanted up to and with which entry, before its configuration changed; oldest first. Only what may still
    /// wait is kept, so there are never more than entries.
    pub(crate) before: Vec<(u64, Stream)>,
    /// Entries up to `seq` that have not been acknowledged all the same: others went on beside them.
    pub(crate) aside: Arc<BTreeMap<u64, Left>>,
}

/// What is left of an entry that others have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// All of it.
    All,
    /// Its delta points, this many.
    Deltas(u32),
}

impl CursorRow {
    /// A destination that starts at the end: entries up to `last` are not for it.
    pub(crate) fn new(stream: Stream, last: u64) -> Self {
        Self {
            seq: last,
            dropped: 0,
            stream,
            before: Vec::new(),
            aside: Arc::default(),
        }
    }

    /// The same destination with what its configuration says today: what waits is still delivered as it was encoded.
    #[must_use]
    pub(crate) fn switch(mut self, stream: Stream, last: u64) -> Self {
        let waits = self.seq < last || !self.aside.is_empty();
        let told = self.before.last().is_some_and(|(upto, _)| *upto >= last);
        if self.stream != stream && waits && !told {
            self.before.push((last, self.stream));
        }
        Self { stream, ..self }
    }

    /// It has this entry; those in `passed` wait before it.
    pub(crate) fn acknowledge(&mut self, seq: u64, passed: impl Iterator<Item = u64>) {
        if seq > self.seq {
            let mut passed = passed.peekable();
            if passed.peek().is_some() {
                let aside = Arc::make_mut(&mut self.aside);
                for seq in passed {
                    aside.entry(seq).or_insert(Left::All);
                }
            }
            self.seq = seq;
        } else if self.aside.contains_key(&seq) {
            Arc::make_mut(&mut self.aside).remove(&seq);
        }
        self.before.retain(|(upto, _)| {
            *upto > self.seq || self.aside.keys().next().is_some_and(|first| first <= upto)
        });
    }

    /// It has this entry but for so many deltas, and not those in `passed`.
    pub(crate) fn keep_deltas(&mut self, seq: u64, points: u32, passed: impl Iterator<Item = u64>) {
        self.acknowledge(seq, passed);
        Arc::make_mut(&mut self.aside).insert(seq, Left::Deltas(points));
    }

    fn stream_at(&self, seq: u64) -> Stream {
        let before = self.before.iter().find(|(upto, _)| seq <= *upto);
        before.map_or(self.stream, |(_, stream)| *stream)
    }

    /// Whether it still has to get this entry.
    pub(crate) fn wants(&self, seq: u64, meta: &Meta) -> bool {
        (seq > self.seq || self.aside.contains_key(&seq)) && meta.stream == self.stream_at(seq)
    }
}

/// A destination's place in the spool.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) spec: Arc<DestinationSpec>,
    pub(crate) row: CursorRow,
    pub(crate) pending_bytes: u64,
    pub(crate) pending_points: u64,
}

impl Cursor {
    pub(crate) fn new(spec: DestinationSpec, row: CursorRow) -> Self {
        Self {
            spec: Arc::new(spec),
            row,
            pending_bytes: 0,
            pending_points: 0,
        }
    }

    /// Counts what waits for it.
    pub(crate) fn count(&mut self, metas: &BTreeMap<u64, Meta>) {
        let (bytes, points) = self.pending(metas).fold((0, 0), |(bytes, points), (_, meta)| {
            (bytes + meta.bytes, points + u64::from(meta.points))
        });
        self.pending_bytes = bytes;
        self.pending_points = points;
    }

    /// Entries that it still has to get, in the order in which they came.
    pub(crate) fn pending<'a>(
        &'a self,
        metas: &'a BTreeMap<u64, Meta>,
    ) -> impl Iterator<Item = (u64, Meta)> + 'a {
        let passed = self
            .row
            .aside
            .keys()
            .filter_map(|seq| Some((*seq, metas.get(seq)?)));
        let rest = metas.range(self.row.seq.saturating_add(1)..);
        passed
            .chain(rest.map(|(seq, meta)| (*seq, meta)))
            .filter(|(seq, meta)| self.row.wants(*seq, meta))
            .map(|(seq, meta)| (seq, self.left(seq, *meta)))
    }

    /// An entry with the points that are left of it.
    pub(crate) fn left(&self, seq: u64, meta: Meta) -> Meta {
        match self.row.aside.get(&seq) {
            Some(Left::Deltas(points)) => Meta {
                points: *points,
                deltas_only: true,
                ..meta
            },
            Some(Left::All) | None => meta,
        }
    }

    /// Delta points that wait by themselves.
    pub(crate) fn kept_deltas(&self) -> u64 {
        let points = |left: &Left| match left {
            Left::Deltas(points) => u64::from(*points),
            Left::All => 0,
        };
        self.row.aside.values().map(points).sum()
    }

    pub(crate) fn has_room(&self) -> bool {
        match self.spec.on_full {
            OnFull::DropOldest => true,
            OnFull::Pause => self.pending_bytes == 0 || self.pending_bytes < self.spec.max_bytes,
        }
    }

    /// Whether there is room for as much again.
    pub(crate) fn is_half_empty(&self) -> bool {
        self.pending_bytes < self.spec.max_bytes / 2
    }

    /// Whether so little waits for it that what comes next goes out soon, but for `held` bytes that wait for something
    /// else. Nobody waits for one that skips.
    pub(crate) fn keeps_up(&self, held: u64) -> bool {
        let few = (self.spec.max_bytes / FEW_SHARE).min(FEW_BYTES);
        match self.spec.on_full {
            OnFull::DropOldest => true,
            OnFull::Pause => self.pending_bytes.saturating_sub(held) <= few,
        }
    }

    pub(crate) fn add(&mut self, meta: &Meta) {
        self.pending_bytes += meta.bytes;
        self.pending_points += u64::from(meta.points);
    }

    pub(crate) fn subtract(&mut self, meta: &Meta) {
        self.pending_bytes = self.pending_bytes.saturating_sub(meta.bytes);
        self.pending_points = self.pending_points.saturating_sub(u64::from(meta.points));
    }

    /// Whether it has to skip its oldest entries.
    pub(crate) fn overflows(&self) -> bool {
        self.spec.on_full == OnFull::DropOldest && self.pending_bytes > self.spec.max_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    fn keeps_up(on_full: OnFull, max_bytes: u64, pending_bytes: u64) -> bool {
        let mut spec = Options::new("", max_bytes)
            .destination("d")
            .destinations
            .remove(0);
        spec.on_full = on_full;
        let row = CursorRow::new(Stream::of(&spec), 0);
        Cursor {
            pending_bytes,
            ..Cursor::new(spec, row)
        }
        .keeps_up(0)
    }

    #[test]
    fn a_destination_keeps_up_with_little_of_a_small_spool_and_a_few_megabytes_of_a_large_one() {
        assert!(keeps_up(OnFull::Pause, 64 << 10, 8 << 10));
        assert!(!keeps_up(OnFull::Pause, 64 << 10, (8 << 10) + 1));
        assert!(keeps_up(OnFull::Pause, 1 << 30, FEW_BYTES));
        assert!(!keeps_up(OnFull::Pause, 1 << 30, FEW_BYTES + 1));
        assert!(keeps_up(OnFull::Pause, 1, 0), "nothing waits");
        assert!(
            keeps_up(OnFull::DropOldest, 1 << 30, 1 << 30),
            "nobody waits for it"
        );
    }
}
