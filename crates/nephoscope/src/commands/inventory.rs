//! What there is to poll: the accounts' targets by group.
//!
//! `plan` prices it and `backfill` walks through it.

use super::screen::Progress;
use crate::wiring::{self, Common, Configured};
use config_file::Config;
use futures::{StreamExt as _, stream};
use gate::{BudgetLimits, Gate};
use provider_api::{
    Catalogue, GroupSpec, Joined, Met, MetricsProvider, ProviderError, Reach, Target, Unlisted, remedy,
};
use scheduler::{Matches, Unmatched};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Accounts that are listed at once.
const LISTINGS_AT_ONCE: usize = 32;

/// Targets that are asked for together.
pub(crate) struct Group {
    pub(crate) spec: GroupSpec,
    pub(crate) targets: Vec<Target>,
}

/// An account with all that it has.
pub(crate) struct Account {
    pub(crate) provider: Arc<dyn MetricsProvider>,
    pub(crate) gate: Gate,
    pub(crate) limits: BudgetLimits,
    pub(crate) groups: Vec<Group>,
    /// Patterns that fit nothing; known when everything could be listed.
    pub(crate) unmatched: Vec<Unmatched>,
    /// How the metrics of entries with tags have found their resources.
    pub(crate) joined: Vec<Joined>,
    /// Metrics that share a name.
    pub(crate) met: Vec<Met>,
}

impl Account {
    /// What a person should know of the account's patterns, a line each.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let unmatched = self.unmatched.iter().map(ToString::to_string);
        let met = self.met.iter().map(ToString::to_string);
        unmatched
            .chain(self.joins().map(|(_, text)| text))
            .chain(met)
            .collect()
    }

    /// How the entries with tags have found the resources of their metrics, by the entry's place.
    pub(crate) fn joins(&self) -> impl Iterator<Item = (usize, String)> {
        self.joined.iter().map(|one| {
            let (entry, Joined { found, metrics, .. }) = (one.entry, *one);
            let ambiguous = match one.ambiguous {
                0 => String::new(),
                n => format!("; {n} match several resources and take no tags"),
            };
            let text = format!(
                "metrics[{entry}] tags: {found} of {metrics} metrics found their resource{ambiguous}"
            );
            (entry, text)
        })
    }
}

/// A scope or a part of one that could not be listed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) account: String,
    /// The part; nothing where it is all of a scope.
    namespace: Option<Arc<str>>,
    error: Arc<ProviderError>,
}

impl Failed {
    pub(crate) fn new(account: &str, error: ProviderError) -> Self {
        Self {
            account: account.to_owned(),
            namespace: None,
            error: Arc::new(error),
        }
    }

    fn part(account: &str, part: &Unlisted) -> Self {
        Self {
            account: account.to_owned(),
            namespace: Some(Arc::clone(&part.namespace)),
            error: Arc::clone(&part.error),
        }
    }

    /// What failed.
    pub(crate) fn error(&self) -> &ProviderError {
        &self.error
    }

    /// Why, without the account's name.
    pub(crate) fn text(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}: {}", self.error),
            None => self.error.to_string(),
        }
    }

    /// What to do.
    pub(crate) fn remedy(&self) -> String {
        let error = &self.error;
        remedy::at_once(error.cloud(), error.operation(), error.kind()).into_owned()
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.account, self.text())
    }
}

/// Everything, and what could not be listed.
#[derive(Default)]
pub(crate) struct Inventory {
    pub(crate) accounts: Vec<Account>,
    pub(crate) failed: Vec<Failed>,
}

/// Lists every account, with what may have had points within `reach`; one that cannot be reached leaves the others alone.
pub(crate) async fn inventory(accounts: Vec<wiring::Account>, reach: Duration) -> Inventory {
    let mut all = Inventory::default();
    let mut listed = stream::iter(accounts)
        .map(|account| list(account, reach))
        .buffered(LISTINGS_AT_ONCE);
    while let Some((account, failed)) = listed.next().await {
        all.accounts.extend(account);
        all.failed.extend(failed);
    }
    all
}

/// Connects and lists every account while somebody waits, and counts them on a terminal.
pub(crate) async fn at_once(config: &Config) -> Inventory {
    let accounts = Configured::all(config);
    let progress = Progress::start("listing accounts", accounts.len());
    let one = |configured: Configured| {
        let progress = &progress;
        async move {
            let account = configured.connect(None, &Common::for_a_person()).await;
            let listed = list(account, Duration::ZERO).await;
            progress.step();
            listed
        }
    };
    let listed = stream::iter(accounts).map(one).buffered(LISTINGS_AT_ONCE);
    let listed: Vec<_> = listed.collect().await;
    progress.end();
    let mut all = Inventory::default();
    for (account, failed) in listed {
        all.accounts.extend(account);
        all.failed.extend(failed);
    }
    all
}

/// Lists one.
pub(crate) async fn list(account: wiring::Account, reach: Duration) -> (Option<Account>, Vec<Failed>) {
    let provider = match account.connected {
        Ok(provider) => provider,
        Err(error) => return (None, vec![Failed::new(&account.name, error)]),
    };
    let (mut groups, mut failed) = (BTreeMap::new(), Vec::new());
    let mut matches = Matches::default();
    let mut scopes = provider.discover(Reach::of_all(reach));
    while let Some(scope) = scopes.next().await {
        match scope {
            Ok(catalogue) => {
                matches.add(&catalogue);
                let part = |part: &Unlisted| Failed::part(&account.name, part);
                failed.extend(catalogue.unlisted.iter().map(part));
                sort(&mut groups, catalogue);
            }
            Err(error) => failed.push(Failed::new(&account.name, error)),
        }
    }
    drop(scopes);
    let listed = Account {
        met: provider.apart().met(),
        provider,
        gate: account.gate,
        limits: account.limits,
        groups: groups.into_values().collect(),
        joined: matches.joined(),
        unmatched: if failed.is_empty() {
            matches.unmatched()
        } else {
            Vec::new()
        },
    };
    (Some(listed), failed)
}

fn sort(groups: &mut BTreeMap<Arc<str>, Group>, catalogue: Catalogue) {
    for target in catalogue.targets {
        let group = groups
            .entry(Arc::clone(&target.group.name))
            .or_insert_with(|| Group {
                spec: in_force(&target),
                targets: Vec::new(),
            });
        group.targets.push(target);
    }
}

/// The terms before anything is learnt: history has long settled, and a first poll has nothing to go by.
fn in_force(target: &Target) -> GroupSpec {
    let group = &target.group;
    group.in_force(group.settle.start(), group.lookback.start())
}
