//! Disk space set aside for the moment when there is none: `SQLite` needs some to delete.

use std::fs::{File, remove_file, rename};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Written at a time.
const CHUNK_BYTES: usize = 1 << 20;

const NAME: &str = "ballast";

/// The file, there or not.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
    bytes: u64,
    there: bool,
}

impl Ballast {
    /// Lays it in `dir` unless it lies there; without room it is laid later.
    pub(crate) fn lay_in(dir: &Path, bytes: u64) -> Self {
        let path = dir.join(NAME);
        let there = path.metadata().is_ok_and(|meta| meta.len() == bytes);
        let mut ballast = Self { path, bytes, there };
        if !ballast.lay() {
            tracing::warn!(path = %ballast.path.display(), "no room for the reserve on the disk; it is laid when there is");
        }
        ballast
    }

    /// True when it lies there, from before or now.
    pub(crate) fn lay(&mut self) -> bool {
        if !self.there {
            let unfinished = self.path.with_extension("new");
            let laid = write(&unfinished, self.bytes).and_then(|()| rename(&unfinished, &self.path));
            self.there = laid.is_ok();
            if !self.there && unfinished.exists() {
                drop(remove_file(&unfinished));
            }
        }
        self.there
    }

    /// Frees its space; true when there was some to free.
    pub(crate) fn drop_it(&mut self) -> bool {
        let freed = self.there && remove_file(&self.path).is_ok();
        self.there = false;
        freed
    }
}

/// Random bytes, so that a file system that compresses or leaves out zeros has to store them.
fn write(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut random = fastrand::Rng::with_seed(0);
    let mut left = usize::try_from(bytes).unwrap_or(0);
    while left > 0 {
        chunk.truncate(left);
        random.fill(&mut chunk);
        file.write_all(&chunk)?;
        left -= chunk.len();
    }
    file.sync_all()
}
