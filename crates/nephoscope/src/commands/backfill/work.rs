//! What there is to fetch: the accounts' targets by group, and the calls of one round.
//!
//! A round asks for the next window of every target of a group. What a round could not get is asked for again by the
//! next one, because each begins with what the ledger says.

use super::walk::{Known, Next, Walk};
use crate::wiring;
use futures::{StreamExt as _, stream};
use gate::Gate;
use provider_api::{Call, Catalogue, Due, GroupSpec, MetricsProvider, Target};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Lane, Store};

/// Accounts that are listed at once.
const LISTINGS_AT_ONCE: usize = 8;

/// Targets that are asked for together.
pub(super) struct Group {
    pub(super) spec: GroupSpec,
    pub(super) targets: Vec<Target>,
}

/// An account with all that it has.
pub(super) struct Account {
    pub(super) provider: Arc<dyn MetricsProvider>,
    pub(super) gate: Gate,
    pub(super) groups: Vec<Group>,
}

/// Everything, and what could not be listed.
#[derive(Default)]
pub(super) struct Inventory {
    pub(super) accounts: Vec<Account>,
    pub(super) failed: Vec<String>,
}

/// A call and where its points belong.
pub(super) type Planned = (Lane, Call);

/// Lists every account; one that cannot be reached leaves the others alone.
pub(super) async fn inventory(accounts: Vec<wiring::Account>) -> Inventory {
    let mut all = Inventory::default();
    let mut listed = stream::iter(accounts).map(list).buffered(LISTINGS_AT_ONCE);
    while let Some((account, failed)) = listed.next().await {
        all.accounts.extend(account);
        all.failed.extend(failed);
    }
    all
}

async fn list(account: wiring::Account) -> (Option<Account>, Vec<String>) {
    let provider = match account.connected {
        Ok(provider) => provider,
        Err(error) => return (None, vec![format!("{}: {error}", account.name)]),
    };
    let (mut groups, mut failed) = (BTreeMap::new(), Vec::new());
    let mut scopes = provider.discover();
    while let Some(scope) = scopes.next().await {
        match scope {
            Ok(catalogue) => sort(&mut groups, catalogue),
            Err(error) => failed.push(format!("{}: {error}", account.name)),
        }
    }
    drop(scopes);
    let listed = Account {
        provider,
        gate: account.gate,
        groups: groups.into_values().collect(),
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

/// How far a target has been taken.
pub(super) fn known(store: &Store, provider: &dyn MetricsProvider, target: &Target) -> Known {
    Known {
        live: store.progress(provider.account(), target.id),
        history: store.backfilled(provider.account(), target.id),
    }
}

/// The next windows of a group's targets, by lane.
pub(super) fn due(walk: &Walk, group: &Group, known: impl Fn(&Target) -> Known) -> Vec<(Lane, Due)> {
    let step = |target: &Target| match walk.next(&group.spec, &known(target)) {
        Next::Ask(lane, window) => {
            let target = target.clone();
            Some((lane, Due { target, window }))
        }
        Next::Nothing | Next::SecondGap(_) => None,
    };
    group.targets.iter().filter_map(step).collect()
}

/// The calls for what is due, oldest first.
pub(super) fn plan(provider: &dyn MetricsProvider, due: Vec<(Lane, Due)>) -> Vec<Planned> {
    let (live, history): (Vec<_>, Vec<_>) = due.into_iter().partition(|(lane, _)| *lane == Lane::Live);
    let planned = |lane, due: Vec<(Lane, Due)>| {
        let due: Vec<Due> = due.into_iter().map(|(_, due)| due).collect();
        let calls = provider.plan(&due);
        calls.into_iter().map(move |call| (lane, call))
    };
    let mut calls: Vec<Planned> = planned(Lane::Backfill, history)
        .chain(planned(Lane::Live, live))
        .collect();
    calls.sort_by_key(|(_, call)| call.window);
    calls
}
