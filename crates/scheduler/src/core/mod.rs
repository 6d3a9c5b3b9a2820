//! The decisions: which group is polled when, and which may work off what lies behind. Pure; time comes in as an
//! argument.
//!
//! One task is in flight per group. Fresh polls start when their time has come. Backlogs take turns: one group of each
//! account at a time, so that catching up never takes more than one call's share from the present.

mod lanes;
mod phase;
mod windows;

pub use windows::{Hole, Windows, settled, windows};

use lanes::Lanes;
use phase::{next_tick, phase};
use provider_api::{AccountId, Catalogue, Group, Scope, Target, TargetId, UnixNanos, Urgency};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How seldom a group may look back as far as the ledger remembers.
const DEEP_EVERY: Duration = Duration::from_secs(3_600);

/// A deep look at least every so many grains: it reaches back twice as far, so that a point that is late by up to the
/// other half is met by one of them.
const DEEP_EVERY_GRAINS: u32 = 30;

/// A group within the daemon: the account, the scope and the group's name. Its hash decides when the group is polled, so
/// only names are in it: what else is configured, and in which order, moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// The account.
    pub account: AccountId,
    /// Region, subscription or project.
    pub scope: Scope,
    /// The group's name within the account.
    pub name: Arc<str>,
}

/// What a group is to do now; it is busy until [`Core::ended`].
#[derive(Clone, Debug)]
pub struct Job {
    /// Which group.
    pub key: GroupKey,
    /// How it is polled.
    pub group: Group,
    /// Its targets.
    pub targets: Arc<[Target]>,
    /// The present or the past.
    pub lane: Lane,
}

/// Which windows a job asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// What is new.
    Fresh {
        /// Reaches back as far as the ledger remembers.
        deep: bool,
        /// Counts the polls of the group.
        poll: u64,
        /// When its time came: one that was held back and goes on leaves out what has been asked for since.
        due: UnixNanos,
    },
    /// What lies behind, until the group's next poll is due.
    Backlog {
        /// When that is.
        until: UnixNanos,
    },
}

impl Lane {
    /// Which share of a quota its calls may use.
    pub(crate) fn urgency(self) -> Urgency {
        match self {
            Self::Fresh { .. } => Urgency::Fresh,
            Self::Backlog { .. } => Urgency::Backlog,
        }
    }

    /// For traces.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Fresh { .. } => "fresh",
            Self::Backlog { .. } => "backlog",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    Fresh,
    Backlog,
}

#[derive(Debug)]
struct GroupState {
    group: Group,
    targets: Arc<[Target]>,
    next: UnixNanos,
    next_deep: UnixNanos,
    polls: u64,
    doing: Doing,
    /// The poll that goes on, if it was held back.
    poll: Option<Lane>,
    /// Until when what is to be done next is held back.
    held: Held,
}

/// Until when a group must not ask, because it may cost no more by now.
#[derive(Debug, Default)]
struct Held {
    fresh: Option<UnixNanos>,
    backlog: Option<UnixNanos>,
}

impl GroupState {
    fn job(&self, key: &GroupKey, lane: Lane) -> Job {
        Job {
            key: key.clone(),
            group: Arc::clone(&self.group),
            targets: Arc::clone(&self.targets),
            lane,
        }
    }

    /// Moves on to the tick after `now`.
    fn tick(&mut self, key: &GroupKey, now: UnixNanos) -> Lane {
        self.next = next_tick(now, self.group.every, phase(key, self.group.every));
        let owed = self.held.fresh.is_some() && matches!(self.poll, Some(Lane::Fresh { deep: true, .. }));
        let deep = owed || self.next_deep <= now;
        if deep {
            self.next_deep = next_deep(now, key, &self.group);
        }
        let poll = self.polls;
        self.polls += 1;
        Lane::Fresh { deep, poll, due: now }
    }

    /// The poll whose time has come: a new one, or the one that was held back.
    fn due(&mut self, key: &GroupKey, now: UnixNanos) -> Option<Lane> {
        let lane = if self.next <= now {
            Some(self.tick(key, now))
        } else {
            self.held.fresh.filter(|until| *until <= now).and(self.poll)
        };
        if lane.is_some() {
            (self.doing, self.poll, self.held.fresh) = (Doing::Fresh, lane, None);
        }
        lane
    }

    fn next_due(&self) -> Option<UnixNanos> {
        match self.doing {
            Doing::Nothing => [self.held.fresh, self.held.backlog, Some(self.next)]
                .into_iter()
                .flatten()
                .min(),
            Doing::Fresh => Some(self.next),
            // It is polled as soon as that has ended.
            Doing::Backlog => None,
        }
    }
}

fn next_deep(now: UnixNanos, key: &GroupKey, group: &Group) -> UnixNanos {
    let every = DEEP_EVERY.min(group.grain * DEEP_EVERY_GRAINS);
    next_tick(now, every, phase(key, every))
}

/// All groups and when they are due.
#[derive(Debug, Default)]
pub struct Core {
    groups: BTreeMap<GroupKey, GroupState>,
    lanes: Lanes,
    ticks_skipped: u64,
}

impl Core {
    /// Replaces what was known of a scope, but for parts that could not be listed: what was known of them stays. New groups
    /// are due at once, known ones keep their rhythm.
    pub fn learn(&mut self, now: UnixNanos, account: &AccountId, mut catalogue: Catalogue) {
        self.keep_unlisted(account, &mut catalogue);
        let mut by_group: HashMap<Arc<str>, Vec<Target>> = HashMap::new();
        for target in catalogue.targets {
            by_group
                .entry(Arc::clone(&target.group.name))
                .or_default()
                .push(target);
        }
        self.groups.retain(|key, _| {
            key.account != *account || key.scope != catalogue.scope || by_group.contains_key(&key.name)
        });
        for (name, targets) in by_group {
            let key = GroupKey {
                account: account.clone(),
                scope: catalogue.scope.clone(),
                name,
            };
            self.learn_group(now, key, targets.into());
        }
    }

    /// Adds what was known of parts that could not be listed.
    fn keep_unlisted(&self, account: &AccountId, catalogue: &mut Catalogue) {
        if catalogue.unlisted.is_empty() {
            return;
        }
        let known: HashSet<TargetId> = catalogue.targets.iter().map(|target| target.id).collect();
        let part = |group: &Group| {
            catalogue
                .unlisted
                .iter()
                .any(|part| part.namespace == group.namespace)
        };
        let of_parts = self
            .groups
            .iter()
            .filter(|(key, state)| {
                key.account == *account && key.scope == catalogue.scope && part(&state.group)
            })
            .flat_map(|(_, state)| state.targets.iter())
            .filter(|target| !known.contains(&target.id))
            .cloned();
        let kept: Vec<Target> = of_parts.collect();
        catalogue.targets.extend(kept);
    }

    /// Forgets an account with all its groups. What of them is in flight must not be reported as ended any more.
    pub fn forget(&mut self, account: &AccountId) {
        self.groups.retain(|key, _| key.account != *account);
        self.lanes.close(account);
    }

    /// Makes groups of one account, or of all, due now; returns how many. One that is being polled is left alone.
    pub fn poll_now(&mut self, now: UnixNanos, account: Option<&AccountId>) -> usize {
        let mut due = 0;
        for (key, state) in &mut self.groups {
            if account.is_none_or(|account| key.account == *account) && state.doing != Doing::Fresh {
                state.next = state.next.min(now);
                due += 1;
            }
        }
        due
    }

    fn learn_group(&mut self, now: UnixNanos, key: GroupKey, targets: Arc<[Target]>) {
        let Some(group) = targets.first().map(|t| Arc::clone(&t.group)) else {
            return;
        };
        let next_deep = next_deep(now, &key, &group);
        let state = self.groups.entry(key).or_insert_with(|| GroupState {
            group: Arc::clone(&group),
            targets: Arc::from([]),
            next: now,
            next_deep,
            polls: 0,
            doing: Doing::Nothing,
            poll: None,
            held: Held::default(),
        });
        state.group = group;
        state.targets = targets;
    }

    /// The polls whose time has come. A group that works off its backlog is polled as soon as its call has ended.
    pub fn tick(&mut self, now: UnixNanos) -> Vec<Job> {
        let mut due = Vec::new();
        for (key, state) in &mut self.groups {
            state.held.backlog = state.held.backlog.filter(|until| *until > now);
            match state.doing {
                Doing::Nothing => due.extend(state.due(key, now).map(|lane| state.job(key, lane))),
                Doing::Fresh if state.next <= now => {
                    self.ticks_skipped += 1;
                    state.next = next_tick(now, state.group.every, phase(key, state.group.every));
                }
                Doing::Fresh | Doing::Backlog => {}
            }
        }
        due
    }

    /// Groups that may work off what lies behind: of each account the one that has waited longest, if none does yet.
    pub fn backlogs(&mut self) -> Vec<Job> {
        let groups = &mut self.groups;
        let idle = |key: &GroupKey| match groups.get(key) {
            None => lanes::Turn::Gone,
            Some(state) if state.doing == Doing::Nothing && state.held.backlog.is_none() => {
                lanes::Turn::Ready
            }
            Some(_) => lanes::Turn::Busy,
        };
        let turns = self.lanes.start(idle);
        let start = |key: GroupKey| {
            let state = groups.get_mut(&key)?;
            state.doing = Doing::Backlog;
            Some(state.job(&key, Lane::Backlog { until: state.next }))
        };
        turns.into_iter().filter_map(start).collect()
    }

    /// The job that is about to end could not ask for everything and may go on then: a poll with what it has not asked
    /// for, a backlog when its turn comes again. A poll whose time comes before begins all the same.
    pub fn held_back(&mut self, key: &GroupKey, until: UnixNanos) {
        let Some(state) = self.groups.get_mut(key) else {
            return;
        };
        match state.doing {
            Doing::Fresh => state.held.fresh = Some(until),
            Doing::Backlog => state.held.backlog = Some(until),
            Doing::Nothing => {}
        }
    }

    /// A job has ended, well or not. A group that is still behind waits for its turn to go on.
    pub fn ended(&mut self, key: &GroupKey, behind: bool) {
        self.lanes.leave(key);
        let Some(state) = self.groups.get_mut(key) else {
            return;
        };
        state.doing = Doing::Nothing;
        if behind {
            self.lanes.wait(key);
        }
    }

    /// When the next group is due. One that works off its backlog is due when that has ended.
    pub fn next_due(&self) -> Option<UnixNanos> {
        self.groups.values().filter_map(GroupState::next_due).min()
    }

    /// When the next group of an account is polled.
    pub fn next_poll(&self, account: &AccountId) -> Option<UnixNanos> {
        // The least of an account's keys.
        let first = GroupKey {
            account: account.clone(),
            scope: Scope::new(""),
            name: "".into(),
        };
        let of_account = self.groups.range(first..).map_while(|(key, state)| {
            let is = key.account == *account;
            is.then_some(state.next)
        });
        of_account.min()
    }

    /// Targets and the series expected of them, of one account.
    pub fn targets(&self, account: &AccountId) -> (usize, u64) {
        let of_account = self.groups.iter().filter(|(key, _)| key.account == *account);
        of_account.fold((0, 0), |(targets, series), (_, s)| {
            let expected: u64 = s.targets.iter().map(|t| u64::from(t.series)).sum();
            (targets + s.targets.len(), series + expected)
        })
    }

    /// Whether an account has a group of this name.
    pub fn has_group(&self, account: &AccountId, name: &str) -> bool {
        let mut keys = self.groups.keys();
        keys.any(|key| key.account == *account && &*key.name == name)
    }

    /// Ticks that found the poll before still running.
    pub fn ticks_skipped(&self) -> u64 {
        self.ticks_skipped
    }
}
