//! Metrics of a cloud that have one name here, and names without a letter of ours: each series whole, told apart, and the
//! same after a restart that leaves one of them. The real binary, on a clock that runs sixty times as fast.

use crate::commands::nephoscope;
use crate::setup::{Clouds, Daemon, general, local, wait_for};
use cloudsim::{Clock, Faults, Pace, World};
use export::receiver::{FlatPoint, Receiver};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::num::NonZeroU16;

const SPEED: u16 = 60;
const SHARED: &str = "aws.shop_checkout.requests.sum";
const SAID: &str = "\"Shop/Checkout Requests\", \"Shop/Checkout requests\" share the metric name";

/// The account with one entry, of the application's namespace.
fn account(clouds: &Clouds, names: &str) -> String {
    let all = clouds.aws_account();
    let kept = all
        .lines()
        .filter(|line| !line.starts_with("      - ") || line.contains("AWS/EC2"));
    let lines: Vec<&str> = kept.collect();
    let entry = format!("namespace: Shop/Checkout, names: [{names}]");
    lines.join("\n").replace("namespace: AWS/EC2", &entry) + "\n"
}

fn cloud_name(point: &FlatPoint) -> &str {
    &point.metadata["cloud.metric.name"]
}

fn shared(receiver: &Receiver) -> Vec<FlatPoint> {
    let mut points = receiver.received();
    points.retain(|point| point.metric == SHARED);
    points
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_share_a_name_are_told_apart_for_good() {
    let pace = Pace::new(NonZeroU16::new(SPEED).unwrap(), Timestamp::now());
    let world = World {
        clock: Clock::paced(pace),
        alike: true,
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let general = general(folder.path(), &receiver, "grpc");
    let both = format!("{general}{}", account(&clouds, "\"*\""));
    let mut daemon = Daemon::start_paced(folder.path(), &both, pace);
    wait_for("points of both", || {
        let names: BTreeSet<String> = shared(&receiver)
            .iter()
            .map(|p| cloud_name(p).to_owned())
            .collect();
        (names.len() == 2).then_some(())
    })
    .await;
    let odd = wait_for("points of a name in another script", || {
        let mut all = receiver.received().into_iter();
        all.find(|point| point.metric == "aws.shop_checkout.shi_yong_lu.average")
    })
    .await;
    assert_eq!(cloud_name(&odd), "使用率");
    assert!(!odd.attributes.contains_key("cloud.metric.name"), "it meets none");
    assert!(daemon.terminate().await.success());
    assert_eq!(daemon.log().matches(SAID).count(), 1, "{}", daemon.log());

    let before = shared(&receiver).len();
    let one = format!("{general}{}", account(&clouds, "requests"));
    let mut daemon = Daemon::start_paced(folder.path(), &one, pace);
    wait_for("points after the restart", || {
        (shared(&receiver).len() > before + 6).then_some(())
    })
    .await;
    assert!(daemon.terminate().await.success());
    assert!(!daemon.log().contains(SAID), "{}", daemon.log());

    let mut seen = BTreeSet::new();
    for point in shared(&receiver) {
        assert_eq!(point.attributes["cloud.metric.name"], cloud_name(&point));
        let key = (
            point.resource["cloud.region"].clone(),
            point.attributes.clone(),
            point.time,
        );
        assert!(seen.insert(key), "twice: {point:?}");
    }
    let of = |name: &str| {
        seen.iter()
            .filter(|(_, of, _)| of["cloud.metric.name"] == name)
            .count()
    };
    assert!(of("Requests") > 0 && of("requests") > of("Requests"));
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_without_a_state_tell_them_apart_as_well() {
    let world = World {
        alike: true,
        ..World::default()
    };
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nephoscope.yaml");
    let yaml = general(folder.path(), &receiver, "grpc") + &account(&clouds, "\"*\"");
    std::fs::write(&path, yaml).unwrap();
    let path = path.display().to_string();
    let collect = ["collect", "--since", "15m", "--format", "json", "--config", &path];
    let output = nephoscope(&collect).await;
    let (text, said) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{said}");
    for name in ["Requests", "requests"] {
        let told = format!("\"cloud.metric.name\":\"{name}\"");
        let of_name = text.lines().filter(|line| line.contains(&told));
        assert!(of_name.count() > 10, "{name}: {text}");
    }
    assert!(said.contains(SAID), "{said}");
    for command in ["discover", "check", "plan"] {
        let output = nephoscope(&[command, "--config", &path]).await;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let text = text.concat().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(SAID), "{command}: {text}");
    }
    clouds.stop().await;
    receiver.stop().await;
}
