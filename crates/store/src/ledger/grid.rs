//! What has been taken of a series whose points lie on a grid of any phase: the newest end, a bitmap of the grains
//! before it, and fingerprints of the newest values.

use super::bits::{Bits, WORD_GRAINS};
use super::prints::Prints;
use super::taken::{Reach, Seen};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Most grains that are remembered of one series while a long window is read: six months of hours, a week and a half
/// of minutes would be 15,000; 32 KiB a series.
const MAX_GRAINS: u32 = 1 << 18;

/// `known` of a series of which nothing has been forgotten: what has no bit was not taken, however old.
pub(crate) const ALL: u32 = u32::MAX;

/// The grid is `high` minus whole grains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// End of the newest point taken, Unix nanoseconds; without meaning while no bit is set.
    pub(crate) high: i64,
    pub(crate) bits: Bits,
    /// Fingerprints of the newest grains' values, 0 where there is none.
    pub(crate) prints: Prints,
    /// How many grains back from `high` the bits tell the whole truth; [`ALL`] while nothing was forgotten.
    pub(crate) known: u32,
    /// Seconds from point to point.
    pub(crate) grain_s: u32,
}

impl Grid {
    /// Nothing taken yet.
    pub(crate) fn empty(grain_s: u32) -> Self {
        Self {
            high: i64::MIN,
            bits: Bits::Narrow(0),
            prints: Prints::default(),
            known: ALL,
            grain_s: grain_s.max(1),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    pub(crate) fn newest(&self) -> Option<i64> {
        (!self.is_empty()).then_some(self.high)
    }

    fn grain(&self) -> i64 {
        i64::from(self.grain_s) * NANOS_PER_SECOND
    }

    /// How many grains `end` is before `high` (negative: after it); nothing when it is off the grid.
    fn back(&self, end: i64) -> Option<i64> {
        let distance = self.high.checked_sub(end)?;
        (distance % self.grain() == 0).then(|| distance / self.grain())
    }

    /// Takes the point that ends at `end` unless it was taken.
    pub(crate) fn admit(&mut self, end: i64, print: u16, reach: &Reach) -> Seen {
        if self.is_empty() {
            self.high = end;
            self.remember_print(0, print, reach.prints);
            self.bits.set(0);
            return Seen::Fresh;
        }
        let Some(back) = self.back(end) else {
            return Seen::OffGrid;
        };
        match u32::try_from(back) {
            Ok(back) => self.look_back(back, print, reach),
            Err(_) if back < 0 => self.rise(end, back.unsigned_abs(), print, reach),
            Err(_) => Seen::TooOld,
        }
    }

    fn look_back(&mut self, back: u32, print: u16, reach: &Reach) -> Seen {
        if self.bits.get(back) {
            return self.compare(back, print);
        }
        if back >= self.known || back >= MAX_GRAINS {
            return Seen::TooOld;
        }
        self.bits.widen(back + 1);
        self.bits.set(back);
        self.remember_print(back, print, reach.prints);
        Seen::Fresh
    }

    fn rise(&mut self, end: i64, steps: u64, print: u16, reach: &Reach) -> Seen {
        let from = reach.from.max(self.floor());
        let needed = self.grains_since(from, end);
        self.bits.widen(needed.max(reach.keep));
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let lost = self.bits.shift(steps);
        if lost {
            self.known = self.bits.width();
        } else if self.known != ALL {
            self.known = self.known.saturating_add(steps).min(self.bits.width());
        }
        self.high = end;
        self.bits.set(0);
        self.shift_prints(steps, reach.prints);
        self.remember_print(0, print, reach.prints);
        Seen::Fresh
    }

    /// How many grains hold every point after `from` up to `end`, whatever the grid's phase.
    fn grains_since(&self, from: i64, end: i64) -> u32 {
        let distance = u64::try_from(end.saturating_sub(from)).unwrap_or(0);
        let grains = distance.div_ceil(self.grain().unsigned_abs());
        u32::try_from(grains).unwrap_or(MAX_GRAINS).min(MAX_GRAINS)
    }

    /// The end at and before which nothing is known.
    pub(crate) fn floor(&self) -> i64 {
        if self.known == ALL || self.is_empty() {
            return i64::MIN;
        }
        self.high
            .saturating_sub(self.grain().saturating_mul(i64::from(self.known)))
    }

    /// Forgets what lies at and before `floor`.
    pub(crate) fn raise_floor(&mut self, floor: i64) {
        if floor > self.floor() && !self.is_empty() {
            let known = self.high.saturating_sub(floor).max(0) / self.grain();
            self.known = u32::try_from(known).unwrap_or(ALL - 1).max(1);
        }
    }

    /// Whether a point that ends there was taken, and whether with another value.
    pub(crate) fn lookup(&mut self, end: i64, print: u16) -> Option<Seen> {
        if self.is_empty() {
            return None;
        }
        let back = self.back(end).and_then(|back| u32::try_from(back).ok())?;
        self.bits.get(back).then(|| self.compare(back, print))
    }

    /// Whether more than `keep` grains are held.
    pub(crate) fn is_wide(&self, keep: u32) -> bool {
        self.bits.width() > keep.max(WORD_GRAINS).next_multiple_of(WORD_GRAINS)
    }

    /// Back to `keep` grains, or as many as reach back to `from`, before which no window will ask again.
    pub(crate) fn trim(&mut self, keep: u32, from: i64) {
        let needed = self.grains_since(from, self.high).max(keep).max(WORD_GRAINS);
        if self.bits.narrow(needed) {
            self.known = self.bits.width();
        } else if self.known != ALL {
            self.known = self.known.min(self.bits.width());
        }
    }

    /// Ends and fingerprints, oldest first.
    pub(crate) fn points(&self) -> Vec<(i64, u16)> {
        let mut points: Vec<_> = self
            .bits
            .ones()
            .map(|back| (self.high - i64::from(back) * self.grain(), self.print(back)))
            .collect();
        points.reverse();
        points
    }

    fn print(&self, back: u32) -> u16 {
        let index = usize::try_from(back).unwrap_or(usize::MAX);
        self.prints.get().get(index).copied().unwrap_or(0)
    }

    fn compare(&mut self, back: u32, print: u16) -> Seen {
        match self.print(back) {
            0 => Seen::Repeated,
            before if before == print => Seen::Repeated,
            _ => {
                self.remember_print(back, print, self.prints.get().len());
                Seen::Revised
            }
        }
    }

    fn remember_print(&mut self, back: u32, print: u16, depth: usize) {
        self.prints.resize(depth);
        let back = usize::try_from(back).unwrap_or(usize::MAX);
        if let Some(place) = self.prints.get_mut().get_mut(back) {
            *place = print;
        }
    }

    fn shift_prints(&mut self, steps: u32, depth: usize) {
        self.prints.resize(depth);
        let prints = self.prints.get_mut();
        let depth = prints.len();
        let steps = usize::try_from(steps).unwrap_or(usize::MAX).min(depth);
        prints.copy_within(..depth - steps, steps);
        prints.iter_mut().take(steps).for_each(|print| *print = 0);
    }
}
