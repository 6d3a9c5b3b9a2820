//! A poll's points through the ledger and the encoder into the open transaction.

use super::group::Group;
use super::{Reply, Writer};
use crate::ledger::{GroupFacts, Progress, Taking, Took};
use crate::options::Stream;
use crate::spool::Behind;
use crate::totals::is_delta;
use crate::{Change, Committed, Lane};
use hashbrown::HashMap;
use provider_api::{AccountId, SeriesPoints, TargetId, UnixNanos};

/// A [`Change`] that owns what it names.
#[derive(Debug)]
pub(crate) struct CommitRequest {
    account: AccountId,
    taking: Taking,
    points: Vec<SeriesPoints>,
    complete: Vec<TargetId>,
}

impl CommitRequest {
    pub(crate) fn new(change: Change<'_>) -> Self {
        Self {
            account: change.lane.account(change.account),
            taking: Taking {
                group: GroupFacts::new(change.group),
                window: change.window,
                lane: change.lane,
            },
            points: change.points,
            complete: change.complete,
        }
    }
}

/// Targets with a gap before this time, and their slots.
struct Beyond {
    from: UnixNanos,
    slots: HashMap<TargetId, u32>,
}

impl Writer {
    pub(super) fn apply(&mut self, group: &mut Group, request: CommitRequest, reply: Reply<Committed>) {
        let mut done = Committed::default();
        let targets = self.targets(group, &request);
        let took = request
            .taking
            .take(&mut self.ledger, request.points, &targets, &mut done);
        for target in &request.complete {
            let Some((slot, _)) = targets.get(&target.0) else {
                continue;
            };
            if let Some(staged) = group.targets.get_mut(slot) {
                staged.progress = Some(request.taking.complete(&mut self.ledger, *slot, staged.progress));
            }
        }
        let beyond = self.beyond(group, &request.taking, &targets);
        self.push(group, request.taking.lane, &took, &beyond, &mut done);
        if self.observer.is_some() {
            let fresh = took.into_iter().map(|one| one.fresh);
            group.fresh.extend(fresh.filter(|one| !one.points.is_empty()));
        }
        group.commit(reply, done);
    }

    /// Slot and progress of every target that the request names, as far as the open transaction has got.
    fn targets(&self, group: &mut Group, request: &CommitRequest) -> HashMap<u64, (u32, Option<Progress>)> {
        let mut targets = self.shared.targets_mut();
        let account = targets.intern(&request.account);
        let named = request.points.iter().map(|one| one.target);
        let named = named.chain(request.complete.iter().copied());
        let mut found = HashMap::new();
        for target in named {
            found.entry(target.0).or_insert_with(|| {
                let slot = targets.slot(account, target);
                (slot, group.stage(&targets, account, slot).progress)
            });
        }
        found
    }

    /// The targets that the request leaves with a gap before its window, or of which something before it waits for one.
    fn beyond(
        &self,
        group: &Group,
        taking: &Taking,
        targets: &HashMap<u64, (u32, Option<Progress>)>,
    ) -> Beyond {
        let from = taking.window.start();
        let waits = self.shared.spool().slots_behind(&group.draft);
        let has_gap = |slot: &u32| {
            let progress = group.targets.get(slot).and_then(|staged| staged.progress);
            let follows = waits.get(slot).is_some_and(|first| *first < taking.window.end());
            follows || progress.is_some_and(|progress| progress.upto < from)
        };
        let slots = targets
            .iter()
            .filter(|(_, (slot, _))| taking.lane == Lane::Live && has_gap(slot));
        Beyond {
            from,
            slots: slots
                .map(|(target, (slot, _))| (TargetId(*target), *slot))
                .collect(),
        }
    }

    /// One set of entries for each look that some destination wants.
    fn push(&mut self, group: &mut Group, lane: Lane, took: &[Took], beyond: &Beyond, done: &mut Committed) {
        for stream in self.streams.clone() {
            let points = self.points(stream, lane, took, done);
            if points.is_empty() {
                continue;
            }
            if beyond.slots.is_empty() || !group.draft.is_ordered(stream) {
                self.push_points(group, stream, &points, None);
                continue;
            }
            let (waiting, others): (Vec<_>, Vec<_>) = points
                .into_iter()
                .partition(|one| beyond.slots.contains_key(&one.target));
            self.push_points(group, stream, &others, None);
            let mut slots: Vec<u32> = waiting
                .iter()
                .filter_map(|one| beyond.slots.get(&one.target).copied())
                .collect();
            slots.sort_unstable();
            slots.dedup();
            let behind = Behind {
                from: beyond.from,
                slots,
            };
            self.push_points(group, stream, &waiting, Some(&behind));
        }
    }

    fn push_points(
        &self,
        group: &mut Group,
        stream: Stream,
        points: &[SeriesPoints],
        behind: Option<&Behind>,
    ) {
        if points.is_empty() {
            return;
        }
        for entry in self.encoder.encode(points) {
            group.bytes += u64::try_from(entry.payload.len()).unwrap_or(u64::MAX);
            let seq = group.draft.push(&self.shared.spool(), stream, entry);
            group
                .draft
                .behind
                .extend(behind.map(|behind| (seq, behind.clone())));
        }
    }

    fn points(
        &mut self,
        stream: Stream,
        lane: Lane,
        took: &[Took],
        done: &mut Committed,
    ) -> Vec<SeriesPoints> {
        let mut all = Vec::with_capacity(took.len());
        for one in took {
            let delta = is_delta(one.fresh.series.metric.spec().kind);
            if lane == Lane::Backfill && stream.cumulative && delta {
                done.withheld += u64::try_from(one.fresh.points.len()).unwrap_or(u64::MAX);
                continue;
            }
            let mut points = if stream.cumulative {
                let (points, folded) = self.totals.apply(one.slot, &one.fresh);
                done.folded += folded;
                points
            } else {
                one.fresh.clone()
            };
            let correctable = !(stream.cumulative && delta);
            if stream.resend && correctable && !one.revised.is_empty() {
                points.points.extend_from_slice(&one.revised);
                points.points.sort_by_key(|point| point.end);
            }
            if !points.points.is_empty() {
                all.push(points);
            }
        }
        all
    }
}
