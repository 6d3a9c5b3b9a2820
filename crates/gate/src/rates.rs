//! How fast requests of each quota leave: a sliding minute per scope and operation, so that a person sees a quota fill
//! up before the cloud throttles.

use crate::Quota;
use provider_api::Scope;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What rates are measured over: long enough to even out a poll's burst, short enough to be about the present.
const WINDOW: Duration = Duration::from_secs(60);

/// How much of a quota the busiest scope uses.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaUse {
    /// The API operation.
    pub operation: &'static str,
    /// The scope that asks most.
    pub scope: Scope,
    /// Of what the quota lets through in a minute; 1 is all of it.
    pub share: f64,
}

/// Requests of this window and of the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    index: u64,
    current: u32,
    previous: u32,
}

impl Window {
    fn turn(&mut self, index: u64) {
        if index != self.index {
            self.previous = if index == self.index + 1 { self.current } else { 0 };
            self.current = 0;
            self.index = index;
        }
    }

    /// Requests in the last minute: the window before counts by the part of it that lies within that minute.
    fn requests(mut self, (index, elapsed): (u64, f64)) -> f64 {
        self.turn(index);
        f64::from(self.previous) * (1.0 - elapsed) + f64::from(self.current)
    }
}

/// The rates of one account.
#[derive(Debug)]
pub(crate) struct Rates {
    origin: Instant,
    quotas: Vec<(&'static str, Quota)>,
    windows: Mutex<HashMap<(Scope, &'static str), Window>>,
}

impl Rates {
    pub(crate) fn new(quotas: &[(&'static str, Quota)]) -> Self {
        Self {
            origin: Instant::now(),
            quotas: quotas.to_vec(),
            windows: Mutex::default(),
        }
    }

    /// A request leaves.
    pub(crate) fn count(&self, now: Instant, scope: &Scope, operation: &'static str) {
        if self.quota(operation).is_none() {
            return;
        }
        let (index, _) = self.place(now);
        self.with(|windows| {
            let window = windows.entry((scope.clone(), operation)).or_default();
            window.turn(index);
            window.current = window.current.saturating_add(1);
        });
    }

    /// The quota that is used most.
    pub(crate) fn busiest(&self, now: Instant) -> Option<QuotaUse> {
        let place = self.place(now);
        self.with(|windows| {
            let used = windows.iter().filter_map(|((scope, operation), window)| {
                let allowed = self.quota(operation)?.per_second * WINDOW.as_secs_f64();
                Some((scope, *operation, window.requests(place) / allowed))
            });
            let most = used.max_by(|a, b| a.2.total_cmp(&b.2))?;
            Some(QuotaUse {
                operation: most.1,
                scope: most.0.clone(),
                share: most.2,
            })
        })
    }

    fn quota(&self, operation: &str) -> Option<Quota> {
        let found = self.quotas.iter().find(|(name, _)| *name == operation);
        found.map(|(_, quota)| *quota)
    }

    /// The number of the window, and how much of it has passed, from 0 to 1.
    fn place(&self, now: Instant) -> (u64, f64) {
        let since = now.duration_since(self.origin);
        let index = since.as_secs() / WINDOW.as_secs();
        let passed = since.as_secs_f64() % WINDOW.as_secs_f64();
        (index, passed / WINDOW.as_secs_f64())
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut HashMap<(Scope, &'static str), Window>) -> T) -> T {
        f(&mut self.windows.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        per_second: 2.0,
        burst: 1,
    };

    fn share(rates: &Rates, now: Instant) -> Option<u32> {
        let used = rates.busiest(now)?;
        // Whole percents compare exactly.
        (0..=1000).find(|percent| (used.share * 100.0 - f64::from(*percent)).abs() < 0.5)
    }

    #[test]
    fn the_share_slides_over_a_minute_and_is_the_busiest_scopes() {
        let rates = Rates::new(&[("Op", QUOTA)]);
        let at = |s| rates.origin + Duration::from_secs(s);
        assert_eq!(rates.busiest(at(0)), None);
        for second in 0..60 {
            rates.count(at(second), &Scope::new("busy"), "Op");
            rates.count(at(0), &Scope::new("busy"), "unpaced");
        }
        rates.count(at(0), &Scope::new("idle"), "Op");
        assert_eq!(share(&rates, at(59)), Some(50));
        assert_eq!(rates.busiest(at(59)).map(|u| u.scope), Some(Scope::new("busy")));
        assert_eq!(share(&rates, at(90)), Some(25));
        assert_eq!(share(&rates, at(120)), Some(0));
    }
}
