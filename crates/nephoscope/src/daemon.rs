//! `run`: the whole way from configuration to destinations, and the stages of stopping.

use crate::admin::{self, State};
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::wiring::destinations::{Cursor, Otlp3MiB};
use crate::wiring::{self, destinations};
use config_file::Config;
use export::{Delivery, DeliveryStats};
use scheduler::{Account, Scheduler};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long polls in flight may take to end.
const POLL_GRACE: Duration = Duration::from_secs(10);

/// How long the destinations may take to get what is in the spool.
const DRAIN_GRACE: Duration = Duration::from_secs(10);

/// Most of the spool that is kept in memory, whatever `spool_max` allows on disk.
const MEMORY_SPOOL_MAX_BYTES: u64 = 64 << 20;

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(path: &Path) -> Result<(), Failure> {
    let config = wiring::load(path, &config_file::System)?;
    let stop = CancellationToken::new();
    let daemon = Daemon::start(&config, stop.clone()).await?;
    tracing::info!(page = %format!("http://{}/", daemon.address()), "running");
    let signal = stop_signal().await?;
    tracing::info!(signal, "stopping");
    daemon.stop().await;
    Ok(())
}

/// A running daemon.
pub(crate) struct Daemon {
    address: std::net::SocketAddr,
    store: Arc<Store>,
    stop: CancellationToken,
    scheduler: tokio::task::JoinHandle<()>,
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
        let spool_bytes = config.spool_max_bytes.min(MEMORY_SPOOL_MAX_BYTES);
        let store = Store::in_memory(spool_bytes, config.destinations.len(), Box::new(Otlp3MiB));
        let stop_delivery = CancellationToken::new();
        let mut state = State::new(Arc::clone(&store));
        let deliveries = deliver(config, &store, &stop_delivery, &mut state)?;
        let scheduler = Scheduler::new(connect(config, &mut state).await, &store, Arc::new(SystemClock));
        state.progress = scheduler.progress();
        // Both tasks are owned and joined by `stop`.
        let page = tokio::spawn(admin::serve(listener, Arc::new(state), stop_delivery.clone()));
        let scheduler = tokio::spawn(scheduler.run(stop.clone(), POLL_GRACE));
        Ok(Self {
            address,
            store,
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

    /// Stops in stages: polling, then delivery, then the page; each says what it left behind.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if let Err(error) = self.scheduler.await {
            tracing::error!(%error, "the scheduler had ended before");
        }
        if timeout(DRAIN_GRACE, self.store.drained()).await.is_err() {
            let points = self.store.usage().spool_points;
            tracing::warn!(points, "not every destination took everything within the grace");
        }
        self.stop_delivery.cancel();
        if timeout(DRAIN_GRACE, async {
            while self.deliveries.join_next().await.is_some() {}
        })
        .await
        .is_err()
        {
            tracing::warn!(
                left = self.deliveries.len(),
                "deliveries did not end within the grace"
            );
        }
        self.deliveries.shutdown().await;
        if let Err(error) = self.page.await {
            tracing::error!(%error, "the page had ended before");
        }
        tracing::info!("stopped");
    }
}

async fn connect(config: &Config, state: &mut State) -> Vec<Account> {
    let mut connected = Vec::new();
    for account in wiring::accounts(config).await {
        match account.connected {
            Ok(provider) => {
                state.gates.push(account.gate);
                connected.push(Account {
                    provider,
                    discover_every: account.discover_every,
                });
            }
            Err(error) => {
                tracing::error!(account = account.name, "{error}; this account is not polled");
                state.not_connected.push((account.name, error.to_string()));
            }
        }
    }
    connected
}

fn deliver(
    config: &Config,
    store: &Arc<Store>,
    stop: &CancellationToken,
    state: &mut State,
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
            store: Arc::clone(store),
            destination: index,
        };
        let delivery = Delivery::new(destination.name.clone(), connected.transport, source);
        let stats: Arc<DeliveryStats> = delivery.stats();
        state.destinations.push((destination.name.clone(), stats));
        state.latest.extend(connected.latest);
        deliveries.spawn(delivery.run(stop.clone()));
    }
    Ok(deliveries)
}

/// Waits for SIGTERM or SIGINT and names it.
pub(crate) async fn stop_signal() -> Result<&'static str, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error: std::io::Error| Failure::software("listening for signals", &error);
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    })
}
