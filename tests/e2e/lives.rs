//! Machines that come, live for 3 to 40 minutes and go, polled with the defaults that users run: every point from the first
//! on, also of those that come and go between two listings or while the daemon is down. On a clock that runs two hundred
//! times as fast.

use crate::compare::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use crate::setup::{Clouds, Compared, Daemon, NANOS, PATIENCE, Setup, general, local, until};
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::{FlatPoint, Receiver};
use jiff::Timestamp;
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

const SPEED: u16 = 200;
const MINUTE_S: i64 = 60;
/// When the daemon goes down, for how long, what is compared, and when the last of it has been listed, settled and polled.
const DOWN_AT_S: i64 = 70 * MINUTE_S;
const DOWN_S: i64 = 20 * MINUTE_S;
const COMPARED_S: i64 = 130 * MINUTE_S;
const LISTED_S: i64 = 230 * MINUTE_S;

/// Only what machines are of, with nothing said about polling.
fn configuration(clouds: &Clouds, folder: &std::path::Path, receiver: &Receiver) -> String {
    let general = general(folder, receiver, "grpc").replace(
        "defaults:\n  poll: { every: 1m, settle: 5m, lookback: 2m, initial: 15m }\n",
        "",
    );
    assert!(!general.contains("poll:"), "{general}");
    let kept = ["AWS/EC2", "virtualMachines", "compute.googleapis.com"];
    let accounts = [
        clouds.aws_account(),
        clouds.azure_account(folder),
        clouds.gcp_account(folder),
    ]
    .concat();
    let is_kept = |line: &&str| !line.starts_with("      - ") || kept.iter().any(|name| line.contains(name));
    let lines: Vec<&str> = accounts.lines().filter(is_kept).collect();
    format!("{general}{}\n", lines.join("\n"))
}

fn of<'a>(points: &'a [FlatPoint], cloud: &'a str) -> impl Iterator<Item = &'a FlatPoint> {
    let is = move |p: &&FlatPoint| p.resource.get("cloud.provider").is_some_and(|c| c == cloud);
    points.iter().filter(is)
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_live_for_minutes_give_every_point_at_the_defaults() {
    let pace = Pace::new(NonZeroU16::new(SPEED).unwrap(), Timestamp::now());
    let world = World {
        clock: Clock::paced(pace),
        churn: 3,
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = configuration(&clouds, folder.path(), &receiver);
    let begin = world.clock.now_unix_s() / MINUTE_S * MINUTE_S;
    let mut setup = Setup {
        daemon: Daemon::start_paced(folder.path(), &yaml, pace),
        window: Compared {
            from: begin - 10 * MINUTE_S,
            to: begin + COMPARED_S,
        },
        clouds,
        receiver,
        folder,
    };
    until(&setup.clouds, pace, begin + DOWN_AT_S).await;
    assert!(setup.daemon.terminate().await.success());
    until(&setup.clouds, pace, begin + DOWN_AT_S + DOWN_S).await;
    setup.daemon = Daemon::start_paced(setup.folder.path(), &yaml, pace);
    until(&setup.clouds, pace, begin + LISTED_S).await;
    let (mut aws, mut azure, mut gcp) = (wanted_aws(&setup), wanted_azure(&setup), wanted_gcp(&setup));
    aws.retain(|(_, metric, ..), _| metric.starts_with("aws.ec2."));
    azure.retain(|(_, metric, ..), _| metric.starts_with("azure.compute.virtual_machines."));
    gcp.retain(|truth| truth.metric_type.starts_with("compute."));
    let limit = Instant::now() + PATIENCE;
    let arrived = loop {
        let arrived = setup.in_window();
        let enough = of(&arrived, "aws").count() >= aws.len() && of(&arrived, "gcp").count() >= gcp.len();
        if enough || Instant::now() > limit {
            break arrived;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    same("aws", aws, &arrived, "cloud.region");
    same_gcp(&gcp, &arrived);
    // What is deleted there cannot be asked for any more: the last minutes of each machine, and the time without a daemon.
    let (azure_points, azure) = (of(&arrived, "azure").count(), azure.len());
    println!("azure: {azure_points} of {azure}");
    assert!(azure_points * 10 >= azure * 9);
    let seconds = |p: &FlatPoint| i64::try_from(p.time).unwrap() / NANOS;
    assert!(arrived.iter().all(|p| seconds(p) <= begin + COMPARED_S));
    setup.stop().await;
}
