//! Token buckets, so that one busy region does not starve another, and half of each for the present, so that catching up
//! does not either. A bucket is of a scope and operation, or of a *quota domain* and operation: whom the cloud counts
//! against when it is not the scope (a principal, a consumer project), shared by all accounts of the process.

use crate::rates::{QuotaUse, WINDOW, Window};
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Rate, RateLimiter};
use provider_api::{Cloud, Scope};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A bucket that was not used for this long is full again and forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);

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

    fn half(self) -> Self {
        Self {
            per_second: self.per_second / 2.0,
            burst: (self.burst / 2).max(1),
        }
    }
}

/// Tokio's clock, so that a paused test clock paces requests, too.
#[derive(Clone, Copy, Debug)]
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

type Limiter = RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<SinceOrigin>>;

/// What one scope or domain may send of one operation.
#[derive(Debug)]
pub(crate) struct Bucket {
    quota: Quota,
    clock: RuntimeClock,
    all: Limiter,
    /// What the past may use of it.
    spared: Limiter,
    used: Mutex<Used>,
}

#[derive(Debug)]
struct Used {
    window: Window,
    last: Instant,
    /// Who asked last.
    scope: Scope,
}

impl Bucket {
    fn new(quota: Quota, scope: &Scope) -> Option<Self> {
        let now = Instant::now();
        let clock = RuntimeClock { origin: now };
        let limiter = |quota: Quota| Some(Limiter::direct_with_clock(quota.rate()?, clock));
        Some(Self {
            quota,
            clock,
            all: limiter(quota)?,
            spared: limiter(quota.half())?,
            used: Mutex::new(Used {
                window: Window::default(),
                last: now,
                scope: scope.clone(),
            }),
        })
    }

    /// Returns when the request may go.
    pub(crate) async fn wait(&self) {
        self.take(&self.all).await;
    }

    /// Returns when the past may have one more of what the present leaves it; the request has to [`Bucket::wait`] as well.
    pub(crate) async fn spared(&self) {
        self.take(&self.spared).await;
    }

    async fn take(&self, limiter: &Limiter) {
        while let Err(not_until) = limiter.check() {
            sleep(not_until.wait_time_from(self.clock.now())).await;
        }
    }

    /// A request leaves.
    pub(crate) fn count(&self, now: Instant, scope: &Scope) {
        let since = now.saturating_duration_since(self.clock.origin);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.window.count(since);
        used.last = now;
        if used.scope != *scope {
            used.scope = scope.clone();
        }
    }

    fn last(&self) -> Instant {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    fn share(&self, now: Instant, operation: &'static str, domain: Option<&Arc<str>>) -> QuotaUse {
        let since = now.saturating_duration_since(self.clock.origin);
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        QuotaUse {
            operation,
            scope: used.scope.clone(),
            domain: domain.cloned(),
            share: used.window.requests(since) / (self.quota.per_second * WINDOW.as_secs_f64()),
        }
    }
}

/// Buckets by whose they are.
#[derive(Debug)]
struct Shelf<K>(Mutex<BTreeMap<K, Arc<Bucket>>>);

impl<K> Default for Shelf<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord> Shelf<K> {
    /// The bucket of `key`; of two rates the lower one holds. `None` for a rate that is none.
    fn of(&self, key: K, quota: Quota, scope: &Scope) -> Option<Arc<Bucket>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all
            .get(&key)
            .filter(|known| known.quota.per_second <= quota.per_second)
        {
            return Some(Arc::clone(known));
        }
        let now = Instant::now();
        all.retain(|_, bucket| now.saturating_duration_since(bucket.last()) < FORGOTTEN_AFTER);
        let new = Arc::new(Bucket::new(quota, scope)?);
        all.insert(key, Arc::clone(&new));
        Some(new)
    }
}

type DomainKey = (Cloud, Arc<str>, &'static str);

/// The quotas that accounts share: one for all gates of a process, so that many scopes, accounts and reloads of one domain
/// have one bucket. Cheap to clone, all clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Domains(Arc<Shelf<DomainKey>>);

type AskedAs = BTreeMap<(Arc<str>, &'static str), Arc<Bucket>>;

/// The buckets of one account, and those that it shares.
#[derive(Debug)]
pub(crate) struct Quotas {
    cloud: Cloud,
    rates: Vec<(&'static str, Quota)>,
    own: Shelf<(Scope, &'static str)>,
    shared: Domains,
    /// The domains that this account has asked as.
    asked_as: Mutex<AskedAs>,
}

impl Quotas {
    pub(crate) fn new(cloud: Cloud, rates: &[(&'static str, Quota)], shared: Domains) -> Self {
        Self {
            cloud,
            rates: rates.to_vec(),
            own: Shelf::default(),
            shared,
            asked_as: Mutex::default(),
        }
    }

    /// The bucket of what is asked; `None` when it is not paced.
    pub(crate) fn of(
        &self,
        scope: &Scope,
        domain: Option<&Arc<str>>,
        operation: &'static str,
    ) -> Option<Arc<Bucket>> {
        let (_, quota) = *self.rates.iter().find(|(name, _)| *name == operation)?;
        let Some(domain) = domain else {
            return self.own.of((scope.clone(), operation), quota, scope);
        };
        let key = (self.cloud, Arc::clone(domain), operation);
        let bucket = self.shared.0.of(key, quota, scope)?;
        let mut asked_as = self.asked_as.lock().unwrap_or_else(PoisonError::into_inner);
        asked_as.insert((Arc::clone(domain), operation), Arc::clone(&bucket));
        Some(bucket)
    }

    /// The quota that is used most.
    pub(crate) fn busiest(&self, now: Instant) -> Option<QuotaUse> {
        let own = self.own.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = self.asked_as.lock().unwrap_or_else(PoisonError::into_inner);
        let of_scopes = own
            .iter()
            .map(|((_, operation), bucket)| (*operation, None, bucket));
        let of_domains = shared
            .iter()
            .map(|((domain, operation), bucket)| (*operation, Some(domain), bucket));
        of_scopes
            .chain(of_domains)
            .map(|(operation, domain, bucket)| bucket.share(now, operation, domain))
            .max_by(|a, b| a.share.total_cmp(&b.share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        per_second: 2.0,
        burst: 1,
    };

    fn quotas(shared: &Domains) -> Quotas {
        Quotas::new(Cloud::Gcp, &[("Op", QUOTA)], shared.clone())
    }

    fn percent(quotas: &Quotas, now: Instant) -> Option<f64> {
        quotas.busiest(now).map(|used| (used.share * 100.0).round())
    }

    #[tokio::test(start_paused = true)]
    async fn the_share_is_the_busiest_scopes() {
        let (quotas, begun) = (quotas(&Domains::default()), Instant::now());
        assert_eq!(quotas.busiest(begun), None);
        assert!(quotas.of(&Scope::new("busy"), None, "unpaced").is_none());
        for (scope, requests) in [("busy", 60), ("idle", 1)] {
            let scope = Scope::new(scope);
            let bucket = quotas.of(&scope, None, "Op").expect("paced");
            (0..requests).for_each(|second| bucket.count(begun + Duration::from_secs(second), &scope));
        }
        let at = |s| begun + Duration::from_secs(s);
        assert_eq!(percent(&quotas, at(59)), Some(50.0));
        let busiest = quotas.busiest(at(59)).expect("one is");
        assert_eq!((busiest.scope, busiest.domain), (Scope::new("busy"), None));
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_of_one_domain_share_its_bucket_and_see_it_fill() {
        let (shared, begun) = (Domains::default(), Instant::now());
        let (one, two) = (quotas(&shared), quotas(&shared));
        let domain: Arc<str> = "consumer".into();
        for (quotas, scope) in [(&one, "p"), (&two, "q"), (&one, "r")].repeat(2) {
            let scope = Scope::new(scope);
            let bucket = quotas.of(&scope, Some(&domain), "Op").expect("paced");
            bucket.wait().await;
            bucket.count(Instant::now(), &scope);
        }
        assert!(
            begun.elapsed() >= Duration::from_millis(2_400),
            "six at two a second"
        );
        for quotas in [&one, &two] {
            assert_eq!(percent(quotas, Instant::now()), Some(5.0));
        }
        let alone = Quotas::new(Cloud::Azure, &[("Op", QUOTA)], shared);
        let bucket = alone.of(&Scope::new("p"), Some(&domain), "Op").expect("paced");
        let begun = Instant::now();
        bucket.wait().await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "of another cloud");
    }
}
