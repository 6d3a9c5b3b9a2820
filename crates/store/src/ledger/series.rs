//! One series of the ledger: what was taken of it, and what was taken ahead of a gap.

use super::progress::{Part, Progress};
use super::taken::{Reach, Seen, Taken};
use provider_api::UnixNanos;

/// Target slot of a place in the ledger that no series has.
pub(crate) const VACANT: u32 = u32::MAX;

/// What was taken beyond a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// Where the gap ended when points beyond it came; the earliest, if windows failed.
    pub(crate) boundary: i64,
    pub(crate) taken: Taken,
}

impl Ahead {
    /// Nothing since the first point beyond the gap is forgotten before the gap is closed or the stretch completed:
    /// a window that failed there may be followed by one that starts later.
    fn admit(&mut self, end: i64, print: u16, place: &Place) -> Seen {
        let reach = Reach {
            from: place.reach.from.min(self.boundary),
            ..place.reach
        };
        self.taken.admit(end, print, &reach)
    }
}

/// 80 bytes and as a rule nothing beside them, of which a million are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) id: [u8; 16],
    /// Slot of its target.
    pub(crate) target: u32,
    pub(crate) main: Taken,
    pub(crate) ahead: Option<Box<Ahead>>,
}

impl Series {
    pub(crate) fn new(id: [u8; 16], target: u32, grain_s: u32) -> Self {
        Self {
            id,
            target,
            main: Taken::empty(grain_s),
            ahead: None,
        }
    }

    pub(crate) fn vacant() -> Self {
        Self::new([0; 16], VACANT, 1)
    }

    /// End of the newest point taken.
    pub(crate) fn newest(&self) -> Option<i64> {
        let ahead = self.ahead.as_ref().and_then(|ahead| ahead.taken.newest());
        self.main.newest().max(ahead)
    }

    /// Takes a point unless it was taken; call [`Series::settle`] before the first of a window.
    pub(crate) fn admit(&mut self, end: i64, print: u16, place: &Place) -> Seen {
        match place.part {
            Part::Before | Part::Main => self.admit_main(end, print, place),
            Part::Ahead(boundary) => {
                // A window that failed may have taken points from here before there was a gap.
                if let Some(seen) = self.main.lookup(end, print) {
                    return seen;
                }
                let ahead = self.ahead.get_or_insert_with(|| {
                    Box::new(Ahead {
                        boundary: boundary.0,
                        taken: Taken::empty(place.grain_s),
                    })
                });
                ahead.boundary = ahead.boundary.min(boundary.0);
                ahead.admit(end, print, place)
            }
            Part::Beyond => Seen::TooOld,
        }
    }

    /// Taken in either part is taken; a point beyond an open gap is remembered there.
    fn admit_main(&mut self, end: i64, print: u16, place: &Place) -> Seen {
        let Some(ahead) = &mut self.ahead else {
            return self.main.admit(end, print, &place.reach);
        };
        if let Some(seen) = ahead.taken.lookup(end, print) {
            return seen;
        }
        let gap = place.progress.and_then(|p| p.ahead);
        let boundary = gap.map_or(ahead.boundary, |(from, _)| from.0);
        if end <= boundary {
            return self.main.admit(end, print, &place.reach);
        }
        if let Some(seen) = self.main.lookup(end, print) {
            return seen;
        }
        ahead.admit(end, print, place)
    }

    /// Joins both parts once the gap between them is closed, and leaves a grid that is no longer the group's.
    pub(crate) fn settle(&mut self, place: &Place) {
        self.main.fit(place.grain_s);
        self.make_way(place);
        if place.part == Part::Before {
            return;
        }
        let Some(ahead) = &self.ahead else { return };
        let Some(progress) = place.progress else { return };
        let passed = ahead
            .taken
            .newest()
            .is_none_or(|newest| newest <= progress.upto.0);
        let closed = progress.ahead.is_none() && progress.upto.0 >= ahead.boundary;
        if (passed || closed)
            && let Some(ahead) = self.ahead.take()
        {
            self.main.merge(&ahead.taken, ahead.boundary, &place.reach);
        }
    }

    /// What was taken before an earlier stretch was begun lies beyond the gap from then on.
    fn make_way(&mut self, place: &Place) {
        let Some(boundary) = place.beyond().filter(|_| self.ahead.is_none()) else {
            return;
        };
        if self.main.newest() > Some(boundary) && !self.main.holds_before(boundary) {
            let taken = std::mem::replace(&mut self.main, Taken::empty(place.grain_s));
            self.ahead = Some(Box::new(Ahead { boundary, taken }));
        }
    }

    /// Whether a part holds more than is kept between polls.
    pub(crate) fn is_wide(&self, keep: u32) -> bool {
        self.main.is_wide(keep) || self.ahead.as_ref().is_some_and(|ahead| ahead.taken.is_wide(keep))
    }

    /// A window of `place` has been taken in full: back to what is kept between polls.
    pub(crate) fn trim(&mut self, place: &Place) {
        let keep = place.reach.keep;
        let from = place
            .to
            .saturating_sub(place.reach.grain.saturating_mul(i64::from(keep)));
        match place.part {
            Part::Before | Part::Main => self.main.trim(keep, from),
            Part::Ahead(boundary) => {
                if let Some(ahead) = &mut self.ahead
                    && !ahead.taken.holds_before(boundary.0)
                {
                    ahead.taken.trim(keep, from);
                }
            }
            Part::Beyond => {}
        }
    }
}

/// Where a window's points of one target go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) part: Part,
    pub(crate) progress: Option<Progress>,
    pub(crate) grain_s: u32,
    /// End of the window.
    pub(crate) to: i64,
    pub(crate) reach: Reach,
}

impl Place {
    /// Where the stretch beyond the gap begins, or will once this window is taken.
    fn beyond(&self) -> Option<i64> {
        let progress = self.progress?;
        match self.part {
            Part::Before => Some(progress.since.0),
            Part::Main | Part::Ahead(_) | Part::Beyond => progress.ahead.map(|(from, _)| from.0),
        }
    }

    /// Whether a point is left to the window that will close a gap.
    pub(crate) fn defers(&self, end: UnixNanos) -> bool {
        match self.part {
            Part::Before | Part::Main => false,
            Part::Ahead(boundary) => end <= boundary,
            Part::Beyond => true,
        }
    }
}
