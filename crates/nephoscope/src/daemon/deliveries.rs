//! The deliveries that run, one task for each destination. One can be stopped and begun anew without the others.

use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::live::{Live, LiveDestination};
use crate::wiring::destinations::{self, Cursor};
use config_file::{Config, Destination, Order};
use export::{Delivery, DeliveryStats, Waits};
use futures::future::{join_all, pending, select_all};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a delivery that was told to stop may take: its batch in flight has a grace of its own.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(10);

/// A destination with its transport, not yet delivered to.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) name: String,
    /// A batch that may yet be taken is not passed by a later one.
    pub(crate) in_order: bool,
    pub(crate) connected: export::Destination,
}

impl Ready {
    /// A configured destination and what carries to it.
    pub(super) fn new(destination: &Destination, connected: export::Destination) -> Self {
        Self {
            name: destination.name.clone(),
            in_order: destination.order == Order::OldestFirst,
            connected,
        }
    }
}

#[derive(Debug)]
struct Running {
    ready: Ready,
    stats: Arc<DeliveryStats>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All deliveries.
#[derive(Debug)]
pub(crate) struct Deliveries {
    store: Arc<Store>,
    stop: CancellationToken,
    running: Vec<Running>,
}

/// A delivery that was stopped, with what the next one goes on from.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) ready: Ready,
    stats: Arc<DeliveryStats>,
}

impl Deliveries {
    /// Starts the delivery of every destination.
    pub(crate) fn start(config: &Config, live: &Live) -> Result<Self, Failure> {
        let mut deliveries = Self {
            store: Arc::clone(&live.store),
            stop: CancellationToken::new(),
            running: Vec::new(),
        };
        for destination in &config.destinations {
            let connected = destinations::connect(destination)?;
            deliveries.add(Ready::new(destination, connected), None);
        }
        live.set_destinations(deliveries.shown(config));
        Ok(deliveries)
    }

    /// Starts one; it counts on where one before it has stopped.
    pub(super) fn add(&mut self, ready: Ready, before: Option<&Stopped>) {
        let source = Cursor {
            store: Arc::clone(&self.store),
            destination: ready.name.clone(),
        };
        let delivery = Delivery::new(&ready.name, Arc::clone(&ready.connected.transport), source);
        let waits = Waits::default().map(|wait| SystemClock.true_span(wait));
        let mut delivery = delivery.with_waits(waits).in_order(ready.in_order);
        if let Some(before) = before {
            delivery = delivery.with_stats(Arc::clone(&before.stats));
        }
        let stop = self.stop.child_token();
        self.running.push(Running {
            ready,
            stats: delivery.stats(),
            // Joined by `remove` or `end`.
            task: tokio::spawn(delivery.run(stop.clone())),
            stop,
        });
    }

    /// Stops those with these names, all at once; a batch in flight gets a grace. When this is dropped, those that are
    /// left end with the others.
    pub(super) async fn remove(&mut self, names: &[String]) -> Vec<Stopped> {
        let named = |running: &Running| names.contains(&running.ready.name);
        for running in self.running.iter().filter(|running| named(running)) {
            running.stop.cancel();
        }
        let mut stopped = Vec::new();
        while let Some(at) = self.running.iter().position(named) {
            if let Some(running) = self.running.get_mut(at) {
                end(running).await;
            }
            let Running { ready, stats, .. } = self.running.remove(at);
            stopped.push(Stopped { ready, stats });
        }
        stopped
    }

    /// What there is to show, in the order of the configuration.
    pub(super) fn shown(&self, config: &Config) -> Vec<LiveDestination> {
        let shown = |name: &String| {
            let running = self.running.iter().find(|r| r.ready.name == *name)?;
            Some(LiveDestination {
                name: name.clone(),
                stats: Arc::clone(&running.stats),
                latest: running.ready.connected.latest.clone(),
            })
        };
        let names = config.destinations.iter().map(|d| &d.name);
        names.filter_map(shown).collect()
    }

    /// Waits until one ends by itself, which it does only for a reason that a person has to know.
    pub(super) async fn ended(&mut self) -> Failure {
        if self.running.is_empty() {
            return pending().await;
        }
        let tasks = self.running.iter_mut().map(|running| &mut running.task);
        let (ended, at, _) = select_all(tasks).await;
        let name = self.running.swap_remove(at).ready.name;
        ended_early(&name, ended)
    }

    /// Stops all of them; those that do not end within the grace are dropped.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        join_all(self.running.iter_mut().map(end)).await;
    }
}

/// Joins a delivery that was told to stop.
async fn end(running: &mut Running) {
    let name = &running.ready.name;
    match timeout(STOP_GRACE, &mut running.task).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(destination = name, %error, "its delivery had ended before"),
        Err(_elapsed) => {
            tracing::warn!(destination = name, "its delivery did not end within the grace");
            running.task.abort();
        }
    }
}

fn ended_early(name: &str, ended: Result<(), JoinError>) -> Failure {
    let what = format!("delivering to {name}");
    match ended {
        Ok(()) => Failure::software(&what, &"it ended without being told to; the log says why"),
        Err(error) => Failure::software(&what, &error),
    }
}
