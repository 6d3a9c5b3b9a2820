//! When a destination counts as down, how often it is tried, and what the log says. The clock is paused: nothing here
//! touches a socket.

use crate::back_end::{Queue, taken};
use crate::points::{NOON, many, one_of_each};
use async_trait::async_trait;
use export::{Delivery, DeliveryStats, Encoded, Limits, Transport, Verdict, encode};
use provider_api::UnixNanos;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Answers as told, and notes when.
struct Told<F> {
    answer: F,
    at: Mutex<Vec<Instant>>,
}

#[async_trait]
impl<F: Fn(usize, &Encoded) -> Verdict + Send + Sync> Transport for Told<F> {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        let mut at = self.at.lock().unwrap();
        at.push(Instant::now());
        (self.answer)(at.len() - 1, batch)
    }
}

/// Delivers `batches`; gives the counters, the moments of the attempts and the log.
async fn run<F>(batches: Vec<Encoded>, answer: F) -> (Arc<DeliveryStats>, Vec<Instant>, String)
where
    F: Fn(usize, &Encoded) -> Verdict + Send + Sync + 'static,
{
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let quiet = tracing::subscriber::set_default(subscriber);
    let told = Arc::new(Told {
        answer,
        at: Mutex::default(),
    });
    let delivery = Delivery::new("mimir", Arc::<Told<F>>::clone(&told), Queue::new(batches));
    let stats = delivery.stats();
    delivery.run(CancellationToken::new()).await;
    drop(quiet);
    let at = told.at.lock().unwrap().clone();
    (stats, at, log.text())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refused() -> Verdict {
    Verdict::Retry {
        after: None,
        why: "connection refused; check that it runs".into(),
        answered: false,
    }
}

fn mend_at(n: usize, broken: Verdict) -> impl Fn(usize, &Encoded) -> Verdict {
    move |i, _| if i < n { broken.clone() } else { taken(0, "") }
}

#[tokio::test(start_paused = true)]
async fn an_outage_backs_off_to_its_bound_and_is_two_lines_in_the_log() {
    let batches = [many(10), many(5)].map(|p| encode(&p, Limits::default()).remove(0));
    let (stats, at, log) = run(batches.into(), mend_at(200, refused())).await;
    let waits: Vec<Duration> = at.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(waits.iter().all(|w| *w <= Duration::from_secs(31)), "{waits:?}");
    assert!(waits.iter().any(|w| *w > Duration::from_secs(20)), "{waits:?}");
    assert_eq!(at[201], at[200], "the next batch goes at once");
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(
        log.contains("is down") && log.contains("check that it runs"),
        "{log}"
    );
    assert!(
        log.contains("has recovered") && log.contains("points=15"),
        "{log}"
    );
    let now = stats.snapshot();
    assert!(now.up && now.down_since_ms == 0);
    assert_eq!(
        (now.requests_retry, now.requests_ok, now.delivered_points),
        (200, 2, 15)
    );
}

#[tokio::test(start_paused = true)]
async fn a_blip_is_not_worth_a_line() {
    let (_, _, log) = run(encode(&many(1), Limits::default()), mend_at(2, refused())).await;
    assert_eq!(log, "");
}

#[tokio::test(start_paused = true)]
async fn a_hold_is_down_at_once_and_said_once() {
    let why = "HTTP 401".to_owned();
    let batches = encode(&many(1), Limits::default());
    let (_, _, log) = run(batches, mend_at(50, Verdict::Hold { why })).await;
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(
        log.contains("action required") && log.contains("HTTP 401"),
        "{log}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_figures_tell_of_an_outage_while_it_lasts() {
    let told = Arc::new(Told {
        answer: |_, _: &Encoded| refused(),
        at: Mutex::default(),
    });
    let batches = encode(&one_of_each(), Limits::default());
    let delivery = Delivery::new("mimir", told, Queue::new(batches));
    let (stats, stop) = (delivery.stats(), CancellationToken::new());
    let (before, later) = (stats.snapshot(), UnixNanos::from_seconds(NOON + 90));
    assert!(before.up && before.lag(later) == Duration::ZERO);
    let running = tokio::spawn(delivery.run(stop.clone()));
    while stats.snapshot().up {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let now = stats.snapshot();
    assert_eq!(now.lag(later), Duration::from_secs(90));
    assert!(now.down_since_ms > 0 && !now.holding);
    stop.cancel();
    running.await.unwrap();
}
