//! `backfill`: history into the destinations, through the same ledger and gate as what is polled.
//!
//! [`walk`] decides which window of a target comes next, [`offer`] says what it takes before anything is asked for,
//! [`fetch`] asks. What has been committed stays, however the command ends; the same command goes on from there.

mod fetch;
mod offer;
mod range;
mod tally;
mod verdict;
mod walk;
mod work;

use crate::cli::BackfillArgs;
use crate::clock::SystemClock;
use crate::commands::inventory::{self, Inventory};
use crate::commands::only::only;
use crate::daemon::{self, Deliveries, StopSignals};
use crate::exit::Failure;
use crate::live::Live;
use crate::wiring;
use config_file::{Config, Deltas, DestinationKind};
use fetch::{Fetch, Fetched};
use futures::{StreamExt as _, stream};
use intake::{Intake, Notices};
use offer::Estimate;
use range::Range;
use scheduler::{Clock as _, keep_apart, recall_apart};
use std::convert::Infallible;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;
use store::{OpenError, Store, StoreError};
use tally::Tally;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use verdict::Ended;
use walk::Walk;

/// How long the destinations may take nothing at all before we stop waiting for them; several of their retries.
const DRAIN_PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run(args: &BackfillArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    let now = SystemClock.now();
    let range = Range::parse(&args.from, args.to.as_deref(), now).map_err(Failure::usage)?;
    let config = only(config, &args.accounts)?;
    let store = open(&config).await?;
    let walk = Walk { range, now };
    let backfill = Backfill {
        config: &config,
        store: &store,
        walk,
        args,
    };
    let ended = backfill.run().await;
    daemon::close(&store).await;
    ended
}

async fn open(config: &Config) -> Result<Arc<Store>, Failure> {
    let opened = daemon::try_open(config, None).await?;
    opened.map_err(|error| {
        let text = wiring::with_causes(&error);
        let advice = if matches!(error, OpenError::Locked { .. }) {
            ". If it is the daemon, stop it while history is fetched: it catches up by itself with what it misses"
        } else {
            ""
        };
        Failure::unavailable(text + advice)
    })
}

/// Says something to the person at the terminal, or to the log.
fn say(text: &str) {
    // A closed standard error leaves nobody to tell.
    drop(writeln!(std::io::stderr(), "{}", text.trim_end()));
}

struct Backfill<'a> {
    config: &'a Config,
    store: &'a Arc<Store>,
    walk: Walk,
    args: &'a BackfillArgs,
}

impl Backfill<'_> {
    async fn run(&self) -> Result<(), Failure> {
        let reach = self.walk.now.since(self.walk.range.from);
        let inventory = self.inventory(reach).await?;
        work::enlist(&self.walk, self.store, &inventory)
            .await
            .map_err(|error| Failure::software("storing what is to be fetched", &error))?;
        self.fits(&inventory)?;
        let planned = self.offer(&inventory);
        if planned.calls > 0 {
            self.agree().await?;
        }
        let mut signals = StopSignals::listen()?;
        let stop = CancellationToken::new();
        tokio::select! {
            ended = self.fetch_and_deliver(&inventory, planned, &stop) => ended,
            never = stop_on_signal(&mut signals, &stop) => match never {},
        }
    }

    /// What there is, with what the daemon knows of metrics that share a name.
    async fn inventory(&self, reach: Duration) -> Result<Inventory, Failure> {
        let accounts = wiring::accounts(self.config).await;
        for provider in accounts
            .iter()
            .filter_map(|account| account.connected.as_ref().ok())
        {
            recall_apart(self.store, provider.as_ref());
        }
        let inventory = inventory::inventory(accounts, reach).await;
        for account in &inventory.accounts {
            keep_apart(self.store, account.provider.as_ref())
                .await
                .map_err(|error| Failure::software("storing which metrics share a name", &error))?;
        }
        Ok(inventory)
    }

    /// Whether the range is one that can be fetched.
    fn fits(&self, inventory: &Inventory) -> Result<(), Failure> {
        let too_early = offer::too_early(&self.walk, inventory).filter(|_| !self.args.clip);
        match too_early.or_else(|| offer::second_gap(&self.walk, self.store, inventory)) {
            Some(why) => Err(Failure::usage(why)),
            None => Ok(()),
        }
    }

    fn offer(&self, inventory: &Inventory) -> Estimate {
        let estimate = |account: &inventory::Account| {
            let name = account.provider.account().to_string();
            (name, offer::estimate(&self.walk, self.store, account))
        };
        let estimates: Vec<_> = inventory.accounts.iter().map(estimate).collect();
        let mut planned = Estimate::default();
        for (_, one) in &estimates {
            planned.add(one);
        }
        say(&offer::table(&estimates));
        for failed in &inventory.failed {
            say(&format!("left out, because it could not be listed: {failed}"));
        }
        for destination in &self.config.destinations {
            if destination.deltas == Deltas::Cumulative {
                say(&format!(
                    "destination `{}` has `deltas: cumulative`: deltas of history are left out there, because the running totals have gone on since; everything else arrives",
                    destination.name
                ));
            }
            if destination.kind == DestinationKind::Prometheus {
                say(&format!(
                    "destination `{}` shows the newest points only: history does not appear there",
                    destination.name
                ));
            }
        }
        planned
    }

    async fn agree(&self) -> Result<(), Failure> {
        if self.args.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(Failure::usage(
                "nothing was asked for: this is no terminal to ask for consent at; add `--yes` to go on",
            ));
        }
        let asked = tokio::task::spawn_blocking(|| {
            drop(write!(std::io::stderr(), "Go on? [y/N] "));
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer).map(|_| answer)
        });
        let answer = asked
            .await
            .map_err(|error| Failure::software("asking for consent", &error))?;
        let answer = answer.map_err(|error| Failure::software("reading the answer", &error))?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::interrupted(
                "nothing was asked for and nothing was changed",
            )),
        }
    }

    async fn fetch_and_deliver(
        &self,
        inventory: &Inventory,
        planned: Estimate,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let live = Live::new(Arc::clone(self.store), Arc::default());
        let deliveries = Deliveries::start(self.config, &live)?;
        let fetched = self.fetch(inventory, planned, stop).await;
        let waiting = self.drain(stop).await;
        deliveries.end().await;
        let mut ended = fetched.map_err(|error| Failure::software("storing what was fetched", &error))?;
        ended
            .left
            .extend(inventory.failed.iter().map(ToString::to_string));
        for one in &ended.left {
            say(&format!("not fetched: {one}"));
        }
        let ended = Ended {
            waiting,
            refused: verdict::refused(&live),
            stopped: stop.is_cancelled(),
            ..ended
        };
        verdict::of(&ended, &self.config.state_dir)?;
        say("all of it has been fetched and delivered");
        Ok(())
    }

    async fn fetch(
        &self,
        inventory: &Inventory,
        planned: Estimate,
        stop: &CancellationToken,
    ) -> Result<Ended, StoreError> {
        let gates = inventory.accounts.iter().map(|account| account.gate.clone());
        let tally = Tally::new(planned, gates.collect());
        let fetched = tokio::select! {
            fetched = self.fetch_all(inventory, &tally, stop) => fetched,
            never = tally::show(&tally) => match never {},
        };
        say(&tally.line());
        let skipped = tally.all_skipped();
        for (reason, points) in &skipped {
            say(&format!("{points} invalid points skipped ({})", reason.label()));
        }
        if tally.withheld() > 0 {
            say(&format!(
                "{} deltas of history were left out of running totals",
                tally.withheld()
            ));
        }
        let lost = skipped.iter().filter(|(reason, _)| reason.loses());
        Ok(Ended {
            left: fetched?,
            skipped: lost.map(|(_, points)| points).sum(),
            ..Ended::default()
        })
    }

    async fn fetch_all(&self, inventory: &Inventory, tally: &Tally, stop: &CancellationToken) -> Fetched {
        let at_once = inventory.accounts.len().max(1);
        let mut ended = stream::iter(&inventory.accounts)
            .map(|account| self.fetch_account(account, tally, stop))
            .buffer_unordered(at_once);
        let mut left = Vec::new();
        while let Some(account) = ended.next().await {
            left.extend(account?);
        }
        Ok(left)
    }

    async fn fetch_account(
        &self,
        account: &inventory::Account,
        tally: &Tally,
        stop: &CancellationToken,
    ) -> Fetched {
        let provider = Arc::clone(&account.provider);
        let fetch = Fetch {
            walk: &self.walk,
            store: self.store,
            account,
            intake: Intake::alone(provider, Arc::new(SystemClock), Notices::default()),
            tally,
            stop,
        };
        fetch.run().await
    }

    /// Waits for the destinations as long as they take anything; returns how many points still wait.
    async fn drain(&self, stop: &CancellationToken) -> u64 {
        let mut before = u64::MAX;
        loop {
            let waiting = self.store.usage().spool_points;
            if waiting == 0 || waiting >= before {
                return waiting;
            }
            before = waiting;
            say(&format!("{waiting} points wait to be delivered"));
            let drained = timeout(DRAIN_PATIENCE, self.store.drained());
            if stop.run_until_cancelled(drained).await.is_none() {
                return self.store.usage().spool_points;
            }
        }
    }
}

/// Tells the work to stop at the first signal; the work ends this.
async fn stop_on_signal(signals: &mut StopSignals, stop: &CancellationToken) -> Infallible {
    let name = signals.next().await;
    say(&format!("{name}: stopping after the calls in flight"));
    stop.cancel();
    std::future::pending().await
}
