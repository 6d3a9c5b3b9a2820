//! What tells one version of a file from another without reading it: for credentials that other tools replace.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Time, size and inode of a file; the latter for files that are replaced as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    changed_s: i64,
    changed_nanos: i64,
    bytes: u64,
    inode: u64,
}

impl FileStamp {
    /// Of the file at `path` as it is now; nothing when it cannot be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self {
            changed_s: about.mtime(),
            changed_nanos: about.mtime_nsec(),
            bytes: about.size(),
            inode: about.ino(),
        })
    }
}
