//! What has been taken of a series whose points lie anywhere: the recent times themselves.

use super::bits::WORD_GRAINS;
use super::taken::{Reach, Seen};

/// Times remembered between polls: five a minute for two hours.
const MAX_TIMES: usize = 600;

/// Times remembered while a window is read; 640 KiB for one series, the oldest are dropped beyond it.
const MAX_OPEN_TIMES: usize = 1 << 16;

/// Ends in rising order with the fingerprints of their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) ends: Vec<i64>,
    pub(crate) prints: Vec<u16>,
    /// Nothing is known of ends at and before it.
    pub(crate) floor: i64,
}

impl Times {
    /// With these points, oldest first.
    pub(crate) fn new(points: Vec<(i64, u16)>, floor: i64) -> Self {
        let (ends, prints) = points.into_iter().unzip();
        Self { ends, prints, floor }
    }

    pub(crate) fn newest(&self) -> Option<i64> {
        self.ends.last().copied()
    }

    /// Takes the point that ends at `end` unless it was taken.
    pub(crate) fn admit(&mut self, end: i64, print: u16, reach: &Reach) -> Seen {
        if let Some(seen) = self.lookup(end, print) {
            return seen;
        }
        if end <= self.floor {
            return Seen::TooOld;
        }
        let at = self.ends.partition_point(|taken| *taken < end);
        self.ends.insert(at, end);
        self.prints.insert(at, print);
        self.forget_before(self.horizon(reach));
        self.cap(MAX_OPEN_TIMES);
        Seen::Fresh
    }

    pub(crate) fn lookup(&mut self, end: i64, print: u16) -> Option<Seen> {
        let at = self.ends.binary_search(&end).ok()?;
        let before = self.prints.get_mut(at)?;
        if *before == print || *before == 0 {
            return Some(Seen::Repeated);
        }
        *before = print;
        Some(Seen::Revised)
    }

    /// Whether more is held than between polls.
    pub(crate) fn is_wide(&self) -> bool {
        self.ends.len() > MAX_TIMES
    }

    /// Back to what is kept between polls, except what lies after `from` and may be asked for again.
    pub(crate) fn trim(&mut self, from: i64) {
        let before = self.ends.partition_point(|end| *end <= from);
        self.drop_oldest(before.min(self.ends.len().saturating_sub(MAX_TIMES)));
        self.ends.shrink_to(MAX_TIMES);
        self.prints.shrink_to(MAX_TIMES);
    }

    pub(crate) fn raise_floor(&mut self, floor: i64) {
        self.floor = self.floor.max(floor);
    }

    /// What lies at and before it will not be asked for again.
    fn horizon(&self, reach: &Reach) -> i64 {
        let grains = i64::from(reach.keep.max(WORD_GRAINS));
        let newest = self.newest().unwrap_or(i64::MIN);
        newest
            .saturating_sub(reach.grain.saturating_mul(grains))
            .min(reach.from)
    }

    fn forget_before(&mut self, horizon: i64) {
        let n = self.ends.partition_point(|end| *end <= horizon);
        self.drop_oldest(n);
    }

    fn cap(&mut self, most: usize) {
        self.drop_oldest(self.ends.len().saturating_sub(most));
    }

    fn drop_oldest(&mut self, n: usize) {
        if let Some(last) = n.checked_sub(1).and_then(|last| self.ends.get(last)) {
            self.floor = self.floor.max(*last);
            self.ends.drain(..n);
            self.prints.drain(..n);
        }
    }
}
