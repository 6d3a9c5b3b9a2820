//! One series of the ledger: what was taken of it, and what was taken ahead of gaps.

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
    /// Whether no gap is left between it and what has been taken without one.
    fn is_joined(&self, progress: &Progress) -> bool {
        let newest = self.taken.newest();
        let gap_end = progress.ahead.first().map_or(i64::MAX, |(from, _)| from.0);
        let closed = progress.upto.0 >= self.boundary && newest <= Some(gap_end);
        closed || newest <= Some(progress.upto.0)
    }

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
    /// One pointer, because a series that keeps up has none.
    ahead: Option<Box<Beyond>>,
}

/// What was taken beyond gaps, the oldest first; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Beyond(Vec<Ahead>);

impl Series {
    pub(crate) fn new(id: [u8; 16], target: u32, grain_s: u32) -> Self {
        Self::with(id, target, Taken::empty(grain_s), Vec::new())
    }

    pub(crate) fn with(id: [u8; 16], target: u32, main: Taken, ahead: Vec<Ahead>) -> Self {
        Self {
            id,
            target,
            main,
            ahead: (!ahead.is_empty()).then(|| Box::new(Beyond(ahead))),
        }
    }

    /// What was taken beyond gaps, the oldest first.
    pub(crate) fn ahead(&self) -> &[Ahead] {
        self.ahead.as_ref().map_or(&[], |ahead| &ahead.0)
    }

    fn ahead_mut(&mut self) -> &mut [Ahead] {
        self.ahead.as_mut().map_or(&mut [], |ahead| &mut ahead.0)
    }

    pub(crate) fn vacant() -> Self {
        Self::new([0; 16], VACANT, 1)
    }

    /// End of the newest point taken.
    pub(crate) fn newest(&self) -> Option<i64> {
        let ahead = self.ahead().iter().filter_map(|ahead| ahead.taken.newest());
        ahead.max().max(self.main.newest())
    }

    /// Takes a point unless it was taken; call [`Series::settle`] before the first of a window.
    pub(crate) fn admit(&mut self, end: i64, print: u16, place: &Place) -> Seen {
        match place.part {
            Part::Before | Part::Main if self.ahead.is_none() => self.main.admit(end, print, &place.reach),
            Part::Beyond => Seen::TooOld,
            Part::Before | Part::Main | Part::Ahead(_) => self.admit_one_of(end, print, place),
        }
    }

    /// Taken in any part is taken: a window that failed may have been cut when there were other gaps.
    fn admit_one_of(&mut self, end: i64, print: u16, place: &Place) -> Seen {
        if let Some(seen) = self.lookup(end, print) {
            return seen;
        }
        match self.stretch(end, place) {
            Some(ahead) => ahead.admit(end, print, place),
            None => self.main.admit(end, print, &place.reach),
        }
    }

    fn lookup(&mut self, end: i64, print: u16) -> Option<Seen> {
        let main = self.main.lookup(end, print);
        let mut ahead = self.ahead_mut().iter_mut();
        main.or_else(|| ahead.find_map(|ahead| ahead.taken.lookup(end, print)))
    }

    /// The stretch ahead that a point of the window belongs to, a new one if need be; none when no gap lies before it.
    fn stretch(&mut self, end: i64, place: &Place) -> Option<&mut Ahead> {
        if let Part::Ahead(boundary) = place.part {
            return self.open(boundary.0, place);
        }
        let gap_end = place.gap_end().or_else(|| Some(self.ahead().first()?.boundary))?;
        let before = self.ahead().partition_point(|ahead| ahead.boundary < end);
        let ahead = self.ahead_mut().get_mut(before.saturating_sub(1));
        ahead.filter(|_| end > gap_end)
    }

    /// What was taken of the stretch that begins at `boundary`; windows that failed may have begun it elsewhere.
    fn open(&mut self, boundary: i64, place: &Place) -> Option<&mut Ahead> {
        let at = self.stretch_at(boundary, place);
        let all = &mut self.ahead.get_or_insert_with(|| Box::new(Beyond(Vec::new()))).0;
        let at = at.unwrap_or_else(|at| {
            let taken = Taken::empty(place.grain_s);
            all.insert(at, Ahead { boundary, taken });
            at
        });
        let ahead = all.get_mut(at)?;
        ahead.boundary = ahead.boundary.min(boundary);
        Some(ahead)
    }

    /// Where it is among those ahead, or would have to be.
    fn stretch_at(&self, boundary: i64, place: &Place) -> Result<usize, usize> {
        let (after, to) = place.around(boundary);
        let at = self.ahead().partition_point(|ahead| ahead.boundary <= after);
        match self.ahead().get(at) {
            Some(ahead) if ahead.boundary <= to => Ok(at),
            Some(_) | None => Err(at),
        }
    }

    /// Joins the parts between which a gap is closed, and leaves a grid that is no longer the group's.
    pub(crate) fn settle(&mut self, place: &Place) {
        self.main.fit(place.grain_s);
        self.make_way(place);
        if place.part == Part::Before {
            return;
        }
        let Some(progress) = place.progress else { return };
        let Some(ahead) = &mut self.ahead else { return };
        let joined = ahead
            .0
            .iter()
            .take_while(|ahead| ahead.is_joined(&progress))
            .count();
        for ahead in ahead.0.drain(..joined) {
            self.main.merge(&ahead.taken, ahead.boundary, &place.reach);
        }
        if ahead.0.is_empty() {
            self.ahead = None;
        }
    }

    /// What was taken before an earlier stretch was begun lies beyond the gap from then on.
    fn make_way(&mut self, place: &Place) {
        let Some(boundary) = place.beyond().filter(|_| self.ahead.is_none()) else {
            return;
        };
        if self.main.newest() > Some(boundary) && !self.main.holds_before(boundary) {
            let taken = std::mem::replace(&mut self.main, Taken::empty(place.grain_s));
            self.ahead = Some(Box::new(Beyond(vec![Ahead { boundary, taken }])));
        }
    }

    /// Whether a part holds more than is kept between polls.
    pub(crate) fn is_wide(&self, keep: u32) -> bool {
        self.main.is_wide(keep) || self.ahead().iter().any(|ahead| ahead.taken.is_wide(keep))
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
                if let Ok(at) = self.stretch_at(boundary.0, place)
                    && let Some(ahead) = self.ahead_mut().get_mut(at)
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
    /// Where the gap that is being closed ends.
    fn gap_end(&self) -> Option<i64> {
        self.progress?.ahead.first().map(|(from, _)| from.0)
    }

    /// What the parts before the stretch at `boundary` reach to, and the stretch itself. Nothing bounds the first of
    /// them below: what was taken before it has been joined. Nothing bounds a new one above: it is the last.
    fn around(&self, boundary: i64) -> (i64, i64) {
        let ahead = || self.progress.iter().flat_map(|p| p.ahead.iter());
        let after = ahead().take_while(|(from, _)| from.0 < boundary).last();
        let own = ahead().find(|(from, _)| from.0 == boundary);
        (
            after.map_or(i64::MIN, |(_, to)| to.0),
            own.map_or(i64::MAX, |(_, to)| to.0),
        )
    }

    /// Where the stretch beyond the gap begins, or will once this window is taken.
    fn beyond(&self) -> Option<i64> {
        let progress = self.progress?;
        match self.part {
            Part::Before => Some(progress.since.0),
            Part::Main | Part::Ahead(_) | Part::Beyond => self.gap_end(),
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
