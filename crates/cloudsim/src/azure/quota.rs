//! Azure's published limits as counters: ARM's token bucket, the definitions limit, Resource Graph's window (facts §12).
//! Always counted, because answers carry the remainders; whether an empty one refuses is the caller's decision.

use std::collections::HashMap;

/// ARM reads: size of the bucket per subscription and principal.
const ARM_BUCKET: i64 = 250;
/// ARM reads: what comes back each second.
const ARM_REFILL_PER_S: i64 = 25;
/// `metricDefinitions/read` calls in one window.
pub(super) const DEFINITIONS_LIMIT: i64 = 400;
/// Length of that window.
const DEFINITIONS_WINDOW_MS: i64 = 300_000;
/// Resource Graph queries in one window.
const GRAPH_LIMIT: i64 = 15;
/// Length of that window.
const GRAPH_WINDOW_MS: i64 = 5_000;

/// What one request found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    /// True when the limit allowed it.
    pub(super) allowed: bool,
    /// What remains.
    pub(super) remaining: i64,
    /// Until there is more, seconds, at least one.
    pub(super) wait_s: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    started_ms: i64,
    used: i64,
}

impl Window {
    fn spend(&mut self, limit: i64, length_ms: i64, now_ms: i64) -> Spent {
        if now_ms - self.started_ms >= length_ms || now_ms < self.started_ms {
            *self = Self {
                started_ms: now_ms,
                used: 0,
            };
        }
        let allowed = self.used < limit;
        self.used += i64::from(allowed);
        let left_ms = self.started_ms + length_ms - now_ms;
        Spent {
            allowed,
            remaining: limit - self.used,
            wait_s: (left_ms + 999).div_euclid(1_000).max(1),
        }
    }
}

/// All limits of one caller.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// By subscription: thousandths of a request left, and when that was true.
    arm: HashMap<String, (i64, i64)>,
    definitions: HashMap<String, Window>,
    graph: Window,
}

impl Quotas {
    /// One ARM read in `scope` (a subscription, or empty for the tenant).
    pub(super) fn arm(&mut self, scope: &str, now_ms: i64) -> Spent {
        let full = ARM_BUCKET * 1_000;
        let (left, at_ms) = self.arm.entry(scope.to_lowercase()).or_insert((full, now_ms));
        *left = (*left + (now_ms - *at_ms).max(0).saturating_mul(ARM_REFILL_PER_S)).min(full);
        *at_ms = now_ms;
        let allowed = *left >= 1_000;
        if allowed {
            *left -= 1_000;
        }
        Spent {
            allowed,
            remaining: *left / 1_000,
            wait_s: 1,
        }
    }

    /// One read of metric definitions in a subscription.
    pub(super) fn definitions(&mut self, subscription: &str, now_ms: i64) -> Spent {
        self.definitions
            .entry(subscription.to_lowercase())
            .or_default()
            .spend(DEFINITIONS_LIMIT, DEFINITIONS_WINDOW_MS, now_ms)
    }

    /// One Resource Graph query.
    pub(super) fn graph(&mut self, now_ms: i64) -> Spent {
        self.graph.spend(GRAPH_LIMIT, GRAPH_WINDOW_MS, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm_refills_at_25_per_second() {
        let mut quotas = Quotas::default();
        assert_eq!((0..300).filter(|_| quotas.arm("s", 1_000).allowed).count(), 250);
        assert_eq!((0..300).filter(|_| quotas.arm("s", 2_000).allowed).count(), 25);
        assert!(quotas.arm("other", 2_000).allowed);
    }

    #[test]
    fn windows_start_anew() {
        let mut quotas = Quotas::default();
        assert_eq!((0..20).filter(|_| quotas.graph(10_000).allowed).count(), 15);
        assert_eq!(
            quotas.graph(12_000),
            Spent {
                allowed: false,
                remaining: 0,
                wait_s: 3
            }
        );
        assert!(quotas.graph(15_000).allowed);
        assert_eq!(
            (0..500).filter(|_| quotas.definitions("s", 5).allowed).count(),
            400
        );
    }
}
