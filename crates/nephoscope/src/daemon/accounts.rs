//! Accounts on their way into the scheduler: those that are connected are polled, the others are tried again and again.

use crate::clock::SystemClock;
use crate::live::Live;
use crate::wiring::{self, Common, Configured};
use gate::Gate;
use intake::{Clock as _, Outages};
use provider_api::remedy::NOT_CONNECTED;
use provider_api::{MetricsProvider, ProviderError};
use scheduler::Handle;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Pause before an account that could not be connected is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// An account after an attempt to connect it.
pub(super) struct Attempt {
    pub(super) configured: Configured,
    pub(super) account: wiring::Account,
    /// Attempts before this one.
    pub(super) tries: u32,
}

/// Accounts that wait to be tried again, by name.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    waiting: BTreeMap<String, AbortHandle>,
    attempts: JoinSet<Attempt>,
    /// What has been said of them.
    outages: Outages,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt")
            .field("account", &self.account.name)
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Waits until an account was tried again; for ever while there is none.
    pub(super) async fn tried(&mut self) -> Attempt {
        loop {
            match self.attempts.join_next().await {
                Some(Ok(attempt)) => {
                    self.waiting.remove(attempt.configured.name());
                    return attempt;
                }
                // It was told to be forgotten.
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => tracing::error!(%error, "the task that connects an account panicked"),
                None => std::future::pending().await,
            }
        }
    }

    /// Polls the account from now on, or says why not and has it tried again.
    pub(super) async fn take(&mut self, attempt: Attempt, polling: &Handle, live: &Live) {
        let Attempt {
            configured,
            account,
            tries,
        } = attempt;
        self.forget(configured.name());
        match account.connected {
            Ok(ref provider) => {
                self.outages.forget(configured.name());
                polling.put(polled(&account, provider)).await;
                live.add_account(account.gate, None);
                if tries > 0 {
                    tracing::info!(account = account.name, tries, "connected");
                }
            }
            Err(error) => self.failed((configured, account.gate, tries), &error, live),
        }
    }

    /// Says that an account is not connected, and has it tried again.
    pub(super) fn failed(
        &mut self,
        (configured, gate, tries): (Configured, Gate, u32),
        error: &ProviderError,
        live: &Live,
    ) {
        let pause = pause(tries);
        if tries == 0 {
            self.outages.forget(configured.name());
        }
        self.tell(configured.name(), error, pause);
        live.add_account(gate.clone(), Some(error.to_string()));
        self.again(configured, gate, tries + 1, pause);
    }

    /// Says it when it begins, when the reason changes, and now and then while it lasts.
    fn tell(&self, account: &str, error: &ProviderError, pause: Duration) {
        let (now, kind) = (SystemClock.now(), error.kind().label());
        let reason = format!("{} {kind}", error.operation());
        let Some(lasts) = self.outages.failed(account, account, &reason, now) else {
            return;
        };
        let (lasting, seconds) = (lasts.said(now), pause.as_secs());
        tracing::error!(
            account,
            scope = %error.scope(),
            operation = error.operation(),
            kind,
            request_id = error.request_id(),
            remedy = NOT_CONNECTED,
            since = lasts.more,
            "account {account}: {lasting}not connected, retrying in {seconds} s: {error}. {NOT_CONNECTED}"
        );
    }

    fn again(&mut self, configured: Configured, gate: Gate, tries: u32, pause: Duration) {
        let name = configured.name().to_owned();
        let attempt = self.attempts.spawn(async move {
            sleep(pause).await;
            Attempt {
                account: configured.connect(Some(gate), &Common::default()).await,
                configured,
                tries,
            }
        });
        self.waiting.insert(name, attempt);
    }

    /// It is not tried again.
    pub(super) fn forget(&mut self, account: &str) {
        if let Some(attempt) = self.waiting.remove(account) {
            attempt.abort();
        }
    }
}

/// Ends an account for good.
pub(super) async fn remove(account: &Configured, polling: &Handle, live: &Live) {
    polling.remove(account.id()).await;
    live.remove_account(account.name());
}

/// What the scheduler begins with: every account that could be connected.
pub(super) fn connected(accounts: &[(Configured, wiring::Account)]) -> Vec<scheduler::Account> {
    let connected = |(_, account): &(Configured, wiring::Account)| {
        let provider = account.connected.as_ref().ok()?;
        Some(polled(account, provider))
    };
    accounts.iter().filter_map(connected).collect()
}

/// An account as the scheduler wants it; from now on it may cost what is configured.
fn polled(account: &wiring::Account, provider: &Arc<dyn MetricsProvider>) -> scheduler::Account {
    let budget = account.gate.budget();
    budget.limit(&account.limits);
    scheduler::Account {
        provider: Arc::clone(provider),
        discover_every: account.discover_every,
        skew: account.gate.skew().clone(),
        budget: budget.clone(),
    }
}

fn pause(tries: u32) -> Duration {
    let factor = 1_u32.checked_shl(tries).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let seconds: Vec<u64> = [0, 1, 5, 6, 100]
            .into_iter()
            .map(|t| pause(t).as_secs())
            .collect();
        assert_eq!(seconds, [5, 10, 160, 300, 300]);
    }
}
