//! A log that a person can read after a night: what fails for hours is a few lines, whoever writes them.

use crate::setup::{Clouds, Daemon, general, local, wait_for};
use cloudsim::aws::AwsSim;
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::Receiver;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

/// How much faster than the true time everything runs; requests are tried again by the true time.
const SPEED: u16 = 240;

/// The true time of an outage of [`HOURS`].
const OUTAGE: Duration = Duration::from_secs(60);

/// On the daemon's clock.
const HOURS: usize = 4;

/// Without what differs at each attempt: the time it is written at, numbers, what may be counted.
fn shape(line: &str) -> String {
    let text = line.split_once(' ').map_or(line, |(_, text)| text);
    let text = text.split(" since the last line): ").last().unwrap();
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Lines of the log that are worth a look, and how often each was written.
fn loud(log: &str) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    let is_loud = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
    for line in log.lines().filter(is_loud) {
        *all.entry(shape(line)).or_default() += 1;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_cannot_be_reached_for_hours_are_a_line_an_hour_and_one_when_it_is_over() {
    let pace = Pace::new(NonZeroU16::new(SPEED).unwrap(), Timestamp::now());
    let world = World {
        clock: Clock::paced(pace),
        ..World::default()
    };
    let faults = Faults::new();
    let clouds = Clouds::start(&world, &faults).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc")
        + &clouds.aws_account()
        + &clouds.azure_account(folder.path())
        + &clouds.gcp_account(folder.path());
    let aws: SocketAddr = clouds
        .aws
        .endpoint()
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    clouds.stop().await;
    let mut daemon = Daemon::start_paced(folder.path(), &yaml, pace);
    tokio::time::sleep(OUTAGE).await;
    let log = daemon.log();
    for account in ["account a: ", "account z: ", "account g: "] {
        assert!(log.contains(account), "{log}");
    }
    for (line, times) in loud(&log) {
        assert!(times <= HOURS + 1, "{times} times: {line}\n{log}");
    }

    let back = AwsSim::start(world, faults, aws).await.unwrap();
    wait_for("the end of the outage in the log", || {
        let log = daemon.log();
        let mut lines = log.lines();
        lines
            .find(|line| line.contains("account a: ListMetrics in") && line.contains(" recovered after "))
            .map(drop)
    })
    .await;
    assert!(daemon.terminate().await.success());
    back.stop().await;
    receiver.stop().await;
}
