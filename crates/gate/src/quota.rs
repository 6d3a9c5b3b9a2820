//! Token buckets per (scope, operation), so that one busy region does not starve another, and half of each for the present,
//! so that catching up does not either.

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota as Rate, RateLimiter};
use provider_api::Scope;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A sustained rate and how many requests may come at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// Requests per second in the long run; more than zero.
    pub per_second: f64,
    /// Requests at once after a pause; at least one.
    pub burst: u32,
}

impl Quota {
    fn rate(self) -> Option<Rate> {
        let period = Duration::try_from_secs_f64(1.0 / self.per_second).ok()?;
        Some(Rate::with_period(period)?.allow_burst(NonZeroU32::new(self.burst)?))
    }
}

/// Tokio's clock, so that a paused test clock paces requests, too.
#[derive(Clone, Debug)]
struct RuntimeClock {
    origin: Instant,
}

impl Clock for RuntimeClock {
    type Instant = SinceOrigin;

    fn now(&self) -> Self::Instant {
        SinceOrigin(self.origin.elapsed())
    }
}

/// Time since the clock was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SinceOrigin(Duration);

impl std::ops::Add<Nanos> for SinceOrigin {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0 + Duration::from(other))
    }
}

impl Reference for SinceOrigin {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

type Buckets = RateLimiter<Scope, DashMapStateStore<Scope>, RuntimeClock, NoOpMiddleware<SinceOrigin>>;

/// The buckets of one operation.
#[derive(Debug)]
struct Paced {
    all: Buckets,
    /// What the past may use of it.
    spared: Buckets,
}

impl Paced {
    fn new(quota: Quota, clock: &RuntimeClock) -> Option<Self> {
        let half = Quota {
            per_second: quota.per_second / 2.0,
            burst: (quota.burst / 2).max(1),
        };
        let buckets = |quota: Quota| {
            let store = DashMapStateStore::default();
            Some(Buckets::new(quota.rate()?, store, clock.clone()))
        };
        Some(Self {
            all: buckets(quota)?,
            spared: buckets(half)?,
        })
    }
}

/// The buckets of one account.
#[derive(Debug)]
pub(crate) struct Quotas {
    by_operation: HashMap<&'static str, Paced>,
    clock: RuntimeClock,
}

impl Quotas {
    pub(crate) fn new(quotas: &[(&'static str, Quota)]) -> Self {
        let clock = RuntimeClock {
            origin: Instant::now(),
        };
        let paced =
            |&(operation, quota): &(&'static str, Quota)| Some((operation, Paced::new(quota, &clock)?));
        Self {
            by_operation: quotas.iter().filter_map(paced).collect(),
            clock,
        }
    }

    /// Returns when the request may go.
    pub(crate) async fn wait(&self, scope: &Scope, operation: &'static str) {
        if let Some(paced) = self.by_operation.get(operation) {
            self.take(&paced.all, scope).await;
        }
    }

    /// Returns when the past may have one more of what the present leaves it; the request has to [`Quotas::wait`] as well.
    pub(crate) async fn spared(&self, scope: &Scope, operation: &'static str) {
        if let Some(paced) = self.by_operation.get(operation) {
            self.take(&paced.spared, scope).await;
        }
    }

    async fn take(&self, buckets: &Buckets, scope: &Scope) {
        while let Err(not_until) = buckets.check_key(scope) {
            sleep(not_until.wait_time_from(self.clock.now())).await;
        }
    }
}
