//! What is remembered between calls. It decides how something is asked, and what is not asked for a while because Azure
//! has said that it cannot be answered.
//!
//! `left` is about resources and metrics, `hosts` about the data plane of a region.

mod hosts;
mod left;

pub(super) use hosts::Silence;
pub(super) use left::RestKind;
pub(crate) use left::{Standing, Strike};

use crate::question::{AskedMetric, Question};
use hosts::Hosts;
use left::LeftOut;
use provider_api::{ErrorKind, Scope, Target, TargetId, UnixNanos};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// After a refusal getBatch is left alone for so many requests and then tried again, because roles get granted.
const ARM_TURNS: u32 = 500;

/// Of the calls for resources that rest, each one of so many is sent all the same.
const KNOCK_EVERY: u32 = 10;

/// Of the resources that make calls fail, so many in a row are asked.
const LONE_FAILURES: u32 = 2;
/// And so many wait, until it is the next one's turn all the same.
const LONE_WAITS: u32 = 4;

/// Subscription, type and region: what a refusal of getBatch holds for.
type Place = (String, String, String);

/// The memory of one account.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Where getBatch is refused, and how many more requests go to ARM.
    arm: HashMap<Place, u32>,
    /// Metrics of which something was said.
    told: HashSet<String>,
    left: LeftOut,
    hosts: Hosts,
    turn: usize,
    /// By question.
    knocks: HashMap<u64, u32>,
    /// By door.
    lone: HashMap<String, (u32, u32)>,
}

impl Memory {
    /// Whether this request goes to ARM because getBatch is refused.
    pub(super) fn arm_turn(&self, question: &Question) -> bool {
        let key = place(question);
        self.with(|m| match m.arm.get_mut(&key) {
            Some(0) => {
                m.arm.remove(&key);
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
            None => false,
        })
    }

    /// Sends the next requests to ARM; whether that is news.
    pub(super) fn prefer_arm(&self, question: &Question) -> bool {
        self.with(|m| m.arm.insert(place(question), ARM_TURNS).is_none())
    }

    /// Whether this was said before; from now on it was.
    pub(super) fn told(&self, question: &Question, what: &str) -> bool {
        self.with(|m| !m.told.insert(format!("{}/{what}", question.namespace)))
    }

    /// A number that goes on with each call, so that the order in which things are asked is not always the same.
    pub(super) fn turn(&self) -> usize {
        self.with(|m| {
            m.turn = m.turn.wrapping_add(1);
            m.turn
        })
    }

    /// Whether the resources that rest are tried all at once now: when what was refused was not theirs, all of them answer.
    pub(super) fn knocks(&self, question: &Question) -> bool {
        self.with(|m| {
            let turns = m.knocks.entry(question.key).or_default();
            *turns = turns.wrapping_add(1);
            turns.is_multiple_of(KNOCK_EVERY)
        })
    }

    /// How a target is asked at present.
    pub(crate) fn standing(&self, target: &Target, question: &Question) -> Standing {
        self.with(|m| m.left.standing(target.id, question))
    }

    /// Azure says that the resource does not have these metrics, or cannot answer for them.
    pub(super) fn leave_out(&self, target: &Target, metrics: &[AskedMetric]) {
        self.with(|m| m.left.names(target, metrics));
    }

    /// Azure says that it cannot answer for the resource. How often in a row it has said so.
    pub(super) fn leave_whole(&self, target: &Target, kind: &ErrorKind, words: &str) -> u32 {
        self.with(|m| m.left.whole(target, kind, words))
    }

    /// The resource makes a call fail: it is asked alone until it answers, or until `host` turns out to be what failed.
    pub(super) fn isolate(&self, target: &Target, host: Option<&str>) {
        self.with(|m| {
            m.left.isolate(target);
            if let Some(host) = host {
                m.hosts.suspect(host, target.id);
            }
        });
    }

    /// Whether a resource that is asked alone has to wait for another time: others have just failed behind this door without
    /// any answer in between, and one more would look like a host that is out of order.
    pub(super) fn lone_waits(&self, door: &str) -> bool {
        self.with(|m| {
            let Some((failures, waits)) = m.lone.get_mut(door) else {
                return false;
            };
            if *failures < LONE_FAILURES {
                return false;
            }
            *waits += 1;
            if *waits > LONE_WAITS {
                m.lone.remove(door);
                return false;
            }
            true
        })
    }

    /// A resource that is asked alone has failed.
    pub(super) fn lone_failed(&self, door: &str) {
        self.with(|m| m.lone.entry(door.to_owned()).or_default().0 += 1);
    }

    /// There was an answer.
    pub(super) fn door_opened(&self, door: &str) {
        self.with(|m| m.lone.remove(door));
    }

    /// The resource answered for these metrics.
    pub(super) fn answered(&self, target: TargetId, metrics: &[AskedMetric]) {
        self.with(|m| m.left.answered(target, metrics));
    }

    /// One metric of an answer failed or was missing.
    pub(super) fn struck(
        &self,
        target: &Target,
        metric: &str,
        kind: Option<&ErrorKind>,
        end: UnixNanos,
    ) -> Strike {
        self.with(|m| m.left.struck(target, metric, kind, end))
    }

    /// A subscription was listed, with these targets: what was left out gets another chance.
    pub(crate) fn listed(&self, scope: &Scope, targets: &[Target]) {
        self.with(|m| {
            m.left.listed(scope, targets);
            m.knocks.clear();
        });
    }

    /// Whether the data plane behind `host` is stepped round now.
    pub(super) fn is_down(&self, host: &str) -> bool {
        self.with(|m| m.hosts.is_down(host))
    }

    /// Whether it is stepped round but for probes.
    pub(super) fn is_known_down(&self, host: &str) -> bool {
        self.with(|m| m.hosts.is_known_down(host))
    }

    /// The data plane did not answer. Whether that makes it one to step round, and whether that is news.
    pub(super) fn silent(&self, host: &str, held_back: bool) -> Silence {
        self.with(|m| {
            let (silence, cleared) = m.hosts.silent(host, held_back);
            for id in cleared {
                m.left.clear(id);
            }
            silence
        })
    }

    /// The data plane answered; whether it had been stepped round.
    pub(super) fn spoke(&self, host: &str) -> bool {
        self.with(|m| m.hosts.spoke(host))
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn place(question: &Question) -> Place {
    (
        question.subscription.to_string(),
        question.namespace.to_ascii_lowercase(),
        question.region.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Aggregation;
    use crate::testing::question;

    #[test]
    fn a_refused_place_is_tried_again_some_time_and_others_are_left_alone() {
        let memory = Memory::default();
        let q = question("r", &["A"], &[Aggregation::Total]);
        assert!(!memory.arm_turn(&q) && memory.prefer_arm(&q) && !memory.prefer_arm(&q));
        let mut other = (*q).clone();
        other.subscription = "another".into();
        assert!(!memory.arm_turn(&other), "its role is another matter");
        let turns = (0..2 * ARM_TURNS).take_while(|_| memory.arm_turn(&q)).count();
        assert_eq!(u32::try_from(turns), Ok(ARM_TURNS));
        assert!(!memory.told(&q, "A") && memory.told(&q, "A"));
    }
}
