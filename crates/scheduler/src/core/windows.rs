//! Which points of a target to ask for, given how far it has been taken. Pure.
//!
//! A target that keeps up has one window, the fresh one, which reaches back over what was already asked. One that has
//! fallen behind has two: the present goes first, and the gaps before it are closed from the oldest end. Further outages
//! while a gap is open make further gaps. The ledger remembers a few; at one more than that, the newest stretch is walked
//! to the present before anything else.

use provider_api::{GroupSpec, UnixNanos, Window};
use std::time::Duration;
use store::Progress;

/// A target whose unseen points span more than this many polls has fallen behind; what is newer is the present.
const PRESENT_POLLS: u32 = 3;

/// What to ask for of one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// Asked for at every poll.
    pub fresh: Option<Window>,
    /// The next piece of what lies behind, asked for between polls.
    pub backlog: Option<Window>,
    /// What the cloud no longer keeps; the other windows take it as given up.
    pub hole: Option<Hole>,
}

/// Points that can no longer be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hole {
    /// Counts as taken from now on.
    pub skip: Window,
    /// How much of it had not been taken.
    pub lost: Duration,
}

/// The windows of a target at `now`, under the terms in force.
pub fn windows(now: UnixNanos, taken: Option<Progress>, terms: &GroupSpec) -> Windows {
    let cut = Cut::new(now, terms);
    let Some(taken) = taken else {
        return Windows {
            fresh: cut.first(terms.initial),
            ..Windows::default()
        };
    };
    let hole = cut.hole(taken);
    let kept = hole.map_or(taken, |hole| Progress::advance(Some(taken), hole.skip));
    let (fresh, backlog) = cut.split(kept);
    Windows { fresh, backlog, hole }
}

/// The end of the newest grain that is settled.
pub fn settled(now: UnixNanos, terms: &GroupSpec) -> UnixNanos {
    now.minus(terms.settle).floor(terms.grain)
}

/// The limits that windows are cut by; all lengths are whole grains.
#[derive(Debug)]
struct Cut {
    grain: Duration,
    /// Newest settled end.
    end: UnixNanos,
    /// What ends at and before it is no longer kept.
    kept: UnixNanos,
    lookback: Duration,
    longest: Duration,
    present: Duration,
}

impl Cut {
    fn new(now: UnixNanos, terms: &GroupSpec) -> Self {
        let grain = terms.grain;
        let lookback = whole(terms.lookback, grain);
        let longest = terms.longest_window.max(lookback + grain);
        let present = (terms.every * PRESENT_POLLS).min(longest.saturating_sub(lookback));
        Self {
            grain,
            end: settled(now, terms),
            kept: now.minus(terms.retention).floor(grain).plus(grain),
            lookback,
            longest,
            present: floor(present, grain).max(grain),
        }
    }

    /// Back by `initial`, oldest first.
    fn first(&self, initial: Duration) -> Option<Window> {
        let start = self.end.minus(initial.max(self.grain)).floor(self.grain);
        let start = start.max(self.kept);
        Window::new(start, self.end.min(start.plus(self.longest).floor(self.grain)))
    }

    fn hole(&self, taken: Progress) -> Option<Hole> {
        let skip = Window::new(taken.upto, self.kept)?;
        let had = |(from, to): (UnixNanos, UnixNanos)| to.min(self.kept).since(from.max(taken.upto));
        let had: Duration = taken.ahead.iter().map(had).sum();
        let lost = skip.length().saturating_sub(had);
        Some(Hole { skip, lost })
    }

    fn split(&self, taken: Progress) -> (Option<Window>, Option<Window>) {
        if taken.since == taken.upto && taken.ahead.is_empty() {
            // Nothing has been taken yet: oldest first, as a stream begins.
            return (self.piece(taken.upto, taken.since, self.end), None);
        }
        let first = taken.ahead.first().map(|(from, _)| from);
        let (bound, edge) = taken.ahead.last().unwrap_or((taken.since, taken.upto));
        let fresh = self.piece(edge, bound, self.end);
        let present = self.end.minus(self.present);
        if edge >= present {
            let backlog = first.and_then(|gap_end| self.piece(taken.upto, taken.since, gap_end));
            return (fresh, backlog);
        }
        if taken.ahead.is_full() {
            return (fresh, fresh);
        }
        let backlog = self.piece(taken.upto, taken.since, first.unwrap_or(present));
        (Window::new(present, self.end), backlog)
    }

    /// From `edge` on, reaching back over what was taken but not beyond `bound`, before which nothing was; as far as one call may and not past
    /// `to`. Nothing when there is nothing new.
    fn piece(&self, edge: UnixNanos, bound: UnixNanos, to: UnixNanos) -> Option<Window> {
        let start = edge.minus(self.lookback).floor(self.grain);
        let start = start.max(bound).max(self.kept.min(edge));
        let end = to.min(start.plus(self.longest).floor(self.grain));
        Window::new(start, end).filter(|_| end > edge)
    }
}

/// Rounded up to whole grains.
fn whole(span: Duration, grain: Duration) -> Duration {
    let down = floor(span, grain);
    if down == span { span } else { down + grain }
}

fn floor(span: Duration, grain: Duration) -> Duration {
    let rest = span.as_nanos() % grain.as_nanos().max(1);
    span.saturating_sub(Duration::from_nanos(u64::try_from(rest).unwrap_or(0)))
}
