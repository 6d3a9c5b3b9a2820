//! A long time in a short one: clouds and daemon on a clock that runs a thousand times as fast. Hour after hour every point
//! is compared with the truth, and memory, files and counters are looked at. Early on the daemon is started again, and a
//! receiver that takes next to nothing fills the spool: from then on all that may grow up to a bound has done so.
//!
//! `cargo test` runs a day. The week takes ten minutes:
//! `cargo test -p nephoscope --test e2e -- --ignored --nocapture a_week`.

mod arrived;
mod counters;
mod held;

use crate::compare::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use crate::setup::{Clouds, Compared, Daemon, PATIENCE, Setup, general, local};
use arrived::Arrived;
use cloudsim::{Clock, Faults, Pace, World};
use counters::Counters;
use export::receiver::Receiver;
use held::{Memories, Percent, files_within_bounds};
use jiff::Timestamp;
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
/// What may wait on the disk: a few hours' points.
const SPOOL_MAX_BYTES: u64 = 256 << 10;
/// How long the receiver takes for a request while it takes next to nothing: shorter than the daemon waits for it.
const SLOW: Duration = Duration::from_secs(3);
/// Where files cost no time, if the machine has it: to a clock that is a thousand times as fast, a disk is a thousand times
/// as slow.
const IN_MEMORY: &str = "/dev/shm";

/// How long, how fast, and what may grow meanwhile.
struct Form {
    speed: u16,
    hours: i64,
    /// When the daemon is started again.
    restart_at_hour: i64,
    /// When the receiver takes next to nothing until the spool is full; before the first mark that counts.
    slow_from_hour: i64,
    /// Memory is marked whenever so many hours are over.
    mark_hours: i64,
    /// A mark is the middle of so many readings, one an hour.
    readings: usize,
    /// The first mark that counts; at each later one memory is at most so many percent of it.
    first_mark: usize,
    most: Percent,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_a_fast_clock_loses_nothing_and_leaves_nothing_behind() {
    rehearse(&Form {
        speed: 1_000,
        hours: 24,
        restart_at_hour: 2,
        slow_from_hour: 3,
        mark_hours: 4,
        readings: 4,
        first_mark: 4,
        most: Percent {
            resident: 107,
            anonymous: 120,
        },
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
        slow_from_hour: 8,
        mark_hours: 24,
        readings: 8,
        first_mark: 1,
        most: Percent {
            resident: 105,
            anonymous: 110,
        },
    })
    .await;
}

async fn rehearse(form: &Form) {
    let start = Timestamp::now() + BEFORE_START;
    let pace = Pace::new(NonZeroU16::new(form.speed).unwrap(), start);
    let (mut setup, arrived) = started(pace).await;
    // Until then a second takes a second.
    tokio::time::sleep(until(&setup, start.as_second() + 1)).await;
    let (mut counters, mut memories) = (Counters::default(), Memories::default());
    for hour in 1..=form.hours {
        let to = setup.window.to + HOUR_S;
        setup.window = Compared {
            from: setup.window.to,
            to,
        };
        tokio::time::sleep(pace.true_span(until(&setup, to + PUBLISHED_AFTER_S))).await;
        compare(&setup, &arrived).await;
        counters.look(&setup.daemon.metrics().await);
        memories.read(&setup.daemon);
        let files = files_within_bounds(&state(&setup), SPOOL_MAX_BYTES, series(&setup).await);
        if hour % form.mark_hours == 0 {
            println!("after {hour} h: {}; {files}", memories.mark(form.readings));
        }
        if hour == form.restart_at_hour {
            restart(&mut setup, pace).await;
            counters = Counters::default();
        }
        if hour == form.slow_from_hour {
            fill_the_spool(&setup).await;
        }
    }
    memories.assert_flat(form.first_mark, form.most);
    println!("{} counters, {} looks", counters.last.len(), counters.looks);
    setup.stop().await;
    let strays = &arrived.lock().unwrap().strays;
    assert!(strays.is_empty(), "twice, or never wanted: {strays:?}");
}

async fn restart(setup: &mut Setup, pace: Pace) {
    assert!(setup.daemon.terminate().await.success());
    let yaml = std::fs::read_to_string(setup.folder.path().join("nephoscope.yaml")).unwrap();
    setup.daemon = Daemon::start_paced(setup.folder.path(), &yaml, pace);
}

/// Returns when as much waits as may.
async fn fill_the_spool(setup: &Setup) {
    setup.receiver.delay(SLOW);
    let limit = Instant::now() + PATIENCE;
    let waiting = "nephoscope_spool_pending_bytes{destination=\"receiver\"}";
    while setup.daemon.sample(waiting).await < SPOOL_MAX_BYTES {
        assert!(Instant::now() < limit, "the spool did not fill");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    setup.receiver.delay(Duration::ZERO);
}

fn state(setup: &Setup) -> std::path::PathBuf {
    setup.folder.path().join("state")
}

async fn series(setup: &Setup) -> u64 {
    setup.daemon.sample("nephoscope_ledger_series").await
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
    let folder = if Path::new(IN_MEMORY).is_dir() {
        tempfile::tempdir_in(IN_MEMORY).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
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

/// As the other tests have it, but polled every ten minutes, with little to poll and little memory for the page, which is
/// then full long before the first mark.
fn configuration(clouds: &Clouds, folder: &Path, receiver: &Receiver) -> String {
    let general = general(folder, receiver, "grpc")
        .replace(
            "every: 1m, settle: 5m, lookback: 2m, initial: 15m",
            "every: 10m, settle: auto, lookback: 20m, initial: 6h",
        )
        .replace(
            "/state }",
            &format!("/state, spool_max: {}KiB }}", SPOOL_MAX_BYTES >> 10),
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
