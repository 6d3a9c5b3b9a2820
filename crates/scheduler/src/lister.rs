//! Lists one account again and again.

use crate::apart::{keep_apart, recall_apart};
use crate::begin::Begin;
use crate::driver::RunError;
use crate::last_listed::{LastListed, Listings};
use crate::listed::{Found, Listed};
use crate::poll::Poller;
use crate::price::Daily;
use crate::roster::Number;
use futures::StreamExt as _;
use intake::Matches;
use provider_api::{AccountId, Catalogue, MetricsProvider, ProviderError, Scope, Target, UnixNanos};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Enlisted, Lane as History, Listing};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Pause before a listing of which something failed is tried again; it doubles up to the ordinary interval.
const FIRST_RETRY: Duration = Duration::from_secs(30);

/// Who met a failure of a listing.
const LISTING: &str = "";

/// The lister of one account.
pub(crate) struct Lister {
    pub(crate) poller: Poller,
    pub(crate) number: Number,
    pub(crate) every: Duration,
    pub(crate) found: mpsc::Sender<(AccountId, Number, Catalogue)>,
    pub(crate) listed: Arc<Listed>,
}

/// What a lister knows from one round to the next.
struct Memory {
    listings: Listings,
    /// What holds for a scope without a word in the store.
    unknown: LastListed,
}

impl Memory {
    fn of(&self, scope: &Scope) -> LastListed {
        self.listings.of(scope).unwrap_or(&self.unknown).clone()
    }
}

/// A round in the making.
#[derive(Default)]
struct Tally {
    found: Found,
    failed: Vec<(Scope, &'static str)>,
    matches: Matches,
}

/// How one round went.
struct Round {
    found: Found,
    /// Every scope could be listed.
    complete: bool,
}

impl Lister {
    /// Until told to stop, or until the store cannot go on.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let mut memory = self.remembered();
        let (mut first, mut retry) = (true, FIRST_RETRY);
        loop {
            let Round { found, complete } = self.once(first, &mut memory).await?;
            if first && found.scopes > 0 {
                first = false;
                let now = self.poller.intake.clock.now();
                self.listed.first(now, self.poller.account(), found);
            }
            let pause = if complete {
                self.every
            } else {
                self.every.min(retry)
            };
            retry = if complete { FIRST_RETRY } else { retry * 2 };
            let clock = &self.poller.intake.clock;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = clock.sleep_until(clock.now().plus(pause)) => {}
            }
        }
    }

    /// The price is asked for by the first round only: it is told once.
    async fn once(&self, first: bool, memory: &mut Memory) -> Result<Round, RunError> {
        let now = self.cloud_time();
        let reach = memory.listings.reach(now, Duration::ZERO);
        let mut scopes = self.poller.intake.provider.discover(reach);
        let mut round = Tally::default();
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => self.listed(catalogue, first, now, memory, &mut round).await?,
                Err(error) => {
                    self.failed(&error);
                    // The next listing may be hours away: what was left out until then is tried with each attempt at it.
                    self.poller.troubled.listed(error.scope());
                    round.failed.push((error.scope().clone(), error.operation()));
                }
            }
        }
        drop(scopes);
        self.keep(memory).await;
        self.poller.intake.worked(LISTING, &round.failed);
        let complete = round.failed.is_empty();
        let unmatched = complete.then(|| round.matches.unmatched());
        self.poller.intake.progress.update(self.poller.account(), |a| {
            a.discoveries += 1;
            a.scopes_ok = round.found.scopes;
            a.unlisted.keep(&round.failed);
            if let Some(unmatched) = &unmatched {
                a.unmatched.clone_from(unmatched);
            }
        });
        if first && let Some(unmatched) = &unmatched {
            Listed::unmatched(self.poller.account(), unmatched);
        }
        Ok(Round {
            found: round.found,
            complete,
        })
    }

    /// Takes in the catalogue of one scope.
    async fn listed(
        &self,
        catalogue: Catalogue,
        first: bool,
        now: UnixNanos,
        memory: &mut Memory,
        round: &mut Tally,
    ) -> Result<(), RunError> {
        self.keep_apart().await;
        round.found.add(self.found(&catalogue, first));
        round.matches.add(&catalogue);
        for skipped in &catalogue.skipped {
            self.poller.intake.skipped(skipped);
        }
        for part in &catalogue.unlisted {
            self.failed(&part.error);
            round
                .failed
                .push((part.error.scope().clone(), part.error.operation()));
        }
        let before = memory.of(&catalogue.scope);
        self.enlist(&catalogue, now, &before).await?;
        let behind = self.behind(&catalogue.scope);
        let after = before.after(now, behind, &catalogue);
        memory.listings.put(now, catalogue.scope.clone(), after);
        let found = (self.poller.account().clone(), self.number, catalogue);
        // Nobody takes it when polling has ended; then this is told to stop as well.
        self.found.send(found).await.ok();
        Ok(())
    }

    /// Makes the targets known to the store, before they are polled; waits while it is full.
    async fn enlist(
        &self,
        catalogue: &Catalogue,
        now: UnixNanos,
        before: &LastListed,
    ) -> Result<(), RunError> {
        let (poller, account) = (&self.poller, self.poller.account());
        let mut begins = HashMap::new();
        let listing = |target: &Target| {
            let group = &target.group;
            let begin = begins.entry(Arc::clone(&group.name)).or_insert_with(|| {
                let terms =
                    poller
                        .learner
                        .in_force(&poller.store, now, poller.intake.provider.cloud(), group);
                Begin::of(now, before.of(&group.namespace), catalogue.lag, &terms)
            });
            Listing {
                target: target.id,
                members: target.members,
                former: poller.intake.provider.formerly(target),
                from: Some(begin.from),
                again: begin.again,
            }
        };
        let differs = |target: &&Target| {
            !poller
                .store
                .knows(account, History::Live, target.id, target.members)
        };
        let listings: Vec<Listing> = catalogue.targets.iter().filter(differs).map(listing).collect();
        if listings.is_empty() {
            return Ok(());
        }
        let ended = |source| RunError::Store {
            account: account.to_string(),
            group: Arc::clone(&catalogue.scope.0),
            source,
        };
        let done = loop {
            match poller
                .store
                .enlist(account, History::Live, listings.clone())
                .await
            {
                Ok(done) => break done,
                Err(error) if error.is_retryable() => poller.store.recovered().await.map_err(ended)?,
                Err(error) => return Err(ended(error)),
            }
        };
        let Enlisted {
            new,
            changed,
            taken_over,
        } = done;
        tracing::debug!(%account, scope = %catalogue.scope, new, changed, taken_over, "targets enlisted");
        Ok(())
    }

    /// How far the slowest group of a scope lies behind.
    fn behind(&self, scope: &Scope) -> Duration {
        self.poller.intake.progress.behind(self.poller.account(), scope)
    }

    fn cloud_time(&self) -> UnixNanos {
        self.poller.skew.corrected(self.poller.intake.clock.now())
    }

    /// What is not kept is found and told again after a restart, unless one of those that have met is gone by then.
    async fn keep_apart(&self) {
        let (store, provider) = (&self.poller.store, self.poller.intake.provider.as_ref());
        if let Err(error) = keep_apart(store, provider).await {
            tracing::warn!(account = %self.poller.account(), %error, "metrics that share a name not kept");
        }
    }

    /// What the store says of former listings.
    fn remembered(&self) -> Memory {
        recall_apart(&self.poller.store, self.poller.intake.provider.as_ref());
        let (store, account) = (&self.poller.store, self.poller.account());
        let known = store.setting(&Listings::key(account));
        let listings = known.and_then(|bytes| Listings::read(&bytes));
        Memory {
            // A store of the version before knows what was taken, not what was listed.
            unknown: LastListed::unknown(listings.is_none().then(|| store.latest(account)).flatten()),
            listings: listings.unwrap_or_default(),
        }
    }

    /// What is not kept is only listed again: a crash makes later ones reach back further.
    async fn keep(&self, memory: &Memory) {
        let (store, key) = (&self.poller.store, Listings::key(self.poller.account()));
        let text = memory.listings.write();
        if let Err(error) = store.put_setting(&key, text.as_bytes()).await {
            tracing::debug!(account = %self.poller.account(), %error, "listings not kept");
        }
    }

    fn found(&self, catalogue: &Catalogue, priced: bool) -> Found {
        let (provider, now) = (
            self.poller.intake.provider.as_ref(),
            self.poller.intake.clock.now(),
        );
        Found {
            scopes: 1,
            targets: catalogue.targets.len(),
            series: catalogue.targets.iter().map(|t| u64::from(t.series)).sum(),
            daily: if priced {
                daily(provider, catalogue, now)
            } else {
                Daily::default()
            },
        }
    }

    fn failed(&self, error: &ProviderError) {
        let (poller, now) = (&self.poller, self.poller.intake.clock.now());
        poller.intake.failed(LISTING, error);
        poller
            .intake
            .progress
            .update(poller.account(), |a| a.unlisted.failed(now, error));
    }
}

/// What polling a catalogue takes, by the settle and lookback that are known before anything is learnt.
fn daily(provider: &dyn MetricsProvider, catalogue: &Catalogue, now: UnixNanos) -> Daily {
    let mut groups: HashMap<&str, Vec<Target>> = HashMap::new();
    for target in &catalogue.targets {
        groups.entry(&target.group.name).or_default().push(target.clone());
    }
    let mut all = Daily::default();
    for targets in groups.into_values() {
        if let Some(group) = targets.first().map(|target| &target.group) {
            let spec = group.in_force(group.settle.start(), group.lookback.start());
            all.add(Daily::of(provider, &spec, &targets, spec.every, now));
        }
    }
    all
}
