//! The handle: everything that the rest of the program may ask for. Requests that change something go to the writer;
//! answers to the others come from what it has published.

use crate::ledger::Ledger;
use crate::load::{self, Failed};
use crate::options::streams;
use crate::shared::{Shared, State};
use crate::spool::Wanted;
use crate::sqlite::lock::Lock;
use crate::sqlite::{ballast::Ballast, lock, open, rows};
use crate::writer::{CommitRequest, EnlistRequest, Message, QUEUE, Reply, Settled, Small, Writer};
use crate::{
    Change, Committed, DestinationSpec, DestinationUsage, Encode, Enlisted, Entry, Lane, Listing, Observer,
    OpenError, Options, Progress, StoreError, Usage,
};
use provider_api::{AccountId, Members, TargetId, UnixNanos};
use rusqlite::Connection;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Ledger and spool of one daemon.
pub struct Store {
    shared: Arc<Shared>,
    requests: Mutex<Option<mpsc::Sender<Message>>>,
    /// Deliveries read through it; a store without a file has everything in memory.
    reader: Option<Arc<Mutex<Connection>>>,
    thread: Mutex<Option<(JoinHandle<()>, Option<Lock>)>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `options.dir`, a new one if there is none.
    pub fn open(options: &Options, encoder: Box<dyn Encode>) -> Result<Arc<Self>, OpenError> {
        Self::open_observed(options, encoder, None)
    }

    /// The same with somebody who sees what is taken.
    pub fn open_observed(
        options: &Options,
        encoder: Box<dyn Encode>,
        observer: Option<Box<dyn Observer>>,
    ) -> Result<Arc<Self>, OpenError> {
        open::directory(&options.dir)?;
        let lock = lock::take(&options.dir)?;
        let conn = open::writer(options)?;
        let reader = open::reader(&options.dir)?;
        let ballast = Ballast::lay_in(&options.dir, options.ballast_bytes);
        Self::start(options, (encoder, observer), conn, Some((reader, ballast, lock)))
    }

    /// A store without a file, which is forgotten with the process.
    pub fn in_memory(options: &Options, encoder: Box<dyn Encode>) -> Result<Arc<Self>, OpenError> {
        Self::start(options, (encoder, None), open::in_memory(options)?, None)
    }

    fn start(
        options: &Options,
        (encoder, observer): (Box<dyn Encode>, Option<Box<dyn Observer>>),
        conn: Connection,
        on_disk: Option<(Connection, Ballast, Lock)>,
    ) -> Result<Arc<Self>, OpenError> {
        let path = open::file(&options.dir);
        let (shared, ledger, totals) =
            load(&conn, options, on_disk.is_none()).map_err(|failed| unreadable(&path, failed))?;
        let (reader, ballast, lock) = match on_disk {
            Some((reader, ballast, lock)) => (Some(reader), Some(ballast), Some(lock)),
            None => (None, None, None),
        };
        let latest = shared.targets().latest();
        let shared = Arc::new(shared);
        let mut writer = Writer {
            conn,
            ledger,
            totals,
            shared: Arc::clone(&shared),
            encoder,
            observer,
            streams: streams(&options.destinations),
            ballast,
            forget_after: options.forget_after,
            ledger_bytes: options.ledger_bytes,
            latest,
            swept: None,
            version: options.version.clone(),
            full: false,
        };
        writer.convert();
        let (requests, thread) = spawn(writer).map_err(|source| OpenError::Other {
            file: path,
            source: source.into(),
        })?;
        Ok(Arc::new(Self {
            shared,
            requests: Mutex::new(Some(requests)),
            reader: reader.map(|conn| Arc::new(Mutex::new(conn))),
            thread: Mutex::new(Some((thread, lock))),
        }))
    }

    /// Takes what is new of a poll: waits for room, then changes ledger and spool together, durably. When this is
    /// cancelled or fails, ask the cloud again: nothing was taken, or all of it.
    pub async fn commit(&self, change: Change<'_>) -> Result<Committed, StoreError> {
        self.room().await?;
        let request = Box::new(CommitRequest::new(change));
        self.ask(|reply| Message::Commit(request, reply)).await
    }

    /// Knows these targets from now on, durably: one that is new begins where its [`Listing`] says, one of which something
    /// else is asked than before is looked back over once, one that a file of an older format knows by another identity goes
    /// on where it was.
    pub async fn enlist(
        &self,
        account: &AccountId,
        lane: Lane,
        listed: Vec<Listing>,
    ) -> Result<Enlisted, StoreError> {
        let account = lane.account(account);
        let request = Box::new(EnlistRequest { account, listed });
        self.ask(|reply| Message::Enlist(request, reply)).await
    }

    /// Whether enlisting a target would change nothing.
    pub fn knows(&self, account: &AccountId, lane: Lane, target: TargetId, members: Members) -> bool {
        self.shared
            .targets()
            .knows(&lane.account(account), target, members)
    }

    /// The latest time that any target of an account has been taken up to.
    pub fn latest(&self, account: &AccountId) -> Option<UnixNanos> {
        self.shared.targets().latest_of(account)
    }

    /// Waits until a commit would not have to wait.
    pub async fn room(&self) -> Result<(), StoreError> {
        self.until(|state| !state.full && self.shared.spool().has_room())
            .await
    }

    /// Whether the destinations that commits wait for have taken nearly everything: what is committed now goes out
    /// soon. While they have not, what can wait leaves the spool to what is new.
    pub fn keeps_up(&self) -> bool {
        self.shared.spool().keeps_up()
    }

    /// How far a target has been taken.
    pub fn progress(&self, account: &AccountId, target: TargetId) -> Option<Progress> {
        self.shared.progress(account, target)
    }

    /// How far a target's history has been fetched.
    pub fn backfilled(&self, account: &AccountId, target: TargetId) -> Option<Progress> {
        self.shared.progress(&Lane::Backfill.account(account), target)
    }

    /// Delivers to these destinations from now on, with `max_bytes` for all of them together; returns when that is
    /// durable. It goes by names: one that is new starts at the end, one that is gone holds nothing back, one whose
    /// format changes gets what waits as it was encoded. When it fails, nothing has changed.
    pub async fn set_destinations(
        &self,
        destinations: Vec<DestinationSpec>,
        max_bytes: u64,
    ) -> Result<(), StoreError> {
        self.ask(|reply| Message::Configure(destinations, max_bytes, reply))
            .await
    }

    /// The oldest entry that a destination has not acknowledged; waits until there is one. Its bytes are the same each
    /// time. An entry that is damaged on the disk is skipped and counted as dropped.
    pub async fn next(&self, destination: &str) -> Result<(u64, Entry), StoreError> {
        let (seq, entry, _) = self.next_of(destination, &Wanted::default()).await?;
        Ok((seq, entry))
    }

    /// As [`Self::next`], of the entries that are wanted; true = only its deltas are left.
    pub async fn next_of(
        &self,
        destination: &str,
        wanted: &Wanted,
    ) -> Result<(u64, Entry, bool), StoreError> {
        loop {
            self.until(|_| self.shared.spool().next(destination, wanted).is_some())
                .await?;
            let found = self.shared.spool().next(destination, wanted);
            match found {
                Some((seq, meta, Some(entry))) => return Ok((seq, entry, meta.deltas_only)),
                Some((seq, meta, None)) => match self.read(seq).await? {
                    Some((entry, true)) => return Ok((seq, entry, meta.deltas_only)),
                    Some((entry, false)) => self.skip_damaged(destination, seq, &entry).await?,
                    None => {}
                },
                None => {}
            }
        }
    }

    async fn read(&self, seq: u64) -> Result<Option<(Entry, bool)>, StoreError> {
        let Some(reader) = self.reader.clone() else {
            return Ok(None);
        };
        let read = move || rows::entry(&reader.lock().unwrap_or_else(PoisonError::into_inner), seq);
        let read = tokio::task::spawn_blocking(read).await;
        Ok(read.map_err(|_| StoreError::Closed)??)
    }

    async fn skip_damaged(&self, destination: &str, seq: u64, entry: &Entry) -> Result<(), StoreError> {
        tracing::error!(
            destination,
            seq,
            points = entry.points,
            "an entry is damaged on the disk and is skipped"
        );
        let small = Small::Acknowledge {
            destination: destination.to_owned(),
            seq,
            how: Settled::Dropped,
        };
        self.ask(|reply| Message::Small(small, reply)).await
    }

    /// The destination has this entry; returns when that is durable. Those before it that it has not got wait.
    pub async fn acknowledge(&self, destination: &str, seq: u64) -> Result<(), StoreError> {
        self.settle(destination, seq, Settled::Delivered).await
    }

    /// The destination has this entry but for so many delta points, which wait; returns when that is durable.
    pub async fn keep_deltas(&self, destination: &str, seq: u64, points: u32) -> Result<(), StoreError> {
        self.settle(destination, seq, Settled::ButDeltas(points)).await
    }

    async fn settle(&self, destination: &str, seq: u64, how: Settled) -> Result<(), StoreError> {
        let small = Small::Acknowledge {
            destination: destination.to_owned(),
            seq,
            how,
        };
        self.ask(|reply| Message::Small(small, reply)).await
    }

    /// Waits until every destination has everything, or the store is closed.
    pub async fn drained(&self) {
        // A closed store drains no further.
        drop(self.until(|_| self.shared.spool().is_empty()).await);
    }

    /// Waits until there is room again after [`StoreError::Full`].
    pub async fn recovered(&self) -> Result<(), StoreError> {
        self.until(|state| !state.full).await
    }

    /// What was put under `key`.
    pub fn setting(&self, key: &str) -> Option<Vec<u8>> {
        self.shared.settings().get(key).cloned()
    }

    /// Keeps `value` under `key`; returns when that is durable.
    pub async fn put_setting(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let (key, value) = (key.to_owned(), value.to_vec());
        let small = Small::Put { key, value };
        self.ask(|reply| Message::Small(small, reply)).await
    }

    /// Figures of the moment.
    pub fn usage(&self) -> Usage {
        let spool = self.shared.spool();
        let state = self.shared.state();
        let of = |cursor: &crate::spool::Cursor| DestinationUsage {
            name: cursor.spec.name.clone(),
            pending_bytes: cursor.pending_bytes,
            max_bytes: cursor.spec.max_bytes,
            pending_points: cursor.pending_points,
            dropped_points: cursor.row.dropped,
            oldest_end: spool.oldest_end(cursor),
            kept_deltas: cursor.kept_deltas(),
        };
        Usage {
            spool_bytes: spool.bytes(),
            spool_points: spool.points(),
            series: state.series,
            full: state.full,
            has_room: spool.has_room(),
            destinations: spool.cursors.iter().map(of).collect(),
        }
    }

    /// Ends the writer after what has been asked for, leaves the file in order and lets go of it.
    pub async fn close(&self) -> Result<(), StoreError> {
        let done = self.ask(Message::Close).await;
        self.join();
        done
    }

    async fn ask<T>(&self, message: impl FnOnce(Reply<T>) -> Message) -> Result<T, StoreError> {
        let requests = self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (reply, answer) = oneshot::channel();
        requests
            .ok_or(StoreError::Closed)?
            .send(message(reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Waits for a state that the writer announces.
    async fn until(&self, mut is: impl FnMut(&State) -> bool) -> Result<(), StoreError> {
        let mut watch = self.shared.watch();
        loop {
            let state = *watch.borrow_and_update();
            if state.closed {
                return Err(StoreError::Closed);
            }
            if is(&state) {
                return Ok(());
            }
            watch.changed().await.map_err(|_| StoreError::Closed)?;
        }
    }

    fn join(&self) {
        drop(
            self.requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let ended = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((thread, _lock)) = ended
            && thread.join().is_err()
        {
            tracing::error!("the store's writer has panicked");
        }
    }
}

/// Without [`Store::close`] the next opening takes the file for one left by a crash, which only costs a check.
impl Drop for Store {
    fn drop(&mut self) {
        self.join();
    }
}

fn load(
    conn: &Connection,
    options: &Options,
    in_memory: bool,
) -> Result<(Shared, Ledger, crate::totals::Totals), Failed> {
    let ledger = load::ledger(conn)?;
    let totals = load::totals(conn, &streams(&options.destinations))?;
    let (targets, settings) = (load::targets(conn)?, load::settings(conn)?);
    // All reading comes first: a file that cannot be read in full is left as it is.
    let mut spool = load::spool(conn, options, in_memory)?;
    spool.release(&targets);
    open::accept(conn, options)?;
    let shared = Shared::new(targets, spool, settings, ledger.len());
    Ok((shared, ledger, totals))
}

fn unreadable(path: &Path, failed: Failed) -> OpenError {
    match failed {
        Failed::Sqlite(error) => open::failure(path, error),
        Failed::Damaged(detail) => open::corrupted(path, &detail),
    }
}

fn spawn(writer: Writer) -> std::io::Result<(mpsc::Sender<Message>, JoinHandle<()>)> {
    let clock = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    let (requests, queue) = mpsc::channel(QUEUE);
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || writer.run(queue, &clock))?;
    Ok((requests, thread))
}
