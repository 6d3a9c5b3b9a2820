//! The one thread that writes. It takes all requests that are waiting and makes them durable in one transaction: the
//! price of a sync to the disk is shared by everybody who waits for it.

mod apply;
mod configure;
mod convert;
mod enlist;
mod full;
mod group;
mod sweep;

pub(crate) use apply::CommitRequest;
pub(crate) use enlist::EnlistRequest;

use crate::ledger::Ledger;
use crate::options::Stream;
use crate::shared::Shared;
use crate::sqlite::ballast::Ballast;
use crate::totals::Totals;
use crate::{Committed, DestinationSpec, Encode, Enlisted, Observer, StoreError};
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
    /// Know these targets from now on.
    Enlist(Box<EnlistRequest>, Reply<Enlisted>),
    /// Something that needs no room.
    Small(Small, Reply<()>),
    /// Deliver to these destinations from now on.
    Configure(Vec<DestinationSpec>, u64, Reply<()>),
    /// Leave the file clean and end.
    Close(Reply<()>),
}

/// Requests that are carried out even on a full disk.
#[derive(Debug)]
pub(crate) enum Small {
    /// A destination is done with an entry.
    Acknowledge {
        destination: String,
        seq: u64,
        how: Settled,
    },
    /// Keep a setting.
    Put { key: String, value: Vec<u8> },
}

/// What became of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Settled {
    Delivered,
    /// All of it but so many delta points.
    ButDeltas(u32),
    /// It was not delivered but is damaged.
    Dropped,
}

/// What waits until the transaction before it is durable.
#[derive(Debug)]
enum Alone {
    Configure(Vec<DestinationSpec>, u64, Reply<()>),
    Close(Reply<()>),
}

/// Everything the thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) ledger: Ledger,
    pub(crate) totals: Totals,
    pub(crate) shared: Arc<Shared>,
    pub(crate) encoder: Box<dyn Encode>,
    pub(crate) observer: Option<Box<dyn Observer>>,
    pub(crate) streams: Vec<Stream>,
    /// Nothing for a store without a file.
    pub(crate) ballast: Option<Ballast>,
    pub(crate) forget_after: Duration,
    pub(crate) ledger_bytes: u64,
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
            match self.serve(first, &mut requests) {
                None => {}
                Some(Alone::Configure(destinations, max_bytes, reply)) => {
                    // Whoever has stopped waiting is told nothing.
                    reply.send(self.configure(&destinations, max_bytes)).ok();
                }
                Some(Alone::Close(reply)) => {
                    reply.send(self.close()).ok();
                    return;
                }
            }
        }
    }

    /// One transaction for all that waits, up to a request that has to be served alone; returns that.
    fn serve(&mut self, first: Message, requests: &mut mpsc::Receiver<Message>) -> Option<Alone> {
        let mut group = Group::new(&self.shared);
        let mut next = Some(first);
        let mut alone = None;
        while let Some(message) = next.take() {
            match message {
                Message::Commit(request, reply) => self.apply(&mut group, *request, reply),
                Message::Enlist(request, reply) => self.enlist(&mut group, &request, reply),
                Message::Small(small, reply) => group.small(&self.shared, small, reply),
                Message::Configure(destinations, max_bytes, reply) => {
                    alone = Some(Alone::Configure(destinations, max_bytes, reply));
                    break;
                }
                Message::Close(reply) => {
                    alone = Some(Alone::Close(reply));
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
        alone
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
