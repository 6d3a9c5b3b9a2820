//! One destination as people see it.

use super::state::{self, DestinationState};
use super::words::{many, span};
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

    /// What is wrong with it at present, the worst first.
    pub(crate) fn troubles(&self) -> Vec<(DestinationState, String)> {
        let now = &self.delivery;
        let all = [
            (DestinationState::NoDeltas, no_deltas(now)),
            (DestinationState::Refusing, refusing(now)),
            (DestinationState::Losing, losing(now)),
        ];
        let mut troubles: Vec<_> = all
            .into_iter()
            .filter_map(|(state, text)| Some((state, text?)))
            .collect();
        match self.state {
            DestinationState::Held | DestinationState::Down => {
                troubles.insert(0, (self.state, now.last_error.clone()));
            }
            DestinationState::Behind => troubles.push((self.state, now.last_error.clone())),
            DestinationState::NoDeltas
            | DestinationState::Refusing
            | DestinationState::Losing
            | DestinationState::Starting
            | DestinationState::Delivering => {}
        }
        troubles
    }
}

/// What is wrong with a destination, in one line, or went wrong last.
pub(crate) fn reason(now: &DeliverySnapshot) -> Option<String> {
    let last = Some(now.last_error.clone()).filter(|why| !why.is_empty());
    if !now.up {
        return last;
    }
    no_deltas(now)
        .or_else(|| refusing(now))
        .or_else(|| losing(now))
        .or(last)
}

fn no_deltas(now: &DeliverySnapshot) -> Option<String> {
    (!now.no_deltas.is_empty()).then(|| format!("delta points are rejected: {}", now.no_deltas))
}

fn refusing(now: &DeliverySnapshot) -> Option<String> {
    let points = many(usize::try_from(now.aside_points).unwrap_or(usize::MAX), "point");
    (now.aside_points > 0).then(|| format!("{points} not taken while others are: {}", now.aside_why))
}

/// `3 points dropped, 12 points rejected within the last hour: …`.
fn losing(now: &DeliverySnapshot) -> Option<String> {
    let losses = state::lately(now)?;
    let counts = [(losses.dropped, "dropped"), (losses.rejected, "rejected")];
    let counts = counts.into_iter().filter(|(points, _)| *points > 0);
    let counts: Vec<String> = counts
        .map(|(points, how)| {
            format!(
                "{} {how}",
                many(usize::try_from(points).unwrap_or(usize::MAX), "point")
            )
        })
        .collect();
    let last = span(losses.last_ago);
    Some(format!(
        "{}, the last {last} ago: {}",
        counts.join(", "),
        losses.why
    ))
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
