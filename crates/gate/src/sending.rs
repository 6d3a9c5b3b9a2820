//! One request on its way: its breaker, its pause, its slot, its quota and its money, and again while that may help.

use crate::Gate;
use crate::breaker::{self, Admission, Change, GivenUp};
use crate::pauses::{self, Refused};
use crate::request::{Asking, Request};
use crate::retry::{Reaction, RetryLimits, reaction};
use NotAnswered::{Failed, NotSent};
use provider_api::{ErrorKind, ProviderError, Urgency};
use std::future::Future;
use tokio::time::{Instant, sleep, timeout};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// Why there is no answer.
enum NotAnswered {
    /// It was refused here.
    NotSent(ProviderError),
    /// It was refused or lost there.
    Failed(ProviderError),
}

impl Gate {
    /// Sends a request when quota and concurrency allow it, and again while the failure is a passing one and the
    /// limits of [`RetryLimits`] are not reached. `attempt` is called once per attempt.
    pub async fn send<T, F, Fut>(&self, request: &Request, mut attempt: F) -> Result<T, ProviderError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, ProviderError>>,
    {
        let asked = Asking::new(request);
        let limits = self.admitted(request, &asked)?;
        self.shared.carried.retries.begun(asked.begun, &asked.place);
        let mut tries = 0;
        loop {
            let failure = match self.once(request, &asked, &mut attempt).await {
                Ok(answer) => {
                    self.answered(request, &asked);
                    return Ok(answer);
                }
                // Neither says anything of the cloud.
                Err(NotSent(failure)) if tries == 0 => return Err(failure),
                Err(NotSent(failure)) if *failure.kind() == ErrorKind::OverBudget => return Err(failure),
                Err(NotSent(failure)) => {
                    self.gave_up(&asked, &failure);
                    return Err(failure);
                }
                Err(Failed(failure)) => failure,
            };
            tries += 1;
            match self.reaction(&failure, tries, &asked, &limits) {
                Reaction::GiveUp => {
                    self.gave_up(&asked, &failure);
                    return Err(failure);
                }
                Reaction::TryAgainAfter(wait) => {
                    self.shared.carried.counters.retried(failure.kind().label());
                    tracing::debug!(error = %failure, tries, wait_ms = wait.as_millis(), "trying again");
                    // Else it waits with the others that the pause is for.
                    if !pauses::pauses(failure.kind()) {
                        sleep(wait).await;
                    }
                }
            }
        }
    }

    /// How often a request may be tried: a probe goes once. Refused while the breaker of its place is open.
    fn admitted(&self, request: &Request, asked: &Asking) -> Result<RetryLimits, ProviderError> {
        let limits = self.shared.config.retry.clone();
        match self
            .shared
            .breakers
            .admit(asked.begun, &asked.place, asked.question)
        {
            Admission::Go if request.urgency != Urgency::Doubtful => Ok(limits),
            Admission::Go | Admission::Probe | Admission::Once => Ok(RetryLimits {
                attempts: 1,
                ..limits
            }),
            Admission::Refused {
                wait,
                last: (kind, why),
            } => {
                let (place, seconds) = (&asked.place, wait.as_secs() + 1);
                let message = format!(
                    "not sent: the circuit breaker of {place} is open; next probe within {seconds} s. Last failure: {why}"
                );
                Err(self.error(request, kind, message).not_sent(wait))
            }
        }
    }

    /// Throttling is waited out together; of everything else a place has a share of retries.
    fn reaction(
        &self,
        failure: &ProviderError,
        tries: u32,
        asked: &Asking,
        limits: &RetryLimits,
    ) -> Reaction {
        let kind = failure.kind();
        let reaction = if failure.unreached() && tries >= limits.unanswered {
            Reaction::GiveUp
        } else {
            reaction(kind, tries, asked.begun.elapsed(), limits, fastrand::f64())
        };
        let shared = pauses::pauses(kind) || *kind == ErrorKind::Unauthenticated;
        let allowed = || self.shared.carried.retries.take(Instant::now(), &asked.place);
        if reaction == Reaction::GiveUp || shared || allowed() {
            reaction
        } else {
            Reaction::GiveUp
        }
    }

    fn answered(&self, request: &Request, asked: &Asking) {
        self.shared.failing.succeeded(&asked.place, request.operation);
        let breakers = &self.shared.breakers;
        self.tell(
            asked,
            breakers.answered(Instant::now(), &asked.place, asked.question),
        );
    }

    fn gave_up(&self, asked: &Asking, failure: &ProviderError) {
        let (now, place, breakers) = (Instant::now(), &asked.place, &self.shared.breakers);
        self.shared.failing.failed(now, place, failure);
        let change = if breaker::counts(failure.kind()) {
            let given_up = GivenUp {
                question: asked.question,
                unreached: failure.unreached(),
                last: (failure.kind().clone(), failure.message().to_owned()),
            };
            breakers.failed(now, place, given_up)
        } else if matches!(failure.kind(), ErrorKind::Throttled { .. }) {
            breakers.refused(now, place)
        } else {
            breakers.answered(now, place, asked.question)
        };
        self.tell(asked, change);
    }

    fn tell(&self, asked: &Asking, change: Option<Change>) {
        let (account, place) = (&self.shared.account, &asked.place);
        let scope = &place.scope;
        match change {
            None => {}
            Some(Change::Opened(failures)) => tracing::warn!(
                %account, %scope, host = place.host.as_deref(),
                "account {account}: circuit breaker opened for {place} after {failures} failures in a row; probing every \
                 {} s", breaker::PROBE_EVERY.as_secs()
            ),
            Some(Change::Closed(open)) => {
                let seconds = open.as_secs();
                tracing::info!(
                    %account, %scope, host = place.host.as_deref(), seconds,
                    "account {account}: circuit breaker closed for {place} after {seconds} s: it answers again"
                );
            }
        }
    }

    async fn once<T, F, Fut>(
        &self,
        request: &Request,
        asked: &Asking,
        attempt: &mut F,
    ) -> Result<T, NotAnswered>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, ProviderError>>,
    {
        let (shared, waiting) = (&self.shared, Instant::now());
        let bucket = shared
            .quotas
            .of(&request.scope, request.domain.as_ref(), request.operation);
        // Before the slot, which the present may be waiting for.
        if let Some(bucket) = bucket.as_ref().filter(|_| request.urgency != Urgency::Fresh) {
            bucket.spared().await;
        }
        let key = (asked.place.clone(), request.operation);
        let deadline = asked.begun + shared.config.retry.budget;
        let (turn, slot) = loop {
            let turn = shared.carried.pauses.turn(&key, deadline).await;
            let mut turn = turn.map_err(|refused| self.paused(request, &refused))?;
            let slot = shared.slots.acquire().await;
            if let Some(bucket) = &bucket {
                bucket.wait().await;
            }
            // The cloud may have asked for a pause meanwhile.
            if turn.may_go() {
                break (turn, slot);
            }
        };
        let paid = self.budget().pay(request.group.as_ref(), request.price.usd_nanos);
        paid.await
            .map_err(|why| NotSent(self.error(request, ErrorKind::OverBudget, why)))?;
        shared.carried.counters.waited(waiting.elapsed());
        if let Some(bucket) = &bucket {
            bucket.count(Instant::now(), &request.scope);
        }
        let result = self.attempt(request, attempt).await;
        drop(slot);
        let failure = result.as_ref().err().map(|e| (e.kind(), e.message()));
        turn.ended(failure, &shared.config.retry, fastrand::f64());
        result.map_err(Failed)
    }

    async fn attempt<T, F, Fut>(&self, request: &Request, attempt: &mut F) -> Result<T, ProviderError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, ProviderError>>,
    {
        let limit = self.shared.config.attempt_timeout;
        let span = self.span(request);
        let result = match timeout(limit, attempt()).instrument(span.clone()).await {
            Ok(result) => result,
            Err(_elapsed) => {
                let message = format!("no answer within {} s", limit.as_secs());
                Err(self.error(request, ErrorKind::TimedOut, message))
            }
        };
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

    fn paused(&self, request: &Request, refused: &Refused) -> NotAnswered {
        let (why, seconds) = (&refused.why, refused.rest.as_secs() + 1);
        let message = format!("{why} (not sent: throttled for another {seconds} s)");
        let kind = ErrorKind::Throttled {
            retry_after: Some(refused.rest),
        };
        NotSent(self.error(request, kind, message).not_sent(refused.rest))
    }

    fn error(&self, request: &Request, kind: ErrorKind, message: String) -> ProviderError {
        let scope = request.scope.clone();
        ProviderError::new(self.shared.cloud, request.operation, scope, kind, message)
    }
}
