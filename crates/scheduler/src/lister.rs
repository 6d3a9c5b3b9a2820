//! Lists one account again and again.

use crate::poll::Poller;
use crate::roster::Number;
use futures::StreamExt as _;
use provider_api::{AccountId, Catalogue, ProviderError};
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
}

impl Lister {
    /// Until told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            let complete = self.once().await;
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

    /// True when every scope could be listed.
    async fn once(&self) -> bool {
        let mut scopes = self.poller.provider.discover();
        let (mut listed, mut failed) = (0, Vec::new());
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => {
                    listed += 1;
                    for skipped in &catalogue.skipped {
                        self.poller.left_out(skipped);
                    }
                    let found = (self.poller.account().clone(), self.number, catalogue);
                    if self.found.send(found).await.is_err() {
                        return false;
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
            a.scopes_ok = listed;
            a.unlisted.keep(&failed);
        });
        failed.is_empty()
    }

    fn failed(&self, error: &ProviderError) {
        let (poller, now) = (&self.poller, self.poller.clock.now());
        poller.failed(error);
        poller
            .progress
            .update(poller.account(), |a| a.unlisted.failed(now, error));
    }
}
