//! What has been learnt of one namespace of one cloud. Pure.

use super::histogram::Histogram;
use super::lateness::Lateness;
use super::sample::{Look, Sample, Seen, Watch};
use provider_api::{GroupSpec, SeriesId, Span, TargetId, UnixNanos};
use std::collections::HashMap;
use std::time::Duration;

/// How often what was seen is weighed and kept.
const WEIGH_EVERY: Duration = Duration::from_secs(600);

/// A settle that was too long for so long is lowered.
const LOWER_AFTER: Duration = Duration::from_secs(3_600);

/// Coarser points are not watched: a thousand of them take too long, and waiting for the first costs nothing.
const COARSEST: Duration = Duration::from_secs(300);

/// A point is final at this age, or after as many grains.
const HORIZON: Duration = Duration::from_secs(3_600);

/// See [`HORIZON`].
const HORIZON_GRAINS: u32 = 60;

/// Once enough is known, one poll in so many reaches up to the present.
const PROBE_SHARE: u64 = 6;

/// Probing goes on for so many polls beyond the settle, so that points are watched from their first look until they
/// are taken.
const PROBE_EXTRA: u64 = 2;

/// State of one namespace.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    pub(super) histogram: Histogram,
    pub(super) lateness: Lateness,
    pub(super) learnt: Option<Duration>,
    sample: Sample,
    weighed: Option<UnixNanos>,
    /// Since when each weighing asked for less than what is in force.
    lower_since: Option<UnixNanos>,
}

/// A settle that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Before; nothing the first time.
    pub before: Option<Duration>,
    /// From now on.
    pub after: Duration,
}

impl Namespace {
    /// With what was known before.
    pub(super) fn known(learnt: Option<Duration>, histogram: Histogram, lateness: Lateness) -> Self {
        Self {
            histogram,
            lateness,
            learnt,
            ..Self::default()
        }
    }

    /// The settle in force, and whether it was learnt.
    pub(super) fn settle(&self, group: &GroupSpec<Span>) -> (Duration, bool) {
        match (group.settle, self.learnt) {
            (Span::Auto(_), Some(learnt)) if is_learnt(group) => (learnt, true),
            (given, _) => (given.start(), false),
        }
    }

    /// How far ordinary windows reach back. What is learnt takes at most half of the longest window, so that there is
    /// room for what is new.
    pub(super) fn lookback(&mut self, now: UnixNanos, group: &GroupSpec<Span>) -> Duration {
        match group.lookback {
            Span::Fixed(lookback) => lookback,
            Span::Auto(start) => {
                if self.lateness.hours.is_empty() {
                    self.lateness.note(now, start);
                }
                self.lateness
                    .lookback(now, group.grain)
                    .min(group.longest_window / 2)
            }
        }
    }

    /// Whether a poll (counted by its group) reaches up to the present to watch young points: each one until enough is
    /// known, later in runs that are long enough to watch a point until it is taken.
    pub(super) fn probes(
        &mut self,
        now: UnixNanos,
        group: &GroupSpec<Span>,
        poll: u64,
        targets: impl Iterator<Item = TargetId>,
    ) -> bool {
        if !is_learnt(group) || !self.sample.admit(now, targets) {
            return false;
        }
        let (settle, _) = self.settle(group);
        let run = settle.as_secs() / group.every.as_secs().max(1) + PROBE_EXTRA;
        !self.histogram.is_enough() || (poll / run).is_multiple_of(PROBE_SHARE)
    }

    pub(super) fn watches(&self, target: TargetId) -> bool {
        self.sample.watches(target)
    }

    /// A complete answer for a target that is watched.
    pub(super) fn look(
        &mut self,
        group: &GroupSpec<Span>,
        target: TargetId,
        look: Look,
        seen: HashMap<SeriesId, Seen>,
    ) {
        let watch = Watch {
            young: group.every + group.grain,
            horizon: HORIZON.min(group.grain * HORIZON_GRAINS),
        };
        for not_final in self.sample.look(target, look, seen, watch) {
            self.histogram.add(not_final);
        }
    }

    /// Whether it is time to weigh what was seen.
    pub(super) fn is_due(&mut self, now: UnixNanos) -> bool {
        now.since(*self.weighed.get_or_insert(now)) >= WEIGH_EVERY
    }

    /// Decides anew. A settle is raised at once and lowered when it has been too long for a while, so that it does not
    /// waver.
    pub(super) fn weigh(&mut self, now: UnixNanos) -> Option<Changed> {
        let last = self.weighed.replace(now).unwrap_or(now);
        self.histogram.fade(now.since(last));
        self.decide(now)
    }

    fn decide(&mut self, now: UnixNanos) -> Option<Changed> {
        let after = self.histogram.settle()?;
        let before = self.learnt;
        if before.is_some_and(|before| after < before) {
            let since = *self.lower_since.get_or_insert(now);
            if now.since(since) < LOWER_AFTER {
                return None;
            }
        }
        self.lower_since = None;
        self.learnt = Some(after);
        (before != self.learnt).then_some(Changed { before, after })
    }
}

/// Whether the settle of such groups is learnt.
fn is_learnt(group: &GroupSpec<Span>) -> bool {
    matches!(group.settle, Span::Auto(_)) && group.grain <= COARSEST
}
