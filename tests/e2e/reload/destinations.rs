//! Destinations that come, go and change at a reload, and the page that moves.

use super::{destination, with_aws};
use crate::setup::{NANOS, Setup, http_get, local, wait_for};
use crate::wanted_aws;
use export::receiver::{FlatPoint, Receiver};
use std::collections::HashSet;

impl Setup {
    /// AWS, with these destinations beside the receiver.
    fn with(&self, destinations: &str) -> String {
        self.general() + destinations + &self.clouds.aws_account()
    }

    async fn destinations(&self) -> Vec<String> {
        let status = self.status().await;
        let all = status["destinations"].as_array().unwrap().iter();
        all.map(|d| d["destination"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn ends(points: &[FlatPoint]) -> Vec<i64> {
    points
        .iter()
        .map(|p| i64::try_from(p.time).unwrap() / NANOS)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_begins_with_what_is_polled_next_and_one_that_goes_holds_nothing_back() {
    let setup = with_aws().await;
    let wanted = wanted_aws(&setup).len();
    setup.arrived(wanted).await;
    let second = Receiver::start(local(), local()).await.unwrap();
    let both = setup.with(&destination("second", &second.grpc_endpoint(), ""));
    setup.daemon.reload(&both, "ok").await;
    assert_eq!(setup.destinations().await, ["receiver", "second"]);
    // The next poll of a group brings a minute to both; nothing from before comes to the new one.
    assert!(
        second.wait_for(1, crate::setup::PATIENCE).await,
        "{}",
        setup.daemon.log()
    );
    let newest_before = setup.window.to;
    let fresh = ends(&second.received());
    assert!(fresh.iter().all(|end| *end > newest_before - 60), "{fresh:?}");

    // One that takes nothing and is full would stop polling; when it goes, polling goes on.
    second.stop().await;
    setup.daemon.reload(&setup.with(""), "ok").await;
    assert_eq!(setup.destinations().await, ["receiver"]);
    let metrics = setup.daemon.metrics().await;
    assert!(!metrics.contains("destination=\"second\""), "{metrics}");
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_was_down_gets_everything_at_its_new_address_and_counts_on() {
    let setup = with_aws().await;
    let nowhere = Receiver::start(local(), local()).await.unwrap();
    let dead = nowhere.grpc_endpoint();
    nowhere.stop().await;
    setup
        .daemon
        .reload(&setup.with(&destination("second", &dead, "")), "ok")
        .await;
    // Points of the first poll may have been taken before the destination was there; from here on they wait for it.
    wait_for("points that wait", || {
        let log = setup.daemon.log();
        log.contains("destination is down").then_some(())
    })
    .await;
    let waits = setup
        .daemon
        .sample("nephoscope_spool_pending_points{destination=\"second\"}")
        .await;
    assert!(waits > 0);
    let alive = Receiver::start(local(), local()).await.unwrap();
    let moved = setup.with(&destination("second", &alive.grpc_endpoint(), ", deltas: gauge"));
    setup.daemon.reload(&moved, "ok").await;
    assert!(setup.daemon.log().contains("changed=\"destination second\""));
    assert!(
        alive.wait_for(waits, crate::setup::PATIENCE).await,
        "{}",
        setup.daemon.log()
    );
    let points = alive.received();
    assert!(points.iter().all(|p| p.kind == "gauge"), "deltas became gauges");
    let distinct: HashSet<String> = points.iter().map(crate::setup::identity).collect();
    assert_eq!(distinct.len(), points.len(), "nothing comes twice");
    let failed = setup.status().await["destinations"][1].clone();
    assert_ne!(
        failed["last_error"], "",
        "what it counted before is there: {failed}"
    );
    setup.stop().await;
    alive.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_moves_and_a_port_that_is_taken_refuses_the_reload() {
    let setup = with_aws().await;
    let before = setup.daemon.address().await;
    let yaml = setup.with("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = yaml.replace("127.0.0.1:0", &taken.local_addr().unwrap().to_string());
    setup.daemon.reload(&taken, "refused").await;
    let why = setup.status().await["reload"]["why"].to_string();
    assert!(why.contains("key `listen`"), "{why}");
    setup
        .daemon
        .reload_and_move(&yaml.replace("127.0.0.1:0", "127.0.0.2:0"))
        .await;
    let after = setup.daemon.address().await;
    assert!(after.starts_with("127.0.0.2:"), "{after}");
    assert_eq!(http_get(&after, "/healthz").await, "ok\n");
    wait_for("the old page to close", || {
        std::net::TcpStream::connect(&before).is_err().then_some(())
    })
    .await;
    setup.stop().await;
}
