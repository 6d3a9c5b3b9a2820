//! What of a target's history is to be fetched next, given what has been taken already. Pure.
//!
//! Nothing that was taken is asked for again, and history keeps to one gap per target: so a target goes from its
//! oldest end to the present, and a range that would leave a second gap is refused. A target that was never polled gets
//! its first poll here, over the very window that the daemon would have asked for: from then on both know where the one
//! ends and the other begins.

use super::range::Range;
use provider_api::{GroupSpec, UnixNanos, Window};
use std::time::Duration;
use store::{Lane, Progress};

/// What is kept only this much longer may be gone before it has been asked for.
const ABOUT_TO_GO: Duration = Duration::from_secs(600);

/// How far a target has been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) live: Option<Progress>,
    pub(super) history: Option<Progress>,
}

impl Known {
    /// The same once a window has been taken.
    pub(super) fn advance(self, lane: Lane, window: Window) -> Self {
        match lane {
            Lane::Live => Self {
                live: Some(Progress::advance(self.live, window)),
                ..self
            },
            Lane::Backfill => Self {
                history: Some(Progress::advance(self.history, window)),
                ..self
            },
        }
    }
}

/// The next step of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// All of the range has been taken.
    Nothing,
    /// Ask for this.
    Ask(Lane, Window),
    /// The range would leave a second gap beside the one that this has.
    SecondGap(Progress),
}

/// The range at the time when it was asked for; the same for all steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) range: Range,
    pub(super) now: UnixNanos,
}

impl Walk {
    /// The earliest `from` at which nothing of the group is gone.
    pub(super) fn earliest(&self, group: &GroupSpec) -> UnixNanos {
        let kept = self.now.minus(group.retention).plus(ABOUT_TO_GO);
        kept.floor(group.grain).plus(group.grain)
    }

    /// Whether the range begins before what the cloud keeps of the group.
    pub(super) fn is_too_early(&self, group: &GroupSpec) -> bool {
        self.from(group) < self.earliest(group)
    }

    /// Where the range begins for a group.
    pub(super) fn begin(&self, group: &GroupSpec) -> UnixNanos {
        self.from(group).max(self.earliest(group))
    }

    fn from(&self, group: &GroupSpec) -> UnixNanos {
        self.range.from.floor(group.grain)
    }

    /// The next step of a target of the group.
    pub(super) fn next(&self, group: &GroupSpec, known: &Known) -> Next {
        let from = self.begin(group);
        let to = self.range.to.floor(group.grain);
        let Some(live) = known.live else {
            let first = self.first_poll(group);
            return match first.filter(|first| first.start() < to) {
                Some(first) => Next::Ask(Lane::Live, first),
                None => history(group, from, to, known.history),
            };
        };
        history(group, from, to.min(live.since.floor(group.grain)), known.history)
    }

    fn first_poll(&self, group: &GroupSpec) -> Option<Window> {
        let end = self.now.minus(group.settle).floor(group.grain);
        let start = end.minus(group.initial.max(group.grain)).floor(group.grain);
        piece(group, start.max(self.earliest(group)), end)
    }
}

fn history(group: &GroupSpec, from: UnixNanos, to: UnixNanos, taken: Option<Progress>) -> Next {
    if from >= to {
        return Next::Nothing;
    }
    let Some(taken) = taken else {
        return ask(group, from, to);
    };
    let ahead = taken.ahead.first();
    if from < taken.since {
        return match ahead {
            None => ask(group, from, to.min(taken.since)),
            Some(_) => Next::SecondGap(taken),
        };
    }
    if from <= taken.upto {
        return match ahead {
            Some((gap_end, _)) => ask(group, taken.upto, to.min(gap_end)),
            None => ask(group, taken.upto, to),
        };
    }
    match ahead {
        None => ask(group, from, to),
        Some((start, newest)) if start <= from && from <= newest => ask(group, newest, to),
        Some(_) => Next::SecondGap(taken),
    }
}

fn ask(group: &GroupSpec, from: UnixNanos, to: UnixNanos) -> Next {
    piece(group, from, to).map_or(Next::Nothing, |window| Next::Ask(Lane::Backfill, window))
}

/// As much from `from` on as one call may ask for.
fn piece(group: &GroupSpec, from: UnixNanos, to: UnixNanos) -> Option<Window> {
    let longest = group.longest_window.max(group.grain);
    Window::new(from, to.min(from.plus(longest).floor(group.grain)))
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
