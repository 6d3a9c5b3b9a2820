//! What runs at the moment: accounts with their gates, destinations with their counters. Whoever shows the daemon reads
//! it here; only the daemon itself changes it. Nothing in here decides anything.

use crate::recent::Recent;
use export::{DeliveryStats, Latest};
use gate::Gate;
use scheduler::Progress;
use std::sync::{Arc, PoisonError, RwLock};
use store::Store;

/// A destination that is being delivered to.
#[derive(Clone, Debug)]
pub(crate) struct LiveDestination {
    /// The configuration's name.
    pub(crate) name: String,
    /// Its counters.
    pub(crate) stats: Arc<DeliveryStats>,
    /// What it serves at `/federate`, if it is of that kind.
    pub(crate) latest: Option<Arc<Latest>>,
}

/// The parts that come and go.
#[derive(Debug, Default)]
struct Parts {
    gates: Vec<Gate>,
    /// Accounts that could not be connected, and why.
    not_connected: Vec<(String, String)>,
    destinations: Vec<LiveDestination>,
}

/// Everything that can be shown.
#[derive(Debug)]
pub(crate) struct Live {
    /// Ledger and spool.
    pub(crate) store: Arc<Store>,
    /// What the scheduler has done.
    pub(crate) progress: Arc<Progress>,
    /// Recent points.
    pub(crate) recent: Arc<Recent>,
    parts: RwLock<Parts>,
}

impl Live {
    /// Nothing runs yet.
    pub(crate) fn new(store: Arc<Store>, progress: Arc<Progress>) -> Self {
        Self {
            store,
            progress,
            recent: Arc::new(Recent::new(0)),
            parts: RwLock::default(),
        }
    }

    /// With the recent points that are kept while the store is filled.
    pub(crate) fn with_recent(self, recent: Arc<Recent>) -> Self {
        Self { recent, ..self }
    }

    /// The gates of all connected accounts.
    pub(crate) fn gates(&self) -> Vec<Gate> {
        self.read(|parts| parts.gates.clone())
    }

    /// The gate of one account, if it is connected.
    pub(crate) fn gate(&self, account: &str) -> Option<Gate> {
        self.read(|parts| parts.gates.iter().find(|g| &*g.account().0 == account).cloned())
    }

    /// Accounts that could not be connected, and why.
    pub(crate) fn not_connected(&self) -> Vec<(String, String)> {
        self.read(|parts| parts.not_connected.clone())
    }

    /// All destinations, in the order of the configuration.
    pub(crate) fn destinations(&self) -> Vec<LiveDestination> {
        self.read(|parts| parts.destinations.clone())
    }

    /// An account is connected, or is not for this reason.
    pub(crate) fn add_account(&self, gate: Gate, failure: Option<String>) {
        self.write(|parts| match failure {
            None => parts.gates.push(gate),
            Some(why) => parts.not_connected.push((gate.account().to_string(), why)),
        });
    }

    /// A destination is being delivered to.
    pub(crate) fn add_destination(&self, destination: LiveDestination) {
        self.write(|parts| parts.destinations.push(destination));
    }

    /// Every change is a single step, so a panic elsewhere leaves the parts whole.
    fn read<T>(&self, f: impl FnOnce(&Parts) -> T) -> T {
        f(&self.parts.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, f: impl FnOnce(&mut Parts)) {
        f(&mut self.parts.write().unwrap_or_else(PoisonError::into_inner));
    }
}
