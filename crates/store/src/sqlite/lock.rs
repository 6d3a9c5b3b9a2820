//! One process at a time: a lock on a file beside the database, with the holder's process id in it.

use crate::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

const NAME: &str = "lock";

/// Held while it lives; the kernel lets go of it with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock of `dir`.
pub(crate) fn take(dir: &Path) -> Result<Lock, OpenError> {
    let unwritable = |source| OpenError::ReadOnly {
        dir: dir.to_owned(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join(NAME))
        .map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Locked {
                dir: dir.to_owned(),
                pid: holder(&mut file),
            });
        }
        Err(TryLockError::Error(source)) => return Err(unwritable(source)),
    }
    // On a full disk the process id is missing from a later message; that is no reason not to start.
    if let Err(error) = note(&mut file) {
        tracing::debug!(%error, "writing our process id into the lock");
    }
    Ok(Lock { _file: file })
}

fn note(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(std::process::id().to_string().as_bytes())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}
