//! What can go wrong, each with what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a store could not be opened. Nothing has been changed in the file, whatever the reason.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory is missing and could not be made.
    #[error(
        "making the state directory {dir}: make it by hand or set `state.dir` to one that this user may make"
    )]
    Directory {
        /// Which.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The directory or a file in it cannot be written.
    #[error(
        "writing in the state directory {dir}: give this user the right to write there, or set `state.dir` to another directory"
    )]
    ReadOnly {
        /// Which.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process has it open.
    #[error(
        "the store in {dir} is in use by process {pid}: stop that process, or set `state.dir` to another directory"
    )]
    Locked {
        /// Where.
        dir: PathBuf,
        /// Who, as it wrote into the lock; "unknown" when it has not yet.
        pid: String,
    },
    /// The file belongs to another program.
    #[error(
        "{file} is a database of another program (application id {application_id:#x}): move it away, or set `state.dir` to another directory"
    )]
    NotOurs {
        /// Which.
        file: PathBuf,
        /// Its mark.
        application_id: u32,
    },
    /// The file was written by a later version.
    #[error(
        "{file} has format {found}, written by version {written_by}; this version reads up to format {known}: use version {written_by} or newer"
    )]
    Newer {
        /// Which.
        file: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
        /// Who wrote it.
        written_by: String,
    },
    /// The file is damaged.
    #[error(
        "{file} is damaged ({detail}) and was left as it is. Move it away, together with the files of the same name that end in -wal and -shm, to start anew: points that wait in it are not delivered, and the first poll reaches back by `poll.initial` and may hand over points a second time"
    )]
    Corrupted {
        /// Which.
        file: PathBuf,
        /// What `SQLite` or we have found.
        detail: String,
    },
    /// No room.
    #[error(
        "no room for {file}: free disk space or lower `state.spool_max` (at least 16 MiB have to be free)"
    )]
    Full {
        /// Which.
        file: PathBuf,
        /// The error itself.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Any other failure of the file system or of `SQLite`.
    #[error("opening {file}")]
    Other {
        /// Which.
        file: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why something was not stored. What was asked for has left no trace, neither in the file nor in memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room in the file or on the disk. Wait for [`crate::Store::recovered`], then ask the cloud again.
    #[error("the store is full: a destination has to take what waits for it, or the disk needs space")]
    Full,
    /// The file could not be written or read; the next attempt may succeed.
    #[error("the store's file could not be written or read: {0}")]
    Io(String),
    /// The file is damaged; restart to see what to do.
    #[error("the store's file is damaged: {0}")]
    Corrupted(String),
    /// The store is closed or its writer has ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether trying again later may succeed without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Full | Self::Io(_) => true,
            Self::Corrupted(_) | Self::Closed => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if is_full(&error) {
            Self::Full
        } else if is_corrupt(&error) {
            Self::Corrupted(error.to_string())
        } else {
            Self::Io(error.to_string())
        }
    }
}

/// Neither the page cap nor the disk leaves room. Growing the -shm file reports it in its own way.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|e| {
        e.code == rusqlite::ErrorCode::DiskFull || e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

/// The bytes are not a database, or not a sound one.
pub(crate) fn is_corrupt(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}
