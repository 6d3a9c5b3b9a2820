//! The accounts that are polled at the moment, and which tasks work for each.
//!
//! An account that is replaced keeps its name, so each that is taken on also gets a number of its own: what a task of
//! the one before still reports is known by it.

use crate::poll::Poller;
use provider_api::AccountId;
use std::collections::{BTreeMap, HashMap};
use tokio::task::{AbortHandle, Id};

/// Tells one account from another of the same name before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(u64);

#[derive(Debug)]
struct Member {
    number: Number,
    poller: Poller,
    lister: AbortHandle,
    jobs: HashMap<Id, AbortHandle>,
}

/// All accounts.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    members: BTreeMap<AccountId, Member>,
    taken_on: u64,
}

impl Roster {
    /// The number of the next account.
    pub(crate) fn number(&mut self) -> Number {
        self.taken_on += 1;
        Number(self.taken_on)
    }

    /// Takes an account on.
    pub(crate) fn add(&mut self, number: Number, poller: Poller, lister: AbortHandle) {
        let account = poller.account().clone();
        let member = Member {
            number,
            poller,
            lister,
            jobs: HashMap::new(),
        };
        self.members.insert(account, member);
    }

    /// Ends an account's tasks where they are. Returns how many jobs were dropped.
    pub(crate) fn remove(&mut self, account: &AccountId) -> Option<usize> {
        let member = self.members.remove(account)?;
        member.lister.abort();
        member.jobs.values().for_each(AbortHandle::abort);
        Some(member.jobs.len())
    }

    /// Who polls for this account.
    pub(crate) fn poller(&self, account: &AccountId) -> Option<(Number, Poller)> {
        let member = self.members.get(account)?;
        Some((member.number, member.poller.clone()))
    }

    /// Whether this is the account of that name which is polled now.
    pub(crate) fn is_current(&self, account: &AccountId, number: Number) -> bool {
        self.members.get(account).is_some_and(|m| m.number == number)
    }

    /// A job of this account has begun.
    pub(crate) fn began(&mut self, account: &AccountId, job: AbortHandle) {
        if let Some(member) = self.members.get_mut(account) {
            member.jobs.insert(job.id(), job);
        }
    }

    /// A job has ended.
    pub(crate) fn ended(&mut self, account: &AccountId, job: Id) {
        if let Some(member) = self.members.get_mut(account) {
            member.jobs.remove(&job);
        }
    }
}
