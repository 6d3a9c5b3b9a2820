//! A bounded queue with one cursor per destination; an entry goes when every destination has acknowledged it.

use bytes::Bytes;
use provider_api::UnixNanos;
use std::collections::VecDeque;

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

#[derive(Debug)]
pub(crate) struct Spool {
    max_bytes: u64,
    entries: VecDeque<Entry>,
    /// Sequence number of the front entry.
    first: u64,
    /// Per destination: the sequence number it wants next.
    cursors: Vec<u64>,
    bytes: u64,
    points: u64,
}

impl Spool {
    pub(crate) fn new(max_bytes: u64, destinations: usize) -> Self {
        Self {
            max_bytes,
            entries: VecDeque::new(),
            first: 0,
            cursors: vec![0; destinations],
            bytes: 0,
            points: 0,
        }
    }

    /// An empty spool always has room, so that an entry larger than the limit cannot block for ever.
    pub(crate) fn has_room(&self) -> bool {
        self.entries.is_empty() || self.bytes < self.max_bytes
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += size(&entry);
        self.points += u64::from(entry.points);
        self.entries.push_back(entry);
        self.trim();
    }

    pub(crate) fn next(&self, destination: usize) -> Option<(u64, Entry)> {
        let wanted = *self.cursors.get(destination)?;
        let index = usize::try_from(wanted.checked_sub(self.first)?).ok()?;
        self.entries.get(index).map(|entry| (wanted, entry.clone()))
    }

    pub(crate) fn acknowledge(&mut self, destination: usize, sequence: u64) {
        if let Some(cursor) = self.cursors.get_mut(destination) {
            *cursor = (*cursor).max(sequence + 1);
        }
        self.trim();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    fn trim(&mut self) {
        let slowest = self.cursors.iter().min().copied().unwrap_or(u64::MAX);
        while self.first < slowest {
            let Some(entry) = self.entries.pop_front() else {
                return;
            };
            self.first += 1;
            self.bytes -= size(&entry);
            self.points -= u64::from(entry.points);
        }
    }
}

fn size(entry: &Entry) -> u64 {
    u64::try_from(entry.payload.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(len: usize) -> Entry {
        let payload = Bytes::from(vec![0; len]);
        Entry {
            payload,
            raw_len: 0,
            points: 1,
            oldest_end: UnixNanos(0),
            newest_end: UnixNanos(0),
        }
    }

    #[test]
    fn an_entry_goes_when_all_have_it() {
        let mut spool = Spool::new(10, 2);
        spool.push(entry(8));
        assert!(spool.has_room());
        spool.push(entry(8));
        assert!(!spool.has_room());
        spool.acknowledge(0, 0);
        assert_eq!(spool.bytes(), 16);
        assert_eq!(spool.next(0).map(|(s, _)| s), Some(1));
        assert_eq!(spool.next(1).map(|(s, _)| s), Some(0));
        spool.acknowledge(1, 1);
        assert_eq!((spool.bytes(), spool.points()), (8, 1));
        spool.acknowledge(0, 1);
        assert!(spool.is_empty());
    }
}
