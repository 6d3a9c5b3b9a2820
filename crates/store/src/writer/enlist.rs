//! Targets that have been listed into the open transaction: where a new one begins, how far one is looked back over of
//! which something else is asked, and what a file of an older format called them.

use super::group::Group;
use super::{Reply, Writer};
use crate::ledger::targets::Targets;
use crate::ledger::{Progress, Stretches};
use crate::{Enlisted, Listing};
use provider_api::{AccountId, UnixNanos};

/// Targets of one account.
#[derive(Debug)]
pub(crate) struct EnlistRequest {
    pub(crate) account: AccountId,
    pub(crate) listed: Vec<Listing>,
}

/// What is done with a listed target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    New,
    Changed,
    TakenOver,
    Known,
}

impl Writer {
    pub(super) fn enlist(&self, group: &mut Group, request: &EnlistRequest, reply: Reply<Enlisted>) {
        let mut targets = self.shared.targets_mut();
        let account = targets.intern(&request.account);
        let mut done = Enlisted::default();
        for listing in &request.listed {
            match one(&mut targets, group, account, listing) {
                Step::New => done.new += 1,
                Step::Changed => done.changed += 1,
                Step::TakenOver => done.taken_over += 1,
                Step::Known => {}
            }
        }
        drop(targets);
        group.enlisted(reply, done);
    }
}

fn one(targets: &mut Targets, group: &mut Group, account: u32, listing: &Listing) -> Step {
    if targets.find(account, listing.target).is_none() && take_over(targets, group, account, listing) {
        return Step::TakenOver;
    }
    let slot = targets.slot(account, listing.target);
    let staged = group.stage(targets, account, slot);
    let known = staged.members == listing.members.0;
    staged.members = listing.members.0;
    match staged.progress {
        None => {
            staged.progress = listing.from.map(nothing_after);
            Step::New
        }
        Some(_) if known => Step::Known,
        Some(progress) => {
            staged.progress = Some(again(progress, listing.again));
            Step::Changed
        }
    }
}

/// Gives the first of the former rows the identity of today, with what all of them have been taken up to. The others stay
/// until they are forgotten, with the series that still lead to them.
fn take_over(targets: &mut Targets, group: &mut Group, account: u32, listing: &Listing) -> bool {
    let former = listing
        .former
        .iter()
        .filter_map(|target| targets.find(account, *target));
    let former: Vec<u32> = former.collect();
    let Some(first) = former.first().copied() else {
        return false;
    };
    let taken: Option<Progress> = former
        .iter()
        .filter_map(|slot| targets.stage(*slot)?.progress)
        .reduce(taken_by_both);
    targets.rename(first, listing.target);
    let staged = group.stage(targets, account, first);
    staged.members = listing.members.0;
    staged.progress = taken.or_else(|| listing.from.map(nothing_after));
    true
}

fn taken_by_both(a: Progress, b: Progress) -> Progress {
    if a == b {
        return a;
    }
    let upto = a.upto.min(b.upto);
    Progress {
        since: a.since.max(b.since).min(upto),
        upto,
        ahead: Stretches::default(),
    }
}

fn nothing_after(from: UnixNanos) -> Progress {
    Progress {
        since: from,
        upto: from,
        ahead: Stretches::default(),
    }
}

/// Everything after `from` is asked for again; what of it was taken, the series know.
fn again(progress: Progress, from: UnixNanos) -> Progress {
    if from >= progress.newest() {
        return progress;
    }
    let upto = progress.upto.min(from);
    Progress {
        since: progress.since.min(upto),
        upto,
        ahead: Stretches::default(),
    }
}
