//! What systemd is told: that we are ready, that we reload, how it goes, that we live, that we stop. Nothing when it did not ask for it
//! (`NOTIFY_SOCKET`).
//!
//! The watchdog is fed only after a round trip through every part that works, never by a timer alone. A back end that
//! is down is no hang: its delivery goes on asking.

use crate::clock::SystemClock;
use crate::live::Live;
use crate::overview::Overview;
use crate::overview::words::span;
use config_file::Lookup as _;
use export::DeliverySnapshot;
use scheduler::Clock as _;
use sd_notify::NotifyState;
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use store::StoreError;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often the line that `systemctl status` shows is written anew.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// Longest wait for systemd to take a message.
const TELL_MAX: Duration = Duration::from_secs(2);

/// How long a delivery with something to deliver may go without an answer or a failure. The longest wait that a back
/// end may ask for is five minutes, and a request has a timeout.
const STILL_MAX: Duration = Duration::from_secs(1800);

/// Most accounts that the line names: it stays a line.
const MOST_NAMED: usize = 3;

/// What the round trip through the store writes.
const WATCHDOG_KEY: &str = "systemd.watchdog";

/// Says that we are ready: after the start, and after each reload, also one that was refused.
pub(crate) async fn ready(state: &Live) {
    if asked_for() {
        say(format!("READY=1\nSTATUS={}", status(state))).await;
    }
}

/// Says that we reload. systemd wants to know since when, by its own clock, to tell one reload from the next.
pub(crate) async fn reloading() {
    if !asked_for() {
        return;
    }
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(format!("RELOADING=1\n{now}\nSTATUS=loading the configuration")).await,
        Err(error) => tracing::warn!(%error, "asking for the time; systemd is not told of the reload"),
    }
}

/// Says how it goes and that we live, until it is dropped.
pub(crate) async fn report(state: &Live) -> Infallible {
    if !asked_for() {
        return std::future::pending().await;
    }
    tokio::select! {
        never = refresh(state) => never,
        never = feed(state) => never,
    }
}

/// Says that we stop. It feeds the watchdog a last time: each stage of stopping has a grace of its own.
pub(crate) async fn stopping() {
    if asked_for() {
        say("STOPPING=1\nWATCHDOG=1\nSTATUS=stopping".to_owned()).await;
    }
}

fn asked_for() -> bool {
    config_file::System.env("NOTIFY_SOCKET").is_some()
}

async fn say(message: String) {
    if let Err(error) = tell(message).await {
        tracing::warn!(%error, "sd_notify failed; the watchdog may restart the service");
    }
}

/// Not on a worker of the runtime: sending waits while systemd is busy.
async fn tell(message: String) -> io::Result<()> {
    let sent = tokio::task::spawn_blocking(move || sd_notify::notify(&[NotifyState::Custom(&message)]));
    timeout(TELL_MAX, sent).await??
}

async fn refresh(state: &Live) -> Infallible {
    let mut ticks = interval(STATUS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = tell(format!("STATUS={}", status(state))).await {
            tracing::debug!(%error, "telling systemd how it goes");
        }
    }
}

/// Feeds the watchdog twice in the time that it gives us.
async fn feed(state: &Live) -> Infallible {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return std::future::pending().await;
    };
    let mut deliveries = Deliveries::default();
    let mut ticks = interval(limit / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // An answer after a quarter still leaves a quarter for the message.
        match alive(state, &mut deliveries, limit / 4).await {
            Ok(()) => say("WATCHDOG=1".to_owned()).await,
            Err(part) => tracing::error!(
                part,
                "this part hangs; the watchdog is not fed, and systemd restarts us"
            ),
        }
    }
}

/// Whether every part works, or which does not.
async fn alive(state: &Live, deliveries: &mut Deliveries, patience: Duration) -> Result<(), String> {
    let scheduler = async {
        let turned = timeout(patience, state.progress.turned()).await;
        turned.map_err(|_elapsed| "scheduler".to_owned())
    };
    let store = async {
        match timeout(patience, state.store.put_setting(WATCHDOG_KEY, &[])).await {
            Ok(Ok(())) => Ok(true),
            Err(_elapsed) => Err("store".to_owned()),
            Ok(Err(StoreError::Closed)) => Err("store (its writer has ended)".to_owned()),
            // A full or broken disk: it answers, says so itself and holds up deliveries until that is mended.
            Ok(Err(_)) => Ok(false),
        }
    };
    let ((), takes) = tokio::try_join!(scheduler, store)?;
    deliveries.check(state, takes, Instant::now())
}

/// What the deliveries had done when they were last looked at, by name.
#[derive(Debug, Default)]
struct Deliveries(HashMap<String, Moved>);

impl Deliveries {
    fn check(&mut self, state: &Live, store_takes: bool, now: Instant) -> Result<(), String> {
        let usage = state.store.usage();
        let destinations = state.destinations();
        self.0
            .retain(|name, _| destinations.iter().any(|d| d.name == *name));
        for destination in destinations {
            let waiting = usage.destinations.iter().find(|d| d.name == destination.name);
            let due = store_takes && waiting.is_some_and(|waiting| waiting.pending_points > 0);
            let moved = self.0.entry(destination.name.clone()).or_insert(Moved {
                requests: 0,
                since: now,
            });
            if moved.still(requests(&destination.stats.snapshot()), due, now) {
                return Err(format!("delivery to {}", destination.name));
            }
        }
        Ok(())
    }
}

/// When a delivery last did something, or had nothing to do.
#[derive(Debug)]
struct Moved {
    requests: u64,
    since: Instant,
}

impl Moved {
    fn still(&mut self, requests: u64, due: bool, now: Instant) -> bool {
        if requests != self.requests || !due {
            *self = Self { requests, since: now };
        }
        now.duration_since(self.since) > STILL_MAX
    }
}

fn requests(done: &DeliverySnapshot) -> u64 {
    done.requests_ok + done.requests_retry + done.requests_hold + done.requests_split + done.requests_dropped
}

/// One line, without a word from outside: a name or an error could break it.
fn status(state: &Live) -> String {
    let now = SystemClock.now();
    let overview = Overview::of(state, now);
    let all = overview.accounts.len();
    let not_ready = overview.accounts.iter().filter(|account| !account.ready);
    let mut not_ready: Vec<String> = not_ready.map(|account| account.name.clone()).collect();
    not_ready.sort();
    let mut line = format!("{}/{all} accounts ready", all - not_ready.len());
    line.push_str(&named(&not_ready));
    // Writing to a String cannot fail.
    if let Some(newest) = overview.accounts.iter().filter_map(|a| a.progress.newest).max() {
        let age = span(now.since(newest));
        write!(line, ", newest point {age} old").ok();
    }
    write!(line, ", {} points waiting", overview.store.spool_points).ok();
    let destinations = &overview.destinations;
    let down = destinations.iter().filter(|row| !row.delivery.up).count();
    if down > 0 {
        write!(line, ", {down}/{} destinations down", destinations.len()).ok();
    }
    if overview.store.full {
        line.push_str(", disk full");
    }
    if overview.reload.is_some_and(|last| last.outcome.is_err()) {
        line.push_str(", the last reload was refused: the log says why");
    }
    line
}

/// Who is not ready yet, or no more.
fn named(not_ready: &[String]) -> String {
    let first = not_ready.iter().take(MOST_NAMED).map(String::as_str);
    let first = first.collect::<Vec<_>>().join(", ");
    match not_ready.len().saturating_sub(MOST_NAMED) {
        _ if first.is_empty() => first,
        0 => format!(" (not {first})"),
        more => format!(" (not {first} and {more} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::destinations::Otlp3MiB;
    use gate::GateConfig;
    use provider_api::{AccountId, Cloud};
    use scheduler::Scheduler;
    use std::sync::Arc;
    use store::{Options, Store};
    use tokio_util::sync::CancellationToken;

    const PATIENCE: Duration = Duration::from_millis(200);

    fn state() -> Live {
        let options = Options::new("unused", 1 << 20);
        let store = Store::in_memory(&options, Box::new(Otlp3MiB)).unwrap();
        Live::new(store, Arc::default())
    }

    async fn hangs(state: &Live) -> Option<String> {
        alive(state, &mut Deliveries::default(), PATIENCE).await.err()
    }

    #[tokio::test]
    async fn a_part_that_does_not_answer_is_named() {
        let state = state();
        assert_eq!(hangs(&state).await.as_deref(), Some("scheduler"));
        let scheduler = Scheduler::new(Vec::new(), &state.store, Arc::new(SystemClock));
        let state = Live::new(Arc::clone(&state.store), scheduler.progress());
        let stop = CancellationToken::new();
        let running = tokio::spawn(scheduler.run(stop.clone(), PATIENCE));
        assert_eq!(
            alive(&state, &mut Deliveries::default(), STATUS_EVERY).await,
            Ok(())
        );
        state.store.close().await.unwrap();
        let ended = hangs(&state).await;
        assert_eq!(ended.as_deref(), Some("store (its writer has ended)"));
        stop.cancel();
        running.await.unwrap().unwrap();
    }

    #[test]
    fn a_delivery_hangs_only_while_something_is_due() {
        let start = Instant::now();
        let late = start + STILL_MAX + Duration::from_secs(1);
        let moved = || Moved {
            requests: 7,
            since: start,
        };
        assert!(moved().still(7, true, late), "due, and nothing was tried");
        assert!(!moved().still(7, true, start + STILL_MAX), "not for too long yet");
        assert!(!moved().still(8, true, late), "it tried");
        assert!(!moved().still(7, false, late), "nothing to do");
    }

    #[tokio::test]
    async fn the_line_says_what_is_wrong() {
        let state = state();
        let gate = gate::Gate::new(Cloud::Aws, AccountId("a".into()), GateConfig::default());
        state.add_account(gate, Some("no key".to_owned()));
        assert_eq!(status(&state), "0/1 accounts ready (not a), 0 points waiting");
    }

    #[test]
    fn the_line_names_few() {
        let names = |n: usize| named(&vec!["a".to_owned(); n]);
        assert_eq!(names(0), "");
        assert_eq!(names(3), " (not a, a, a)");
        assert_eq!(names(5), " (not a, a, a and 2 more)");
    }
}
