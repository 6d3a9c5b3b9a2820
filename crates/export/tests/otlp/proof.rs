//! A point is dropped only when it is proved to be the point's fault. The clock is paused: a batch comes every five
//! minutes, for as many hours as a row needs.

use crate::back_end::{Queue, taken};
use crate::points::{many, one_of_each};
use async_trait::async_trait;
use export::{
    Batch, Delivery, DeliverySnapshot, Encoded, Limits, Refusal, Source, Transport, Verdict, Want, decode,
    encode,
};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric::Data, number_data_point};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const POLL: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3_600);

/// Batches that come one every poll; there may always be another.
#[derive(Clone)]
struct Polls {
    queue: Queue,
    batches: Arc<Vec<Encoded>>,
    start: Instant,
}

impl Polls {
    fn new(batches: Vec<Encoded>) -> Self {
        Self {
            queue: Queue::new(Vec::new()),
            batches: Arc::new(batches),
            start: Instant::now(),
        }
    }

    /// Puts what has come into the queue; gives when the next will come.
    fn come(&self) -> Instant {
        let polls = self.start.elapsed().as_secs() / POLL.as_secs();
        let mut queue = self.queue.0.lock().unwrap();
        let known = NEXT.with(std::cell::Cell::get);
        for n in known..=polls {
            if let Some(batch) = self.batches.get(usize::try_from(n).unwrap()) {
                queue.push_back((n, Batch::whole(batch.clone())));
            }
        }
        NEXT.with(|next| next.set(polls + 1));
        self.start + POLL * u32::try_from(polls + 1).unwrap()
    }
}

thread_local! {
    /// The first batch that has not come yet.
    static NEXT: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[async_trait]
impl Source for Polls {
    async fn next(&self, want: &Want) -> Option<(u64, Batch)> {
        loop {
            let next = self.come();
            if let Some(found) = self.queue.next(want).await {
                return Some(found);
            }
            tokio::time::sleep_until(next).await;
        }
    }
    async fn done(&self, sequence: u64) {
        self.queue.done(sequence).await;
    }
    async fn keep_deltas(&self, sequence: u64, points: u32) {
        self.queue.keep_deltas(sequence, points).await;
    }
    async fn skipped(&self) -> u64 {
        let hours = self.start.elapsed().as_secs() / HOUR.as_secs();
        if self.batches.is_empty() {
            hours.min(1) * 7
        } else {
            0
        }
    }
    async fn waiting(&self) -> u64 {
        self.queue.waiting().await
    }
}

/// A back end that judges requests by the time since the start and the values in them.
struct Server<F> {
    judge: F,
    start: Instant,
    requests: Mutex<Vec<u32>>,
    taken: Mutex<Vec<i64>>,
}

#[async_trait]
impl<F: Fn(Duration, &[i64]) -> Option<Verdict> + Send + Sync> Transport for Server<F> {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.requests.lock().unwrap().push(batch.points);
        let values = values(batch);
        (self.judge)(self.start.elapsed(), &values).unwrap_or_else(|| {
            self.taken.lock().unwrap().extend(values);
            taken(0, "")
        })
    }
}

fn values(batch: &Encoded) -> Vec<i64> {
    let request = decode(batch).unwrap();
    let metrics = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
    let points = metrics.flat_map(|s| &s.metrics).flat_map(|m| match &m.data {
        Some(Data::Gauge(d)) => d.data_points.clone(),
        _ => Vec::new(),
    });
    let value = |p: opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| match p.value {
        Some(number_data_point::Value::AsInt(v)) => v,
        _ => -1,
    };
    points.map(value).collect()
}

struct Ended {
    stats: DeliverySnapshot,
    /// Points of each request.
    requests: Vec<u32>,
    taken: Vec<i64>,
    left: usize,
}

/// Delivers for so long.
async fn run<F>(batches: Vec<Encoded>, span: Duration, in_order: bool, judge: F) -> Ended
where
    F: Fn(Duration, &[i64]) -> Option<Verdict> + Send + Sync + 'static,
{
    NEXT.with(|next| next.set(0));
    let server = Arc::new(Server {
        judge,
        start: Instant::now(),
        requests: Mutex::default(),
        taken: Mutex::default(),
    });
    let polls = Polls::new(batches);
    let delivery = Delivery::new("d", Arc::<Server<F>>::clone(&server), polls.clone()).in_order(in_order);
    let stats = delivery.stats();
    let ended = tokio::time::timeout(span, delivery.run(CancellationToken::new())).await;
    assert!(ended.is_err(), "there may always be another");
    polls.come();
    let mut taken = server.taken.lock().unwrap().clone();
    taken.sort_unstable();
    Ended {
        stats: stats.snapshot(),
        requests: server.requests.lock().unwrap().clone(),
        taken,
        left: polls.queue.0.lock().unwrap().len(),
    }
}

/// Forty polls of fifteen points, which is more than three hours.
fn polls() -> Vec<Encoded> {
    let limits = Limits {
        max_points: 15,
        ..Limits::default()
    };
    let batches = encode(&many(600), limits);
    assert_eq!(batches.len(), 40);
    batches
}

fn refused(account: bool) -> Verdict {
    Verdict::Refused {
        refusal: Refusal::Points { account },
        why: "HTTP 400: no".into(),
    }
}

fn too_large() -> Verdict {
    Verdict::Refused {
        refusal: Refusal::Size,
        why: "HTTP 413: no".into(),
    }
}

fn fault() -> Verdict {
    Verdict::Retry {
        after: None,
        why: "HTTP 500: no space left on device".into(),
        answered: true,
    }
}

fn held() -> Verdict {
    Verdict::Hold {
        why: "HTTP 403: no".into(),
    }
}

fn all() -> [Verdict; 5] {
    [refused(false), refused(true), too_large(), fault(), held()]
}

#[tokio::test(start_paused = true)]
async fn what_is_always_refused_is_kept_and_costs_a_request_or_two_each_half_a_minute() {
    for in_order in [false, true] {
        for verdict in all() {
            let told = verdict.clone();
            let end = run(polls(), HOUR * 4, in_order, move |_, _| Some(told.clone())).await;
            assert_eq!(
                (end.stats.dropped_points, end.left, end.taken.len()),
                (0, 40, 0),
                "{verdict:?}"
            );
            assert!(!end.stats.up && end.stats.losses.is_none(), "{verdict:?}");
            // The batch and one other every 30 s, what may pass every 15 s, and the search in the beginning.
            assert!(
                end.requests.len() < 4 * 480 + 100,
                "{verdict:?}: {}",
                end.requests.len()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_an_hour_and_then_taken_is_lost_nowhere() {
    for in_order in [false, true] {
        for verdict in all() {
            for spell in [HOUR, HOUR + Duration::from_millis(17)] {
                let told = verdict.clone();
                let end = run(polls(), HOUR * 4, in_order, move |at, _| {
                    (at < spell).then(|| told.clone())
                })
                .await;
                assert_eq!(end.stats.dropped_points, 0, "{verdict:?}");
                assert_eq!(
                    (end.taken, end.left),
                    ((0..600).collect(), 0),
                    "{verdict:?}: each once"
                );
                assert!(end.stats.up && end.stats.aside_points == 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_point_is_dropped_alone_wherever_it_is() {
    for in_order in [false, true] {
        for verdict in all() {
            for bad in [15, 22, 29, 599] {
                let told = verdict.clone();
                let judge = move |_, values: &[i64]| values.contains(&bad).then(|| told.clone());
                let end = run(polls(), HOUR * 6, in_order, judge).await;
                let needs_points = !matches!(verdict, Verdict::Refused { .. }) || verdict == refused(true);
                if bad == 599 && needs_points {
                    // Nothing comes after it that could prove anything.
                    assert_eq!(end.stats.dropped_points, 0, "{verdict:?} {bad}");
                    continue;
                }
                assert_eq!(
                    (end.stats.dropped_points, end.left),
                    (1, 0),
                    "{verdict:?} {bad} {in_order}"
                );
                let want: Vec<i64> = (0..600).filter(|n| *n != bad).collect();
                assert_eq!(end.taken, want, "{verdict:?} {bad}: each once");
                let losses = end.stats.losses.unwrap();
                assert_eq!((losses.dropped, losses.rejected), (1, 0));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_bad_batch_is_dropped_once_others_are_taken() {
    let batches: Vec<Encoded> = (0..4)
        .flat_map(|n| encode(&many(5)[n..=n], Limits::default()))
        .collect();
    let judge = |_, values: &[i64]| values.contains(&0).then(|| refused(false));
    let end = run(batches, HOUR, false, judge).await;
    assert_eq!((end.stats.dropped_points, end.taken), (1, vec![1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn many_bad_points_take_several_turns_and_go_alone() {
    let judge = |_, values: &[i64]| values.iter().any(|v| v % 2 == 0).then(|| refused(false));
    let end = run(polls(), HOUR * 4, false, judge).await;
    assert_eq!((end.stats.dropped_points, end.left), (300, 0));
    assert_eq!(end.taken, (0..600).filter(|v| v % 2 == 1).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_refuses_every_other_request_loses_nothing() {
    let n = std::sync::atomic::AtomicUsize::new(0);
    let judge = move |_, _: &[i64]| {
        let odd = n
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            .is_multiple_of(2);
        odd.then(|| refused(false))
    };
    let end = run(polls(), HOUR * 4, false, judge).await;
    assert_eq!((end.stats.dropped_points, end.left), (0, 0));
    assert_eq!(end.taken, (0..600).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_point_too_large_alone_is_dropped_and_a_limit_below_one_point_is_held() {
    let judge = |_, values: &[i64]| (values.len() > 7 || values.contains(&3)).then(too_large);
    let end = run(polls(), HOUR * 4, false, judge).await;
    assert_eq!((end.stats.dropped_points, end.left, end.taken.len()), (1, 0, 599));
    let end = run(polls(), HOUR, false, |_, values| {
        (!values.is_empty()).then(too_large)
    })
    .await;
    assert_eq!((end.stats.dropped_points, end.left), (0, 13));
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_runs_out_blames_no_point() {
    let taken = std::sync::atomic::AtomicUsize::new(0);
    let judge = move |_, values: &[i64]| {
        let before = taken.fetch_add(values.len(), std::sync::atomic::Ordering::Relaxed);
        (before + values.len() > 250 && !values.is_empty()).then(|| refused(true))
    };
    let end = run(polls(), HOUR * 2, false, judge).await;
    assert_eq!(end.stats.dropped_points, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_batch_is_passed_after_minutes_and_kept_for_half_an_hour() {
    let judge = |_, values: &[i64]| values.contains(&0).then(fault);
    let end = run(polls(), Duration::from_secs(1_700), false, judge).await;
    assert_eq!((end.left, end.taken.len(), end.stats.dropped_points), (1, 75, 0));
    assert!(end.stats.up && end.stats.aside_points == 15, "{:?}", end.stats);
    assert!(end.stats.aside_why.contains("no space left"), "{:?}", end.stats);
}

fn too_old(rest_stored: bool) -> Verdict {
    Verdict::Refused {
        refusal: Refusal::Order { rest_stored },
        why: "HTTP 400: out of order sample".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn points_out_of_order_are_counted_and_the_others_arrive() {
    let old = |v: &i64| (15..25).contains(v);
    let judge = move |_, values: &[i64]| values.iter().any(old).then(|| too_old(false));
    let end = run(polls(), HOUR * 4, false, judge).await;
    assert_eq!(
        (end.stats.rejected_points, end.stats.dropped_points, end.left),
        (10, 0, 0)
    );
    assert_eq!(end.taken, (0..600).filter(|v| !old(v)).collect::<Vec<_>>());
    let losses = end.stats.losses.unwrap();
    assert!(losses.why.contains("out_of_order_time_window"), "{losses:?}");
    // Of a back end that stores the rest, nothing is sent again.
    let judge = move |_, values: &[i64]| values.iter().any(old).then(|| too_old(true));
    let end = run(polls(), HOUR * 4, false, judge).await;
    assert_eq!((end.requests.len(), end.left), (40, 0));
    assert_eq!(end.stats.rejected_points, 1);
}

#[tokio::test(start_paused = true)]
async fn a_whole_backlog_out_of_order_costs_a_bounded_number_of_requests() {
    let judge = |_, values: &[i64]| values.iter().any(|v| *v < 2_000).then(|| too_old(false));
    let end = run(encode(&many(2_000), Limits::default()), HOUR, false, judge).await;
    assert_eq!((end.stats.rejected_points, end.left), (2_000, 0));
    assert!(end.requests.len() < 520, "{}", end.requests.len());
}

/// Answers like Prometheus and Mimir, until it learns: one delta metric and the whole request is refused.
fn no_deltas(batch: &Encoded) -> Option<Verdict> {
    let request = decode(batch).unwrap();
    let scopes = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
    let delta = scopes.flat_map(|s| &s.metrics).any(|m| match &m.data {
        Some(Data::Sum(d)) => d.aggregation_temporality() == AggregationTemporality::Delta,
        Some(Data::Histogram(d)) => d.aggregation_temporality() == AggregationTemporality::Delta,
        _ => false,
    });
    delta.then(|| Verdict::Refused {
        refusal: Refusal::Deltas,
        why: "HTTP 400: invalid temporality and type combination for metric \"b.delta\"".into(),
    })
}

struct Learning {
    start: Instant,
    requests: Mutex<u32>,
    taken: Mutex<u32>,
}

#[async_trait]
impl Transport for Learning {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        *self.requests.lock().unwrap() += 1;
        let refusal = no_deltas(batch).filter(|_| self.start.elapsed() < HOUR);
        refusal.unwrap_or_else(|| {
            *self.taken.lock().unwrap() += batch.points;
            taken(0, "")
        })
    }
}

#[tokio::test(start_paused = true)]
async fn deltas_that_are_refused_wait_and_the_others_flow() {
    NEXT.with(|next| next.set(0));
    let batches: Vec<Encoded> = (0..5)
        .flat_map(|_| encode(&one_of_each(), Limits::default()))
        .collect();
    let back_end = Arc::new(Learning {
        start: Instant::now(),
        requests: Mutex::default(),
        taken: Mutex::default(),
    });
    let polls = Polls::new(batches);
    let delivery = Delivery::new("d", Arc::<Learning>::clone(&back_end), polls.clone());
    let stats = delivery.stats();
    let running = tokio::spawn(delivery.run(CancellationToken::new()));
    tokio::time::sleep(POLL * 11).await;
    let now = stats.snapshot();
    assert_eq!(
        (now.delivered_points, now.dropped_points, now.rejected_points),
        (20, 0, 0)
    );
    assert!(now.up && now.no_deltas.contains("invalid temporality"), "{now:?}");
    assert_eq!(polls.queue.0.lock().unwrap().len(), 5, "their deltas wait");
    assert!(
        *back_end.requests.lock().unwrap() < 20,
        "asked again every five minutes"
    );
    tokio::time::sleep(POLL * 3).await;
    let now = stats.snapshot();
    assert_eq!((now.delivered_points, now.no_deltas.as_str()), (30, ""));
    assert_eq!(
        (*back_end.taken.lock().unwrap(), polls.queue.is_empty()),
        (30, true)
    );
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_full_spool_drops_is_a_loss_too() {
    NEXT.with(|next| next.set(0));
    let polls = Polls::new(Vec::new());
    polls
        .queue
        .0
        .lock()
        .unwrap()
        .push_back((0, Batch::whole(polls_of(1).remove(0))));
    let down = Arc::new(Server {
        judge: |_, _: &[i64]| Some(fault()),
        start: Instant::now(),
        requests: Mutex::default(),
        taken: Mutex::default(),
    });
    let delivery = Delivery::new("d", down, polls);
    let stats = delivery.stats();
    let running = tokio::spawn(delivery.run(CancellationToken::new()));
    tokio::time::sleep(HOUR + POLL).await;
    let losses = stats.snapshot().losses.unwrap();
    assert_eq!((losses.dropped, losses.rejected), (7, 0));
    assert!(
        losses.why.contains("spool_max") && losses.last_ago <= POLL,
        "{losses:?}"
    );
    running.abort();
}

fn polls_of(points: i64) -> Vec<Encoded> {
    encode(&many(points), Limits::default())
}
