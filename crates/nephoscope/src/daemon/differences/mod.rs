//! What a reload has to do: two checked configurations and the files they name, compared. Pure.

use super::digest::{self, Digest};
use crate::control::Reloaded;
use crate::wiring::{Configured, destinations};
use config_file::{Config, Destination, Lookup};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A configuration with what the files that it names hold.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) config: Config,
    accounts: Vec<(Configured, Digest)>,
    destinations: Vec<(Destination, Digest)>,
    api: Digest,
}

impl Checked {
    /// Looks at every file that the configuration names.
    pub(super) fn new(config: Config, lookup: &dyn Lookup) -> Self {
        let accounts = Configured::all(&config).into_iter();
        let accounts = accounts.map(|account| {
            let digest = digest::of_account(&account, lookup);
            (account, digest)
        });
        let destinations = config.destinations.iter().cloned();
        let destinations = destinations.map(|destination| {
            let digest = digest::of_destination(&destination, lookup);
            (destination, digest)
        });
        Self {
            accounts: accounts.collect(),
            destinations: destinations.collect(),
            api: digest::of_api(&config.api, lookup),
            config,
        }
    }
}

/// What is to be done; nothing else is touched.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Accounts to connect: new ones, changed ones.
    pub(super) connect: Vec<Configured>,
    /// Accounts to end.
    pub(super) end: Vec<Configured>,
    /// Destinations whose delivery has to begin, or to begin anew.
    pub(super) deliver: Vec<Destination>,
    /// Deliveries to stop: of destinations that are gone or begin anew.
    pub(super) stop: Vec<String>,
    /// The store is to keep other things, or in another order.
    pub(super) store: bool,
    /// Where the page moves to.
    pub(super) listen: Option<SocketAddr>,
    /// Others may ask, or in another way.
    pub(super) api: bool,
    /// The same in names.
    pub(super) summary: Reloaded,
}

/// What leads from one configuration to another, or why only a restart does.
pub(super) fn between(old: &Checked, new: &Checked) -> Result<Differences, String> {
    if old.config.state_dir != new.config.state_dir {
        return Err(format!(
            "`state.dir` cannot change without a restart: the daemon runs with {}, the file now says {}; nothing was \
             changed. Restart it, or put the old directory back",
            old.config.state_dir.display(),
            new.config.state_dir.display()
        ));
    }
    let mut found = Differences::default();
    found.accounts(old, new);
    found.destinations(old, new);
    found.general(&old.config, &new.config);
    found.api(old, new);
    Ok(found)
}

impl Differences {
    /// Accounts that are not connected are tried again at once: a person may have put right what was wrong elsewhere.
    pub(super) fn try_again(&mut self, new: &Checked, not_connected: &[(String, String)]) {
        let due = |account: &Configured| {
            let waits = not_connected.iter().any(|(name, _)| name == account.name());
            waits && !self.connect.iter().any(|other| other.name() == account.name())
        };
        let again = new.accounts.iter().map(|(account, _)| account);
        let again: Vec<Configured> = again.filter(|account| due(account)).cloned().collect();
        self.connect.extend(again);
    }

    fn accounts(&mut self, old: &Checked, new: &Checked) {
        let shown = |account: &Configured| format!("{} {}", account.cloud(), account.name());
        let mut before: BTreeMap<&str, _> = old.accounts.iter().map(|a| (a.0.name(), a)).collect();
        for account in &new.accounts {
            let list = match before.remove(account.0.name()) {
                Some(known) if known == account => continue,
                Some(_) => &mut self.summary.changed,
                None => &mut self.summary.added,
            };
            list.push(shown(&account.0));
            self.connect.push(account.0.clone());
        }
        for (gone, _) in before.into_values() {
            self.summary.removed.push(shown(gone));
            self.end.push(gone.clone());
        }
    }

    fn destinations(&mut self, old: &Checked, new: &Checked) {
        let shown = |destination: &Destination| format!("destination {}", destination.name);
        let mut before: BTreeMap<&str, _> = old.destinations.iter().map(|d| (&*d.0.name, d)).collect();
        for destination in &new.destinations {
            match before.remove(&*destination.0.name) {
                Some(known) if known == destination => continue,
                Some(known) => {
                    self.summary.changed.push(shown(&destination.0));
                    if carried_alike(&known.0, &destination.0) && known.1 == destination.1 {
                        continue;
                    }
                    self.stop.push(destination.0.name.clone());
                }
                None => self.summary.added.push(shown(&destination.0)),
            }
            self.deliver.push(destination.0.clone());
        }
        for (gone, _) in before.into_values() {
            self.summary.removed.push(shown(gone));
            self.stop.push(gone.name.clone());
        }
    }

    fn api(&mut self, old: &Checked, new: &Checked) {
        self.api = old.config.api != new.config.api || old.api != new.api;
        if self.api {
            self.summary.changed.push("api".to_owned());
        }
    }

    fn general(&mut self, old: &Config, new: &Config) {
        let spool = old.spool_max_bytes != new.spool_max_bytes;
        self.store = spool || destinations::specs(old) != destinations::specs(new);
        if spool {
            self.summary.changed.push("state.spool_max".to_owned());
        }
        if old.listen != new.listen {
            self.listen = Some(new.listen);
            self.summary.changed.push("listen".to_owned());
        }
        if old.telemetry != new.telemetry {
            self.summary.changed.push("telemetry".to_owned());
        }
    }
}

/// Whether the same transport serves both: what the store keeps for a destination is the store's.
fn carried_alike(one: &Destination, other: &Destination) -> bool {
    one.kind == other.kind
        && one.deltas == other.deltas
        && one.promote == other.promote
        && one.order == other.order
}

#[cfg(test)]
mod tests;
