//! A few series of a namespace, watched closely: when did each point first show up, and until when did it change? Pure.
//!
//! A point's *look* is an answer whose window held it. The greatest age at which a look found it absent or with
//! another value than its last one is what the histogram counts. Only points that were watched from their beginning
//! count, by every poll since: then the share that is found late here is the share that our own polls would meet.
//! A point that never shows up is a gap and counts for nothing.

use provider_api::{SeriesId, TargetId, UnixNanos, Window};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Targets watched per namespace, those with the lowest identities: a fair choice, since they are hashes.
const TARGETS: usize = 64;

/// Series watched per namespace; a further target still gets one.
const SERIES: usize = 64;

/// A target that was not polled for so long is gone.
const GONE: Duration = Duration::from_secs(3 * 3_600);

/// One answer for a target.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When it came.
    pub at: UnixNanos,
    /// What was asked for.
    pub window: Window,
    /// It reached up to the present.
    pub probing: bool,
}

/// How closely to watch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// A point that is first looked at when it is older than this was not watched from its beginning.
    pub(super) young: Duration,
    /// A point as old as this is final.
    pub(super) horizon: Duration,
}

/// Ends and fingerprints of one series.
pub type Seen = BTreeMap<UnixNanos, u64>;

#[derive(Debug)]
struct Sighted {
    /// At the latest look; nothing while it is absent.
    print: Option<u64>,
    latest: Duration,
    not_final: Option<Duration>,
    watched: bool,
}

impl Sighted {
    fn look(&mut self, age: Duration, print: Option<u64>) {
        if print != self.print {
            self.not_final = Some(self.latest);
            self.print = print;
        }
        self.latest = age;
    }
}

#[derive(Debug)]
struct Series {
    since: UnixNanos,
    points: BTreeMap<UnixNanos, Sighted>,
}

#[derive(Debug)]
struct Target {
    touched: UnixNanos,
    looks: VecDeque<Look>,
    series: HashMap<SeriesId, Series>,
}

/// The series that are watched.
#[derive(Debug, Default)]
pub(super) struct Sample {
    targets: BTreeMap<TargetId, Target>,
}

impl Sample {
    /// Takes targets in, as far as there is room. Returns whether one of them is watched.
    pub(super) fn admit(&mut self, now: UnixNanos, targets: impl Iterator<Item = TargetId>) -> bool {
        self.targets.retain(|_, target| now.since(target.touched) < GONE);
        let mut watched = false;
        for id in targets {
            let crowded = self.targets.len() >= TARGETS;
            let last = self.targets.last_key_value().map(|(last, _)| *last);
            if !self.targets.contains_key(&id) {
                if crowded && last.is_some_and(|last| last <= id) {
                    continue;
                }
                if crowded {
                    self.targets.pop_last();
                }
                self.targets.insert(id, Target::new(now));
            }
            watched = true;
        }
        watched
    }

    /// Whether a target is watched.
    pub(super) fn watches(&self, target: TargetId) -> bool {
        self.targets.contains_key(&target)
    }

    /// An answer for a target, complete. Returns the points that are final by now, with the greatest age at which they
    /// were not.
    pub(super) fn look(
        &mut self,
        id: TargetId,
        look: Look,
        mut seen: HashMap<SeriesId, Seen>,
        watch: Watch,
    ) -> Vec<Option<Duration>> {
        let room = SERIES.saturating_sub(self.targets.values().map(|t| t.series.len()).sum());
        let share = (SERIES / self.targets.len().max(1)).max(1);
        let Some(target) = self.targets.get_mut(&id) else {
            return Vec::new();
        };
        target.touched = look.at;
        for (id, series) in &mut target.series {
            series.look(look, seen.remove(id).unwrap_or_default(), &target.looks, watch);
        }
        let most = share.min(target.series.len() + room).max(1);
        for (id, points) in seen.into_iter().take(most.saturating_sub(target.series.len())) {
            target.series.insert(id, Series::new(look, points, watch));
        }
        target.looks.push_back(look);
        target
            .looks
            .retain(|past| look.at.since(past.at) <= watch.horizon + watch.young);
        let resolved = |series: &mut Series| series.resolve(look.at, watch.horizon);
        target.series.values_mut().flat_map(resolved).collect()
    }
}

impl Target {
    fn new(now: UnixNanos) -> Self {
        Self {
            touched: now,
            looks: VecDeque::new(),
            series: HashMap::new(),
        }
    }
}

impl Series {
    fn new(look: Look, points: Seen, watch: Watch) -> Self {
        let mut series = Self {
            since: look.at,
            points: BTreeMap::new(),
        };
        series.look(look, points, &VecDeque::new(), watch);
        series
    }

    fn look(&mut self, look: Look, mut seen: Seen, before: &VecDeque<Look>, watch: Watch) {
        for (end, point) in &mut self.points {
            if look.window.holds(*end) {
                point.look(look.at.since(*end), seen.remove(end));
            } else if *end > look.window.end() {
                point.watched = false;
            }
        }
        let since = self.since;
        // What is older has been counted already.
        for (end, print) in seen.split_off(&UnixNanos(look.at.minus(watch.horizon).0 + 1)) {
            let looks = before.iter().filter(|past| past.at >= since);
            self.points.insert(end, appeared(end, print, look, looks, watch));
        }
    }

    /// Takes out the points that are as old as the horizon.
    fn resolve(&mut self, now: UnixNanos, horizon: Duration) -> Vec<Option<Duration>> {
        let young = self.points.split_off(&UnixNanos(now.minus(horizon).0 + 1));
        let old = std::mem::replace(&mut self.points, young);
        let counts = |point: &Sighted| point.watched && point.print.is_some();
        old.into_values().filter(counts).map(|p| p.not_final).collect()
    }
}

/// A point that shows up now; the looks before tell since when it was expected.
fn appeared<'a>(
    end: UnixNanos,
    print: u64,
    now: Look,
    before: impl Iterator<Item = &'a Look>,
    watch: Watch,
) -> Sighted {
    let mut expected = before.skip_while(|look| !look.window.holds(end)).peekable();
    let first = expected.peek().map_or(now, |look| **look);
    let (mut missed, mut not_final) = (false, None);
    for look in expected {
        missed |= look.window.end() < end;
        if look.window.holds(end) {
            not_final = Some(look.at.since(end));
        }
    }
    Sighted {
        print: Some(print),
        latest: now.at.since(end),
        not_final,
        watched: first.probing && first.at.since(end) < watch.young && !missed,
    }
}

#[cfg(test)]
mod tests;
