//! Which group of targets is polled when and over which window.
//!
//! [`core`] decides, as a pure function of time and events; [`driver`] is the tokio shell around it that discovers,
//! fetches and commits. This crate knows no SDK and no exporter.

pub mod core;
pub mod driver;
mod notices;
mod poll;
mod progress;

pub use driver::{Account, Clock, Scheduler};
pub use progress::{AccountProgress, Progress};
