//! Which points have been taken: a watermark per target, and per series the newest time with a bitmap of the grains
//! before it, or the recent times themselves where points do not lie on a grain. Pure.

use crate::Committed;
use hashbrown::HashMap;
use provider_api::{AccountId, GroupSpec, Point, SeriesId, SeriesPoints, TargetId, UnixNanos};
use std::collections::BTreeSet;

/// How many grains before the newest one are remembered; at one minute a little over an hour.
const REMEMBERED: i64 = 64;

/// Times remembered of a series whose points lie anywhere: five a minute for two hours.
const REMEMBERED_TIMES: usize = 600;

/// What has been taken of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Points on the grain: the newest end, and bit *i* for the end *i* grains before it.
    OnGrain {
        /// Newest end taken.
        high: UnixNanos,
        /// Bit 0 is `high` itself.
        bits: u64,
    },
    /// Points anywhere: the newest ends.
    Anywhere(BTreeSet<UnixNanos>),
}

/// Everything that has been taken.
#[derive(Debug, Default)]
pub struct Ledger {
    series: HashMap<SeriesId, Taken>,
    watermarks: HashMap<(AccountId, TargetId), UnixNanos>,
}

impl Ledger {
    /// Keeps the points that were not taken before, and remembers them.
    pub fn take(&mut self, group: &GroupSpec, arrived: Vec<SeriesPoints>) -> (Vec<SeriesPoints>, Committed) {
        let mut done = Committed::default();
        let mut fresh = Vec::with_capacity(arrived.len());
        for mut one in arrived {
            let taken = self
                .series
                .entry(one.series.id())
                .or_insert_with(|| Taken::new(group.on_grain));
            one.points.retain(|point| taken.admit(point, group, &mut done));
            if !one.points.is_empty() {
                fresh.push(one);
            }
        }
        (fresh, done)
    }

    /// Everything of the target up to `upto` has been taken; never goes back.
    pub fn advance(&mut self, account: &AccountId, target: TargetId, upto: UnixNanos) {
        let mark = self.watermarks.entry((account.clone(), target)).or_insert(upto);
        *mark = (*mark).max(upto);
    }

    /// Up to when everything of the target has been taken.
    pub fn watermark(&self, account: &AccountId, target: TargetId) -> Option<UnixNanos> {
        self.watermarks.get(&(account.clone(), target)).copied()
    }

    /// How many series are known.
    pub fn series(&self) -> usize {
        self.series.len()
    }
}

impl Taken {
    fn new(on_grain: bool) -> Self {
        if on_grain {
            Self::OnGrain {
                high: UnixNanos(i64::MIN),
                bits: 0,
            }
        } else {
            Self::Anywhere(BTreeSet::new())
        }
    }

    fn admit(&mut self, point: &Point, group: &GroupSpec, done: &mut Committed) -> bool {
        let newest_before = self.newest();
        let new = match self {
            Self::OnGrain { high, bits } => mark(high, bits, point.end, group),
            Self::Anywhere(times) => remember(times, point.end),
        };
        if new {
            done.fresh += 1;
            done.late += u64::from(newest_before.is_some_and(|newest| point.end < newest));
            done.newest = done.newest.max(Some(point.end));
        } else {
            done.repeated += 1;
        }
        new
    }

    fn newest(&self) -> Option<UnixNanos> {
        match self {
            Self::OnGrain { high, bits } => (*bits != 0).then_some(*high),
            Self::Anywhere(times) => times.last().copied(),
        }
    }
}

/// Sets the bit of `end`; false if it was set or lies before all that is remembered.
fn mark(high: &mut UnixNanos, bits: &mut u64, end: UnixNanos, group: &GroupSpec) -> bool {
    let grain = i64::try_from(group.grain.as_nanos()).unwrap_or(i64::MAX).max(1);
    if *bits == 0 || end > *high {
        let steps = if *bits == 0 {
            REMEMBERED
        } else {
            (end.0 - high.0) / grain
        };
        *bits = u32::try_from(steps)
            .ok()
            .and_then(|s| bits.checked_shl(s))
            .unwrap_or(0)
            | 1;
        *high = end;
        return true;
    }
    let Some(bit) = u32::try_from((high.0 - end.0) / grain)
        .ok()
        .and_then(|s| 1_u64.checked_shl(s))
    else {
        return false;
    };
    let new = *bits & bit == 0;
    *bits |= bit;
    new
}

/// Adds `end`; false if it was there or lies before all that is remembered.
fn remember(times: &mut BTreeSet<UnixNanos>, end: UnixNanos) -> bool {
    if times.len() >= REMEMBERED_TIMES {
        if times.first().is_some_and(|oldest| end < *oldest) {
            return false;
        }
        if times.insert(end) {
            times.pop_first();
            return true;
        }
        return false;
    }
    times.insert(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn group(on_grain: bool) -> GroupSpec {
        GroupSpec {
            scope: provider_api::Scope::new("s"),
            name: "g".into(),
            namespace: "n".into(),
            grain: Duration::from_secs(60),
            on_grain,
            every: Duration::from_secs(300),
            settle: Duration::ZERO,
            lookback: Duration::ZERO,
            initial: Duration::from_secs(900),
            retention: Duration::from_secs(86_400),
            longest_window: Duration::from_secs(86_400),
        }
    }

    fn admitted(on_grain: bool, ends: &[i64]) -> (Vec<bool>, Committed) {
        let (group, mut taken, mut done) = (group(on_grain), Taken::new(on_grain), Committed::default());
        let point = |s: i64| Point {
            start: None,
            end: UnixNanos::from_seconds(s),
            value: provider_api::Value::Int(0),
        };
        let flags = ends
            .iter()
            .map(|&s| taken.admit(&point(s), &group, &mut done))
            .collect();
        (flags, done)
    }

    #[test]
    fn each_grain_is_taken_once_and_late_ones_are_counted() {
        let (flags, done) = admitted(true, &[60, 120, 240, 120, 180, 240, 180, 60 * 100, 60 * 99, 60]);
        assert_eq!(
            flags,
            [true, true, true, false, true, false, false, true, true, false]
        );
        assert_eq!((done.fresh, done.late, done.repeated), (6, 2, 4));
    }

    #[test]
    fn points_off_the_grain_are_told_apart_by_their_own_times() {
        let (flags, done) = admitted(false, &[17, 29, 17, 23]);
        assert_eq!(flags, [true, true, false, true]);
        assert_eq!((done.fresh, done.late), (3, 1));
    }
}
