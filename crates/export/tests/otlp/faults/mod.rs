//! Faults on the wire, from a refused connection to a refusal in part, and what becomes of the points.
//!
//! Each row is a server that misbehaves as told, then behaves. Three batches of forty points are delivered to it; at
//! the end every point is there once. It is there twice only where the server took it and its acknowledgement was
//! lost, and then in the same bytes.

mod grpc;
mod grpc_server;
mod http;
mod http_server;
mod server;
mod wire;

use crate::back_end::{Queue, waits};
use crate::points::many;
use export::{Delivery, DeliverySnapshot, Deltas, DestinationConfig, Encoded, Limits, OtlpConfig, Protocol};
use server::{Act, Judge, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const POINTS: u64 = 120;
const BATCH: usize = 40;
/// Of rows in which the server never answers.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(20);

/// One row: a fault and the expected reaction.
struct Case {
    fault: &'static str,
    acts: Vec<Act>,
    judge: Option<Judge>,
    timeout: Duration,
    expect: Expect,
}

#[derive(Clone, Debug, Default)]
struct Expect {
    /// Requests tried again.
    retry: Times,
    /// Requests held.
    hold: Times,
    /// Whether the batch was halved.
    split: bool,
    /// Points given up, by value.
    dropped: BTreeSet<u64>,
    /// Points that the server says it refused.
    rejected: u64,
    /// Whether the first batch arrives twice.
    doubled: bool,
    /// Shortest time between the fault and the next request.
    wait: Duration,
}

#[derive(Clone, Debug)]
struct Times(RangeInclusive<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(0..=0)
    }
}

fn case(fault: &'static str, acts: Vec<Act>, expect: Expect) -> Case {
    Case {
        fault,
        acts,
        judge: None,
        timeout: LONG,
        expect,
    }
}

/// Tried again, everything arrives once.
fn retried() -> Expect {
    Expect {
        retry: Times(1..=1),
        ..Expect::default()
    }
}

/// Taken, but we could not know: tried again, everything arrives, the first batch twice.
fn doubled() -> Expect {
    Expect {
        doubled: true,
        ..retried()
    }
}

/// Held until mended, everything arrives once.
fn held() -> Expect {
    Expect {
        hold: Times(2..=2),
        ..Expect::default()
    }
}

/// Tried again, but not before the server wants it.
fn after(wait: Duration) -> Expect {
    Expect { wait, ..retried() }
}

/// Halved until it fits.
fn halved() -> Expect {
    Expect {
        split: true,
        ..Expect::default()
    }
}

fn batches() -> Vec<Encoded> {
    let limits = Limits {
        max_points: BATCH,
        ..Limits::default()
    };
    let batches = export::encode(&many(120), limits);
    assert_eq!(batches.len(), 3);
    batches
}

fn destination(server: &Server, protocol: Protocol, timeout: Duration) -> DestinationConfig {
    let otlp = OtlpConfig {
        protocol,
        timeout,
        ..OtlpConfig::new(format!("http://{}", server.address()))
    };
    DestinationConfig {
        name: "faulty".into(),
        kind: export::Kind::Otlp(otlp),
        promote: vec![],
        deltas: Deltas::Keep,
    }
}

/// Runs all rows at once and reports every one that did not go as expected.
async fn run_all(protocol: Protocol, cases: Vec<Case>) {
    let results = futures::future::join_all(cases.into_iter().map(|c| run(protocol, c))).await;
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{protocol:?}:\n{}", wrong.join("\n"));
}

async fn run(protocol: Protocol, case: Case) -> Result<(), String> {
    let server = Server::start(protocol, case.acts, case.judge);
    let stats = deliver(&server, protocol, case.timeout, || {}).await;
    check(&server, &stats.ok_or("never ends")?, &case.expect).map_err(|why| format!("{}: {why}", case.fault))
}

/// Drains the three batches; `failed` is called once two requests have failed.
async fn deliver(
    server: &Server,
    protocol: Protocol,
    timeout: Duration,
    failed: impl FnOnce(),
) -> Option<DeliverySnapshot> {
    let transport = export::connect(&destination(server, protocol, timeout))
        .unwrap()
        .transport;
    let (queue, wait) = (Queue::new(batches()), Duration::from_millis(5));
    let delivery = Delivery::new("faulty", transport, queue.clone()).with_waits(waits(wait));
    let stats = delivery.stats();
    let mending = async {
        while stats.snapshot().requests_retry < 2 {
            tokio::time::sleep(wait).await;
        }
        failed();
        std::future::pending::<()>().await;
    };
    let draining = tokio::time::timeout(Duration::from_secs(60), delivery.run(CancellationToken::new()));
    tokio::select! {
        done = draining => done.ok()?,
        () = mending => {}
    }
    queue.is_empty().then(|| stats.snapshot())
}

fn check(server: &Server, stats: &DeliverySnapshot, expect: &Expect) -> Result<(), String> {
    let ensure = |ok: bool, what: &str| {
        if ok {
            Ok(())
        } else {
            Err(format!("{what}: {stats:?}"))
        }
    };
    ensure(expect.retry.0.contains(&stats.requests_retry), "retries")?;
    ensure(expect.hold.0.contains(&stats.requests_hold), "holds")?;
    ensure(expect.split == (stats.requests_split > 0), "splits")?;
    let lost = u64::try_from(expect.dropped.len()).unwrap();
    ensure(
        (stats.dropped_points, stats.rejected_points) == (lost, expect.rejected),
        "drops",
    )?;
    ensure(
        stats.delivered_points == POINTS - lost - expect.rejected,
        "deliveries",
    )?;
    ensure(stats.up && !stats.holding, "up at the end")?;
    ensure(stats.oldest_undelivered_end == 0, "nothing waits")?;
    ensure(
        server.first_pause() >= expect.wait,
        "comes back before the server wants it",
    )?;
    arrived(server, expect)
}

/// Every point once, twice only in the same bytes and where it is expected.
fn arrived(server: &Server, expect: &Expect) -> Result<(), String> {
    let taken = server.taken();
    let unique: BTreeSet<&Vec<u8>> = taken.iter().map(|t| &t.bytes).collect();
    let mut times = BTreeMap::<u64, (usize, usize)>::new();
    for bytes in unique {
        let copies = taken.iter().filter(|t| t.bytes == *bytes).count();
        let first = taken.iter().find(|t| t.bytes == *bytes);
        for value in first.iter().flat_map(|t| &t.values) {
            let seen = times.entry(*value).or_default();
            *seen = (seen.0 + 1, seen.1 + copies);
        }
    }
    for value in 0..POINTS {
        let copies = 1 + usize::from(expect.doubled && value < 40);
        let want = if expect.dropped.contains(&value) {
            (0, 0)
        } else {
            (1, copies)
        };
        let seen = times.get(&value).copied().unwrap_or_default();
        if seen != want {
            return Err(format!(
                "point {value}: (different bytes, copies) {seen:?}, not {want:?}"
            ));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_refused_connection_is_tried_until_somebody_listens() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let server = Server::closed(protocol);
        let stats = deliver(&server, protocol, LONG, || server.open()).await;
        let expect = Expect {
            retry: Times(2..=20),
            ..Expect::default()
        };
        let stats = stats.expect("the queue empties");
        check(&server, &stats, &expect).unwrap();
        assert!(
            stats.last_error.contains("check that the back end runs"),
            "{stats:?}"
        );
    }
}
