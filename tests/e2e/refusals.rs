//! Back ends that refuse everything, for a while or one point only: nothing is lost but the one point, and everybody who
//! looks is told what is wrong and what to do. One daemon delivers to all of them, beside one that takes everything.

use crate::setup::{Clouds, Daemon, PATIENCE, http_get, identity, local};
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::{Fault, FlatPoint, FlatValue, Receiver};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Half an hour is fifteen seconds.
const SPEED: u16 = 120;

/// Status over HTTP and over gRPC: 400, 402, 409, 410, 413, 422, 500, 501, and INTERNAL with the 500 that stands for it.
const REFUSALS: [(u16, i32); 9] = [
    (400, 3),
    (402, 8),
    (409, 6),
    (410, 5),
    (413, 8),
    (422, 9),
    (500, 2),
    (501, 11),
    (500, 13),
];

/// A back end that refuses, and the point that it refuses alone.
struct BackEnd {
    name: String,
    receiver: Receiver,
    fault: Fault,
    bad: Arc<Mutex<Option<String>>>,
}

impl BackEnd {
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for (n, (http, grpc)) in REFUSALS.into_iter().enumerate() {
            for protocol in ["grpc", "http"] {
                let receiver = Receiver::start(local(), local()).await.unwrap();
                let fault = Fault::Answer {
                    http,
                    grpc,
                    words: "scripted",
                };
                receiver.fail(Some(fault.clone()));
                all.push(Self {
                    name: format!("{protocol}-{n}"),
                    receiver,
                    fault,
                    bad: Arc::default(),
                });
            }
        }
        all
    }

    fn is_grpc(&self) -> bool {
        self.name.starts_with("grpc")
    }

    /// Whether it blames the request and not itself.
    fn is_refusal(&self) -> bool {
        !matches!(self.fault, Fault::Answer { http: 500, .. })
    }

    /// Takes everything but the first point after `from` that it meets.
    fn refuse_one(&self, from: u64) {
        let bad = Arc::clone(&self.bad);
        let is_bad = move |point: &FlatPoint| {
            let mut bad = bad.lock().unwrap();
            if bad.is_none() && point.time > from {
                *bad = Some(identity(point));
            }
            bad.as_ref().is_some_and(|bad| *bad == identity(point))
        };
        self.receiver.refuse_with(Box::new(is_bad), self.fault.clone());
    }

    /// Points up to a time, each of which has to be there once.
    fn taken(&self, to: u64) -> BTreeSet<String> {
        taken(&self.receiver, to)
    }
}

fn taken(receiver: &Receiver, to: u64) -> BTreeSet<String> {
    let all = receiver.received();
    let upto: Vec<String> = all.iter().filter(|p| p.time <= to).map(identity).collect();
    let distinct: BTreeSet<String> = upto.iter().cloned().collect();
    assert_eq!(distinct.len(), upto.len(), "none twice");
    distinct
}

fn configuration(clouds: &Clouds, folder: &std::path::Path, well: &Receiver, refusing: &[BackEnd]) -> String {
    let mut yaml = format!(
        "state: {{ dir: {} }}\nlisten: 127.0.0.1:0\ntelemetry: {{ enabled: false }}\ndefaults:\n  poll: {{ every: 5m, \
         settle: 5m, lookback: 2m, initial: 15m }}\ndestinations:\n  - {{ name: well, otlp: {{ endpoint: \"{}\" }} }}\n",
        folder.join("state").display(),
        well.grpc_endpoint()
    );
    for back_end in refusing {
        let (endpoint, protocol) = if back_end.is_grpc() {
            (back_end.receiver.grpc_endpoint(), "grpc")
        } else {
            (back_end.receiver.http_endpoint(), "http")
        };
        let name = &back_end.name;
        let otlp = format!("{{ endpoint: \"{endpoint}\", protocol: {protocol} }}");
        writeln!(yaml, "  - {{ name: {name}, otlp: {otlp} }}").unwrap();
    }
    let one = |line: &&str| !line.starts_with("      - ") || line.contains("AWS/SQS");
    let account = clouds.aws_account();
    yaml + &account.lines().filter(one).collect::<Vec<_>>().join("\n") + "\n"
}

/// Asks until `wanted` says of every destination that refuses that it is as it should be; `what` it is not is told.
async fn until(daemon: &Daemon, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let limit = Instant::now() + PATIENCE;
    let address = daemon.address().await;
    loop {
        let status: Value = serde_json::from_str(&http_get(&address, "/api/v1/status").await).unwrap();
        let all = status["destinations"].as_array().unwrap();
        let not: Vec<&Value> = all
            .iter()
            .filter(|d| d["destination"] != "well" && !wanted(d))
            .collect();
        if not.is_empty() {
            return status;
        }
        assert!(Instant::now() < limit, "{what}: {not:#?}\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `status`, `/readyz` and the page say of every one of them what is wrong, and what to do.
async fn told(daemon: &Daemon, refusing: &[&BackEnd], words: &str, remedy: &str) {
    let address = daemon.address().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
    command.args(["status", "--url", &format!("http://{address}")]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(75), "{text}");
    assert!(!text.contains("All is well"), "{text}");
    let ready: Value = serde_json::from_str(&http_get(&address, "/readyz").await).unwrap();
    let page = http_get(&address, "/").await;
    assert!(text.contains(remedy), "{remedy}: {text}");
    for back_end in refusing {
        let name = &back_end.name;
        assert!(
            text.contains(name.as_str()) && page.contains(name.as_str()),
            "{name}: {text}"
        );
        let reason = &ready["destinations"][name]["reason"];
        assert!(
            reason.as_str().is_some_and(|r| r.contains(words)),
            "{name}: {ready:#}"
        );
    }
    assert!(page.contains(words), "{page}");
}

/// Waits until every back end has what the healthy one has up to `to`, but for its bad point.
async fn same(daemon: &Daemon, well: &Receiver, refusing: &[BackEnd], to: u64) {
    let limit = Instant::now() + PATIENCE;
    loop {
        let wanted = taken(well, to);
        let missing = refusing.iter().find_map(|back_end| {
            let mut wanted = wanted.clone();
            if let Some(bad) = &*back_end.bad.lock().unwrap() {
                assert!(wanted.remove(bad), "{bad}");
            }
            let there = back_end.taken(to);
            (there != wanted).then(|| (back_end.name.clone(), there.len(), wanted.len()))
        });
        let Some(missing) = missing else { return };
        assert!(Instant::now() < limit, "{missing:?}\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn newest(receiver: &Receiver) -> u64 {
    receiver.received().iter().map(|p| p.time).max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_but_the_one_point_that_is_to_blame() {
    let pace = Pace::new(NonZeroU16::new(SPEED).unwrap(), Timestamp::now());
    let world = World {
        clock: Clock::paced(pace),
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let well = Receiver::start(local(), local()).await.unwrap();
    let refusing = BackEnd::all().await;
    let folder = tempfile::tempdir().unwrap();
    let yaml = configuration(&clouds, folder.path(), &well, &refusing);
    let mut daemon = Daemon::start_paced(folder.path(), &yaml, pace);

    // Everything, for more than an hour.
    until(&daemon, "refusing", |d| d["up"] == false && d["level"] == "bad").await;
    let all: Vec<&BackEnd> = refusing.iter().collect();
    told(&daemon, &all, "scripted", "Fix what the message says").await;
    tokio::time::sleep(pace.true_span(Duration::from_secs(4_000))).await;
    let lost = |d: &Value| d["dropped"].as_u64().unwrap() + d["rejected"].as_u64().unwrap();
    let status = until(&daemon, "still refusing", |d| d["up"] == false && lost(d) == 0).await;
    assert_eq!(status["level"], "bad");

    // And then it is well.
    refusing.iter().for_each(|back_end| back_end.receiver.fail(None));
    until(&daemon, "well", |d| d["state"] == "delivering" && lost(d) == 0).await;
    same(&daemon, &well, &refusing, newest(&well)).await;

    // One point.
    let from = newest(&well);
    refusing.iter().for_each(|back_end| back_end.refuse_one(from));
    let quick = |d: &Value| {
        refusing
            .iter()
            .any(|b| b.is_refusal() && d["destination"] == *b.name)
    };
    let status = until(&daemon, "one is lost", |d| !quick(d) || lost(d) == 1).await;
    // It is told for an hour, which is half a minute.
    let tells = |b: &&BackEnd| {
        let all = status["destinations"].as_array().unwrap();
        all.iter()
            .any(|d| d["destination"] == *b.name && d["state"] == "losing points")
    };
    let telling: Vec<&BackEnd> = refusing.iter().filter(tells).collect();
    assert!(!telling.is_empty(), "{status:#}");
    told(&daemon, &telling, "1 point dropped", "These points are lost").await;
    // A server's fault is tried again for half an hour.
    until(&daemon, "one is lost", |d| lost(d) == 1).await;
    same(&daemon, &well, &refusing, newest(&well)).await;
    until(&daemon, "one alone is lost", |d| lost(d) == 1).await;
    assert!(daemon.terminate().await.success());
}

/// What the receiver has of sums, by series: the values in the order of time.
fn sums(receiver: &Receiver) -> BTreeMap<String, Vec<(u64, u64, f64)>> {
    let mut sums: BTreeMap<String, Vec<(u64, u64, f64)>> = BTreeMap::new();
    for point in receiver.received().iter().filter(|p| p.kind == "sum") {
        let series = format!("{:?} {} {:?}", point.resource, point.metric, point.attributes);
        let value = match point.value {
            FlatValue::Double(value) => value,
            _ => panic!("{point:?}"),
        };
        sums.entry(series)
            .or_default()
            .push((point.time, point.start, value));
    }
    sums.values_mut()
        .for_each(|all| all.sort_by_key(|(time, ..)| *time));
    sums
}

/// As Prometheus and Mimir: one delta, and the whole request is refused.
#[tokio::test(flavor = "multi_thread")]
async fn deltas_that_are_refused_wait_until_the_line_is_changed_and_arrive_as_totals() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let (well, receiver) = (
        Receiver::start(local(), local()).await.unwrap(),
        Receiver::start(local(), local()).await.unwrap(),
    );
    let words = "invalid temporality and type combination for metric \"x\"";
    let fault = Fault::Answer {
        http: 400,
        grpc: 3,
        words,
    };
    receiver.refuse_with(Box::new(|p| p.temporality == Some("delta")), fault.clone());
    let back_end = BackEnd {
        name: "grpc-deltas".to_owned(),
        receiver,
        fault,
        bad: Arc::default(),
    };
    let refusing = [back_end];
    let folder = tempfile::tempdir().unwrap();
    let yaml = configuration(&clouds, folder.path(), &well, &refusing).replace("every: 5m", "every: 1m");
    let mut daemon = Daemon::start(folder.path(), &yaml);

    let held = until(&daemon, "deltas are refused", |d| {
        d["state"] == "rejects deltas" && d["delivered"] != 0
    })
    .await;
    assert_eq!(held["level"], "bad", "{held:#}");
    told(
        &daemon,
        &[&refusing[0]],
        "delta points are rejected",
        "Set `deltas: cumulative`",
    )
    .await;
    daemon.kill();
    let mut daemon = Daemon::start(folder.path(), &yaml);
    until(&daemon, "deltas are still refused", |d| {
        d["state"] == "rejects deltas" && d["waiting_points"] != 0
    })
    .await;
    assert!(refusing[0].receiver.received().iter().all(|p| p.kind != "sum"));

    let line = "name: grpc-deltas, deltas: cumulative,";
    daemon
        .reload(&yaml.replace("name: grpc-deltas,", line), "ok")
        .await;
    let status = until(&daemon, "the deltas arrive", |d| {
        d["waiting_points"] == 0 && d["state"] == "delivering"
    })
    .await;
    assert_eq!(status["destinations"][1]["dropped"], 0);
    let (deltas, totals) = (sums(&well), sums(&refusing[0].receiver));
    assert!(
        !totals.is_empty() && totals.len() == deltas.len(),
        "{} {}",
        totals.len(),
        deltas.len()
    );
    for (series, totals) in totals {
        let mut sum = 0.0;
        for ((time, _, delta), (at, start, total)) in deltas[&series].iter().zip(&totals) {
            sum += delta;
            assert_eq!((time, totals[0].1), (at, *start), "{series}");
            assert!((sum - total).abs() <= 1e-9 * sum.abs(), "{series}: {sum} {total}");
        }
    }
    assert!(daemon.terminate().await.success());
}
