//! What the process tells about itself while it runs: its log, what becomes of a panic, all its figures and traces.

use rustix::io::Result;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::disable_transparent_huge_pages;

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

/// From now on the kernel backs our memory by pages of 4 KiB, whatever it does for others: tables that are touched here and
/// there would otherwise take 2 MiB for each touch, and clearing them is most of the system time of a start.
pub(crate) fn small_pages() -> Result<()> {
    disable_transparent_huge_pages(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_huge_pages() {
        super::small_pages().unwrap();
        assert!(rustix::thread::transparent_huge_pages_are_disabled().unwrap());
    }

    #[test]
    fn a_crash_leaves_no_core_file() {
        super::private().unwrap();
        let behavior = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(behavior, super::DumpableBehavior::NotDumpable);
    }
}
