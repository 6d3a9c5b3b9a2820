//! Lists one account again and again.

use crate::listed::{Found, Listed};
use crate::poll::Poller;
use crate::roster::Number;
use futures::StreamExt as _;
use provider_api::{AccountId, Catalogue, ProviderError};
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
            let Round { found, complete } = self.once().await;
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

    async fn once(&self) -> Round {
        let mut scopes = self.poller.provider.discover();
        let (mut all, mut failed) = (Found::default(), Vec::new());
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => {
                    add(&mut all, &catalogue);
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

    fn failed(&self, error: &ProviderError) {
        let (poller, now) = (&self.poller, self.poller.clock.now());
        poller.failed(error);
        poller
            .progress
            .update(poller.account(), |a| a.unlisted.failed(now, error));
    }
}

fn add(all: &mut Found, catalogue: &Catalogue) {
    let series: u64 = catalogue.targets.iter().map(|t| u64::from(t.series)).sum();
    all.scopes += 1;
    all.targets += catalogue.targets.len();
    all.series += series;
}
