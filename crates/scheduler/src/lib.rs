//! Which group of targets is polled when and over which window.
//!
//! [`core`] decides, as a pure function of time and events; [`driver`] is the tokio shell around it that discovers,
//! fetches and commits. What it sees teaches it how long to wait for points and how far to look back for late ones.
//! This crate knows no SDK and no exporter.

mod apart;
mod begin;
pub mod core;
pub mod driver;
mod failing;
mod handle;
mod last_listed;
mod listed;
mod lister;
mod matches;
mod notices;
mod poll;
mod price;
mod progress;
mod roster;
mod settle;
mod split;
#[cfg(test)]
mod testing;
mod troubled;

pub use apart::{keep_apart, recall_apart};
pub use driver::{Account, Clock, RunError, Scheduler};
pub use failing::{Fails, Unlisted};
pub use handle::Handle;
pub use matches::{Matches, Unmatched};
pub use price::Daily;
pub use progress::{AccountProgress, GroupProgress, LastError, Progress};
pub use settle::{NamespaceProgress, SettleSource};
pub use split::Splitting;
