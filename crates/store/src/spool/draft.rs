//! Changes of the open transaction. Nothing of them is seen outside before they are durable.

use super::{Behind, Cursor, Entry, Meta, Spool};
use crate::options::Stream;

/// What the spool will be once the transaction is committed.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) cursors: Vec<Cursor>,
    pub(crate) pushed: Vec<(u64, Meta, Entry)>,
    /// What some of them wait for.
    pub(crate) behind: Vec<(u64, Behind)>,
    /// Entries that nobody wants any more.
    pub(crate) gone: Vec<u64>,
    pub(crate) next: u64,
}

impl Draft {
    /// No changes yet.
    pub(crate) fn new(spool: &Spool) -> Self {
        Self {
            cursors: spool.cursors.clone(),
            pushed: Vec::new(),
            behind: Vec::new(),
            gone: Vec::new(),
            next: spool.next,
        }
    }

    /// Whether some destination of this look takes the oldest points first.
    pub(crate) fn is_ordered(&self, stream: Stream) -> bool {
        let mut cursors = self.cursors.iter();
        cursors.any(|cursor| cursor.spec.oldest_first && cursor.row.stream == stream)
    }

    /// Appends an entry and returns its number. Destinations that skip rather than pause make room for it.
    pub(crate) fn push(&mut self, spool: &Spool, stream: Stream, entry: Entry) -> u64 {
        let seq = self.next;
        self.next += 1;
        let meta = Meta::of(stream, &entry);
        self.pushed.push((seq, meta, entry));
        for index in 0..self.cursors.len() {
            if let Some(cursor) = self.cursors.get_mut(index)
                && cursor.row.wants(seq, &meta)
            {
                cursor.add(&meta);
                self.make_room(spool, index, seq);
            }
        }
        seq
    }

    /// The entry just pushed is kept, however large it is.
    fn make_room(&mut self, spool: &Spool, destination: usize, newest: u64) {
        while let Some(cursor) = self.cursors.get(destination).filter(|cursor| cursor.overflows()) {
            let Some((seq, _)) = self.wanted(spool, cursor, newest - 1).into_iter().next() else {
                return;
            };
            self.skip(spool, destination, seq);
        }
    }

    /// Where a destination is in the list.
    pub(crate) fn position(&self, destination: &str) -> Option<usize> {
        let mut cursors = self.cursors.iter();
        cursors.position(|cursor| cursor.spec.name == destination)
    }

    /// The destination goes on without an entry; its points are counted.
    pub(crate) fn skip(&mut self, spool: &Spool, destination: usize, seq: u64) {
        let points = self.acknowledge(spool, destination, seq);
        if let Some(cursor) = self.cursors.get_mut(destination) {
            cursor.row.dropped += points;
        }
    }

    /// The destination has an entry. Gives how many points of it were left.
    pub(crate) fn acknowledge(&mut self, spool: &Spool, destination: usize, seq: u64) -> u64 {
        self.settle(spool, destination, seq, None)
    }

    /// The destination has an entry but for so many deltas.
    pub(crate) fn keep_deltas(&mut self, spool: &Spool, destination: usize, seq: u64, points: u32) {
        self.settle(spool, destination, seq, Some(points));
    }

    fn settle(&mut self, spool: &Spool, destination: usize, seq: u64, deltas: Option<u32>) -> u64 {
        let Some(cursor) = self.cursors.get(destination) else {
            return 0;
        };
        let wanted = self.wanted(spool, cursor, seq);
        let Some((_, meta)) = wanted.iter().find(|(one, _)| *one == seq).copied() else {
            return 0;
        };
        let passed = wanted.iter().map(|(one, _)| *one).filter(|one| *one != seq);
        let Some(cursor) = self.cursors.get_mut(destination) else {
            return 0;
        };
        cursor.subtract(&meta);
        match deltas {
            None => cursor.row.acknowledge(seq, passed),
            Some(points) => {
                cursor.row.keep_deltas(seq, points, passed);
                cursor.add(&Meta { points, ..meta });
            }
        }
        if !self.cursors.iter().any(|cursor| cursor.row.wants(seq, &meta)) {
            self.gone.push(seq);
        }
        u64::from(meta.points)
    }

    /// Entries up to and with `upto` that a destination still has to get, oldest first.
    fn wanted(&self, spool: &Spool, cursor: &Cursor, upto: u64) -> Vec<(u64, Meta)> {
        let old = cursor.pending(&spool.metas).take_while(|(seq, _)| *seq <= upto);
        let new = self.pushed.iter().map(|(seq, meta, _)| (*seq, *meta));
        let new = new.filter(|(seq, meta)| *seq <= upto && cursor.row.wants(*seq, meta));
        old.chain(new).collect()
    }
}
