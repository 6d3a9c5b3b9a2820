//! Accounts and targets: their slots, which are their rows, and how far each has been taken.
//!
//! A slot given out in a transaction that fails stays given out; its row is written with the next one that touches it.

use super::progress::Progress;
use super::series::VACANT;
use super::stretches::Stretches;
use crate::BACKFILL;
use hashbrown::{HashMap, HashTable};
use provider_api::{AccountId, Members, TargetId, UnixNanos};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A target, what is asked of it and how far it has been taken; 56 bytes, of which a million may be held.
#[derive(Clone, Debug)]
pub(crate) struct TargetRow {
    /// Number of the account; [`VACANT`] where there is no target.
    pub(crate) account: u32,
    pub(crate) target: u64,
    /// Hash of what was asked of it when it was listed last.
    pub(crate) members: u64,
    pub(crate) since: UnixNanos,
    pub(crate) upto: Option<UnixNanos>,
    /// Apart, because a target that keeps up has none.
    pub(crate) ahead: Option<Box<Stretches>>,
    /// Whether the file has a row of it.
    pub(crate) saved: bool,
}

impl TargetRow {
    pub(crate) fn progress(&self) -> Option<Progress> {
        let upto = self.upto?;
        let ahead = self.ahead.as_deref().copied().unwrap_or_default();
        Some(Progress {
            since: self.since,
            upto,
            ahead,
        })
    }

    /// The latest time it has been taken up to.
    pub(crate) fn newest(&self) -> Option<UnixNanos> {
        self.progress().map(|progress| progress.newest())
    }

    fn set(&mut self, progress: Progress) {
        self.since = progress.since;
        self.upto = Some(progress.upto);
        self.ahead = (!progress.ahead.is_empty()).then(|| Box::new(progress.ahead));
    }
}

/// What the open transaction makes of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Staged {
    pub(crate) account: u32,
    pub(crate) members: u64,
    pub(crate) progress: Option<Progress>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    accounts: Vec<(Arc<str>, bool)>,
    numbers: HashMap<Arc<str>, u32>,
    rows: Vec<TargetRow>,
    slots: HashTable<u32>,
    free: Vec<u32>,
}

impl Targets {
    /// The account's number, a new one if need be.
    pub(crate) fn intern(&mut self, account: &AccountId) -> u32 {
        if let Some(number) = self.numbers.get(&account.0) {
            return *number;
        }
        let number = u32::try_from(self.accounts.len()).unwrap_or(VACANT);
        self.accounts.push((Arc::clone(&account.0), false));
        self.numbers.insert(Arc::clone(&account.0), number);
        number
    }

    /// The account's name, if the file has no row of it yet.
    pub(crate) fn unsaved_account(&self, number: u32) -> Option<Arc<str>> {
        let (name, saved) = self.accounts.get(index(number))?;
        (!saved).then(|| Arc::clone(name))
    }

    /// The target's slot, a new one if need be.
    pub(crate) fn slot(&mut self, account: u32, target: TargetId) -> u32 {
        if let Some(slot) = self.find(account, target) {
            return slot;
        }
        let row = TargetRow {
            account,
            target: target.0,
            members: 0,
            since: UnixNanos(0),
            upto: None,
            ahead: None,
            saved: false,
        };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.rows.push(vacant());
            u32::try_from(self.rows.len() - 1).unwrap_or(VACANT)
        });
        self.put(slot, row);
        slot
    }

    /// Gives a target another identity; what was taken of it stays. It is written with the next transaction that names it.
    pub(crate) fn rename(&mut self, slot: u32, target: TargetId) {
        let Some(row) = self.row(slot).cloned() else {
            return;
        };
        let hash = hash_of(&row);
        if let Ok(entry) = self.slots.find_entry(hash, |found| *found == slot) {
            entry.remove();
        }
        let (target, saved) = (target.0, false);
        self.put(slot, TargetRow { target, saved, ..row });
    }

    fn put(&mut self, slot: u32, row: TargetRow) {
        let hash = hash(row.account, row.target);
        if let Some(place) = self.rows.get_mut(index(slot)) {
            *place = row;
        }
        let rows = &self.rows;
        self.slots
            .insert_unique(hash, slot, |slot| rows.get(index(*slot)).map_or(0, hash_of));
    }

    pub(crate) fn find(&self, account: u32, target: TargetId) -> Option<u32> {
        let is = |slot: &u32| {
            self.rows
                .get(index(*slot))
                .is_some_and(|row| (row.account, row.target) == (account, target.0))
        };
        self.slots.find(hash(account, target.0), is).copied()
    }

    /// How far a target has been taken.
    pub(crate) fn progress(&self, account: &AccountId, target: TargetId) -> Option<Progress> {
        let account = *self.numbers.get(&account.0)?;
        self.row(self.find(account, target)?)?.progress()
    }

    pub(crate) fn row(&self, slot: u32) -> Option<&TargetRow> {
        self.rows.get(index(slot)).filter(|row| row.account != VACANT)
    }

    /// Every target with its slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &TargetRow)> {
        (0_u32..).zip(&self.rows).filter(|(_, row)| row.account != VACANT)
    }

    /// What a transaction has made durable.
    pub(crate) fn publish(&mut self, staged: impl IntoIterator<Item = (u32, Staged)>) {
        for (slot, staged) in staged {
            if let Some((_, saved)) = self.accounts.get_mut(index(staged.account)) {
                *saved = true;
            }
            let Some(row) = self.rows.get_mut(index(slot)) else {
                continue;
            };
            row.saved = true;
            row.members = staged.members;
            if let Some(progress) = staged.progress {
                row.set(progress);
            }
        }
    }

    /// A target as the open transaction finds it.
    pub(crate) fn stage(&self, slot: u32) -> Option<Staged> {
        let row = self.row(slot)?;
        Some(Staged {
            account: row.account,
            members: row.members,
            progress: row.progress(),
        })
    }

    /// Whether a target is known and asked for the same.
    pub(crate) fn knows(&self, account: &AccountId, target: TargetId, members: Members) -> bool {
        let account = self.numbers.get(&account.0);
        let row = account.and_then(|account| self.row(self.find(*account, target)?));
        row.is_some_and(|row| row.upto.is_some() && row.members == members.0)
    }

    /// The latest time that any target of an account has been taken up to.
    pub(crate) fn latest_of(&self, account: &AccountId) -> Option<UnixNanos> {
        let account = *self.numbers.get(&account.0)?;
        let of_account = self.rows.iter().filter(|row| row.account == account);
        of_account.filter_map(TargetRow::newest).max()
    }

    /// From a row of the file.
    pub(crate) fn load_account(&mut self, number: u32, name: &str) {
        let name: Arc<str> = name.into();
        let needed = index(number) + 1;
        if self.accounts.len() < needed {
            self.accounts.resize(needed, ("".into(), false));
        }
        if let Some(place) = self.accounts.get_mut(index(number)) {
            *place = (Arc::clone(&name), true);
        }
        self.numbers.insert(name, number);
    }

    /// From a row of the file; rows come in the order of their slots.
    pub(crate) fn load(&mut self, slot: u32, row: TargetRow) {
        while self.rows.len() < index(slot) {
            self.free.push(u32::try_from(self.rows.len()).unwrap_or(VACANT));
            self.rows.push(vacant());
        }
        self.rows.push(vacant());
        self.put(slot, row);
    }

    /// Whether an account's history is kept under this number; it is old from the start, so age is no reason to
    /// forget it.
    pub(crate) fn is_backfill(&self, account: u32) -> bool {
        self.accounts
            .get(index(account))
            .is_some_and(|(name, _)| name.ends_with(BACKFILL))
    }

    /// Forgets a target.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(row) = self.rows.get_mut(index(slot)) else {
            return;
        };
        let hash = hash(row.account, row.target);
        *row = vacant();
        if let Ok(entry) = self.slots.find_entry(hash, |found| *found == slot) {
            entry.remove();
            self.free.push(slot);
        }
    }

    /// The latest time that any target has been taken up to: the ledger's idea of now.
    pub(crate) fn latest(&self) -> Option<UnixNanos> {
        self.rows.iter().filter_map(|row| row.upto).max()
    }
}

fn vacant() -> TargetRow {
    TargetRow {
        account: VACANT,
        target: 0,
        members: 0,
        since: UnixNanos(0),
        upto: None,
        ahead: None,
        saved: false,
    }
}

fn hash(account: u32, target: u64) -> u64 {
    xxh3_64_with_seed(&target.to_le_bytes(), u64::from(account))
}

fn hash_of(row: &TargetRow) -> u64 {
    hash(row.account, row.target)
}

/// A slot as an index.
pub(crate) fn index(slot: u32) -> usize {
    usize::try_from(slot).unwrap_or(usize::MAX)
}
