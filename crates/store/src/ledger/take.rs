//! One poll's points against the ledger: which are new, which were taken before, and what that tells about lateness.

use super::print::fingerprint;
use super::progress::{Part, Progress};
use super::series::Place;
use super::taken::{Reach, Seen};
use super::targets::index;
use super::{Ledger, Slot};
use crate::{Committed, LATE_CLASSES, Lane};
use hashbrown::HashMap;
use provider_api::{GroupSpec, Point, SeriesId, SeriesPoints, UnixNanos, Window};

/// Most values remembered per series; 2 bytes each.
const MOST_PRINTS: u64 = 32;

/// What the ledger has to know of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupFacts {
    grain_s: u32,
    grain: i64,
    keep: u32,
    prints: usize,
}

impl GroupFacts {
    pub(crate) fn new(group: &GroupSpec) -> Self {
        let grain_s = u32::try_from(group.grain.as_secs()).unwrap_or(u32::MAX).max(1);
        let lookback = group.lookback.as_secs() / u64::from(grain_s) + 1;
        Self {
            grain_s,
            grain: UnixNanos::from_seconds(i64::from(grain_s)).0,
            keep: u32::try_from(lookback).unwrap_or(u32::MAX),
            prints: usize::try_from(lookback.min(MOST_PRINTS)).unwrap_or_default(),
        }
    }

    fn place(&self, progress: Option<Progress>, window: Window) -> Place {
        Place {
            part: Progress::part(progress, window),
            progress,
            grain_s: self.grain_s,
            to: window.end().0,
            reach: Reach {
                from: window.start().0,
                keep: self.keep,
                grain: self.grain,
                prints: self.prints,
            },
        }
    }
}

/// A series whose points arrived, what is new among them, and what has changed.
#[derive(Debug)]
pub(crate) struct Took {
    pub(crate) slot: Slot,
    pub(crate) fresh: SeriesPoints,
    /// Points taken before with another value.
    pub(crate) revised: Vec<Point>,
}

/// A window of one group on its way into the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taking {
    pub(crate) group: GroupFacts,
    pub(crate) window: Window,
    pub(crate) lane: Lane,
}

impl Taking {
    /// Takes what is new. `target` says where a target's row is and how far it has been taken.
    pub(crate) fn take(
        &self,
        ledger: &mut Ledger,
        arrived: Vec<SeriesPoints>,
        target: &HashMap<u64, (u32, Option<Progress>)>,
        done: &mut Committed,
    ) -> Vec<Took> {
        let mut took = Vec::with_capacity(arrived.len());
        for one in arrived {
            let Some((target, progress)) = target.get(&one.target.0) else {
                continue;
            };
            let place = self.group.place(*progress, self.window);
            let taken = self.take_series(ledger, one, *target, &place, done);
            if !taken.fresh.points.is_empty() || !taken.revised.is_empty() {
                took.push(taken);
            }
        }
        took
    }

    fn take_series(
        &self,
        ledger: &mut Ledger,
        mut one: SeriesPoints,
        target: u32,
        place: &Place,
        done: &mut Committed,
    ) -> Took {
        let salted = |id: SeriesId| SeriesId(id.0 ^ self.lane.salt());
        let former = || one.series.former_ids().map(salted);
        let slot = ledger.touch(salted(one.series.id()), former, target, place.grain_s);
        let mut revised = Vec::new();
        if let Some(row) = ledger.rows.get_mut(index(slot)) {
            row.target = target;
            row.settle(place);
            one.points.retain(|point| {
                if place.defers(point.end) {
                    done.deferred += 1;
                    return false;
                }
                let seen = row.admit(point.end.0, fingerprint(&point.value), place);
                if seen == Seen::Revised {
                    revised.push(point.clone());
                }
                self.count(seen, point, place.progress, done);
                seen == Seen::Fresh
            });
            if row.is_wide(self.group.keep) {
                ledger.wide.entry(target).or_default().insert(slot);
            }
        }
        Took {
            slot,
            fresh: one,
            revised,
        }
    }

    fn count(&self, seen: Seen, point: &Point, progress: Option<Progress>, done: &mut Committed) {
        match seen {
            Seen::Fresh => {
                done.fresh += 1;
                done.newest = done.newest.max(Some(point.end));
                if let Some(edge) = progress.and_then(|p| p.covered(point.end)) {
                    self.late(point.end, edge, done);
                }
            }
            Seen::Repeated => done.repeated += 1,
            Seen::Revised => done.revised += 1,
            Seen::TooOld | Seen::OffGrid => done.too_old += 1,
        }
    }

    fn late(&self, end: UnixNanos, edge: UnixNanos, done: &mut Committed) {
        done.late += 1;
        let behind = u64::try_from((edge.0 - end.0) / self.group.grain).unwrap_or(0) + 1;
        match done.late_by_grains.get_mut(class(behind)) {
            Some(count) => *count += 1,
            None => done.deep += 1,
        }
    }

    /// Whether completing the window moves a target, and its series back to what is kept between polls.
    pub(crate) fn complete(&self, ledger: &mut Ledger, target: u32, progress: Option<Progress>) -> Progress {
        let place = self.group.place(progress, self.window);
        if place.part != Part::Beyond {
            ledger.trim(target, &place);
        }
        Progress::advance(progress, self.window)
    }
}

/// 1, 2, 3–4, 5–8, … grains.
fn class(grains: u64) -> usize {
    let class = usize::try_from(u64::BITS - (grains - 1).leading_zeros()).unwrap_or(LATE_CLASSES);
    class.min(LATE_CLASSES)
}

impl Ledger {
    fn trim(&mut self, target: u32, place: &Place) {
        let Some(mut slots) = self.wide.remove(&target) else {
            return;
        };
        slots.retain(|slot| {
            let Some(row) = self.rows.get_mut(index(*slot)).filter(|row| row.target == target) else {
                return false;
            };
            self.undo.entry(*slot).or_insert_with(|| Some(row.clone()));
            row.settle(place);
            row.trim(place);
            row.is_wide(place.reach.keep)
        });
        if !slots.is_empty() {
            self.wide.insert(target, slots);
        }
    }
}
