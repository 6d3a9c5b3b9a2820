//! How far it has got: counters, and the bar or the lines that show them on standard error.

use super::offer::{Estimate, dollars};
use super::say;
use gate::Gate;
use indicatif::{ProgressBar, ProgressStyle};
use provider_api::{SkipReason, Skipped};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::interval;

/// How often the bar moves.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Counters of one run.
#[derive(Debug)]
pub(super) struct Tally {
    planned: Estimate,
    begun: Instant,
    gates: Vec<Gate>,
    /// What had been spent before the first call.
    spent_before: u64,
    calls: AtomicU64,
    targets: AtomicU64,
    points: AtomicU64,
    withheld: AtomicU64,
    skipped: Mutex<BTreeMap<SkipReason, u64>>,
}

impl Tally {
    pub(super) fn new(planned: Estimate, gates: Vec<Gate>) -> Self {
        Self {
            planned,
            begun: Instant::now(),
            spent_before: spent(&gates),
            gates,
            calls: AtomicU64::new(0),
            targets: AtomicU64::new(0),
            points: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
            skipped: Mutex::default(),
        }
    }

    pub(super) fn called(&self, requests: u32) {
        self.calls
            .fetch_add(u64::from(requests.max(1)), Ordering::Relaxed);
    }

    pub(super) fn finished(&self, targets: usize) {
        let targets = u64::try_from(targets).unwrap_or(0);
        self.targets.fetch_add(targets, Ordering::Relaxed);
    }

    pub(super) fn took(&self, done: &store::Committed) {
        self.points.fetch_add(done.fresh, Ordering::Relaxed);
        self.withheld.fetch_add(done.withheld, Ordering::Relaxed);
    }

    /// Invalid points of an answer.
    pub(super) fn skipped(&self, skipped: &[Skipped]) {
        let mut all = self.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        for one in skipped {
            *all.entry(one.reason).or_default() += one.points.max(1);
        }
    }

    /// All invalid points so far, by reason.
    pub(super) fn all_skipped(&self) -> BTreeMap<SkipReason, u64> {
        self.skipped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Deltas that running totals left out.
    pub(super) fn withheld(&self) -> u64 {
        self.withheld.load(Ordering::Relaxed)
    }

    /// One line of all of it.
    pub(super) fn line(&self) -> String {
        format!(
            "{} of {} calls, {}",
            self.calls.load(Ordering::Relaxed),
            self.planned.calls,
            self.rest()
        )
    }

    fn rest(&self) -> String {
        let usd_nanos = spent(&self.gates).saturating_sub(self.spent_before);
        format!(
            "{} of {} targets, {} points, {} so far, {}",
            self.targets.load(Ordering::Relaxed),
            self.planned.targets,
            self.points.load(Ordering::Relaxed),
            dollars(usd_nanos),
            self.left()
        )
    }

    fn left(&self) -> String {
        let calls = self.calls.load(Ordering::Relaxed);
        time_left(self.begun.elapsed(), calls, self.planned.calls)
    }
}

fn spent(gates: &[Gate]) -> u64 {
    gates.iter().map(|gate| gate.snapshot().usd_nanos).sum()
}

/// At the pace so far.
fn time_left(elapsed: Duration, done: u64, planned: u64) -> String {
    let left = planned.saturating_sub(done);
    let seconds = elapsed.as_secs().saturating_mul(left).checked_div(done);
    match seconds {
        _ if left == 0 => "nothing left".to_owned(),
        None => "time left unknown".to_owned(),
        Some(seconds @ 0..=119) => format!("{seconds} s left"),
        Some(seconds @ 120..=7_199) => format!("{} min left", seconds / 60),
        Some(seconds) => format!("{} h left", seconds / 3_600),
    }
}

/// Shows it until dropped: a bar on a terminal, else a line now and then.
pub(super) async fn show(tally: &Tally) -> Infallible {
    if std::io::stderr().is_terminal() {
        bar(tally).await
    } else {
        lines(tally).await
    }
}

async fn lines(tally: &Tally) -> Infallible {
    let mut ticks = interval(LINE_EVERY);
    // The first is due at once, and there is nothing to show yet.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        say(&tally.line());
    }
}

/// Leaves no trace of the bar when it is dropped.
struct Bar(ProgressBar);

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

async fn bar(tally: &Tally) -> Infallible {
    let bar = Bar(ProgressBar::new(tally.planned.calls));
    let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len} calls, {msg}");
    bar.0
        .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut ticks = interval(BAR_EVERY);
    loop {
        ticks.tick().await;
        bar.0.set_position(tally.calls.load(Ordering::Relaxed));
        bar.0.set_message(tally.rest());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_pace() {
        let s = Duration::from_secs;
        assert_eq!(time_left(s(10), 0, 100), "time left unknown");
        assert_eq!(time_left(s(10), 10, 100), "90 s left");
        assert_eq!(time_left(s(100), 10, 100), "15 min left");
        assert_eq!(time_left(s(3_600), 10, 100), "9 h left");
        assert_eq!(time_left(s(3_600), 101, 100), "nothing left");
    }
}
