//! The one way in for points: what an answer brings, lacks and teaches, whoever has asked for it.
//!
//! When to ask is left to those who do; what is in an entry of the store to the encoder.

mod clock;
mod failing;
mod matches;
mod notices;
mod outages;
mod progress;
mod read;
mod settle;
mod tell;

pub use clock::Clock;
pub use failing::{Fails, Missed, Unlisted};
pub use matches::{Matches, Unmatched};
pub use notices::Notices;
pub use outages::{Lasts, Outages, Recovered};
pub use progress::{AccountProgress, CLOCKS_APART, GroupProgress, LastError, Progress};
pub use read::{Arrived, Broken, Read, Taker};
pub use settle::{Changed, Learner, Look, NamespaceProgress, Seen, SettleSource, Sightings, Terms};

use provider_api::MetricsProvider;
use std::sync::Arc;

/// Reads the answers of one account.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The cloud.
    pub provider: Arc<dyn MetricsProvider>,
    /// What is counted.
    pub progress: Arc<Progress>,
    /// What has been said in the log.
    pub notices: Arc<Notices>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Intake {
    /// One that shares nothing with others: a command's.
    pub fn alone(provider: Arc<dyn MetricsProvider>, clock: Arc<dyn Clock>, notices: Notices) -> Self {
        let progress = Arc::new(Progress::default());
        progress.enlist(provider.as_ref());
        Self {
            provider,
            progress,
            notices: Arc::new(notices),
            clock,
        }
    }
}
