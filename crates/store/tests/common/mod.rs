//! What the tests of the store share: a group, series, an encoder whose entries can be read back.
#![allow(dead_code, reason = "the benchmark uses a part of it")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests")]

use provider_api::{
    AccountId, Attributes, Cloud, GroupSpec, Kind, Metric, MetricSpec, Point, Resource, Scope, Series,
    SeriesPoints, TargetId, UnixNanos, Value, Window,
};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Change, Committed, Encode, Entry, Lane, OpenError, Options, Store, StoreError};

pub(crate) const MINUTE: i64 = 60;

/// One line a point: series, start, end, value.
#[derive(Debug)]
pub(crate) struct Lines;

impl Encode for Lines {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        let all = || points.iter().flat_map(|s| s.points.iter().map(move |p| (s, p)));
        let mut text = String::new();
        for (s, p) in all() {
            let start = p.start.unwrap_or(p.end).0;
            writeln!(text, "{:032x} {start} {} {:?}", s.series.id().0, p.end.0, p.value).unwrap();
        }
        let end = |best: fn(UnixNanos, UnixNanos) -> UnixNanos| all().map(|(_, p)| p.end).reduce(best);
        vec![Entry {
            raw_len: u32::try_from(text.len()).unwrap(),
            payload: text.into(),
            points: u32::try_from(all().count()).unwrap(),
            oldest_end: end(UnixNanos::min).unwrap(),
            newest_end: end(UnixNanos::max).unwrap(),
        }]
    }

    fn decode(&self, _entry: &Entry) -> Option<Vec<SeriesPoints>> {
        None
    }
}

/// Series, start, end and value of a point.
pub(crate) type Line = (String, i64, i64, String);

pub(crate) fn lines(entry: &Entry) -> Vec<Line> {
    let text = String::from_utf8(entry.payload.to_vec()).unwrap();
    let line = |line: &str| {
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().unwrap().to_owned();
        (part(), part().parse().unwrap(), part().parse().unwrap(), part())
    };
    text.lines().map(line).collect()
}

pub(crate) fn account() -> AccountId {
    AccountId("a".into())
}

pub(crate) fn group(lookback_s: u64) -> GroupSpec {
    GroupSpec {
        scope: Scope::new("s"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: Duration::from_secs(60),
        on_grain: true,
        every: Duration::from_secs(300),
        settle: Duration::ZERO,
        lookback: Duration::from_secs(lookback_s),
        initial: Duration::from_secs(900),
        retention: Duration::from_secs(86_400),
        longest_window: Duration::from_secs(86_400),
    }
}

pub(crate) fn series_of(name: &str, kind: Kind) -> Series {
    let spec = MetricSpec {
        cloud: Cloud::Aws,
        namespace: "n".into(),
        name: "m".into(),
        cloud_name: "M".into(),
        statistic: None,
        unit: "1".into(),
        kind,
        description: "".into(),
    };
    Series {
        resource: Arc::new(Resource::new(Attributes::default())),
        metric: Arc::new(Metric::new(spec)),
        attributes: Attributes::new(vec![("name".into(), name.into())]),
    }
}

pub(crate) fn series(name: &str) -> Series {
    series_of(name, Kind::Gauge)
}

pub(crate) fn point(end_s: i64, value: f64) -> Point {
    let end = UnixNanos::from_seconds(end_s);
    Point {
        start: Some(UnixNanos::from_seconds(end_s - MINUTE)),
        end,
        value: Value::Double(value),
    }
}

pub(crate) fn points(target: u64, name: &str, ends_s: &[i64]) -> SeriesPoints {
    SeriesPoints {
        target: TargetId(target),
        series: series(name),
        points: ends_s.iter().map(|end| point(*end, 1.0)).collect(),
    }
}

pub(crate) fn window(from_s: i64, to_s: i64) -> Window {
    Window::new(UnixNanos::from_seconds(from_s), UnixNanos::from_seconds(to_s)).unwrap()
}

/// Small and quick: no ballast.
pub(crate) fn options(dir: &std::path::Path) -> Options {
    Options {
        ballast_bytes: 0,
        ..Options::new(dir, 64 << 20)
    }
}

/// A child that another test starts holds a copy of every lock of this process until it has become its own program.
pub(crate) fn open(options: &Options) -> Arc<Store> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match Store::open(options, Box::new(Lines)) {
            Err(OpenError::Locked { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done.unwrap(),
        }
    }
}

pub(crate) async fn commit(
    store: &Store,
    lookback_s: u64,
    window: Window,
    points: Vec<SeriesPoints>,
    complete: &[u64],
) -> Result<Committed, StoreError> {
    let change = Change {
        lane: Lane::Live,
        account: &account(),
        group: &group(lookback_s),
        window,
        points,
        complete: complete.iter().map(|t| TargetId(*t)).collect(),
    };
    store.commit(change).await
}

/// Everything that waits for a destination, acknowledged.
pub(crate) async fn drain(store: &Store, destination: usize) -> Vec<Line> {
    let mut all = Vec::new();
    while let Some(waiting) = Some(store.usage().destinations[destination].clone())
        && waiting.pending_points > 0
    {
        let (seq, entry) = store.next(&waiting.name).await.unwrap();
        all.extend(lines(&entry));
        store.acknowledge(&waiting.name, seq).await.unwrap();
    }
    all
}

/// What a power cut leaves: the file and its log at one moment, without the shared memory. Two files cannot be copied
/// at one moment, so the copy is made again when the log was moved into the file meanwhile.
pub(crate) fn power_cut(from: &std::path::Path, to: &std::path::Path) {
    let read = |name: &str| std::fs::read(from.join(name)).unwrap_or_default();
    std::fs::create_dir_all(to).unwrap();
    loop {
        let (db, log) = (read("nephoscope.db"), read("nephoscope.db-wal"));
        let begun_anew = read("nephoscope.db-wal").get(..32) != log.get(..32);
        if !begun_anew && read("nephoscope.db") == db {
            std::fs::write(to.join("nephoscope.db"), db).unwrap();
            std::fs::write(to.join("nephoscope.db-wal"), log).unwrap();
            return;
        }
    }
}
