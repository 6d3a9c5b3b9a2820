//! How many retries a place may have: a share of its requests, so that a query that fails for ever cannot fill the time and
//! the quota of its neighbours with retries. Pure.

use crate::place::Place;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Retries that each request earns. In an outage everything is retried, so the load grows by half and not eightfold.
const EARNED: f64 = 0.5;

/// Retries that a place has to begin with, and at most: a burst of failures is retried in full.
const MOST: f64 = 20.0;

/// Retries that a second earns: one every ten seconds for places with few requests.
const EARNED_PER_SECOND: f64 = 0.1;

#[derive(Debug)]
struct Purse {
    left: f64,
    at: Instant,
}

impl Purse {
    fn earn(&mut self, now: Instant, more: f64) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + more + passed * EARNED_PER_SECOND).min(MOST);
        self.at = now;
    }
}

/// The retries of one account.
#[derive(Debug, Default)]
pub(crate) struct Retries(Mutex<BTreeMap<Place, Purse>>);

impl Retries {
    /// A request begins.
    pub(crate) fn begun(&self, now: Instant, place: &Place) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(purse) = all.get_mut(place) {
            purse.earn(now, EARNED);
        }
    }

    /// Whether it may be tried again.
    pub(crate) fn take(&self, now: Instant, place: &Place) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is full again need not be remembered.
        all.retain(|_, purse| {
            purse.earn(now, 0.0);
            purse.left < MOST
        });
        let new = || Purse { left: MOST, at: now };
        let purse = all.entry(place.clone()).or_insert_with(new);
        let enough = purse.left >= 1.0;
        if enough {
            purse.left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Scope;
    use std::time::Duration;

    #[test]
    fn retries_are_a_share_of_requests_per_place() {
        let (retries, start) = (Retries::default(), Instant::now());
        let (place, other) = (
            Place::new(&Scope::new("a"), None),
            Place::new(&Scope::new("b"), None),
        );
        let granted = |requests: u32, place: &Place| {
            let mut granted = 0;
            for _ in 0..requests {
                retries.begun(start, place);
                granted += (0..7).filter(|_| retries.take(start, place)).count();
            }
            granted
        };
        assert_eq!(granted(1_000, &place), 20 + 499);
        assert!(retries.take(start, &other), "each place has its own");
        assert!(!retries.take(start, &place));
        assert!(
            retries.take(start + Duration::from_secs(11), &place),
            "time earns, too"
        );
    }
}
