//! What a daemon holds while time goes by: memory, which is to be flat, and the files of its state, which have bounds.

use crate::setup::Daemon;
use std::path::Path;
use store::{BALLAST_BYTES, LOG_BYTES};

/// Tables without rows, and pages that have been begun.
const EMPTY_BYTES: u64 = 128 << 10;

/// A row of the ledger is smaller; so much has a page of the file for each if they are few.
const SERIES_BYTES: u64 = 1 << 10;

/// `SQLite`'s index of the log: 32 KiB for each 4,096 of its pages, begun before they are needed.
const INDEX_BYTES: u64 = 96 << 10;

/// The process id in it.
const LOCK_BYTES: u64 = 16;

/// Memory of one moment, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    resident: u64,
    /// Without the binary's own pages, which a debug build has many of.
    anonymous: u64,
}

/// What was read since the last mark, and the marks.
#[derive(Debug, Default)]
pub(super) struct Memories {
    readings: Vec<Memory>,
    marks: Vec<Memory>,
}

impl Memories {
    pub(super) fn read(&mut self, daemon: &Daemon) {
        self.readings.push(Memory {
            resident: daemon.rss_bytes(),
            anonymous: daemon.anonymous_bytes(),
        });
    }

    /// The middle of the last `readings`: a single one shows what the poll of that moment needed.
    pub(super) fn mark(&mut self, readings: usize) -> Memory {
        let last = &self.readings[self.readings.len().saturating_sub(readings)..];
        let mark = Memory {
            resident: middle(last.iter().map(|memory| memory.resident)),
            anonymous: middle(last.iter().map(|memory| memory.anonymous)),
        };
        self.readings.clear();
        self.marks.push(mark);
        mark
    }

    /// At no mark from the one with this number on, more than so many percent of that.
    pub(super) fn assert_flat(&self, first: usize, percent: Percent) {
        let marks = &self.marks[first - 1..];
        for mark in marks {
            let within = |now: u64, then: u64, percent: u64| now * 100 <= then * percent;
            assert!(
                within(mark.resident, marks[0].resident, percent.resident)
                    && within(mark.anonymous, marks[0].anonymous, percent.anonymous),
                "memory grows: {marks:?}"
            );
        }
    }
}

impl std::fmt::Display for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (resident, anonymous) = (self.resident >> 10, self.anonymous >> 10);
        write!(f, "{resident} kB resident, {anonymous} kB of it anonymous")
    }
}

/// The most that memory may be of what it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Percent {
    pub(super) resident: u64,
    pub(super) anonymous: u64,
}

fn middle(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Every file of the state is one that there should be and within its bound; gives their sizes as a text.
pub(super) fn files_within_bounds(state: &Path, spool_max: u64, series: u64) -> String {
    // Entries that are small fill their pages half at the worst.
    let database = 2 * spool_max + series * SERIES_BYTES + EMPTY_BYTES;
    let files = std::fs::read_dir(state).unwrap().map(|file| file.unwrap());
    let mut sizes: Vec<(String, u64)> = files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, file.metadata().unwrap().len())
        })
        .collect();
    sizes.sort();
    for (name, bytes) in &sizes {
        let most = match name.as_str() {
            "nephoscope.db" => database,
            "nephoscope.db-wal" => LOG_BYTES,
            "nephoscope.db-shm" => INDEX_BYTES,
            "ballast" => BALLAST_BYTES,
            "lock" => LOCK_BYTES,
            other => panic!("{other} should not be there"),
        };
        assert!(*bytes <= most, "{name} may have {most} bytes: {sizes:?}");
    }
    let sizes = sizes
        .iter()
        .map(|(name, bytes)| format!("{name} {} kB", bytes >> 10));
    sizes.collect::<Vec<_>>().join(", ")
}
