//! One transaction in the making: what it will change outside the ledger, and who waits for it.

use super::{Reply, Settled, Small, Writer, full};
use crate::ledger::codec;
use crate::ledger::targets::{Staged, Targets};
use crate::shared::Shared;
use crate::spool::Draft;
use crate::sqlite::rows;
use crate::{Committed, Enlisted, StoreError, totals};
use hashbrown::HashMap;
use provider_api::SeriesPoints;

/// What waits for the transaction.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) draft: Draft,
    /// Per slot: what becomes of the target.
    pub(super) targets: HashMap<u32, Staged>,
    /// Payload bytes that it adds.
    pub(super) bytes: u64,
    /// Points that it takes for the first time, if somebody wants to see them.
    pub(super) fresh: Vec<SeriesPoints>,
    commits: Vec<(Reply<Committed>, Committed)>,
    enlisted: Vec<(Reply<Enlisted>, Enlisted)>,
    smalls: Vec<(Small, Reply<()>)>,
}

impl Group {
    pub(super) fn new(shared: &Shared) -> Self {
        Self {
            draft: Draft::new(&shared.spool()),
            targets: HashMap::new(),
            bytes: 0,
            fresh: Vec::new(),
            commits: Vec::new(),
            enlisted: Vec::new(),
            smalls: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.commits.len() + self.enlisted.len() + self.smalls.len()
    }

    /// What the transaction makes of a target so far.
    pub(super) fn stage(&mut self, targets: &Targets, account: u32, slot: u32) -> &mut Staged {
        let new = Staged {
            account,
            members: 0,
            progress: None,
        };
        let committed = || targets.stage(slot).unwrap_or(new);
        self.targets.entry(slot).or_insert_with(committed)
    }

    pub(super) fn commit(&mut self, reply: Reply<Committed>, done: Committed) {
        self.commits.push((reply, done));
    }

    pub(super) fn enlisted(&mut self, reply: Reply<Enlisted>, done: Enlisted) {
        self.enlisted.push((reply, done));
    }

    pub(super) fn small(&mut self, shared: &Shared, small: Small, reply: Reply<()>) {
        if let Small::Acknowledge {
            destination,
            seq,
            how,
        } = &small
            && let Some(destination) = self.draft.position(destination)
        {
            let spool = shared.spool();
            match how {
                Settled::Delivered => drop(self.draft.acknowledge(&spool, destination, *seq)),
                Settled::ButDeltas(points) => self.draft.keep_deltas(&spool, destination, *seq, *points),
                Settled::Dropped => self.draft.skip(&spool, destination, *seq),
            }
        }
        self.smalls.push((small, reply));
    }

    fn answer(self) {
        // Whoever has stopped waiting is told nothing.
        for (reply, done) in self.commits {
            drop(reply.send(Ok(done)));
        }
        for (reply, done) in self.enlisted {
            drop(reply.send(Ok(done)));
        }
        for (_, reply) in self.smalls {
            drop(reply.send(Ok(())));
        }
    }

    fn refuse(self, error: &StoreError) {
        for (reply, _) in self.commits {
            drop(reply.send(Err(error.clone())));
        }
        for (reply, _) in self.enlisted {
            drop(reply.send(Err(error.clone())));
        }
        for (_, reply) in self.smalls {
            drop(reply.send(Err(error.clone())));
        }
    }
}

impl Writer {
    /// Makes the group durable and tells everybody, or takes everything back.
    pub(super) fn finish(&mut self, group: Group) {
        match self.write(&group) {
            Ok(()) => self.publish(group),
            Err(error) => self.take_back(group, &error),
        }
    }

    pub(super) fn write(&mut self, group: &Group) -> Result<(), StoreError> {
        full::begin(&self.conn)?;
        self.write_ledger()?;
        self.write_targets(group)?;
        self.write_spool(group)?;
        self.conn.execute_batch("COMMIT")?;
        Ok(())
    }

    fn write_ledger(&self) -> rusqlite::Result<()> {
        let mut state = Vec::new();
        for slot in self.ledger.changed() {
            if let Some(series) = self.ledger.get(slot) {
                codec::encode(series, &mut state);
                rows::save_series(&self.conn, slot, &series.id, series.target, &state)?;
            }
        }
        for (slot, total) in self.totals.changed() {
            totals::codec::encode(slot, total, &mut state);
            rows::save_total(&self.conn, slot, &state)?;
        }
        for (id, seed) in self.totals.seeds.changed() {
            totals::codec::encode(totals::SEED, seed, &mut state);
            rows::save_seed(&self.conn, id, &state)?;
        }
        Ok(())
    }

    fn write_targets(&self, group: &Group) -> rusqlite::Result<()> {
        let targets = self.shared.targets();
        let mut slots: Vec<_> = group.targets.iter().collect();
        slots.sort_unstable_by_key(|(slot, _)| **slot);
        for (slot, staged) in slots {
            let Some(row) = targets.row(*slot) else { continue };
            if let Some(name) = targets.unsaved_account(staged.account) {
                rows::save_account(&self.conn, staged.account, &name)?;
            }
            let Staged {
                progress, members, ..
            } = *staged;
            if progress != row.progress() || members != row.members || !row.saved {
                let ahead = progress.map(|p| p.ahead).filter(|ahead| !ahead.is_empty());
                let columns = (
                    staged.account,
                    row.target.cast_signed(),
                    progress.map_or(0, |p| p.since.0),
                    progress.map(|p| p.upto.0),
                    ahead.map(|ahead| codec::encode_stretches(&ahead)),
                    members.cast_signed(),
                );
                rows::save_target(&self.conn, *slot, &columns)?;
            }
        }
        Ok(())
    }

    fn write_spool(&self, group: &Group) -> rusqlite::Result<()> {
        for (seq, meta, entry) in &group.draft.pushed {
            rows::save_entry(&self.conn, *seq, meta.stream, entry)?;
        }
        for (seq, behind) in &group.draft.behind {
            rows::save_behind(&self.conn, *seq, behind)?;
        }
        for seq in &group.draft.gone {
            rows::delete_entry(&self.conn, *seq)?;
        }
        let spool = self.shared.spool();
        for (before, after) in spool.cursors.iter().zip(&group.draft.cursors) {
            if before.row != after.row {
                rows::save_cursor(&self.conn, &after.spec.name, &after.row)?;
                rows::save_aside(&self.conn, &after.spec.name, &before.row.aside, &after.row.aside)?;
            }
        }
        for (small, _) in &group.smalls {
            if let Small::Put { key, value } = small {
                rows::save_setting(&self.conn, key, value)?;
            }
        }
        Ok(())
    }

    /// Everything is durable: now it may be seen.
    pub(super) fn publish(&mut self, mut group: Group) {
        self.ledger.keep();
        self.totals.keep();
        self.totals.settle_seeds(true);
        let upto = group
            .targets
            .values()
            .filter_map(|staged| Some(staged.progress.as_ref()?.upto));
        self.latest = self.latest.max(upto.max());
        let staged = std::mem::take(&mut group.targets);
        self.shared.targets_mut().publish(staged);
        for (small, _) in &mut group.smalls {
            if let Small::Put { key, value } = small {
                let (key, value) = (std::mem::take(key), std::mem::take(value));
                self.shared.settings().insert(key, value);
            }
        }
        let empty = Draft::new(&self.shared.spool());
        let draft = std::mem::replace(&mut group.draft, empty);
        self.shared.spool().publish(draft);
        self.release();
        self.announce();
        let fresh = std::mem::take(&mut group.fresh);
        group.answer();
        if let Some(observer) = self.observer.as_ref().filter(|_| !fresh.is_empty()) {
            observer.taken(&fresh);
        }
    }

    /// What lay beyond gaps that are closed now may go out.
    pub(super) fn release(&self) {
        let targets = self.shared.targets();
        self.shared.spool().release(&targets);
    }

    pub(super) fn announce(&self) {
        self.shared.update(|state| {
            state.generation += 1;
            state.series = self.ledger.len();
            state.full = self.full;
        });
    }

    pub(super) fn take_back(&mut self, mut group: Group, error: &StoreError) {
        full::rollback(&self.conn);
        self.ledger.undo();
        self.totals.undo();
        self.totals.settle_seeds(false);
        if *error != StoreError::Full {
            tracing::error!(%error, waiting = group.len(), "nothing of this transaction was stored");
            group.refuse(error);
            return;
        }
        let smalls = std::mem::take(&mut group.smalls);
        self.now_full();
        group.refuse(error);
        self.retry_smalls(smalls);
    }

    /// What needs no room is tried again by itself.
    fn retry_smalls(&mut self, smalls: Vec<(Small, Reply<()>)>) {
        let mut group = Group::new(&self.shared);
        for (small, reply) in smalls {
            group.small(&self.shared, small, reply);
        }
        if group.len() == 0 {
            return;
        }
        match self.write(&group) {
            Ok(()) => self.publish(group),
            Err(error) => {
                full::rollback(&self.conn);
                group.refuse(&error);
            }
        }
    }
}
