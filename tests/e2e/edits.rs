//! Edits of a configuration around an outage of half an hour: whatever is asked for after the edit, everything that was
//! asked for before it goes on without a gap or a double, whether the daemon is started again with the edited file or
//! reloads it while the cloud is away. On a clock that runs sixty times as fast.

use crate::setup::{Clouds, Daemon, NANOS, PATIENCE, general, local, until};
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::{FlatPoint, Receiver};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

const SPEED: u16 = 60;
const MINUTE_S: i64 = 60;
/// Polled before the outage, the outage, and compared after it.
const BEFORE_S: i64 = 15 * MINUTE_S;
const OUTAGE_S: i64 = 30 * MINUTE_S;
const AFTER_S: i64 = 5 * MINUTE_S;

/// One edit of one account's file.
struct Edit {
    name: &'static str,
    cloud: Cloud,
    before: &'static str,
    after: &'static str,
    /// The account's file has another name afterwards.
    moved: bool,
}

#[derive(Clone, Copy)]
enum Cloud {
    Aws,
    Azure,
    Gcp,
}

const fn edit(name: &'static str, cloud: Cloud, before: &'static str, after: &'static str) -> Edit {
    Edit {
        name,
        cloud,
        before,
        after,
        moved: false,
    }
}

const EC2: &str =
    "      - { namespace: AWS/EC2, names: [CPUUtilization], statistics: [Average, Maximum], period: 1m }\n";
const VM: &str =
    "      - { resource_type: Microsoft.Compute/virtualMachines, names: [Percentage CPU], period: 1m }\n";
const GCE: &str = "      - { types: [\"compute.googleapis.com/instance/cpu/*\"] }\n";

#[rustfmt::skip]
const EDITS: [Edit; 14] = [
    edit("statistics reordered", Cloud::Aws, EC2,
        "      - { namespace: AWS/EC2, names: [CPUUtilization], statistics: [Maximum, Average], period: 1m }\n"),
    edit("a statistic more", Cloud::Aws, EC2,
        "      - { namespace: AWS/EC2, names: [CPUUtilization], statistics: [Average, Maximum, Minimum], period: 1m }\n"),
    edit("entries in another order", Cloud::Aws,
        "      - { namespace: AWS/EC2, names: [CPUUtilization], statistics: [Average], period: 1m }\n      - { namespace: AWS/SQS, statistics: [Sum], period: 1m }\n",
        "      - { namespace: AWS/SQS, statistics: [Sum], period: 1m }\n      - { namespace: AWS/EC2, names: [CPUUtilization], statistics: [Average], period: 1m }\n"),
    edit("an entry before another that had its metrics", Cloud::Aws,
        "      - { namespace: AWS/EC2, names: [CPUUtilization, NetworkIn], statistics: [Average], period: 1m }\n",
        "      - { namespace: AWS/EC2, names: [NetworkIn], statistics: [Average], period: 1m }\n      - { namespace: AWS/EC2, names: [CPUUtilization, NetworkIn], statistics: [Average], period: 1m }\n"),
    edit("a metric more", Cloud::Aws, EC2,
        "      - { namespace: AWS/EC2, names: [CPUUtilization, NetworkIn], statistics: [Average, Maximum], period: 1m }\n"),
    edit("tags copied", Cloud::Aws, EC2,
        "      - { namespace: AWS/EC2, names: [CPUUtilization], statistics: [Average, Maximum], period: 1m, copy_tags: [env, team, Name] }\n"),
    Edit { moved: true, ..edit("an account file moved", Cloud::Aws, EC2, EC2) },
    edit("a metric name more", Cloud::Azure, VM,
        "      - { resource_type: Microsoft.Compute/virtualMachines, names: [Percentage CPU, Available Memory Bytes], period: 1m }\n"),
    edit("aggregations chosen", Cloud::Azure, VM,
        "      - { resource_type: Microsoft.Compute/virtualMachines, names: [Percentage CPU], aggregations: [Average, Maximum], period: 1m }\n"),
    edit("another top", Cloud::Azure,
        "      - { resource_type: Microsoft.Compute/virtualMachines, names: [\"Data Disk*\"], dimensions: [LUN], period: 1m }\n",
        "      - { resource_type: Microsoft.Compute/virtualMachines, names: [\"Data Disk*\"], dimensions: [LUN], top: 200, period: 1m }\n"),
    edit("another case", Cloud::Azure, VM,
        "      - { resource_type: microsoft.compute/VirtualMachines, names: [percentage cpu], period: 1m }\n"),
    edit("an Azure entry before another", Cloud::Azure,
        "      - { resource_type: Microsoft.Compute/virtualMachines, names: [Percentage CPU, \"Network *\"], period: 1m }\n",
        "      - { resource_type: Microsoft.Compute/virtualMachines, names: [\"Network *\"], period: 1m }\n      - { resource_type: Microsoft.Compute/virtualMachines, names: [Percentage CPU, \"Network *\"], period: 1m }\n"),
    edit("a type more", Cloud::Gcp, GCE,
        "      - { types: [\"compute.googleapis.com/instance/cpu/*\", \"pubsub.googleapis.com/*\"] }\n"),
    edit("a filter for some", Cloud::Gcp, GCE,
        "      - { types: [\"compute.googleapis.com/instance/cpu/*\"], filter: 'resource.labels.zone != \"nowhere\"' }\n"),
];

/// One daemon, its receiver and the edit it goes through.
struct Run {
    edit: &'static Edit,
    folder: tempfile::TempDir,
    receiver: Receiver,
    daemon: Option<Daemon>,
}

impl Run {
    async fn start(edit: &'static Edit, clouds: &Clouds, pace: Pace) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start(local(), local()).await.unwrap();
        std::fs::create_dir(folder.path().join("accounts.d")).unwrap();
        let mut run = Self {
            edit,
            folder,
            receiver,
            daemon: None,
        };
        run.write("a.yaml", &run.account(clouds, edit.before));
        run.daemon = Some(Daemon::start_paced(run.folder.path(), &run.main(), pace));
        run
    }

    fn main(&self) -> String {
        let general = general(self.folder.path(), &self.receiver, "grpc").replace(
            "every: 1m, settle: 5m, lookback: 2m, initial: 15m",
            "every: 1m, settle: 1m, lookback: 5m, initial: 3m",
        );
        assert!(general.contains("initial: 3m"));
        general + "accounts: [\"accounts.d/*.yaml\"]\n"
    }

    fn account(&self, clouds: &Clouds, metrics: &str) -> String {
        let whole = match self.edit.cloud {
            Cloud::Aws => clouds.aws_account(),
            Cloud::Azure => clouds.azure_account(self.folder.path()),
            Cloud::Gcp => clouds.gcp_account(self.folder.path()),
        };
        let (head, _) = whole.split_once("    metrics:\n").unwrap();
        format!("{head}    metrics:\n{metrics}")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join("accounts.d").join(name), text).unwrap();
    }

    /// Puts the edited file in the place of the first.
    fn edited(&self, clouds: &Clouds) {
        std::fs::remove_file(self.folder.path().join("accounts.d/a.yaml")).unwrap();
        let name = if self.edit.moved { "moved.yaml" } else { "a.yaml" };
        self.write(name, &self.account(clouds, self.edit.after));
    }

    /// What has arrived, by series.
    fn series(&self) -> BTreeMap<String, Vec<i64>> {
        let mut series: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for point in self.receiver.received() {
            series.entry(series_of(&point)).or_default().push(end_s(&point));
        }
        series
    }

    /// The minutes that series which came before the outage lack of what there was up to `end`.
    fn lacks(&self, begin: i64, end: i64) -> Vec<String> {
        let mut lacks = Vec::new();
        for (series, ends) in self.series() {
            let all: BTreeSet<i64> = ends.into_iter().collect();
            let first = all.first().copied().unwrap_or(i64::MAX);
            if first > begin + BEFORE_S {
                continue;
            }
            let step = usize::try_from(shortest(&all)).unwrap();
            let missing = (first..=end).step_by(step).filter(|end| !all.contains(end));
            let missing: Vec<i64> = missing.map(|end| (end - begin) / MINUTE_S).collect();
            if !missing.is_empty() {
                lacks.push(format!(
                    "{}: {series} lacks the minutes {missing:?}",
                    self.edit.name
                ));
            }
        }
        lacks
    }

    /// No series has a point twice, and some were there before the outage.
    fn once(&self, begin: i64) {
        let (name, series) = (self.edit.name, self.series());
        for (series, ends) in &series {
            let all: BTreeSet<i64> = ends.iter().copied().collect();
            assert_eq!(
                all.len(),
                ends.len(),
                "{name}: {series} has points twice: {ends:?}"
            );
        }
        let before = |ends: &&Vec<i64>| ends.iter().any(|end| *end <= begin + BEFORE_S);
        let old = series.values().filter(before).count();
        assert!(old > 0, "{name}: nothing came before the outage");
        println!("{name}: {old} series go on, {} are new", series.len() - old);
    }
}

/// What makes a series the same to a person: descriptions may change.
fn series_of(point: &FlatPoint) -> String {
    let described = ["tag.", "azure.resource", "azure.subscription.name"];
    let resource: Vec<_> = point
        .resource
        .iter()
        .filter(|(key, _)| !described.iter().any(|d| key.starts_with(d)))
        .collect();
    format!("{} {resource:?} {:?}", point.metric, point.attributes)
}

fn end_s(point: &FlatPoint) -> i64 {
    i64::try_from(point.time).unwrap() / NANOS
}

/// The shortest distance of two points.
fn shortest(ends: &BTreeSet<i64>) -> i64 {
    let next = ends.iter().skip(1);
    ends.iter()
        .zip(next)
        .map(|(a, b)| b - a)
        .min()
        .unwrap_or(MINUTE_S)
}

/// All edits at once, each with a daemon of its own.
async fn through(edits: &'static [Edit], restart: bool) {
    let start = Timestamp::now();
    let pace = Pace::new(NonZeroU16::new(SPEED).unwrap(), start);
    let world = World {
        clock: Clock::paced(pace),
        ..World::default()
    };
    let faults = Faults::new();
    let clouds = Clouds::start(&world, &faults).await;
    let mut runs = Vec::new();
    for edit in edits {
        runs.push(Run::start(edit, &clouds, pace).await);
    }
    let begin = world.clock.now_unix_s();
    until(&clouds, pace, begin + BEFORE_S).await;
    if restart {
        for run in &mut runs {
            assert!(run.daemon.as_mut().unwrap().terminate().await.success());
        }
    } else {
        faults.unavailable_every(1);
        until(&clouds, pace, begin + BEFORE_S + OUTAGE_S / 2).await;
        for run in &runs {
            run.edited(&clouds);
            run.daemon.as_ref().unwrap().reload(&run.main(), "ok").await;
        }
    }
    until(&clouds, pace, begin + BEFORE_S + OUTAGE_S).await;
    if restart {
        for run in &mut runs {
            run.edited(&clouds);
            run.daemon = Some(Daemon::start_paced(run.folder.path(), &run.main(), pace));
        }
    } else {
        faults.unavailable_every(0);
    }
    let end = begin + BEFORE_S + OUTAGE_S + AFTER_S;
    until(&clouds, pace, end).await;
    // Breakers and pauses go by true time, which is slow here.
    let limit = Instant::now() + PATIENCE;
    loop {
        let lacks: Vec<String> = runs.iter().flat_map(|run| run.lacks(begin, end)).collect();
        if lacks.is_empty() {
            break;
        }
        assert!(Instant::now() < limit, "{}", lacks.join("\n"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    for run in &mut runs {
        assert!(run.daemon.as_mut().unwrap().terminate().await.success());
        run.once(begin);
    }
    for run in runs {
        run.receiver.stop().await;
    }
    clouds.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_while_the_daemon_is_down_for_half_an_hour_loses_and_doubles_nothing() {
    through(&EDITS, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_reloaded_while_the_cloud_is_away_loses_and_doubles_nothing() {
    through(&EDITS, false).await;
}
