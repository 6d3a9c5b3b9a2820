//! The one door to every cloud API: quota, concurrency, hard timeouts, one retry loop, and the counting of all of it.
//!
//! Providers hand in a request as a closure; the gate decides when it may go, how long it may take and whether it goes
//! again. What a failure *means* is the provider's to say ([`ErrorKind`](provider_api::ErrorKind)); what is done about
//! it is decided here, in [`reaction`]; a scope that does not answer is left alone by its breaker. What a day may cost is
//! obeyed here: a priced request pays its [`Budget`] before it goes, each time it goes.

mod breaker;
mod budget;
mod counters;
mod failing;
mod quota;
mod rates;
mod retry;
mod skew;

pub use budget::{Admitted, Books, Budget, BudgetLimits, Claim, EntryLimit, Standing, TooDear, Verdict};
pub use counters::{Counter, Snapshot};
pub use failing::Failing;
pub use quota::Quota;
pub use rates::QuotaUse;
pub use retry::{Reaction, RetryLimits, reaction};
pub use skew::{Asked, Skew};

use breaker::{Admission, Breakers, Change};
use counters::Counters;
use failing::Memory;
use provider_api::{AccountId, Cloud, ErrorKind, Price, ProviderError, Scope, Urgency};
use quota::Quotas;
use rates::Rates;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// How one account's requests are paced.
#[derive(Clone, Debug, PartialEq)]
pub struct GateConfig {
    /// Requests in flight at once.
    pub concurrency: NonZeroUsize,
    /// Longest time one attempt may take, connection included; no SDK of the three sets such a limit by itself.
    pub attempt_timeout: Duration,
    /// When to give up trying again.
    pub retry: RetryLimits,
    /// Quotas per operation; each scope has its own bucket. An operation without an entry is not paced.
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

/// What is about to be asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Region, subscription or project.
    pub scope: Scope,
    /// The host that answers, where a scope has several: breaker, clock difference and "not before" go by it.
    pub host: Option<Arc<str>>,
    /// Whose quota it counts against, where that is not the scope's (a principal, a consumer project).
    pub domain: Option<Arc<str>>,
    /// The API operation by its own name.
    pub operation: &'static str,
    /// What one attempt costs.
    pub price: Price,
    /// Which share of the quota it may use.
    pub urgency: Urgency,
    /// The group of targets that is polled; nothing for what is asked for all of them.
    pub group: Option<Arc<str>>,
}

impl Request {
    /// A request that may use the whole quota.
    pub fn new(scope: Scope, operation: &'static str, price: Price) -> Self {
        Self {
            scope,
            host: None,
            domain: None,
            operation,
            price,
            urgency: Urgency::Fresh,
            group: None,
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
    rates: Rates,
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
}

impl Gate {
    /// A gate for one account whose requests may cost what they like.
    pub fn new(cloud: Cloud, account: AccountId, config: GateConfig) -> Self {
        Self::carrying(cloud, account, config, Carried::default())
    }

    /// A gate for one account whose requests are paid from this budget.
    pub fn paying(cloud: Cloud, account: AccountId, config: GateConfig, budget: Budget) -> Self {
        let carried = Carried {
            budget,
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
        let quotas = Quotas::new(&config.quotas);
        let rates = Rates::new(&config.quotas);
        Self {
            shared: Arc::new(Shared {
                cloud,
                account,
                config,
                slots,
                quotas,
                rates,
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

    /// Sends a request when quota and concurrency allow it, and again while the failure is a passing one and the
    /// limits of [`RetryLimits`] are not reached. `attempt` is called once per attempt.
    pub async fn send<T, F, Fut>(&self, request: &Request, mut attempt: F) -> Result<T, ProviderError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, ProviderError>>,
    {
        let limits = self.admitted(request)?;
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            let failure = match self.once(request, &mut attempt).await {
                Ok(answer) => {
                    self.shared.failing.succeeded(&request.scope, request.operation);
                    self.tell(
                        request,
                        self.shared.breakers.answered(Instant::now(), &request.scope),
                    );
                    return Ok(answer);
                }
                // It says nothing of the cloud.
                Err(failure) if *failure.kind() == ErrorKind::OverBudget => return Err(failure),
                Err(failure) => failure,
            };
            tries += 1;
            match reaction(failure.kind(), tries, begun.elapsed(), &limits, fastrand::f64()) {
                Reaction::GiveUp => {
                    self.gave_up(request, &failure);
                    return Err(failure);
                }
                Reaction::TryAgainAfter(wait) => {
                    self.shared.carried.counters.retried(failure.kind().label());
                    tracing::debug!(error = %failure, tries, wait_ms = wait.as_millis(), "trying again");
                    sleep(wait).await;
                }
            }
        }
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

    /// The scopes asked lately, and whether the breaker of each is open: then only probes go.
    pub fn breakers(&self) -> Vec<(Scope, bool)> {
        self.shared.breakers.list()
    }

    /// The quota that is used most at present; nothing before the first request with one.
    pub fn busiest(&self) -> Option<QuotaUse> {
        self.shared.rates.busiest(Instant::now())
    }

    /// How often a request may be tried: a probe goes once. Refused while the breaker of its scope is open.
    fn admitted(&self, request: &Request) -> Result<RetryLimits, ProviderError> {
        let limits = self.shared.config.retry.clone();
        match self.shared.breakers.admit(Instant::now(), &request.scope) {
            Admission::Go if request.urgency != Urgency::Doubtful => Ok(limits),
            Admission::Go | Admission::Probe => Ok(RetryLimits {
                attempts: 1,
                ..limits
            }),
            Admission::Refused {
                wait,
                last: (kind, why),
            } => {
                let seconds = wait.as_secs() + 1;
                let message = format!(
                    "not asked, because this scope has not answered for a while; it is tried again within {seconds} s. \
                     The last time: {why}"
                );
                let (scope, cloud) = (request.scope.clone(), self.shared.cloud);
                Err(ProviderError::new(cloud, request.operation, scope, kind, message).not_sent(wait))
            }
        }
    }

    fn gave_up(&self, request: &Request, failure: &ProviderError) {
        let now = Instant::now();
        self.shared.failing.failed(now, failure);
        let change = if breaker::counts(failure.kind()) {
            self.shared.breakers.failed(now, failure)
        } else {
            self.shared.breakers.answered(now, &request.scope)
        };
        self.tell(request, change);
    }

    fn tell(&self, request: &Request, change: Option<Change>) {
        let (account, scope) = (&self.shared.account, &request.scope);
        match change {
            None => {}
            Some(Change::Opened) => tracing::warn!(
                %account, %scope,
                "account {account}: {scope} does not answer again and again; until it does, only one request at a time \
                 probes it"
            ),
            Some(Change::Closed(open)) => {
                let seconds = open.as_secs();
                tracing::info!(%account, %scope, seconds, "account {account}: {scope} answers again");
            }
        }
    }

    async fn once<T, F, Fut>(&self, request: &Request, attempt: &mut F) -> Result<T, ProviderError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, ProviderError>>,
    {
        let waiting = Instant::now();
        // Before the slot, which the present may be waiting for.
        if request.urgency != Urgency::Fresh {
            self.shared.quotas.spared(&request.scope, request.operation).await;
        }
        let slot = self.shared.slots.acquire().await;
        self.shared.quotas.wait(&request.scope, request.operation).await;
        let paid = self.budget().pay(request.group.as_ref(), request.price.usd_nanos);
        paid.await.map_err(|why| self.not_paid(request, why))?;
        self.shared.carried.counters.waited(waiting.elapsed());
        self.shared
            .rates
            .count(Instant::now(), &request.scope, request.operation);
        let limit = self.shared.config.attempt_timeout;
        let span = self.span(request);
        let result = match timeout(limit, attempt()).instrument(span.clone()).await {
            Ok(result) => result,
            Err(_elapsed) => Err(self.timed_out(request, limit)),
        };
        drop(slot);
        let outcome = result.as_ref().map_or_else(|e| e.kind().label(), |_| "ok");
        span.record("outcome", outcome);
        if result.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        self.shared
            .carried
            .counters
            .answered(request.operation, outcome, request.price);
        result
    }

    fn span(&self, request: &Request) -> Span {
        tracing::info_span!(
            "request",
            otel.kind = "client",
            otel.status_code = Empty,
            cloud = self.shared.cloud.as_str(),
            account = %self.shared.account,
            scope = %request.scope,
            operation = request.operation,
            outcome = Empty,
        )
    }

    fn not_paid(&self, request: &Request, why: String) -> ProviderError {
        ProviderError::new(
            self.shared.cloud,
            request.operation,
            request.scope.clone(),
            ErrorKind::OverBudget,
            why,
        )
    }

    fn timed_out(&self, request: &Request, limit: Duration) -> ProviderError {
        let message = format!("no answer within {} s", limit.as_secs());
        ProviderError::new(
            self.shared.cloud,
            request.operation,
            request.scope.clone(),
            ErrorKind::TimedOut,
            message,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn gate(config: GateConfig) -> Gate {
        Gate::new(Cloud::Aws, AccountId("a".into()), config)
    }

    fn request() -> Request {
        let price = Price {
            requests: 1,
            units: 2,
            usd_nanos: 3,
        };
        Request::new(Scope::new("r"), "Op", price)
    }

    fn failed(kind: ErrorKind) -> ProviderError {
        ProviderError::new(Cloud::Aws, "Op", Scope::new("r"), kind, "no")
    }

    #[tokio::test(start_paused = true)]
    async fn tries_again_until_it_works_and_counts_each_attempt() {
        let gate = gate(GateConfig::default());
        let calls = AtomicU32::new(0);
        let answer = gate
            .send(&request(), || async {
                match calls.fetch_add(1, Ordering::Relaxed) {
                    0 => Err(failed(ErrorKind::Throttled { retry_after: None })),
                    1 => Err(failed(ErrorKind::Unavailable {
                        retry_after: Some(Duration::from_secs(2)),
                    })),
                    _ => Ok(7),
                }
            })
            .await;
        assert_eq!(answer.ok(), Some(7));
        let snapshot = gate.snapshot();
        let outcomes: Vec<_> = snapshot
            .requests
            .iter()
            .map(|c| (c.outcome, c.requests))
            .collect();
        assert_eq!(outcomes, [("ok", 1), ("throttled", 1), ("unavailable", 1)]);
        assert_eq!(snapshot.usd_nanos, 9);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_that_is_configured_anew_counts_on_and_keeps_its_quotas_where_nothing_differs() {
        let config = |per_second| GateConfig {
            quotas: vec![("Op", Quota { per_second, burst: 1 })],
            ..GateConfig::default()
        };
        let first = gate(config(1.0));
        let begun = Instant::now();
        for config in [config(1.0), config(1.0), config(2.0)] {
            let again = first.reconfigured(config);
            assert!(again.send(&request(), || async { Ok(()) }).await.is_ok());
        }
        assert!(
            begun.elapsed() >= Duration::from_millis(900),
            "the bucket of the second was the first's"
        );
        assert_eq!(first.snapshot().requests[0].requests, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_cut_off_and_given_up_in_the_end() {
        let gate = gate(GateConfig {
            attempt_timeout: Duration::from_secs(1),
            ..GateConfig::default()
        });
        let answer: Result<(), _> = gate.send(&request(), std::future::pending).await;
        assert_eq!(answer.err().map(|e| e.kind().clone()), Some(ErrorKind::TimedOut));
    }

    /// The pause of twenty seconds is over, whatever the runtime's clock rounds.
    const PROBED_BY: Duration = Duration::from_secs(21);

    #[tokio::test(start_paused = true)]
    async fn a_scope_that_does_not_answer_is_probed_until_it_does() {
        let gate = gate(GateConfig {
            attempt_timeout: Duration::from_secs(1),
            ..GateConfig::default()
        });
        for _ in 0..3 {
            let silent: Result<(), _> = gate.send(&request(), std::future::pending).await;
            assert!(silent.is_err());
        }
        let asked = gate.snapshot().requests[0].requests;
        let refused = gate.send(&request(), || async { Ok(()) }).await.unwrap_err();
        assert_eq!(refused.kind(), &ErrorKind::TimedOut);
        assert!(refused.message().contains("tried again within 2"), "{refused}");
        assert_eq!(gate.snapshot().requests[0].requests, asked, "nothing was sent");
        assert_eq!(gate.breakers(), [(Scope::new("r"), true)]);
        sleep(PROBED_BY).await;
        let probe: Result<(), _> = gate.send(&request(), std::future::pending).await;
        assert!(probe.is_err());
        assert_eq!(
            gate.snapshot().requests[0].requests,
            asked + 1,
            "a probe goes once"
        );
        sleep(PROBED_BY).await;
        assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
        assert_eq!(gate.breakers(), [(Scope::new("r"), false)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_paces_requests_per_scope() {
        let quota = Quota {
            per_second: 2.0,
            burst: 1,
        };
        let gate = gate(GateConfig {
            quotas: vec![("Op", quota)],
            ..GateConfig::default()
        });
        let begun = Instant::now();
        for _ in 0..5 {
            assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
        }
        let elapsed = begun.elapsed();
        assert!(
            elapsed >= Duration::from_millis(1_900),
            "five at two a second took {elapsed:?}"
        );
        let other = Request {
            scope: Scope::new("other"),
            ..request()
        };
        assert!(gate.send(&other, || async { Ok(()) }).await.is_ok());
        assert_eq!(begun.elapsed(), elapsed, "another scope has its own bucket");
    }

    #[tokio::test(start_paused = true)]
    async fn the_past_leaves_half_of_a_quota_to_the_present() {
        let quota = Quota {
            per_second: 2.0,
            burst: 4,
        };
        let gate = gate(GateConfig {
            quotas: vec![("Op", quota)],
            ..GateConfig::default()
        });
        let past = Request {
            urgency: Urgency::Backlog,
            ..request()
        };
        let begun = Instant::now();
        let catching_up = {
            let gate = gate.clone();
            tokio::spawn(async move {
                for _ in 0..12 {
                    assert!(gate.send(&past, || async { Ok(()) }).await.is_ok());
                }
                begun.elapsed()
            })
        };
        sleep(Duration::from_millis(1)).await;
        for _ in 0..2 {
            assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
        }
        assert!(
            begun.elapsed() < Duration::from_millis(100),
            "the rest of the burst"
        );
        for _ in 0..8 {
            assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
        }
        let fresh = begun.elapsed();
        assert!(
            fresh <= Duration::from_millis(8_200),
            "eight at one a second took {fresh:?}"
        );
        let past = catching_up.await.unwrap();
        assert!(
            past >= Duration::from_millis(9_900),
            "ten at one a second took {past:?}"
        );
    }
}
