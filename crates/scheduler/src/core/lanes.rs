//! Whose turn it is to work off its backlog: one group of each account at a time, in the order they asked. Pure.

use super::GroupKey;
use provider_api::AccountId;
use std::collections::{BTreeMap, VecDeque};

/// Whether a group can take its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It can.
    Ready,
    /// It is being polled; it keeps its place.
    Busy,
    /// There is no such group any more.
    Gone,
}

#[derive(Debug, Default)]
struct Lane {
    taken: Option<GroupKey>,
    waiting: VecDeque<GroupKey>,
}

/// One lane per account.
#[derive(Debug, Default)]
pub(super) struct Lanes(BTreeMap<AccountId, Lane>);

impl Lanes {
    /// Asks for a turn; a group that waits already keeps its place.
    pub(super) fn wait(&mut self, key: &GroupKey) {
        let lane = self.0.entry(key.account.clone()).or_default();
        if !lane.waiting.contains(key) {
            lane.waiting.push_back(key.clone());
        }
    }

    /// The turn is over.
    pub(super) fn leave(&mut self, key: &GroupKey) {
        if let Some(lane) = self.0.get_mut(&key.account)
            && lane.taken.as_ref() == Some(key)
        {
            lane.taken = None;
        }
    }

    /// The account has gone.
    pub(super) fn close(&mut self, account: &AccountId) {
        self.0.remove(account);
    }

    /// Gives every free lane to the first in its queue that can take it.
    pub(super) fn start(&mut self, turn: impl Fn(&GroupKey) -> Turn) -> Vec<GroupKey> {
        let mut started = Vec::new();
        for lane in self.0.values_mut().filter(|lane| lane.taken.is_none()) {
            lane.waiting.retain(|key| turn(key) != Turn::Gone);
            let ready = lane.waiting.iter().position(|key| turn(key) == Turn::Ready);
            if let Some(key) = ready.and_then(|at| lane.waiting.remove(at)) {
                lane.taken = Some(key.clone());
                started.push(key);
            }
        }
        started
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Scope;

    fn key(account: usize, name: &str) -> GroupKey {
        GroupKey {
            account: AccountId(format!("account {account}").into()),
            scope: Scope::new("s"),
            name: name.into(),
        }
    }

    #[test]
    fn groups_of_an_account_take_turns_and_accounts_do_not_wait_for_each_other() {
        let mut lanes = Lanes::default();
        for waiting in [key(0, "a"), key(0, "b"), key(0, "b"), key(1, "c")] {
            lanes.wait(&waiting);
        }
        let ready = |_: &GroupKey| Turn::Ready;
        assert_eq!(lanes.start(ready), [key(0, "a"), key(1, "c")]);
        assert!(lanes.start(ready).is_empty(), "both lanes are taken");
        lanes.leave(&key(0, "a"));
        lanes.wait(&key(0, "a"));
        assert_eq!(lanes.start(ready), [key(0, "b")], "who has waited longest");
        lanes.leave(&key(0, "b"));
        assert_eq!(lanes.start(ready), [key(0, "a")]);
    }

    #[test]
    fn one_that_is_busy_keeps_its_place_and_one_that_is_gone_loses_it() {
        let mut lanes = Lanes::default();
        for name in ["gone", "busy", "ready"] {
            lanes.wait(&key(0, name));
        }
        let turn = |key: &GroupKey| match &*key.name {
            "gone" => Turn::Gone,
            "busy" => Turn::Busy,
            _ => Turn::Ready,
        };
        assert_eq!(lanes.start(turn), [key(0, "ready")]);
        lanes.leave(&key(0, "ready"));
        assert_eq!(lanes.start(|_| Turn::Ready), [key(0, "busy")]);
        assert!(lanes.start(|_| Turn::Ready).is_empty());
    }
}
