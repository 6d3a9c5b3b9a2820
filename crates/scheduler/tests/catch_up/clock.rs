//! A clock that stands still until everybody waits for it.

use futures::future::BoxFuture;
use provider_api::UnixNanos;
use scheduler::{Clock, Progress};
use std::collections::BTreeSet;
use std::sync::Mutex;
use tokio::sync::watch;

#[derive(Debug)]
struct State {
    now: UnixNanos,
    sleepers: BTreeSet<(UnixNanos, u64)>,
    next: u64,
}

#[derive(Debug)]
pub(crate) struct VirtualClock {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

/// Counts a sleeper until it wakes or is dropped.
struct Sleeper<'a> {
    clock: &'a VirtualClock,
    key: (UnixNanos, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.clock.state.lock().unwrap().sleepers.remove(&self.key);
    }
}

impl VirtualClock {
    pub(crate) fn new(now: UnixNanos) -> Self {
        let state = State {
            now,
            sleepers: BTreeSet::new(),
            next: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
        }
    }

    fn sleeper(&self, until: UnixNanos) -> Sleeper<'_> {
        let mut state = self.state.lock().unwrap();
        state.next += 1;
        let key = (until, state.next);
        state.sleepers.insert(key);
        Sleeper { clock: self, key }
    }

    /// Waits until the driver, the lister of the one account and every job sleep; then it is the time that the first
    /// of them waits for.
    pub(crate) async fn advance(&self, progress: &Progress) {
        let mut changed = self.changed.subscribe();
        loop {
            let jobs = progress.snapshot()[0].in_flight;
            if self.asleep() == Some(jobs + 2) {
                break;
            }
            changed.changed().await.unwrap();
        }
        self.step(None);
    }

    /// How many sleep; nothing while one that sleeps past its time is about to wake.
    pub(crate) fn asleep(&self) -> Option<usize> {
        let state = self.state.lock().unwrap();
        let first = state.sleepers.first()?.0;
        (first > state.now).then_some(state.sleepers.len())
    }

    /// Now it is the time that the first sleeper waits for, or `limit` if that comes first.
    pub(crate) fn step(&self, limit: Option<UnixNanos>) {
        {
            let mut state = self.state.lock().unwrap();
            let first = state.sleepers.first().map(|(first, _)| *first);
            state.now = first.into_iter().chain(limit).min().unwrap_or(state.now);
        }
        self.changed.send_replace(());
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> UnixNanos {
        self.state.lock().unwrap().now
    }

    fn sleep_until(&self, time: UnixNanos) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut changed = self.changed.subscribe();
            let _sleeper = self.sleeper(time);
            self.changed.send_replace(());
            while self.now() < time {
                changed.changed().await.unwrap();
            }
        })
    }
}
