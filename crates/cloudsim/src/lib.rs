//! Three simulated clouds that speak the real wire protocols.
//!
//! The data of each cloud is a pure function of (seed, series, time), so a test knows the truth without asking. What the
//! clouds share lives here: the [`world::World`] and its clock, [`faults::Faults`] and [`rules`], [`counts::Counts`] and the
//! loopback server. What one cloud checks and answers lives in its folder.
#![forbid(unsafe_code)]

pub mod aws;
pub mod azure;
mod churn;
pub mod counts;
mod date;
pub mod faults;
pub mod gcp;
mod pace;
pub mod rules;
pub mod serve;
pub mod sight;
pub mod world;

pub use counts::{Counts, CountsSnapshot};
pub use faults::{BadAnswer, Faults, Verdict};
pub use pace::Pace;
pub use rules::{Cloud, How, Odd, PartFault, Rule, RuleId};
pub use serve::{Running, TestCa};
pub use sight::{Sight, Version};
pub use world::{Clock, World};
