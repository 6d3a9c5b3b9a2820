//! Which points of one series have been taken, on a grid as long as they keep to one.

use super::grid::Grid;
use super::times::Times;

/// Verdict over one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Not taken before; it is now.
    Fresh,
    /// Taken before.
    Repeated,
    /// Taken before with another value.
    Revised,
    /// Older than all that is remembered.
    TooOld,
    /// Not on this grid; nothing was changed.
    OffGrid,
}

/// What a poll's window asks of the memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    /// Everything after this end has to stay decidable until the window is taken in full.
    pub(crate) from: i64,
    /// Grains to remember between polls.
    pub(crate) keep: u32,
    /// Nanoseconds.
    pub(crate) grain: i64,
    /// Values to remember.
    pub(crate) prints: usize,
}

/// What has been taken of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Points on a grid.
    Grid(Grid),
    /// Points anywhere.
    Times(Box<Times>),
}

impl Taken {
    /// Nothing yet; a grid until a point says otherwise.
    pub(crate) fn empty(grain_s: u32) -> Self {
        Self::Grid(Grid::empty(grain_s))
    }

    /// Takes a point unless it was taken.
    pub(crate) fn admit(&mut self, end: i64, print: u16, reach: &Reach) -> Seen {
        let seen = match self {
            Self::Grid(grid) => grid.admit(end, print, reach),
            Self::Times(times) => return times.admit(end, print, reach),
        };
        if seen == Seen::OffGrid {
            self.leave_grid();
            return self.admit(end, print, reach);
        }
        seen
    }

    /// A series that is polled at another grain than before remembers its times instead.
    pub(crate) fn fit(&mut self, grain_s: u32) {
        match self {
            Self::Grid(grid) if grid.is_empty() => grid.grain_s = grain_s.max(1),
            Self::Grid(grid) if grid.grain_s != grain_s => self.leave_grid(),
            Self::Grid(_) | Self::Times(_) => {}
        }
    }

    fn leave_grid(&mut self) {
        if let Self::Grid(grid) = self {
            *self = Self::Times(Box::new(Times::new(grid.points(), grid.floor())));
        }
    }

    /// Whether the point was taken, and whether with another value.
    pub(crate) fn lookup(&mut self, end: i64, print: u16) -> Option<Seen> {
        match self {
            Self::Grid(grid) => grid.lookup(end, print),
            Self::Times(times) => times.lookup(end, print),
        }
    }

    /// End of the newest point.
    pub(crate) fn newest(&self) -> Option<i64> {
        match self {
            Self::Grid(grid) => grid.newest(),
            Self::Times(times) => times.newest(),
        }
    }

    fn floor(&self) -> i64 {
        match self {
            Self::Grid(grid) => grid.floor(),
            Self::Times(times) => times.floor,
        }
    }

    fn points(&self) -> Vec<(i64, u16)> {
        match self {
            Self::Grid(grid) => grid.points(),
            Self::Times(times) => times
                .ends
                .iter()
                .copied()
                .zip(times.prints.iter().copied())
                .collect(),
        }
    }

    /// Whether a point that ends at or before `end` is remembered.
    pub(crate) fn holds_before(&self, end: i64) -> bool {
        self.points().first().is_some_and(|(oldest, _)| *oldest <= end)
    }

    /// Adds what was taken ahead of a gap at `boundary`, now that the gap is closed. Where windows ahead failed, the next
    /// one begins at the boundary and looks back over it.
    pub(crate) fn merge(&mut self, ahead: &Self, boundary: i64, reach: &Reach) {
        let floor = ahead.floor();
        let looked_back_to = boundary.saturating_sub(reach.grain.saturating_mul(reach.keep.into()));
        let from = reach.from.min(looked_back_to);
        let reach = Reach {
            from: if floor > boundary { from.max(floor) } else { from },
            ..*reach
        };
        for (end, print) in ahead.points() {
            self.admit(end, print, &reach);
        }
        if floor > boundary {
            match self {
                Self::Grid(grid) => grid.raise_floor(floor),
                Self::Times(times) => times.raise_floor(floor),
            }
        }
    }

    /// Whether more is held than what is kept between polls.
    pub(crate) fn is_wide(&self, keep: u32) -> bool {
        match self {
            Self::Grid(grid) => grid.is_wide(keep),
            Self::Times(times) => times.is_wide(),
        }
    }

    /// Back to what is kept between polls and what lies after `from`.
    pub(crate) fn trim(&mut self, keep: u32, from: i64) {
        match self {
            Self::Grid(grid) => grid.trim(keep, from),
            Self::Times(times) => times.trim(from),
        }
    }
}
