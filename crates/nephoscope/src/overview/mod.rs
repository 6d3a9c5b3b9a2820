//! What the daemon says of itself to people, decided once: how every account and destination is, what is wrong first,
//! and what to do. The page and `/api/v1/status` only put it into their own form; nothing in here writes HTML or JSON.

mod account;
mod budget;
mod destination;
mod failing;
mod headline;
mod problems;
mod readiness;
mod state;
pub(crate) mod words;

pub(crate) use account::AccountRow;
pub(crate) use destination::{DestinationRow, reason};
pub(crate) use headline::Headline;
pub(crate) use problems::Problem;
pub(crate) use readiness::{Readiness, reason as why_not_ready};
pub(crate) use state::Level;

use crate::live::{LastReload, Live};
use provider_api::{Cloud, UnixNanos};
use scheduler::{GroupProgress, NamespaceProgress};
use std::time::Duration;
use store::Usage;

/// Everything of one moment.
#[derive(Debug)]
pub(crate) struct Overview {
    /// The moment.
    pub(crate) now: UnixNanos,
    /// All accounts, the worst first.
    pub(crate) accounts: Vec<AccountRow>,
    /// In the order of the configuration.
    pub(crate) destinations: Vec<DestinationRow>,
    /// What is polled together, the slowest first.
    pub(crate) groups: Vec<GroupRow>,
    /// What is known of how late points are.
    pub(crate) namespaces: Vec<NamespaceProgress>,
    /// Ledger and spool.
    pub(crate) store: Usage,
    /// The last time the configuration was read again.
    pub(crate) reload: Option<LastReload>,
    /// What a person should know, the worst first.
    pub(crate) problems: Vec<Problem>,
    /// The first sentence.
    pub(crate) headline: Headline,
}

/// What was looked at, in order.
#[derive(Debug, Default)]
struct Seen {
    accounts: Vec<AccountRow>,
    destinations: Vec<DestinationRow>,
    groups: Vec<GroupRow>,
    namespaces: Vec<NamespaceProgress>,
    store: Usage,
    reload: Option<LastReload>,
}

/// A group of an account.
#[derive(Debug)]
pub(crate) struct GroupRow {
    /// The account.
    pub(crate) account: String,
    /// The group's name within it.
    pub(crate) name: String,
    /// What is known.
    pub(crate) progress: GroupProgress,
}

impl GroupRow {
    /// How old the newest point is.
    pub(crate) fn age(&self, now: UnixNanos) -> Option<Duration> {
        self.progress.newest.map(|newest| now.since(newest))
    }

    /// How much older than it need be: without what we wait for on purpose.
    fn overdue(&self, now: UnixNanos) -> Duration {
        let age = self.age(now).unwrap_or_default();
        age.saturating_sub(self.progress.settle)
    }
}

impl Overview {
    /// Looks at everything.
    pub(crate) fn of(live: &Live, now: UnixNanos) -> Self {
        let progress = live.progress.snapshot();
        let store = live.store.usage();
        let mut accounts: Vec<AccountRow> = progress
            .iter()
            .map(|account| AccountRow::connected(account, live.gate(&account.name).as_ref(), now))
            .collect();
        for (name, why) in live.not_connected() {
            let mut row = AccountRow::not_connected(name, why);
            row.cloud = live.cloud_not_connected(&row.name).map_or("", Cloud::as_str);
            match accounts.iter_mut().find(|account| account.name == row.name) {
                // It goes on with the settings that it had.
                Some(polled) => {
                    (polled.state, polled.trouble) = (row.state, row.trouble);
                    polled.ready = false;
                }
                None => accounts.push(row),
            }
        }
        // Stable: within a state they stay in the order of their names.
        accounts.sort_by_key(|account| account.state);
        let destinations: Vec<DestinationRow> = live
            .destinations()
            .iter()
            .map(|destination| {
                let waiting = store.destinations.iter().find(|d| d.name == destination.name);
                DestinationRow::new(destination, &waiting.cloned().unwrap_or_default(), now)
            })
            .collect();
        let mut groups: Vec<GroupRow> = progress.into_iter().flat_map(groups_of).collect();
        groups.sort_by_cached_key(|g| std::cmp::Reverse((g.progress.behind, g.overdue(now))));
        let seen = Seen {
            accounts,
            destinations,
            groups,
            namespaces: live.progress.namespaces(),
            store,
            reload: live.last_reload(),
        };
        Self::told(seen, now)
    }

    /// Says what it means.
    fn told(seen: Seen, now: UnixNanos) -> Self {
        let mut problems = problems::find(&seen.accounts, &seen.destinations, &seen.store);
        problems.extend(problems::of_reload(seen.reload.as_ref(), now));
        problems.sort_by_key(|problem| problem.level);
        Self {
            now,
            headline: headline::of(&seen.accounts, &problems, now),
            problems,
            accounts: seen.accounts,
            destinations: seen.destinations,
            groups: seen.groups,
            namespaces: seen.namespaces,
            store: seen.store,
            reload: seen.reload,
        }
    }
}

fn groups_of(account: scheduler::AccountProgress) -> impl Iterator<Item = GroupRow> {
    let name = account.name;
    account.groups.into_iter().map(move |(group, progress)| GroupRow {
        account: name.clone(),
        name: group.to_string(),
        progress,
    })
}

#[cfg(test)]
pub(crate) mod testing {
    //! Overviews of tests.

    use super::{AccountRow, Overview, Seen};
    use provider_api::UnixNanos;

    /// One account that could not be connected.
    pub(crate) fn overview(name: &str, why: &str) -> Overview {
        let seen = Seen {
            accounts: vec![AccountRow::not_connected(name.to_owned(), why.to_owned())],
            store: store::Usage {
                has_room: true,
                ..store::Usage::default()
            },
            ..Seen::default()
        };
        Overview::told(seen, UnixNanos::from_seconds(1_000_000))
    }
}
