//! What a store is told when it is opened.

use std::path::PathBuf;
use std::time::Duration;

/// How long a series without points, or a target that is no longer asked for, is remembered: longer than any cloud
/// keeps points of one minute (AWS 15 days, Azure 93 days by the day, Google 6 weeks).
pub const FORGET_AFTER: Duration = Duration::from_secs(35 * 86_400);

/// Room for the ledger beside the spool: a million series take about 200 MiB.
pub const LEDGER_BYTES: u64 = 1 << 30;

/// Disk space set aside for full disks: more than the write-ahead log can grow by before a checkpoint that does not fit
/// is noticed.
pub const BALLAST_BYTES: u64 = 16 << 20;

/// What the write-ahead log is cut back to after a transaction or a reader has made it grow. As a rule it has a quarter of
/// that: `SQLite` moves it into the file whenever it has a thousand pages.
pub const LOG_BYTES: u64 = 16 << 20;

/// What a destination does when it has fallen behind by `max_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFull {
    /// Commits wait: the cloud is the log, and catching up loses nothing.
    Pause,
    /// Its oldest entries are skipped and counted.
    DropOldest,
}

/// How the points of a destination's entries look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As the cloud gave them.
    Delta,
    /// Deltas added up to running totals.
    Cumulative,
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationSpec {
    /// Its cursor is kept under this name.
    pub name: String,
    /// Bytes that may wait for it.
    pub max_bytes: u64,
    /// What then.
    pub on_full: OnFull,
    /// Deltas or totals.
    pub format: Format,
    /// Whether a point whose value has changed since it was taken is handed over again.
    pub resend_revisions: bool,
    /// Whether points beyond a gap wait until the gap has been closed, and the oldest go first.
    pub oldest_first: bool,
}

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the file, the lock and the ballast are.
    pub dir: PathBuf,
    /// Bytes that may wait for all destinations together; with `ledger_bytes` the size that the file never exceeds.
    pub max_bytes: u64,
    /// Bytes beside them, for the ledger.
    pub ledger_bytes: u64,
    /// Bytes set aside on the disk; see [`BALLAST_BYTES`].
    pub ballast_bytes: u64,
    /// Who gets what; [`crate::Store::set_destinations`] changes it later.
    pub destinations: Vec<DestinationSpec>,
    /// When the ledger forgets a series that has no points any more; see [`FORGET_AFTER`].
    pub forget_after: Duration,
    /// Written into the file, for the message of an older version that meets it.
    pub version: String,
}

impl Options {
    /// With the usual bounds and no destinations.
    pub fn new(dir: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            dir: dir.into(),
            max_bytes,
            ledger_bytes: LEDGER_BYTES,
            ballast_bytes: BALLAST_BYTES,
            destinations: Vec::new(),
            forget_after: FORGET_AFTER,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// With one more destination that pauses at `max_bytes` and takes points as they are.
    #[must_use]
    pub fn destination(mut self, name: &str) -> Self {
        self.destinations.push(DestinationSpec {
            name: name.to_owned(),
            max_bytes: self.max_bytes,
            on_full: OnFull::Pause,
            format: Format::Delta,
            resend_revisions: false,
            oldest_first: false,
        });
        self
    }
}

/// Entries of one look; several destinations may share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Stream {
    pub(crate) cumulative: bool,
    pub(crate) resend: bool,
}

impl Stream {
    pub(crate) fn of(spec: &DestinationSpec) -> Self {
        Self {
            cumulative: spec.format == Format::Cumulative,
            resend: spec.resend_revisions,
        }
    }

    /// As it is written in the file.
    pub(crate) fn code(self) -> u8 {
        u8::from(self.cumulative) | (u8::from(self.resend) << 1)
    }

    pub(crate) fn from_code(code: u8) -> Self {
        Self {
            cumulative: code & 1 != 0,
            resend: code & 2 != 0,
        }
    }
}

/// The looks that some destination wants.
pub(crate) fn streams(destinations: &[DestinationSpec]) -> Vec<Stream> {
    let mut streams: Vec<Stream> = destinations.iter().map(Stream::of).collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}
