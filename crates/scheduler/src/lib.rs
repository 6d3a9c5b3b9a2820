//! Which group of targets is polled when and over which window.
//!
//! [`core`] decides, as a pure function of time and events; [`driver`] is the tokio shell around it that discovers,
//! fetches and commits. What it sees teaches it how long to wait for points and how far to look back for late ones.
//! This crate knows no SDK and no exporter.

mod account;
mod apart;
mod begin;
pub mod core;
pub mod driver;
mod handle;
mod last_listed;
mod listed;
mod lister;
mod poll;
mod price;
mod roster;
mod split;
#[cfg(test)]
mod testing;
mod troubled;

pub use account::Account;
pub use apart::{keep_apart, recall_apart};
pub use driver::{RunError, Scheduler};
pub use handle::Handle;
pub use intake::{
    AccountProgress, Clock, Fails, GroupProgress, LastError, Matches, NamespaceProgress, Progress,
    SettleSource, Unlisted, Unmatched,
};
pub use price::Daily;
pub use split::Splitting;
