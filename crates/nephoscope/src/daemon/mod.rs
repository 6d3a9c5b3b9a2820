//! `run`: the whole way from configuration to destinations, what comes up meanwhile, and the stages of stopping.
//!
//! One loop, [`Daemon::work`], changes what runs; all others ask it through [`crate::control::Control`].

mod accounts;
mod books;
mod deliveries;
mod differences;
mod digest;
mod page;
mod reload;
mod signals;
#[cfg(test)]
mod unit;

pub(crate) use deliveries::Deliveries;
pub(crate) use signals::StopSignals;

use crate::admin::Admission;
use crate::clock::SystemClock;
use crate::control::{Control, Request};
use crate::exit::Failure;
use crate::live::Live;
use crate::recent::Recent;
use crate::systemd;
use crate::telemetry::own::Own;
use crate::wiring::accounts::connect;
use crate::wiring::destinations::{self, Otlp3MiB, Shown};
use crate::wiring::{self, Common, Configured};
use accounts::Accounts;
use config_file::Config;
use differences::Checked;
use page::Page;
use provider_api::AccountId;
use scheduler::{Handle, RunError, Scheduler};
use signals::ReloadSignal;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Observer, OpenError, Store};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long polls in flight may take to end.
const POLL_GRACE: Duration = Duration::from_secs(10);

/// How long the destinations may take to get what is in the spool.
const DRAIN_GRACE: Duration = Duration::from_secs(10);

/// Longest wait for what the store was asked last, and for its file to be left in order.
const CLOSE_GRACE: Duration = Duration::from_secs(10);

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(path: &Path) -> Result<(), Failure> {
    let mut signals = StopSignals::listen()?;
    let mut hangup = ReloadSignal::listen()?;
    let config = wiring::load(path, &config_file::System)?;
    let mut daemon = tokio::select! {
        started = Daemon::start(&config) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before everything had started");
            return Ok(());
        }
    };
    tracing::info!(page = %daemon.url(), "running");
    let live = Arc::clone(&daemon.live);
    let control = live.control();
    systemd::ready(&live).await;
    let ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Ok(())
        }
        failure = daemon.work(path) => Err(failure),
        never = hangup.reload(&control) => match never {},
        never = systemd::report(&live) => match never {},
    };
    systemd::stopping().await;
    daemon.stop().await;
    ended
}

async fn open(config: &Config, recent: &Arc<Recent>) -> Result<Arc<Store>, Failure> {
    let opened = try_open(config, Some(Box::new(Shown(Arc::clone(recent))))).await?;
    opened.map_err(|error| Failure::unavailable(wiring::with_causes(&error)))
}

/// Opens the store; loading a million series takes a moment, so not on a worker of the runtime.
pub(crate) async fn try_open(
    config: &Config,
    observer: Option<Box<dyn Observer>>,
) -> Result<Result<Arc<Store>, OpenError>, Failure> {
    let options = destinations::store_options(config);
    let open = move || Store::open_observed(&options, Box::new(Otlp3MiB), observer);
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(|error| Failure::software("opening the store", &error))
}

/// A running daemon.
pub(crate) struct Daemon {
    checked: Checked,
    live: Arc<Live>,
    requests: mpsc::Receiver<Request>,
    stop: CancellationToken,
    scheduler: JoinHandle<Result<(), RunError>>,
    polling: Handle,
    accounts: Accounts,
    deliveries: Deliveries,
    page: Page,
    telemetry: Own,
}

impl Daemon {
    /// Builds and starts every part; an account that cannot be connected is logged and tried again.
    pub(crate) async fn start(config: &Config) -> Result<Self, Failure> {
        let bound = page::bind(config.listen).await?;
        let admission = Admission::new(&config.api, bound.address())?;
        let recent = Arc::new(Recent::new(config.api.recent_max_bytes));
        let store = open(config, &recent).await?;
        let checked = Checked::new(config.clone(), &config_file::System);
        let common = Common {
            books: Some(books::of(&store)),
            ..Common::default()
        };
        let accounts = connect(Configured::all(config), |_| None, &common).await;
        let first = accounts::connected(&accounts);
        let scheduler = Scheduler::new(first, &store, Arc::new(SystemClock));
        let (control, requests) = Control::new();
        let live = Live::new(store, scheduler.progress()).with_domains(common.domains);
        let live = Arc::new(live.with_recent(recent).with_control(control));
        let deliveries = Deliveries::start(config, &live)?;
        let page = Page::serve(bound, admission, &live);
        let mut telemetry = Own::new();
        // Before the first request of an account, so that it is traced.
        telemetry.follow(config, &live, page.address()).await;
        let (stop, polling) = (CancellationToken::new(), scheduler.handle());
        let mut daemon = Self {
            checked,
            live,
            requests,
            // Joined by `stop`.
            scheduler: tokio::spawn(scheduler.run(stop.clone(), POLL_GRACE)),
            stop,
            polling,
            accounts: Accounts::default(),
            deliveries,
            page,
            telemetry,
        };
        daemon.show(accounts);
        Ok(daemon)
    }

    /// Shows the accounts that are polled, and has the others tried again.
    fn show(&mut self, accounts: Vec<(Configured, wiring::Account)>) {
        for (configured, account) in accounts {
            match account.connected {
                Ok(_) => self.live.add_account(account.gate, None),
                Err(error) => {
                    let attempt = (configured, account.gate, 0);
                    self.accounts.failed(attempt, &error, &self.live);
                }
            }
        }
    }

    /// Sends our own telemetry as the configuration wants it.
    async fn tell_of_ourselves(&mut self) {
        let (config, page) = (&self.checked.config, self.page.address());
        self.telemetry.follow(config, &self.live, page).await;
    }

    /// Where the page is served.
    pub(crate) fn url(&self) -> String {
        self.page.url()
    }

    /// Does what comes up: reloads, what the page asks for, accounts to be tried again. Returns when the scheduler or a
    /// delivery ends by itself, which they do only for a reason that a person has to know.
    pub(crate) async fn work(&mut self, path: &Path) -> Failure {
        loop {
            let request = tokio::select! {
                failure = ended(&mut self.scheduler, &mut self.deliveries) => return failure,
                attempt = self.accounts.tried() => {
                    self.accounts.take(attempt, &self.polling, &self.live).await;
                    continue;
                }
                Some(request) = self.requests.recv() => request,
            };
            // Whoever has stopped waiting for an answer is told nothing.
            match request {
                Request::Poll(account, reply) => {
                    let account = account.map(|name| AccountId(name.into()));
                    reply.send(self.polling.poll(account).await).ok();
                }
                Request::Reload(reply) => match self.reload(path).await {
                    Ok(outcome) => {
                        reply.send(outcome).ok();
                    }
                    Err(failure) => return failure,
                },
            }
        }
    }

    /// Stops in stages: polling, then delivery, then the page, then the store; each says what it left behind.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if !self.scheduler.is_finished()
            && let Err(error) = (&mut self.scheduler).await
        {
            tracing::error!(%error, "the scheduler had ended before");
        }
        let (drained, settled) = tokio::join!(
            timeout(DRAIN_GRACE, self.live.store.drained()),
            timeout(DRAIN_GRACE, books::settle(&self.live))
        );
        if settled.is_err() {
            tracing::warn!("what was spent today could not be noted within the grace");
        }
        if drained.is_err() {
            let points = self.live.store.usage().spool_points;
            tracing::warn!(
                points,
                "not every destination took everything within the grace; it waits on disk"
            );
        }
        self.telemetry.end().await;
        self.deliveries.end().await;
        self.page.end().await;
        close(&self.live.store).await;
        tracing::info!("stopped");
    }
}

async fn ended(scheduler: &mut JoinHandle<Result<(), RunError>>, deliveries: &mut Deliveries) -> Failure {
    tokio::select! {
        // When the store has ended both, the scheduler says more about why.
        biased;
        ended = scheduler => polling_ended(ended),
        failure = deliveries.ended() => failure,
    }
}

fn polling_ended(ended: Result<Result<(), RunError>, JoinError>) -> Failure {
    match ended {
        Ok(Err(error)) => Failure::software("polling", &wiring::with_causes(&error)),
        Ok(Ok(())) => Failure::software("polling", &"the scheduler ended without being told to"),
        Err(error) => Failure::software("polling", &error),
    }
}

/// Leaves the store's file in order.
pub(crate) async fn close(store: &Store) {
    match timeout(CLOSE_GRACE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "closing the store"),
        Err(_elapsed) => tracing::error!("the store did not close within the grace"),
    }
}
