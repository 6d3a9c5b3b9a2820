//! What the process tells about itself while it runs: its log, and what becomes of a panic.

pub(crate) mod log;
mod panics;
