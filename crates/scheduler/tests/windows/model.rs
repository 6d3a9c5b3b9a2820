//! The naive model: every grain is a number in a set.

use super::MINUTE;
use proptest::prelude::*;
use provider_api::{GroupSpec, UnixNanos, Window};
use scheduler::core::{Windows, windows};
use std::collections::BTreeSet;
use std::time::Duration;
use store::Progress;

/// What was taken, grain by grain.
#[derive(Debug, Default)]
pub(crate) struct Model {
    taken: BTreeSet<i64>,
    lost: BTreeSet<i64>,
    first: Option<i64>,
    pub(crate) progress: Option<Progress>,
}

impl Model {
    fn grains(window: Window) -> impl Iterator<Item = i64> {
        window.start().seconds() / 60 + 1..=window.end().seconds() / 60
    }

    /// Takes a window and returns how many of its grains had been taken.
    fn take(&mut self, window: Window) -> usize {
        self.first.get_or_insert(window.start().seconds() / 60 + 1);
        self.progress = Some(Progress::advance(self.progress, window));
        Self::grains(window)
            .filter(|grain| !self.taken.insert(*grain))
            .count()
    }

    fn give_up(&mut self, window: Window) {
        self.progress = Some(Progress::advance(self.progress, window));
        self.lost
            .extend(Self::grains(window).filter(|grain| !self.taken.contains(grain)));
    }

    /// Progress tells the truth: every grain that it covers was taken or is lost.
    pub(crate) fn check(&self) {
        let Some(p) = self.progress else { return };
        let has = |grain: &i64| self.taken.contains(grain) || self.lost.contains(grain);
        let main = self.first.unwrap()..=p.upto.seconds() / 60;
        let ahead = p
            .ahead
            .iter()
            .flat_map(|(from, to)| from.seconds() / 60 + 1..=to.seconds() / 60);
        for grain in main.chain(ahead) {
            assert!(has(&grain), "{grain} was skipped: {p:?}");
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A poll so many seconds later, followed by so many backlog calls.
    Poll { after_s: u64, backlogs: usize },
    /// Nothing for so many minutes: an outage or a restart.
    Outage { minutes: u64 },
    /// Polls fail, backlogs do not.
    FreshFails { backlogs: usize },
    /// The learnt settle changes.
    Settle { seconds: u64 },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (240_u64..360, 0_usize..4).prop_map(|(after_s, backlogs)| Step::Poll { after_s, backlogs }),
        1 => (1_u64..3_000).prop_map(|minutes| Step::Outage { minutes }),
        1 => (20_u64..90).prop_map(|minutes| Step::Outage { minutes }),
        1 => (0_usize..3).prop_map(|backlogs| Step::FreshFails { backlogs }),
        1 => (0_u64..900).prop_map(|seconds| Step::Settle { seconds }),
    ]
}

pub(crate) struct World {
    pub(crate) now: UnixNanos,
    pub(crate) terms: GroupSpec,
    pub(crate) model: Model,
}

impl World {
    fn cut(&mut self) -> Windows {
        let cut = windows(self.now, self.model.progress, &self.terms);
        if let Some(hole) = cut.hole {
            self.model.give_up(hole.skip);
        }
        cut
    }

    /// Takes a window; it is no longer than one call may ask for and repeats no more than the lookback.
    fn take(&mut self, window: Window) {
        let lookback = self.terms.lookback.as_secs().div_ceil(60);
        let most = self.terms.longest_window.as_secs().max(60 * (lookback + 1));
        assert!(window.length().as_secs() <= most, "{window:?}");
        let repeated = u64::try_from(self.model.take(window)).unwrap();
        assert!(repeated <= lookback, "{repeated} grains again in {window:?}");
        assert!(repeated < window.grains(MINUTE), "{window:?} brings nothing new");
    }

    pub(crate) fn fresh(&mut self) {
        if let Some(window) = self.cut().fresh {
            self.take(window);
        }
    }

    pub(crate) fn backlogs(&mut self, most: usize) -> usize {
        let piece = |_: &usize| match self.cut().backlog {
            Some(window) => {
                self.take(window);
                true
            }
            None => false,
        };
        (0..most).take_while(piece).count()
    }

    pub(crate) fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
    }

    pub(crate) fn run(&mut self, step: &Step) {
        match step {
            Step::Poll { after_s, backlogs } => {
                self.later(*after_s);
                self.fresh();
                self.backlogs(*backlogs);
            }
            Step::Outage { minutes } => self.later(minutes * 60),
            Step::FreshFails { backlogs } => {
                self.later(300);
                self.backlogs(*backlogs);
            }
            Step::Settle { seconds } => self.terms.settle = Duration::from_secs(*seconds),
        }
        self.model.check();
    }
}
