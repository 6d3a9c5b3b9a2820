//! The torture test: the real daemon, killed at random moments, between three simulated clouds and two receivers that all
//! fail at random; at the end every point of the truth must be at both receivers, and nothing else.
//!
//! What happens when is planned in `plan.rs` from the seed alone. `clouds.rs`, `destination.rs`, `proxy.rs` and
//! `daemon.rs` are what it happens to, `chaos.rs` plays the plan, `truth.rs` says what must arrive, `tally.rs` keeps what
//! did, and `verdict.rs` compares the two.

mod chaos;
mod clouds;
mod daemon;
mod destination;
mod plan;
mod proxy;
mod report;
mod run;
mod tally;
mod truth;
mod verdict;

pub use report::Report;
pub use run::{Failure, Options, torture};
