//! A warning for files with secrets that others may read. A warning only: who may reach the directory is not known here.

use crate::lookup::Lookup;
use std::path::Path;

/// Reading and writing by all others, writing by the group. A group that may read is a common way to share a secret
/// with a service.
const LOOSE: u32 = 0o026;

/// Says so in the log when a secret lies open. Those that systemd hands over are its own business.
pub(crate) fn look(path: &Path, lookup: &dyn Lookup) {
    if let Some(mode) = mode(path, lookup) {
        let file = path.display();
        tracing::warn!(
            %file,
            mode = format!("{mode:o}"),
            "others may read or change the secret in {file}: `chmod 600 {file}`"
        );
    }
}

/// The mode of a file that others may read or change.
pub(crate) fn mode(path: &Path, lookup: &dyn Lookup) -> Option<u32> {
    let handed_over = lookup.env("CREDENTIALS_DIRECTORY");
    if handed_over.is_some_and(|directory| path.starts_with(directory)) {
        return None;
    }
    lookup.mode(path).filter(|mode| mode & LOOSE != 0)
}
