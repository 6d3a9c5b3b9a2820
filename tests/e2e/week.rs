//! A long time in a short one: clouds and daemon on a clock that runs a thousand times as fast. Hour after hour every point
//! is compared with the truth, and memory, files and counters are looked at; in between the daemon is started again.
//!
//! `cargo test` runs a day. The week takes ten minutes:
//! `cargo test -p nephoscope --test e2e -- --ignored --nocapture a_week`.

use crate::compare::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use crate::setup::{Clouds, Compared, Daemon, NANOS, PATIENCE, Setup, general, identity, local};
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::{FlatPoint, Receiver};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const HOUR_S: i64 = 3600;
/// So long after its end nothing of an hour is still to be published: the latest points, and Google's own delay.
const PUBLISHED_AFTER_S: i64 = 15 * 60;
/// Enough for the daemon to be there when time begins to run; if it is not, it has hours to fetch.
const BEFORE_START: Duration = Duration::from_secs(10);
/// What is polled of each cloud: little, so that a busy machine keeps up with the clock.
const NAMESPACE: &str = "AWS/SQS";
const REGION: &str = "eu-west-1";
const AZURE_TYPE: &str = "Microsoft.Cache/redis";
const GCP_HOST: &str = "pubsub.googleapis.com";
const PROJECT: &str = "sim-project";

/// How long, how fast, and what may grow meanwhile.
struct Form {
    speed: u16,
    hours: i64,
    /// When the daemon is started again; before the first mark.
    restart_at_hour: i64,
    /// Memory and files are noted whenever so many hours are over.
    mark_hours: i64,
    /// After so many marks all has its size: what is bounded has reached its bound.
    settled_marks: usize,
    /// Most of memory and of files at any later mark, in percent of then.
    most_percent: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_a_fast_clock_loses_nothing_and_leaves_nothing_behind() {
    rehearse(&Form {
        speed: 1_000,
        hours: 24,
        restart_at_hour: 3,
        mark_hours: 8,
        settled_marks: 1,
        most_percent: 150,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes; the day above is its short form"]
async fn a_week_on_a_fast_clock_loses_nothing_and_leaves_nothing_behind() {
    rehearse(&Form {
        speed: 1_000,
        hours: 7 * 24,
        restart_at_hour: 6,
        mark_hours: 24,
        settled_marks: 3,
        most_percent: 110,
    })
    .await;
}

async fn rehearse(form: &Form) {
    let start = Timestamp::now() + BEFORE_START;
    let pace = Pace::new(NonZeroU16::new(form.speed).unwrap(), start);
    let (mut setup, arrived) = started(pace).await;
    // Until then a second takes a second.
    tokio::time::sleep(until(&setup, start.as_second() + 1)).await;
    let mut counters = Counters::default();
    let mut marks: Vec<(u64, u64)> = Vec::new();
    for hour in 1..=form.hours {
        let to = setup.window.to + HOUR_S;
        setup.window = Compared {
            from: setup.window.to,
            to,
        };
        tokio::time::sleep(pace.true_span(until(&setup, to + PUBLISHED_AFTER_S))).await;
        compare(&setup, &arrived).await;
        counters.look(&setup.daemon.metrics().await);
        if hour % form.mark_hours == 0 {
            let mark = (
                setup.daemon.rss_bytes(),
                bytes_in(&setup.folder.path().join("state")),
            );
            println!(
                "after {hour} h: {} kB resident, {} kB of files",
                mark.0 >> 10,
                mark.1 >> 10
            );
            marks.push(mark);
        }
        if hour == form.restart_at_hour {
            assert!(setup.daemon.terminate().await.success());
            let yaml = std::fs::read_to_string(setup.folder.path().join("nephoscope.yaml")).unwrap();
            setup.daemon = Daemon::start_paced(setup.folder.path(), &yaml, pace);
            counters = Counters::default();
        }
    }
    flat(&marks[form.settled_marks - 1..], form.most_percent);
    println!("{} counters, {} looks", counters.last.len(), counters.looks);
    setup.stop().await;
    let strays = &arrived.lock().unwrap().strays;
    assert!(strays.is_empty(), "twice, or never wanted: {strays:?}");
}

/// Clouds, receiver and daemon before the time begins to run; the window ends where the comparison begins.
async fn started(pace: Pace) -> (Setup, Arc<Mutex<Arrived>>) {
    let world = World {
        clock: Clock::paced(pace),
        gaps_per_thousand: 20,
        late_per_thousand: 20,
        late_by: Duration::from_secs(8 * 60),
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let begin = world.clock.now_unix_s() / 60 * 60;
    let arrived = Arc::new(Mutex::new(Arrived::after(begin)));
    let board = Arc::clone(&arrived);
    receiver.keep(0);
    receiver.on_points(Box::new(move |points| board.lock().unwrap().add(points)));
    let folder = tempfile::tempdir().unwrap();
    let yaml = configuration(&clouds, folder.path(), &receiver);
    let daemon = Daemon::start_paced(folder.path(), &yaml, pace);
    let setup = Setup {
        clouds,
        receiver,
        daemon,
        window: Compared {
            from: begin,
            to: begin,
        },
        folder,
    };
    (setup, arrived)
}

/// As the other tests have it, but polled every five minutes, with little to poll and little memory for the page, which is
/// then full long before the first mark.
fn configuration(clouds: &Clouds, folder: &Path, receiver: &Receiver) -> String {
    let general = general(folder, receiver, "grpc").replace(
        "every: 1m, settle: 5m, lookback: 2m, initial: 15m",
        "every: 5m, settle: auto, lookback: 20m, initial: 6h",
    );
    let accounts = [
        clouds
            .aws_account()
            .replace("Average, Sum, Maximum", "Sum")
            .replace("regions: [eu-west-1, us-east-1]", &format!("regions: [{REGION}]")),
        clouds.azure_account(folder),
        clouds.gcp_account(folder).replace(
            "projects: [sim-project, sim-other]",
            &format!("projects: [{PROJECT}]"),
        ),
    ]
    .concat();
    let is_wanted = |line: &&str| {
        let is_entry = ["- { namespace: ", "- { resource_type: ", "- types: "]
            .iter()
            .any(|begin| line.trim_start().starts_with(begin));
        !is_entry
            || [NAMESPACE, AZURE_TYPE, GCP_HOST]
                .iter()
                .any(|name| line.contains(name))
    };
    let accounts: Vec<&str> = accounts.lines().filter(is_wanted).collect();
    format!("{general}api: {{ recent_max: 2MiB }}\n{}\n", accounts.join("\n"))
}

/// How long it takes on the clouds' clock until it shows `unix_s`.
fn until(setup: &Setup, unix_s: i64) -> Duration {
    let now = setup.clouds.aws.world().clock.now();
    let span = Timestamp::from_second(unix_s).unwrap().duration_since(now);
    span.try_into().unwrap_or(Duration::ZERO)
}

/// Waits until as much of the window has arrived as there is, and compares it point by point.
async fn compare(setup: &Setup, arrived: &Mutex<Arrived>) {
    let (mut aws, mut azure, mut gcp) = (wanted_aws(setup), wanted_azure(setup), wanted_gcp(setup));
    aws.retain(|(region, metric, ..), _| {
        region == REGION && metric.starts_with("aws.sqs.") && metric.rsplit('.').next() == Some("sum")
    });
    azure.retain(|(_, metric, ..), _| metric.contains(".redis."));
    gcp.retain(|truth| truth.metric_type.starts_with(GCP_HOST) && truth.project == PROJECT);
    let wanted = [("aws", aws.len()), ("azure", azure.len()), ("gcp", gcp.len())];
    let limit = Instant::now() + PATIENCE;
    let mut arrivals = setup.receiver.arrivals();
    while !arrived.lock().unwrap().has(wanted, setup.window.to) {
        assert!(
            Instant::now() < limit,
            "not all of {wanted:?} came in {:?}:\n{}{}",
            setup.window,
            setup.daemon.metrics().await,
            setup.daemon.log()
        );
        drop(tokio::time::timeout(Duration::from_secs(1), arrivals.changed()).await);
    }
    let points = arrived.lock().unwrap().take(setup.window.to);
    same("aws", aws, &points, "cloud.region");
    same("azure", azure, &points, "cloud.resource_id");
    same_gcp(&gcp, &points);
}

/// Points that wait to be compared.
struct Arrived {
    points: Vec<FlatPoint>,
    begin: i64,
    compared: i64,
    /// What came although its time had been compared.
    strays: Vec<String>,
}

impl Arrived {
    fn after(begin: i64) -> Self {
        Self {
            points: Vec::new(),
            begin,
            compared: begin,
            strays: Vec::new(),
        }
    }

    fn add(&mut self, points: &[FlatPoint]) {
        for point in points {
            match end(point) {
                end if end <= self.begin * NANOS => {}
                end if end <= self.compared * NANOS => self.strays.push(identity(point)),
                _ => self.points.push(point.clone()),
            }
        }
    }

    /// Whether there are so many points of each cloud that end by `to`.
    fn has(&self, wanted: [(&str, usize); 3], to: i64) -> bool {
        let of = |cloud: &str| {
            let ended = self.points.iter().filter(|point| end(point) <= to * NANOS);
            let is_of = |point: &&FlatPoint| point.resource.get("cloud.provider").is_some_and(|c| c == cloud);
            ended.filter(is_of).count()
        };
        wanted.into_iter().all(|(cloud, points)| of(cloud) >= points)
    }

    fn take(&mut self, to: i64) -> Vec<FlatPoint> {
        self.compared = to;
        let (ended, left) = std::mem::take(&mut self.points)
            .into_iter()
            .partition(|point| end(point) <= to * NANOS);
        self.points = left;
        ended
    }
}

fn end(point: &FlatPoint) -> i64 {
    i64::try_from(point.time).unwrap()
}

/// What `/metrics` calls a counter, as it was seen last.
#[derive(Default)]
struct Counters {
    last: BTreeMap<String, f64>,
    looks: usize,
}

impl Counters {
    /// None goes backwards, and none is gone.
    fn look(&mut self, metrics: &str) {
        let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let counters: HashSet<&str> = types.filter_map(|line| line.strip_suffix(" counter")).collect();
        let is_counter = |series: &str| {
            let name = series.split('{').next().unwrap_or(series);
            counters.contains(name) || counters.contains(name.trim_end_matches("_total"))
        };
        let samples = metrics.lines().filter(|line| !line.starts_with('#'));
        let now: BTreeMap<String, f64> = samples
            .filter_map(|line| line.rsplit_once(' '))
            .filter(|(series, _)| is_counter(series))
            .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
            .collect();
        assert!(now.len() > 20, "hardly a counter in {metrics}");
        for (series, before) in &self.last {
            let after = now.get(series);
            assert!(
                after.is_some_and(|after| after >= before),
                "{series}: {before}, then {after:?}"
            );
        }
        self.last = now;
        self.looks += 1;
    }
}

/// At no mark more than so many percent of the first.
fn flat(marks: &[(u64, u64)], most_percent: u64) {
    let (rss, files) = *marks.first().unwrap();
    for mark in marks {
        assert!(mark.0 * 100 <= rss * most_percent, "memory grows: {marks:?}");
        assert!(mark.1 * 100 <= files * most_percent, "files grow: {marks:?}");
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}
