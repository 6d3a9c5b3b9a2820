//! What runs at the moment: accounts with their gates, destinations with their counters. Whoever shows the daemon reads
//! it here; only the daemon itself changes it. Nothing in here decides anything.

use crate::control::{Control, Refused, Reloaded};
use crate::recent::Recent;
use export::{DeliveryStats, Latest};
use gate::{Domains, Gate};
use provider_api::{Cloud, UnixNanos};
use scheduler::Progress;
use std::collections::BTreeMap;
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

/// How the last reload went.
#[derive(Clone, Debug)]
pub(crate) struct LastReload {
    /// When it ended.
    pub(crate) at: UnixNanos,
    /// What it changed, or why it changed nothing.
    pub(crate) outcome: Result<Reloaded, Refused>,
}

/// Reloads since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloads {
    /// Those that were taken up.
    pub(crate) ok: u64,
    /// Those that changed nothing because something was wrong.
    pub(crate) refused: u64,
}

/// The parts that come and go.
#[derive(Debug, Default)]
struct Parts {
    gates: BTreeMap<String, Gate>,
    /// Accounts that could not be connected as they are configured now, of which cloud they are, and why.
    not_connected: BTreeMap<String, (Cloud, String)>,
    destinations: Vec<LiveDestination>,
    reloads: Reloads,
    last_reload: Option<LastReload>,
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
    /// The quotas that accounts share.
    pub(crate) domains: Domains,
    control: Control,
    parts: RwLock<Parts>,
}

impl Live {
    /// Nothing runs yet, and nobody can be asked to change it.
    pub(crate) fn new(store: Arc<Store>, progress: Arc<Progress>) -> Self {
        Self {
            store,
            progress,
            recent: Arc::new(Recent::new(0)),
            domains: Domains::default(),
            control: Control::of_nothing(),
            parts: RwLock::default(),
        }
    }

    /// With the recent points that are kept while the store is filled.
    pub(crate) fn with_recent(self, recent: Arc<Recent>) -> Self {
        Self { recent, ..self }
    }

    /// With the quotas that its first accounts share.
    pub(crate) fn with_domains(self, domains: Domains) -> Self {
        Self { domains, ..self }
    }

    /// With somebody who can be asked.
    pub(crate) fn with_control(self, control: Control) -> Self {
        Self { control, ..self }
    }

    /// Asks the daemon to do something.
    pub(crate) fn control(&self) -> Control {
        self.control.clone()
    }

    /// The gates of all connected accounts, by name.
    pub(crate) fn gates(&self) -> Vec<Gate> {
        self.read(|parts| parts.gates.values().cloned().collect())
    }

    /// The gate of one account, if it is connected.
    pub(crate) fn gate(&self, account: &str) -> Option<Gate> {
        self.read(|parts| parts.gates.get(account).cloned())
    }

    /// Accounts that could not be connected, and why. One that could before its configuration changed goes on as it
    /// was until it can again.
    pub(crate) fn not_connected(&self) -> Vec<(String, String)> {
        let one = |(name, (_, why)): (&String, &(Cloud, String))| (name.clone(), why.clone());
        self.read(|parts| parts.not_connected.iter().map(one).collect())
    }

    /// The cloud of an account that could not be connected.
    pub(crate) fn cloud_not_connected(&self, account: &str) -> Option<Cloud> {
        self.read(|parts| Some(parts.not_connected.get(account)?.0))
    }

    /// All destinations, in the order of the configuration.
    pub(crate) fn destinations(&self) -> Vec<LiveDestination> {
        self.read(|parts| parts.destinations.clone())
    }

    /// How the last reload went, if there was one.
    pub(crate) fn last_reload(&self) -> Option<LastReload> {
        self.read(|parts| parts.last_reload.clone())
    }

    /// How many reloads there were.
    pub(crate) fn reloads(&self) -> Reloads {
        self.read(|parts| parts.reloads)
    }

    /// An account is connected, or is not for this reason.
    pub(crate) fn add_account(&self, gate: Gate, failure: Option<String>) {
        let name = gate.account().to_string();
        self.write(|parts| match failure {
            None => {
                parts.not_connected.remove(&name);
                parts.gates.insert(name, gate);
            }
            Some(why) => {
                parts.not_connected.insert(name, (gate.cloud(), why));
            }
        });
    }

    /// An account is there no more.
    pub(crate) fn remove_account(&self, account: &str) {
        self.write(|parts| {
            parts.gates.remove(account);
            parts.not_connected.remove(account);
        });
    }

    /// These are delivered to now.
    pub(crate) fn set_destinations(&self, destinations: Vec<LiveDestination>) {
        self.write(|parts| parts.destinations = destinations);
    }

    /// A reload has ended.
    pub(crate) fn reloaded(&self, last: LastReload) {
        self.write(|parts| {
            match last.outcome {
                Ok(_) => parts.reloads.ok += 1,
                Err(_) => parts.reloads.refused += 1,
            }
            parts.last_reload = Some(last);
        });
    }

    /// Every change is a single step, so a panic elsewhere leaves the parts whole.
    fn read<T>(&self, f: impl FnOnce(&Parts) -> T) -> T {
        f(&self.parts.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, f: impl FnOnce(&mut Parts)) {
        f(&mut self.parts.write().unwrap_or_else(PoisonError::into_inner));
    }
}
