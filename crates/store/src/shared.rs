//! What the writer has published: read by everybody, changed only after a transaction is durable.

use crate::Progress;
use crate::ledger::targets::Targets;
use crate::spool::Spool;
use provider_api::{AccountId, TargetId};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// What waiting tasks wait for a change of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Counts transactions.
    pub(crate) generation: u64,
    /// No room on the disk or in the file.
    pub(crate) full: bool,
    /// The writer has ended.
    pub(crate) closed: bool,
    /// Series in the ledger.
    pub(crate) series: usize,
}

/// A panic elsewhere leaves each part whole: what is published is published by infallible steps.
#[derive(Debug)]
pub(crate) struct Shared {
    targets: RwLock<Targets>,
    spool: Mutex<Spool>,
    settings: Mutex<HashMap<String, Vec<u8>>>,
    state: watch::Sender<State>,
}

impl Shared {
    pub(crate) fn new(
        targets: Targets,
        spool: Spool,
        settings: HashMap<String, Vec<u8>>,
        series: usize,
    ) -> Self {
        let state = State {
            series,
            ..State::default()
        };
        Self {
            targets: RwLock::new(targets),
            spool: Mutex::new(spool),
            settings: Mutex::new(settings),
            state: watch::Sender::new(state),
        }
    }

    pub(crate) fn targets(&self) -> RwLockReadGuard<'_, Targets> {
        self.targets.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn targets_mut(&self) -> RwLockWriteGuard<'_, Targets> {
        self.targets.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self, account: &AccountId, target: TargetId) -> Option<Progress> {
        self.targets().progress(account, target)
    }

    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }
}
