//! What the process tells about itself while it runs: its log, what becomes of a panic, all its figures and traces.

pub(crate) mod instruments;
pub(crate) mod log;
pub(crate) mod measure;
pub(crate) mod own;
mod panics;
mod process;
#[cfg(test)]
mod reference;
