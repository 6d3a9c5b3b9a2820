//! One destination as people see it.

use super::state::{self, DestinationState};
use crate::live::LiveDestination;
use export::DeliverySnapshot;
use provider_api::UnixNanos;
use std::time::Duration;
use store::DestinationUsage;

/// One destination.
#[derive(Clone, Debug)]
pub(crate) struct DestinationRow {
    /// The configuration's name.
    pub(crate) name: String,
    /// How it is.
    pub(crate) state: DestinationState,
    /// What its delivery counted.
    pub(crate) delivery: DeliverySnapshot,
    /// What waits for it.
    pub(crate) waiting: DestinationUsage,
    /// Age of the oldest point that waits for it.
    pub(crate) lag: Duration,
    /// How much of its part of the spool is used; 1 is all of it.
    pub(crate) fill: f64,
    /// What to do.
    pub(crate) remedy: Option<String>,
}

impl DestinationRow {
    pub(super) fn new(destination: &LiveDestination, waiting: &DestinationUsage, now: UnixNanos) -> Self {
        let delivery = destination.stats.snapshot();
        let lag = waiting
            .oldest_end
            .map_or(Duration::ZERO, |oldest| now.since(oldest));
        // The last batch that found room may reach beyond it.
        let fill = share(waiting.pending_bytes, waiting.max_bytes).min(1.0);
        let state = state::of_destination(&delivery, lag, fill);
        Self {
            name: destination.name.clone(),
            remedy: state.remedy(fill, lag),
            state,
            delivery,
            waiting: waiting.clone(),
            lag,
            fill,
        }
    }

    /// Points that it will never get.
    pub(crate) fn dropped(&self) -> u64 {
        self.delivery.dropped_points + self.waiting.dropped_points
    }

    /// Whether its last error is of the present.
    pub(crate) fn fails(&self) -> bool {
        self.remedy.is_some() && !self.delivery.last_error.is_empty()
    }
}

/// In thousandths, which every `f64` holds: it is only shown.
fn share(part: u64, whole: u64) -> f64 {
    let thousandths = part.saturating_mul(1_000) / whole.max(1);
    f64::from(u32::try_from(thousandths).unwrap_or(u32::MAX)) / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares() {
        let shares = [(0, 0), (1, 4), (8 << 40, 16 << 40)].map(|(part, whole)| share(part, whole));
        assert!(
            shares
                .iter()
                .zip([0.0, 0.25, 0.5])
                .all(|(a, b)| (a - b).abs() < 1e-9)
        );
    }
}
