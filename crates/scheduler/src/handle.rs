//! What a running scheduler can be told: take an account, let go of one, poll at once.

use crate::account::Account;
use provider_api::AccountId;
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait for the scheduler; whoever has more waits for a place.
pub(crate) const COMMANDS_WAITING: usize = 16;

/// One command and whom to tell when it is done.
#[derive(Debug)]
pub(crate) enum Command {
    Put(Account, oneshot::Sender<()>),
    Remove(AccountId, oneshot::Sender<()>),
    Poll(Option<AccountId>, oneshot::Sender<usize>),
}

/// Talks to a running scheduler. One that has ended does nothing any more and answers so.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
}

impl Handle {
    pub(crate) fn new(commands: mpsc::Sender<Command>) -> Self {
        Self { commands }
    }

    /// Begins to poll an account. One of the same name is ended and replaced: it is listed anew, goes on from the same
    /// watermarks and counts on.
    pub async fn put(&self, account: Account) {
        self.ask(|done| Command::Put(account, done)).await;
    }

    /// Ends an account: its listing and its jobs are dropped, its watermarks stay in the store.
    pub async fn remove(&self, account: AccountId) {
        self.ask(|done| Command::Remove(account, done)).await;
    }

    /// Makes the groups of one account, or of all, due now. Returns how many; those that are just being polled are
    /// left alone.
    pub async fn poll(&self, account: Option<AccountId>) -> usize {
        self.ask(|reply| Command::Poll(account, reply)).await
    }

    async fn ask<T: Default>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (reply, answer) = oneshot::channel();
        if self.commands.send(command(reply)).await.is_err() {
            return T::default();
        }
        answer.await.unwrap_or_default()
    }
}
