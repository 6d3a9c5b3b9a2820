//! What the process tells about itself while it runs: its log, what becomes of a panic, all its figures and traces.

use rustix::io::Result;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

pub(crate) mod instruments;
mod journal;
pub(crate) mod log;
pub(crate) mod measure;
pub(crate) mod own;
mod panics;
mod process;
#[cfg(test)]
mod reference;
mod repeats;
pub(crate) mod texts;

/// From now on a crash leaves no core file, which would hold every secret, and no other process of the same user looks
/// into our memory.
pub(crate) fn private() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_crash_leaves_no_core_file() {
        super::private().unwrap();
        let behavior = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(behavior, super::DumpableBehavior::NotDumpable);
    }
}
