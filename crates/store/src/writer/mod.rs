//! The one thread that writes. It takes all requests that are waiting and makes them durable in one transaction: the
//! price of a sync to the disk is shared by everybody who waits for it.

mod apply;
mod full;
mod group;
mod sweep;

pub(crate) use apply::CommitRequest;

use crate::ledger::Ledger;
use crate::options::Stream;
use crate::shared::Shared;
use crate::sqlite::ballast::Ballast;
use crate::totals::Totals;
use crate::{Committed, Encode, StoreError};
use group::Group;
use provider_api::UnixNanos;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Requests that may wait for the writer; those beyond wait for a place.
pub(crate) const QUEUE: usize = 256;

/// Requests in one transaction.
const GROUP_MAX: usize = 64;

/// Payload bytes in one transaction; with it the write-ahead log stays within what the ballast can replace.
const GROUP_MAX_BYTES: u64 = 4 << 20;

/// How often a full store looks whether there is room again when nothing happens.
const RECOVER_EVERY: Duration = Duration::from_secs(1);

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked for.
#[derive(Debug)]
pub(crate) enum Message {
    /// Take a poll's points.
    Commit(Box<CommitRequest>, Reply<Committed>),
    /// Something that needs no room.
    Small(Small, Reply<()>),
    /// Leave the file clean and end.
    Close(Reply<()>),
}

/// Requests that are carried out even on a full disk.
#[derive(Debug)]
pub(crate) enum Small {
    /// A destination has everything up to and with an entry.
    Acknowledge {
        destination: usize,
        seq: u64,
        /// It was not delivered but is damaged.
        dropped: bool,
    },
    /// Keep a setting.
    Put { key: String, value: Vec<u8> },
}

/// Everything the thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) ledger: Ledger,
    pub(crate) totals: Totals,
    pub(crate) shared: Arc<Shared>,
    pub(crate) encoder: Box<dyn Encode>,
    pub(crate) streams: Vec<Stream>,
    /// Nothing for a store without a file.
    pub(crate) ballast: Option<Ballast>,
    pub(crate) forget_after: Duration,
    pub(crate) latest: Option<UnixNanos>,
    pub(crate) swept: Option<UnixNanos>,
    pub(crate) version: String,
    pub(crate) full: bool,
}

/// Tells everybody that the writer has ended, also when it panicked.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.update(|state| state.closed = true);
    }
}

impl Writer {
    /// Serves until it is closed or nobody can ask any more. `clock` only wakes it up.
    pub(crate) fn run(mut self, mut requests: mpsc::Receiver<Message>, clock: &Runtime) {
        let _ending = Ending(Arc::clone(&self.shared));
        self.sweep();
        loop {
            let first = if self.full {
                let waited = clock.block_on(async { timeout(RECOVER_EVERY, requests.recv()).await });
                let Ok(first) = waited else {
                    self.try_recover();
                    continue;
                };
                first
            } else {
                requests.blocking_recv()
            };
            let Some(first) = first else { return };
            if let Some(reply) = self.serve(first, &mut requests) {
                drop(reply.send(self.close()));
                return;
            }
        }
    }

    /// One transaction for all that waits; returns the request to close if there was one.
    fn serve(&mut self, first: Message, requests: &mut mpsc::Receiver<Message>) -> Option<Reply<()>> {
        let mut group = Group::new(&self.shared);
        let mut next = Some(first);
        let mut close = None;
        while let Some(message) = next.take() {
            match message {
                Message::Commit(request, reply) => self.apply(&mut group, *request, reply),
                Message::Small(small, reply) => group.small(&self.shared, small, reply),
                Message::Close(reply) => {
                    close = Some(reply);
                    break;
                }
            }
            if group.len() < GROUP_MAX && group.bytes < GROUP_MAX_BYTES {
                next = requests.try_recv().ok();
            }
        }
        self.finish(group);
        if self.full {
            self.try_recover();
        }
        self.sweep();
        close
    }

    /// Cuts the log back and marks the file as left in order.
    fn close(&mut self) -> Result<(), StoreError> {
        if self.ballast.is_none() {
            return Ok(());
        }
        crate::sqlite::schema::mark(&self.conn, &self.version, true)?;
        full::checkpoint(&self.conn)
    }
}
