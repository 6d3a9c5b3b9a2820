//! The real binary takes up a changed configuration while it runs: at SIGHUP, only what differs, and nothing at all of
//! one that is wrong.

mod accounts;
mod certificates;
mod configurations;
mod destinations;
mod storm;
mod telemetry;

use crate::setup::{Clouds, Compared, Daemon, Setup, general, http_get, local, wait_for};
use crate::{same, same_gcp, wanted_aws, wanted_gcp};
use cloudsim::{Faults, World};
use export::receiver::{FlatPoint, Receiver};
use serde_json::Value;

/// The clouds and a receiver; the daemon runs with AWS alone.
async fn with_aws() -> Setup {
    let world = World::default();
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc") + &clouds.aws_account();
    let minute = world.clock.now_unix_s() / 60 * 60;
    Setup {
        daemon: Daemon::start(folder.path(), &yaml),
        window: Compared {
            from: minute - 13 * 60,
            to: minute - 6 * 60,
        },
        clouds,
        receiver,
        folder,
    }
}

impl Setup {
    fn general(&self) -> String {
        general(self.folder.path(), &self.receiver, "grpc")
    }

    async fn status(&self) -> Value {
        let body = http_get(&self.daemon.address().await, "/api/v1/status").await;
        serde_json::from_str(&body).unwrap()
    }

    async fn accounts(&self) -> Vec<String> {
        let status = self.status().await;
        let accounts = status["accounts"].as_array().unwrap().iter();
        accounts
            .map(|a| a["account"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A destination of this name on its own line of a configuration.
fn destination(name: &str, endpoint: &str, more: &str) -> String {
    format!("  - {{ name: {name}, otlp: {{ endpoint: \"{endpoint}\" }}{more} }}\n")
}

fn of<'a>(points: &'a [FlatPoint], cloud: &str) -> Vec<&'a FlatPoint> {
    let from = |p: &&FlatPoint| p.resource.get("cloud.provider").is_some_and(|c| c == cloud);
    points.iter().filter(from).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_comes_and_another_goes_while_the_daemon_runs() {
    let setup = with_aws().await;
    let (aws, gcp) = (wanted_aws(&setup), wanted_gcp(&setup));
    let arrived = setup.arrived(aws.len()).await;
    same("aws", aws, &arrived, "cloud.region");
    let with_both =
        setup.general() + &setup.clouds.aws_account() + &setup.clouds.gcp_account(setup.folder.path());
    setup.daemon.reload(&with_both, "ok").await;
    let before = arrived.len();
    let arrived = setup.arrived(before + gcp.len()).await;
    assert_eq!(of(&arrived, "aws").len(), before, "nothing comes twice");
    same_gcp(&gcp, &arrived);
    assert_eq!(setup.accounts().await, ["a", "g"]);

    let alone = setup.general() + &setup.clouds.gcp_account(setup.folder.path());
    setup.daemon.reload(&alone, "ok").await;
    assert_eq!(setup.accounts().await, ["g"]);
    let log = setup.daemon.log();
    for line in ["added=\"gcp g\"", "removed=\"aws a\""] {
        assert!(log.contains(line), "{line} is missing:\n{log}");
    }
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_account_goes_on_where_it_was_and_counts_on() {
    let setup = with_aws().await;
    let aws = wanted_aws(&setup);
    let arrived = setup.arrived(aws.len()).await;
    let points = setup.status().await["accounts"][0]["points"].as_u64().unwrap();
    let edited = setup.general()
        + &setup
            .clouds
            .aws_account()
            .replace("period: 1m", "period: 1m, poll: { every: 2m }");
    setup.daemon.reload(&edited, "ok").await;
    assert!(setup.daemon.log().contains("changed=\"aws a\""));
    // It is listed and polled anew.
    loop {
        let status = setup.status().await;
        let account = &status["accounts"][0];
        assert!(
            account["points"].as_u64().unwrap() >= points,
            "counters go on: {account}"
        );
        if account["groups"]
            .as_array()
            .is_some_and(|groups| groups.len() > 1)
        {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    same("aws", aws, &setup.in_window(), "cloud.region");
    assert_eq!(arrived.len(), setup.in_window().len());
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_is_named_everywhere() {
    let setup = with_aws().await;
    let aws = wanted_aws(&setup);
    let good = setup.general() + &setup.clouds.aws_account();
    let bad = good
        .replace("period: 1m", "perriod: 1m")
        .replace("every: 1m", "every: often");
    setup.daemon.reload(&bad, "refused").await;
    let log = setup.daemon.log();
    assert!(
        log.contains("perriod") && log.contains("often"),
        "every problem is named:\n{log}"
    );
    let status = setup.status().await;
    assert_eq!(status["reload"]["ok"], false);
    assert!(
        status["reload"]["why"].as_str().unwrap().contains("perriod"),
        "{status}"
    );
    let address = setup.daemon.address().await;
    let ready = http_get(&address, "/readyz").await;
    assert!(ready.contains("perriod"), "{ready}");

    let moved = good.replace("/state }", "/other }");
    setup.daemon.reload(&moved, "refused").await;
    let why = setup.status().await["reload"]["why"].to_string();
    assert!(
        why.contains("`state.dir` cannot change without a restart"),
        "{why}"
    );

    let arrived = setup.arrived(aws.len()).await;
    same("aws", aws, &arrived, "cloud.region");
    setup.daemon.reload(&good, "ok").await;
    assert_eq!(setup.status().await["reload"]["ok"], true);
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_changed_in_its_file_is_taken_up() {
    let world = World::default();
    let clouds = Clouds::start(&world, &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "not-the-key").unwrap();
    let account = clouds.aws_account().replace(
        cloudsim::aws::SECRET_KEY,
        &format!("\"${{file:{}}}\"", secret.display()),
    );
    let yaml = general(folder.path(), &receiver, "grpc") + &account;
    let daemon = Daemon::start(folder.path(), &yaml);
    wait_for("the refusal", || daemon.log().contains("ERROR").then_some(())).await;
    std::fs::write(&secret, cloudsim::aws::SECRET_KEY).unwrap();
    daemon.reload(&yaml, "ok").await;
    assert!(daemon.log().contains("changed=\"aws a\""), "{}", daemon.log());
    assert!(
        receiver.wait_for(100, crate::setup::PATIENCE).await,
        "{}",
        daemon.log()
    );
    assert!(!daemon.log().contains(cloudsim::aws::SECRET_KEY));
    drop(daemon);
    clouds.stop().await;
    receiver.stop().await;
}
