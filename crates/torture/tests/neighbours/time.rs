//! One time for all: the scheduler's clock, the clouds' clock and tokio's, which breakers, pauses and timeouts go by. It
//! stands still while anybody works, and moves on to the next thing that somebody waits for when nobody does.

use futures::future::BoxFuture;
use provider_api::UnixNanos;
use scheduler::Clock;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

#[derive(Debug)]
struct State {
    now: UnixNanos,
    sleepers: BTreeSet<(UnixNanos, u64)>,
    next: u64,
}

#[derive(Debug)]
pub(crate) struct Time {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    clouds: cloudsim::Clock,
}

/// Counts a sleeper until it wakes or is dropped.
struct Sleeper<'a> {
    time: &'a Time,
    key: (UnixNanos, u64),
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.time.state().sleepers.remove(&self.key);
    }
}

impl Time {
    /// Stands still where the clouds' clock does.
    pub(crate) fn new(clouds: cloudsim::Clock) -> Self {
        let state = State {
            now: UnixNanos::from_seconds(clouds.now_unix_s()),
            sleepers: BTreeSet::new(),
            next: 0,
        };
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            clouds,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many sleep.
    pub(crate) fn asleep(&self) -> usize {
        self.state().sleepers.len()
    }

    /// When the first sleeper wakes, if that is still to come.
    pub(crate) fn next(&self) -> Option<UnixNanos> {
        let state = self.state();
        let first = state.sleepers.first()?.0;
        (first > state.now).then_some(first)
    }

    /// Moves on by `by`, or only to the next sleeper's time.
    pub(crate) async fn advance(&self, by: Duration) {
        let now = self.now();
        let to = self.next().into_iter().chain([now.plus(by)]).min().unwrap_or(now);
        let by = to.since(now);
        self.clouds
            .advance_ms(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.state().now = to;
        tokio::time::advance(by).await;
        self.changed.send_replace(());
    }
}

impl Clock for Time {
    fn now(&self) -> UnixNanos {
        self.state().now
    }

    fn sleep_until(&self, time: UnixNanos) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut changed = self.changed.subscribe();
            let key = {
                let mut state = self.state();
                state.next += 1;
                // The clouds' clock has milliseconds: a sleeper wakes with the next whole one.
                let key = (
                    UnixNanos(time.0.div_euclid(1_000_000) * 1_000_000 + 1_000_000),
                    state.next,
                );
                state.sleepers.insert(key);
                key
            };
            let sleeper = Sleeper { time: self, key };
            while self.now() < sleeper.key.0 {
                changed.changed().await.expect("the sender is ours");
            }
        })
    }
}
