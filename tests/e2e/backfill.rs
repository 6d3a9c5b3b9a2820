//! `backfill`: hours before the first poll, fetched beside a ledger that the daemon has left, through SIGKILL and SIGTERM.

use crate::compare::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use crate::setup::{Clouds, Compared, Daemon, NANOS, PATIENCE, Setup, general, local, wait_for};
use cloudsim::{Faults, World};
use export::receiver::{FlatPoint, Receiver};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Slow enough that a run takes many seconds, so that it can be killed in its middle.
const LATENCY: Duration = Duration::from_millis(500);

const MINUTE: i64 = 60;

/// One run of the command; killed when dropped.
struct Run {
    child: Child,
    said: PathBuf,
}

impl Run {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let said = folder.join("backfill");
        let child = Command::new(env!("CARGO_BIN_EXE_nephoscope"))
            .arg("backfill")
            .arg("--config")
            .arg(folder.join("nephoscope.yaml"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        Self { child, said }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    async fn ended(&mut self) -> ExitStatus {
        wait_for("the end of the backfill", || self.child.try_wait().unwrap()).await
    }

    /// SIGTERM; gives the exit status.
    async fn terminate(&mut self) -> ExitStatus {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        self.ended().await
    }

    /// SIGKILL, which must find it at work.
    fn kill(mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "{}", self.said());
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Calls of all accounts, once the table before the start has been written.
    fn offered(&self) -> Option<u64> {
        let said = self.said();
        let total = said.lines().find(|line| line.starts_with("total"))?;
        total.split_whitespace().nth(2)?.parse().ok()
    }

    fn calls(&self) -> u64 {
        self.offered()
            .unwrap_or_else(|| panic!("no total:\n{}", self.said()))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

type Key = (BTreeMap<String, String>, String, BTreeMap<String, String>, u64);

fn key(point: &FlatPoint) -> Key {
    (
        point.resource.clone(),
        point.metric.clone(),
        point.attributes.clone(),
        point.time,
    )
}

/// Each point once, and where those stand that came again, first and second copy; both must be the same in every bit.
fn once(arrived: &[FlatPoint]) -> (Vec<FlatPoint>, Vec<(usize, usize)>) {
    let mut first: HashMap<Key, usize> = HashMap::new();
    let mut again = Vec::new();
    for (index, point) in arrived.iter().enumerate() {
        match first.get(&key(point)) {
            None => drop(first.insert(key(point), index)),
            Some(before) => {
                assert_eq!(format!("{:?}", arrived[*before]), format!("{point:?}"));
                again.push((*before, index));
            }
        }
    }
    again.sort_unstable();
    let mut kept: Vec<usize> = first.into_values().collect();
    kept.sort_unstable();
    let points = kept.into_iter().map(|index| arrived[index].clone()).collect();
    (points, again)
}

fn compare(setup: &Setup, arrived: &[FlatPoint]) {
    same("aws", wanted_aws(setup), arrived, "cloud.region");
    same("azure", wanted_azure(setup), arrived, "cloud.resource_id");
    same_gcp(&wanted_gcp(setup), arrived);
}

fn wanted(setup: &Setup) -> usize {
    wanted_aws(setup).len() + wanted_azure(setup).len() + wanted_gcp(setup).len()
}

/// As `--from` reads it.
fn written(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).unwrap().to_string()
}

/// Waits until more history has arrived than there was when this run began to fetch: what a killed run still had on its way
/// is not this one's.
async fn more_history(receiver: &Receiver, before_s: i64, run: &mut Run) {
    wait_for("the table of calls", || run.offered()).await;
    let limit = Instant::now() + PATIENCE;
    let mut arrivals = receiver.arrivals();
    let is_history = |p: &FlatPoint| i64::try_from(p.time).unwrap() <= before_s * NANOS;
    let count = || receiver.received().into_iter().filter(is_history).count();
    let there_was = count();
    while count() <= there_was {
        assert!(Instant::now() < limit, "no more history:\n{}", run.said());
        assert_eq!(run.child.try_wait().unwrap(), None, "{}", run.said());
        drop(tokio::time::timeout(Duration::from_secs(1), arrivals.changed()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_arrives_through_a_kill_and_nothing_twice() {
    let faults = Faults::new();
    let mut setup = Setup::start("grpc", &faults).await;
    setup.arrived(wanted(&setup)).await;
    assert!(setup.daemon.terminate().await.success());
    // Two hours of history join seven minutes that were polled.
    let polled = setup.window;
    setup.window.from = polled.from - 120 * MINUTE;
    let from = written(setup.window.from);
    let arguments = ["--from", &from, "--yes"];

    faults.set_latency(LATENCY);
    let before = polled.from - 10 * MINUTE;
    let mut run = Run::start(setup.folder.path(), &arguments);
    more_history(&setup.receiver, before, &mut run).await;
    let all_calls = run.calls();
    run.kill();
    let mut run = Run::start(setup.folder.path(), &arguments);
    more_history(&setup.receiver, before, &mut run).await;
    assert_eq!(run.terminate().await.code(), Some(75), "{}", run.said());
    assert!(
        run.said().contains("The same command goes on from here"),
        "{}",
        run.said()
    );
    let after_kill = run.calls();
    faults.set_latency(Duration::ZERO);

    let mut run = Run::start(setup.folder.path(), &arguments);
    let status = run.ended().await;
    assert!(status.success(), "{status}\n{}", run.said());
    let after_stop = run.calls();
    assert!(
        0 < after_stop && after_stop < after_kill && after_kill < all_calls,
        "{all_calls} calls, {after_kill} after SIGKILL, {after_stop} after SIGTERM"
    );
    let arrived = setup.in_window();
    let total = arrived.len();
    let (points, again) = once(&arrived);
    compare(&setup, &points);
    only_the_batch_in_flight(&again);
    println!(
        "{all_calls} calls, {after_kill} after SIGKILL, {after_stop} after SIGTERM; {total} points, {} again",
        again.len()
    );

    let mut run = Run::start(setup.folder.path(), &arguments);
    assert!(run.ended().await.success(), "{}", run.said());
    assert!(run.said().contains("nothing left to fetch"), "{}", run.said());
    assert_eq!(setup.in_window().len(), total);
    setup.daemon = Daemon::start(setup.folder.path(), &configuration(&setup));
    setup.daemon.metrics().await;
    let mut run = Run::start(setup.folder.path(), &arguments);
    assert_eq!(run.ended().await.code(), Some(69), "{}", run.said());
    assert!(
        run.said().contains("stop it while history is fetched"),
        "{}",
        run.said()
    );
    setup.stop().await;
}

/// The one that may have been taken without our knowing is sent first after the restart, right behind itself.
fn only_the_batch_in_flight(again: &[(usize, usize)]) {
    let Some((first, _)) = again.first() else { return };
    for (n, (before, after)) in again.iter().enumerate() {
        assert_eq!((*before, *after), (first + n, first + n + again.len()));
    }
}

fn configuration(setup: &Setup) -> String {
    std::fs::read_to_string(setup.folder.path().join("nephoscope.yaml")).unwrap()
}

/// Three clouds that nobody has polled yet.
async fn never_polled() -> (Clouds, Receiver, tempfile::TempDir, String) {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc").replace("every: 1m", "every: 10s")
        + &clouds.aws_account()
        + &clouds.azure_account(folder.path())
        + &clouds.gcp_account(folder.path());
    std::fs::write(folder.path().join("nephoscope.yaml"), &yaml).unwrap();
    (clouds, receiver, folder, yaml)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_starts_after_the_backfill_goes_on_from_there() {
    let (clouds, receiver, folder, yaml) = never_polled().await;
    let minute = jiff::Timestamp::now().as_second() / MINUTE * MINUTE;
    let window = Compared {
        from: minute - 60 * MINUTE,
        to: minute - 5 * MINUTE,
    };
    let mut run = Run::start(folder.path(), &["--from", &written(window.from), "--yes"]);
    let status = run.ended().await;
    assert!(status.success(), "{status}\n{}", run.said());
    let daemon = Daemon::start(folder.path(), &yaml);
    let setup = Setup {
        clouds,
        receiver,
        daemon,
        window,
        folder,
    };
    for cloud in ["aws", "azure", "gcp"] {
        goes_on(&setup, cloud).await;
    }
    compare(&setup, &setup.in_window());
    setup.stop().await;
}

/// Waits for points that were not settled yet when the backfill ran, which takes until the next minute.
async fn goes_on(setup: &Setup, cloud: &str) {
    let limit = Instant::now() + PATIENCE;
    let mut arrivals = setup.receiver.arrivals();
    let is_new = |p: &FlatPoint| {
        i64::try_from(p.time).unwrap() > (setup.window.to + MINUTE) * NANOS
            && p.resource.get("cloud.provider").is_some_and(|c| c == cloud)
    };
    while !setup.receiver.received().iter().any(is_new) {
        assert!(
            Instant::now() < limit,
            "{cloud} does not go on:\n{}",
            setup.daemon.log()
        );
        drop(tokio::time::timeout(Duration::from_secs(1), arrivals.changed()).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_before_anything_is_asked_for() {
    let (clouds, receiver, folder, _) = never_polled().await;
    let now = jiff::Timestamp::now().as_second();
    let long_ago = written(now - 100 * 24 * 60 * MINUTE);
    let recent = written(now - 60 * MINUTE);
    let cases = [
        (
            vec!["--from", &long_ago, "--yes"],
            "lies before what the clouds still keep",
        ),
        (vec!["--from", &long_ago, "--yes"], "or add `--clip`"),
        (vec!["--from", &recent], "add `--yes`"),
        (
            vec!["--from", "1h", "--to", "2h", "--yes"],
            "is not before `--to 2h`",
        ),
        (vec!["--from", "soon", "--yes"], "`--from soon` is no time"),
        (
            vec!["--from", "1h", "--account", "x", "--yes"],
            "there are: a, z, g",
        ),
    ];
    for (arguments, says) in cases {
        let mut run = Run::start(folder.path(), &arguments);
        assert_eq!(run.ended().await.code(), Some(64), "{}", run.said());
        assert!(run.said().contains(says), "{says}:\n{}", run.said());
    }
    assert!(receiver.received().is_empty());
    // Before the simulated series began: nothing arrives, and no cloud refuses what is still asked of it.
    let mut run = Run::start(
        folder.path(),
        &["--from", "100d", "--to", "92d", "--clip", "--yes"],
    );
    assert!(run.ended().await.success(), "{}", run.said());
    clouds.stop().await;
    receiver.stop().await;
}

/// A machine that ended five hours ago is listed by nobody who asks for what has been active lately.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_hours_ago_is_fetched_too() {
    let world = World {
        churn: 2,
        history: Duration::from_hours(12),
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let accounts = clouds.aws_account() + &clouds.gcp_account(folder.path());
    let kept = ["AWS/EC2", "compute.googleapis.com"];
    let is_kept = |line: &&str| !line.starts_with("      - ") || kept.iter().any(|name| line.contains(name));
    let accounts: Vec<&str> = accounts.lines().filter(is_kept).collect();
    let yaml = general(folder.path(), &receiver, "grpc") + &accounts.join("\n") + "\n";
    std::fs::write(folder.path().join("nephoscope.yaml"), &yaml).unwrap();
    let minute = world.clock.now_unix_s() / MINUTE * MINUTE;
    let mut run = Run::start(folder.path(), &["--from", "6h", "--yes"]);
    let ended = run.ended().await;
    assert!(ended.success(), "{}", run.said());
    let setup = Setup {
        daemon: Daemon::start(folder.path(), &yaml),
        window: Compared {
            from: minute - 5 * 60 * MINUTE,
            to: minute - 3 * 60 * MINUTE,
        },
        clouds,
        receiver,
        folder,
    };
    let (mut aws, mut gcp) = (wanted_aws(&setup), wanted_gcp(&setup));
    aws.retain(|(_, metric, ..), _| metric.starts_with("aws.ec2."));
    gcp.retain(|truth| truth.metric_type.starts_with("compute."));
    let arrived = setup.in_window();
    same("aws", aws, &arrived, "cloud.region");
    same_gcp(&gcp, &arrived);
    setup.stop().await;
}
