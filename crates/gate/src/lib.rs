//! The one door to every cloud API: quota, concurrency, hard timeouts, one retry loop, and the counting of all of it.
//!
//! Providers hand in a request as a closure; the gate decides when it may go, how long it may take and whether it goes
//! again. What a failure *means* is the provider's to say ([`ErrorKind`](provider_api::ErrorKind)); what is done about
//! it is decided here, in [`reaction`]; a place that does not answer is left alone by its breaker, and one that asks for a
//! pause gets it from everybody. What a day may cost is obeyed here: a priced request pays its [`Budget`] before it goes,
//! each time it goes.

mod breaker;
mod budget;
mod counters;
mod failing;
mod pauses;
mod place;
mod quota;
mod rates;
mod request;
mod retry;
mod sending;
mod share;
mod skew;
#[cfg(test)]
mod tests;

pub use budget::{Admitted, Books, Budget, BudgetLimits, Claim, EntryLimit, Standing, TooDear, Verdict};
pub use counters::{Counter, Snapshot};
pub use failing::Failing;
pub use quota::{Domains, Quota};
pub use rates::QuotaUse;
pub use request::Request;
pub use retry::{Reaction, RetryLimits, reaction};
pub use skew::{Asked, Skew};

use breaker::Breakers;
use counters::Counters;
use failing::Memory;
use pauses::Pauses;
use provider_api::{AccountId, Cloud, Scope};
use quota::Quotas;
use share::Retries;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// How one account's requests are paced.
#[derive(Clone, Debug, PartialEq)]
pub struct GateConfig {
    /// Requests in flight at once.
    pub concurrency: NonZeroUsize,
    /// Longest time one attempt may take, connection included; no SDK of the three sets such a limit by itself.
    pub attempt_timeout: Duration,
    /// When to give up trying again.
    pub retry: RetryLimits,
    /// Quotas per operation; each scope, or each quota domain, has its own bucket. An operation without an entry is not
    /// paced.
    pub quotas: Vec<(&'static str, Quota)>,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::new(8).unwrap_or(NonZeroUsize::MIN),
            attempt_timeout: Duration::from_secs(60),
            retry: RetryLimits::default(),
            quotas: Vec::new(),
        }
    }
}

/// The door of one account. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    cloud: Cloud,
    account: AccountId,
    config: GateConfig,
    slots: Semaphore,
    quotas: Quotas,
    carried: Carried,
    failing: Memory,
    breakers: Breakers,
}

/// What goes on when an account is configured anew.
#[derive(Clone, Debug, Default)]
struct Carried {
    counters: Arc<Counters>,
    skew: Skew,
    budget: Budget,
    /// The cloud's "not before" holds whatever we read in a file.
    pauses: Arc<Pauses>,
    retries: Arc<Retries>,
    domains: Domains,
}

impl Gate {
    /// A gate for one account whose requests may cost what they like.
    pub fn new(cloud: Cloud, account: AccountId, config: GateConfig) -> Self {
        Self::carrying(cloud, account, config, Carried::default())
    }

    /// A gate for one account whose requests are paid from this budget, and count against quotas that it shares with the
    /// other gates of `domains`.
    pub fn paying(
        cloud: Cloud,
        account: AccountId,
        config: GateConfig,
        budget: Budget,
        domains: Domains,
    ) -> Self {
        let carried = Carried {
            budget,
            domains,
            ..Carried::default()
        };
        Self::carrying(cloud, account, config, carried)
    }

    /// The gate of the same account with another configuration: the same gate, its quotas as used up as they are, when
    /// nothing differs; else a new one that counts on. What failed is forgotten: it may not be asked for any more.
    #[must_use]
    pub fn reconfigured(&self, config: GateConfig) -> Self {
        if self.shared.config == config {
            self.shared.failing.forget();
            return self.clone();
        }
        let shared = &self.shared;
        Self::carrying(
            shared.cloud,
            shared.account.clone(),
            config,
            shared.carried.clone(),
        )
    }

    fn carrying(cloud: Cloud, account: AccountId, config: GateConfig, carried: Carried) -> Self {
        let slots = Semaphore::new(config.concurrency.get().min(Semaphore::MAX_PERMITS));
        let quotas = Quotas::new(cloud, &config.quotas, carried.domains.clone());
        Self {
            shared: Arc::new(Shared {
                cloud,
                account,
                config,
                slots,
                quotas,
                carried,
                failing: Memory::default(),
                breakers: Breakers::default(),
            }),
        }
    }

    /// Whose gate it is.
    pub fn account(&self) -> &AccountId {
        &self.shared.account
    }

    /// Which cloud it leads to.
    pub fn cloud(&self) -> Cloud {
        self.shared.cloud
    }

    /// An answer turned out to cost so much more than was known when it was asked for (Google bills by series). That is
    /// spent, whatever the day may cost; the next request is told.
    pub async fn owes(&self, request: &Request, usd_nanos: u64) {
        self.shared.carried.counters.owes(usd_nanos);
        self.budget().owes(request.group.as_ref(), usd_nanos).await;
    }

    /// What has passed so far.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.carried.counters.snapshot()
    }

    /// How far the cloud's clock is from ours; providers tell it the `Date` of each answer.
    pub fn skew(&self) -> &Skew {
        &self.shared.carried.skew
    }

    /// What the account may cost a day, and has cost.
    pub fn budget(&self) -> &Budget {
        &self.shared.carried.budget
    }

    /// The operations that fail at present, by scope.
    pub fn failing(&self) -> Vec<Failing> {
        self.shared.failing.list(Instant::now())
    }

    /// The scopes asked lately, and whether a breaker of each is open: then only probes go to that host.
    pub fn breakers(&self) -> Vec<(Scope, bool)> {
        self.shared.breakers.list()
    }

    /// The quota that is used most at present; nothing before the first request with one.
    pub fn busiest(&self) -> Option<QuotaUse> {
        self.shared.quotas.busiest(Instant::now())
    }
}
