//! What a job asks for: the windows of its lane, and the holes to give up first. Pure.

use crate::core::{Hole, Job, Lane, settled, windows};
use intake::Terms;
use provider_api::{Due, GroupSpec, TargetId, UnixNanos, Window};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use store::Progress;

/// The questions of one job.
#[derive(Debug)]
pub(super) struct Asked {
    /// Targets with their windows.
    pub(super) due: Vec<Due>,
    /// What can no longer be had, and of which targets.
    pub(super) holes: BTreeMap<Hole, Vec<TargetId>>,
    /// Points that end later are only watched.
    pub(super) settled: UnixNanos,
    /// How much of the slowest target lies behind the present, those that fail by themselves left aside; zero when all keep
    /// up.
    pub(super) behind: Duration,
}

/// What a target that has fallen behind should cost little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spare {
    /// The present and the past are asked for apart, so that the present waits for nothing.
    Time,
    /// They are asked for together, as far as one call reaches: it costs the same as each of them.
    Money,
}

/// How a job asks. The times are the cloud's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking {
    /// Now.
    pub(super) now: UnixNanos,
    /// When the poll's time came: what was settled then and is taken is left to the next.
    pub(super) due: UnixNanos,
    /// What is scarce.
    pub(super) spare: Spare,
}

pub(super) fn asked(
    Asking { now, due, spare }: Asking,
    job: &Job,
    terms: &Terms,
    apart: &HashSet<TargetId>,
    progress: impl Fn(TargetId) -> Option<Progress>,
) -> Asked {
    let reaching = GroupSpec {
        lookback: terms.reach,
        every: match spare {
            Spare::Time => terms.group.every,
            Spare::Money => terms.group.longest_window,
        },
        ..terms.group.clone()
    };
    let done = settled(due, &terms.group);
    let mut asked = Asked {
        due: Vec::new(),
        holes: BTreeMap::new(),
        settled: settled(now, &terms.group),
        behind: Duration::ZERO,
    };
    for target in job.targets.iter() {
        let taken = progress(target.id);
        let cut = windows(now, taken, &reaching);
        if let Some(hole) = cut.hole {
            asked.holes.entry(hole).or_default().push(target.id);
        }
        if let (Some(_), Some(taken)) = (cut.backlog, taken)
            && !apart.contains(&target.id)
        {
            asked.behind = asked.behind.max(asked.settled.since(taken.upto));
        }
        let window = match job.lane {
            Lane::Fresh { .. } if taken.is_some_and(|taken| newest(&taken) >= done) => None,
            Lane::Fresh { .. } if terms.probing => {
                cut.fresh.map(|w| up_to_now(w, now, asked.settled, &reaching))
            }
            Lane::Fresh { .. } => cut.fresh,
            Lane::Backlog { .. } => cut.backlog,
        };
        asked.due.extend(window.map(|window| Due {
            target: target.clone(),
            window,
        }));
    }
    asked
}

/// The end of the newest stretch that was taken.
fn newest(taken: &Progress) -> UnixNanos {
    taken.ahead.last().map_or(taken.upto, |(_, to)| to)
}

/// A window that reaches the settled end goes on to the present, if one call may ask for so much.
fn up_to_now(window: Window, now: UnixNanos, settled: UnixNanos, terms: &GroupSpec) -> Window {
    let present = now.floor(terms.grain);
    Window::new(window.start(), present)
        .filter(|longer| window.end() == settled && longer.length() <= terms.longest_window)
        .unwrap_or(window)
}
