//! An account as it is handed over to be polled.

use gate::{Budget, Skew};
use provider_api::MetricsProvider;
use std::sync::Arc;
use std::time::Duration;

/// An account and how often it is listed.
#[derive(Clone, Debug)]
pub struct Account {
    /// The cloud.
    pub provider: Arc<dyn MetricsProvider>,
    /// How often targets are listed anew.
    pub discover_every: Duration,
    /// How far its cloud's clock is from ours; windows go by the cloud's.
    pub skew: Skew,
    /// What it may cost. Its requests are paid from the same.
    pub budget: Budget,
}
