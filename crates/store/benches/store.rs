//! What the store costs: latency of a commit, CPU at a steady rate, memory and time to open at many series, growth and
//! reuse of the file, recovery after a crash. `cargo bench -p store`, with `-- --long` for a million series.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{MINUTE, commit, window};
use provider_api::{Attributes, Point, Series, SeriesPoints, TargetId, UnixNanos, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Encode, Entry, Options, Store};

/// Series of one call, as many as AWS takes.
const BATCH: usize = 500;

/// Points of each series in a call.
const POINTS: i64 = 5;

/// As large as what a real encoder makes of them: about 8 bytes a point compressed.
#[derive(Debug)]
struct Opaque;

impl Encode for Opaque {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        let n: usize = points.iter().map(|one| one.points.len()).sum();
        vec![Entry {
            payload: vec![7; n * 8].into(),
            raw_len: u32::try_from(n * 60).unwrap(),
            points: u32::try_from(n).unwrap(),
            oldest_end: UnixNanos(0),
            newest_end: UnixNanos(0),
        }]
    }

    fn decode(&self, _entry: &Entry) -> Option<Vec<SeriesPoints>> {
        None
    }
}

struct Bench {
    store: Arc<Store>,
    template: Series,
}

impl Bench {
    fn open(dir: &Path) -> Self {
        let options = Options::new(dir, 4 << 30).destination("d");
        Self {
            store: Store::open(&options, Box::new(Opaque)).unwrap(),
            template: common::series("template"),
        }
    }

    fn points(&self, series: usize, from_s: i64) -> SeriesPoints {
        let point = |n| Point {
            start: None,
            end: UnixNanos::from_seconds(from_s + n * MINUTE),
            value: Value::Int(n),
        };
        SeriesPoints {
            target: TargetId(u64::try_from(series / 10).unwrap()),
            series: Series {
                attributes: Attributes::new(vec![("name".into(), series.to_string().into())]),
                ..self.template.clone()
            },
            points: (1..=POINTS).map(point).collect(),
        }
    }

    /// One call for series `first` and the following, polled for the `round`th time.
    async fn call(&self, first: usize, round: i64) -> Duration {
        let from = round * POINTS * MINUTE;
        let all = (first..first + BATCH)
            .map(|series| self.points(series, from))
            .collect();
        let complete: Vec<u64> = (first / 10..(first + BATCH) / 10)
            .map(|t| u64::try_from(t).unwrap())
            .collect();
        let start = Instant::now();
        commit(
            &self.store,
            600,
            window(from, from + POINTS * MINUTE),
            all,
            &complete,
        )
        .await
        .unwrap();
        start.elapsed()
    }

    async fn acknowledge_all(&self) {
        while self.store.usage().spool_points > 0 {
            let (seq, _) = self.store.next("d").await.unwrap();
            self.store.acknowledge("d", seq).await.unwrap();
        }
    }
}

fn row(what: &str, value: impl std::fmt::Display) {
    println!("{what:<64} {value:>16}");
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// User and system time of this process in clock ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

async fn latency(dir: &Path, calls: i64) {
    let bench = Bench::open(dir);
    let mut took = Vec::new();
    for round in 1..=calls {
        took.push(bench.call(0, round).await);
        bench.acknowledge_all().await;
    }
    took.sort_unstable();
    row(
        "commit of 500 series x 5 points, p50",
        format!("{:.2?}", took[took.len() / 2]),
    );
    row(
        "commit of 500 series x 5 points, p99",
        format!("{:.2?}", took[took.len() * 99 / 100]),
    );
}

async fn steady(dir: &Path, seconds: u64) {
    let bench = Bench::open(dir);
    let mut every = tokio::time::interval(Duration::from_millis(250));
    let (start, before) = (Instant::now(), cpu());
    let mut round = 1;
    while start.elapsed() < Duration::from_secs(seconds) {
        every.tick().await;
        bench.call(0, round).await;
        bench.acknowledge_all().await;
        round += 1;
    }
    let share = cpu().checked_sub(before).unwrap().as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    row("CPU at 10,000 points/s, of one core", format!("{share:.1} %"));
}

async fn many(dir: &Path, series: usize) {
    let before = resident_bytes();
    let bench = Bench::open(dir);
    let start = Instant::now();
    for round in 1..=2 {
        for first in (0..series).step_by(BATCH) {
            bench.call(first, round).await;
        }
        bench.acknowledge_all().await;
    }
    row(
        &format!("{series} series, two polls, acknowledged"),
        format!("{:.1?}", start.elapsed()),
    );
    bench.store.close().await.unwrap();
    drop(bench);
    let file = std::fs::metadata(dir.join("nephoscope.db")).unwrap().len();
    row("file, bytes per series", file / u64::try_from(series).unwrap());
    row("(resident before the first, MiB)", before >> 20);
}

async fn reopened(dir: &Path, series: usize) {
    let before = resident_bytes();
    let start = Instant::now();
    let bench = Bench::open(dir);
    row(
        &format!("opening {series} series after a clean end"),
        format!("{:.2?}", start.elapsed()),
    );
    let grown = resident_bytes().saturating_sub(before);
    row(
        "resident, bytes per series (ledger, targets, caches)",
        grown / u64::try_from(series).unwrap(),
    );
    bench.store.close().await.unwrap();
}

async fn reuse(dir: &Path, mib: usize) {
    let bench = Bench::open(dir);
    let size = || std::fs::metadata(dir.join("nephoscope.db")).unwrap().len() >> 20;
    let calls = i64::try_from(mib * (1 << 20) / (BATCH * 40)).unwrap();
    let mut sizes = Vec::new();
    for fill in 0..3 {
        for n in 0..calls {
            bench.call(0, 1 + fill * calls + n).await;
        }
        bench.acknowledge_all().await;
        sizes.push(size());
    }
    row(
        &format!("file in MiB after filling {mib} MiB and acknowledging, 3 times"),
        format!("{sizes:?}"),
    );
    bench.store.close().await.unwrap();
}

async fn recovery(dir: &Path, mib: usize) {
    let live = dir.join("live");
    let bench = Bench::open(&live);
    let calls = i64::try_from(mib * (1 << 20) / (BATCH * 40)).unwrap();
    for n in 1..=calls {
        bench.call(0, n).await;
    }
    let copy = dir.join("copy");
    common::power_cut(&live, &copy);
    drop(bench);
    let start = Instant::now();
    let bench = Bench::open(&copy);
    row(
        &format!("opening after a crash with {mib} MiB waiting (quick_check)"),
        format!("{:.2?}", start.elapsed()),
    );
    bench.store.close().await.unwrap();
}

#[tokio::main]
async fn main() {
    let long = std::env::args().any(|arg| arg == "--long");
    let series = if long { 1_000_000 } else { 50_000 };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    if std::env::args().any(|arg| arg == "reopen") {
        let at = std::env::args().next_back().unwrap();
        reopened(Path::new(&at), series).await;
        return;
    }
    latency(&at("latency"), if long { 2000 } else { 300 }).await;
    steady(&at("steady"), if long { 30 } else { 5 }).await;
    many(&at("many"), series).await;
    // In a process of its own: what this one has freed would hide what the ledger takes.
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(long.then_some("--long")).arg("reopen").arg(at("many"));
    assert!(again.status().unwrap().success());
    reuse(&at("reuse"), if long { 64 } else { 32 }).await;
    recovery(&at("recovery"), if long { 256 } else { 64 }).await;
}
