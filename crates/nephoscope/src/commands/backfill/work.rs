//! The calls of one round of fetching history.
//!
//! A round asks for the next window of every target of a group. What a round could not get is asked for again by the
//! next one, because each begins with what the ledger says.

use super::walk::{Known, Next, Walk};
use crate::commands::inventory::{Group, Inventory};
use provider_api::{Call, Due, MetricsProvider, Target};
use store::{Lane, Listing, Store, StoreError};

/// A call and where its points belong.
pub(super) type Planned = (Lane, Call);

/// How far a target has been taken.
pub(super) fn known(store: &Store, provider: &dyn MetricsProvider, target: &Target) -> Known {
    Known {
        live: store.progress(provider.account(), target.id),
        history: store.backfilled(provider.account(), target.id),
    }
}

/// Makes the targets' history known to the store, so that what is asked for anew since an earlier run is fetched, too.
pub(super) async fn enlist(walk: &Walk, store: &Store, inventory: &Inventory) -> Result<(), StoreError> {
    for account in &inventory.accounts {
        let provider = account.provider.as_ref();
        let name = provider.account();
        let of_group = |group: &Group| -> Vec<Listing> {
            let again = walk.begin(&group.spec);
            let known = |target: &&Target| !store.knows(name, Lane::Backfill, target.id, target.members);
            let listing = |target: &Target| Listing {
                target: target.id,
                members: target.members,
                former: provider.formerly(target),
                from: None,
                again,
            };
            group.targets.iter().filter(known).map(listing).collect()
        };
        let listings: Vec<Listing> = account.groups.iter().flat_map(of_group).collect();
        store.enlist(name, Lane::Backfill, listings).await?;
    }
    Ok(())
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
