//! Lists one account again and again.

use crate::listed::{Found, Listed};
use crate::poll::Poller;
use crate::price::Daily;
use crate::roster::Number;
use futures::StreamExt as _;
use provider_api::{AccountId, Catalogue, MetricsProvider, ProviderError, Reach, Target, UnixNanos};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Shortest pause before a failed or empty listing is tried again.
const LISTING_PAUSE: Duration = Duration::from_secs(30);

/// The lister of one account.
pub(crate) struct Lister {
    pub(crate) poller: Poller,
    pub(crate) number: Number,
    pub(crate) every: Duration,
    pub(crate) found: mpsc::Sender<(AccountId, Number, Catalogue)>,
    pub(crate) listed: Arc<Listed>,
}

/// How one round went.
struct Round {
    found: Found,
    /// Every scope could be listed.
    complete: bool,
}

impl Lister {
    /// Until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut first = true;
        loop {
            let Round { found, complete } = self.once(first).await;
            if first && found.scopes > 0 {
                first = false;
                let now = self.poller.clock.now();
                self.listed.first(now, self.poller.account(), found);
            }
            let pause = if complete {
                self.every
            } else {
                self.every.min(LISTING_PAUSE)
            };
            let clock = &self.poller.clock;
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep_until(clock.now().plus(pause)) => {}
            }
        }
    }

    /// The price is asked for by the first round only: it is told once.
    async fn once(&self, first: bool) -> Round {
        let mut scopes = self
            .poller
            .provider
            .discover(Reach::of_all(Duration::from_secs(3 * 3_600)));
        let (mut all, mut failed) = (Found::default(), Vec::new());
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => {
                    all.add(self.found(&catalogue, first));
                    for skipped in &catalogue.skipped {
                        self.poller.left_out(skipped);
                    }
                    let found = (self.poller.account().clone(), self.number, catalogue);
                    if self.found.send(found).await.is_err() {
                        // Nobody polls any more.
                        break;
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    failed.push((error.scope().clone(), error.operation()));
                }
            }
        }
        self.poller.progress.update(self.poller.account(), |a| {
            a.discoveries += 1;
            a.scopes_ok = all.scopes;
            a.unlisted.keep(&failed);
        });
        Round {
            found: all,
            complete: failed.is_empty(),
        }
    }

    fn found(&self, catalogue: &Catalogue, priced: bool) -> Found {
        let (provider, now) = (self.poller.provider.as_ref(), self.poller.clock.now());
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
        let (poller, now) = (&self.poller, self.poller.clock.now());
        poller.failed(error);
        poller
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
