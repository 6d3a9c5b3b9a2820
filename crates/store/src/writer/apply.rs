//! A poll's points through the ledger and the encoder into the open transaction.

use super::group::Group;
use super::{Reply, Writer};
use crate::ledger::{GroupFacts, Progress, Taking, Took};
use crate::options::Stream;
use crate::totals::is_delta;
use crate::{Change, Committed, Lane};
use hashbrown::HashMap;
use provider_api::{AccountId, SeriesPoints, TargetId};

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
        self.push(group, request.taking.lane, &took, &mut done);
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

    /// One set of entries for each look that some destination wants.
    fn push(&mut self, group: &mut Group, lane: Lane, took: &[Took], done: &mut Committed) {
        for stream in self.streams.clone() {
            let points = self.points(stream, lane, took, done);
            if points.is_empty() {
                continue;
            }
            for entry in self.encoder.encode(&points) {
                group.bytes += u64::try_from(entry.payload.len()).unwrap_or(u64::MAX);
                group.draft.push(&self.shared.spool(), stream, entry);
            }
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
