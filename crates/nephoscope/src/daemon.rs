//! `run`: the whole way from configuration to destinations, and the stages of stopping.

use crate::admin;
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::live::{Live, LiveDestination};
use crate::recent::Recent;
use crate::systemd;
use crate::wiring::destinations::{Cursor, Shown};
use crate::wiring::{self, destinations};
use config_file::Config;
use export::Delivery;
use scheduler::{Account, RunError, Scheduler};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Encode, OpenError, Store};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long polls in flight may take to end.
const POLL_GRACE: Duration = Duration::from_secs(10);

/// How long the destinations may take to get what is in the spool.
const DRAIN_GRACE: Duration = Duration::from_secs(10);

/// How long requests to the page may take to end.
const PAGE_GRACE: Duration = Duration::from_secs(2);

/// Longest wait for what the store was asked last, and for its file to be left in order.
const CLOSE_GRACE: Duration = Duration::from_secs(10);

/// Bytes of recent points that the page and the API can show: six hours of minutes of 5,000 series, an hour of 25,000.
const RECENT_MAX_BYTES: usize = 32 << 20;

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(path: &Path) -> Result<(), Failure> {
    let mut signals = StopSignals::listen()?;
    let config = wiring::load(path, &config_file::System)?;
    let stop = CancellationToken::new();
    let mut daemon = tokio::select! {
        started = Daemon::start(&config, stop.clone()) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before everything had started");
            return Ok(());
        }
    };
    tracing::info!(page = %format!("http://{}/", daemon.address()), "running");
    let state = Arc::clone(&daemon.state);
    let ended = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping");
            Ok(())
        }
        failure = daemon.ended() => Err(failure),
        never = systemd::report(&state) => match never {},
    };
    systemd::stopping().await;
    daemon.stop().await;
    ended
}

async fn open(config: &Config, encode: impl Encode + 'static) -> Result<Arc<Store>, Failure> {
    let opened = try_open(config, encode).await?;
    opened.map_err(|error| Failure::unavailable(wiring::with_causes(&error)))
}

/// Opens the store; loading a million series takes a moment, so not on a worker of the runtime.
pub(crate) async fn try_open(
    config: &Config,
    encode: impl Encode + 'static,
) -> Result<Result<Arc<Store>, OpenError>, Failure> {
    let options = destinations::store_options(config);
    let opened = tokio::task::spawn_blocking(move || Store::open(&options, Box::new(encode))).await;
    opened.map_err(|error| Failure::software("opening the store", &error))
}

/// A running daemon.
pub(crate) struct Daemon {
    address: std::net::SocketAddr,
    state: Arc<Live>,
    stop: CancellationToken,
    scheduler: tokio::task::JoinHandle<Result<(), RunError>>,
    stop_delivery: CancellationToken,
    deliveries: JoinSet<()>,
    page: tokio::task::JoinHandle<()>,
}

impl Daemon {
    /// Builds and starts every part; an account that cannot be connected is logged and left out.
    pub(crate) async fn start(config: &Config, stop: CancellationToken) -> Result<Self, Failure> {
        let listener = TcpListener::bind(config.listen).await.map_err(|error| {
            Failure::unavailable(format!("listening on {} (key `listen`): {error}", config.listen))
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| Failure::software("asking for our address", &error))?;
        let recent = Arc::new(Recent::new(RECENT_MAX_BYTES));
        let store = open(config, Shown(Arc::clone(&recent))).await?;
        let stop_delivery = CancellationToken::new();
        let accounts = wiring::accounts(config).await;
        let scheduler = Scheduler::new(connected(&accounts), &store, Arc::new(SystemClock));
        let state = Arc::new(Live::new(Arc::clone(&store), scheduler.progress()).with_recent(recent));
        for account in accounts {
            show(account, &state);
        }
        let deliveries = deliver(config, &stop_delivery, &state)?;
        // Both tasks are owned and joined by `stop`.
        let page = tokio::spawn(admin::serve(listener, Arc::clone(&state), stop_delivery.clone()));
        let scheduler = tokio::spawn(scheduler.run(stop.clone(), POLL_GRACE));
        Ok(Self {
            address,
            state,
            stop,
            scheduler,
            stop_delivery,
            deliveries,
            page,
        })
    }

    /// Where the page is served.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Waits until the scheduler or a delivery ends by itself, which they do only for a reason that a person has to know.
    pub(crate) async fn ended(&mut self) -> Failure {
        tokio::select! {
            // When the store has ended both, the scheduler says more about why.
            biased;
            ended = &mut self.scheduler => polling_ended(ended),
            Some(ended) = self.deliveries.join_next() => delivery_ended(ended),
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
        if timeout(DRAIN_GRACE, self.state.store.drained()).await.is_err() {
            let points = self.state.store.usage().spool_points;
            tracing::warn!(
                points,
                "not every destination took everything within the grace; it waits on disk"
            );
        }
        self.stop_delivery.cancel();
        end_deliveries(self.deliveries).await;
        end_page(self.page).await;
        close(&self.state.store).await;
        tracing::info!("stopped");
    }
}

fn polling_ended(ended: Result<Result<(), RunError>, JoinError>) -> Failure {
    match ended {
        Ok(Err(error)) => Failure::software("polling", &wiring::with_causes(&error)),
        Ok(Ok(())) => Failure::software("polling", &"the scheduler ended without being told to"),
        Err(error) => Failure::software("polling", &error),
    }
}

fn delivery_ended(ended: Result<(), JoinError>) -> Failure {
    match ended {
        Ok(()) => Failure::software(
            "delivering",
            &"a destination's delivery ended without being told to; the log says why",
        ),
        Err(error) => Failure::software("delivering", &error),
    }
}

/// Joins the page, which was told to end; a client that keeps its request open does not keep us.
async fn end_page(mut page: tokio::task::JoinHandle<()>) {
    match timeout(PAGE_GRACE, &mut page).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the page had ended before"),
        Err(_elapsed) => {
            tracing::warn!("requests to the page did not end within the grace and were dropped");
            page.abort();
        }
    }
}

/// Joins the deliveries, which were told to stop; those that do not end within the grace are dropped.
pub(crate) async fn end_deliveries(mut deliveries: JoinSet<()>) {
    let all = async { while deliveries.join_next().await.is_some() {} };
    if timeout(DRAIN_GRACE, all).await.is_err() {
        tracing::warn!(left = deliveries.len(), "deliveries did not end within the grace");
    }
    deliveries.shutdown().await;
}

/// Leaves the store's file in order.
pub(crate) async fn close(store: &Store) {
    match timeout(CLOSE_GRACE, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "closing the store"),
        Err(_elapsed) => tracing::error!("the store did not close within the grace"),
    }
}

fn connected(accounts: &[wiring::Account]) -> Vec<Account> {
    let connected = |account: &wiring::Account| {
        let provider = account.connected.as_ref().ok()?;
        Some(Account {
            provider: Arc::clone(provider),
            discover_every: account.discover_every,
        })
    };
    accounts.iter().filter_map(connected).collect()
}

fn show(account: wiring::Account, live: &Live) {
    let failure = account.connected.err().map(|error| {
        tracing::error!(account = account.name, "{error}; this account is not polled");
        error.to_string()
    });
    live.add_account(account.gate, failure);
}

/// Starts the loop of every destination.
pub(crate) fn deliver(
    config: &Config,
    stop: &CancellationToken,
    live: &Live,
) -> Result<JoinSet<()>, Failure> {
    let mut deliveries = JoinSet::new();
    for (index, destination) in config.destinations.iter().enumerate() {
        let wanted = destinations::config(destination)?;
        let connected = export::connect(&wanted).map_err(|error| {
            Failure::usage(format!(
                "destination `{}`: {}",
                destination.name,
                wiring::with_causes(&error)
            ))
        })?;
        let source = Cursor {
            store: Arc::clone(&live.store),
            destination: index,
        };
        let delivery = Delivery::new(destination.name.clone(), connected.transport, source);
        live.add_destination(LiveDestination {
            name: destination.name.clone(),
            stats: delivery.stats(),
            latest: connected.latest,
        });
        deliveries.spawn(delivery.run(stop.clone()));
    }
    Ok(deliveries)
}

/// SIGTERM and SIGINT, listened for from the moment this is made: until then either of them just ends the process.
#[derive(Debug)]
pub(crate) struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::software("listening for signals", &error);
        Ok(Self {
            term: signal(SignalKind::terminate()).map_err(failed)?,
            int: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Waits for one of them and names it.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.int.recv() => "SIGINT",
        }
    }
}
