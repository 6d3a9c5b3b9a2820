//! What the daemon tells of itself, switched on, over to another destination and off by reloads.

use super::{destination, with_aws};
use crate::setup::{PATIENCE, local};
use export::receiver::{FlatPoint, Receiver};
use std::time::Instant;

fn ours(point: &FlatPoint) -> bool {
    point
        .resource
        .get("service.name")
        .is_some_and(|name| name == "nephoscope")
}

/// Waits until our own figures come to `here`, twice, so that they go on coming.
async fn come(here: &Receiver, log: impl Fn() -> String) {
    here.take();
    let limit = Instant::now() + PATIENCE;
    let name = "nephoscope_points_collected_total";
    while here
        .received()
        .iter()
        .filter(|p| ours(p) && p.metric == name)
        .count()
        < 2
    {
        assert!(Instant::now() < limit, "no figures of our own:\n{}", log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_figures_are_switched_on_over_and_off_while_points_go_on() {
    let setup = with_aws().await;
    let second = Receiver::start(local(), local()).await.unwrap();
    let with = |telemetry: &str| {
        let general = setup
            .general()
            .replace("telemetry: { enabled: false }", telemetry);
        general + &destination("second", &second.grpc_endpoint(), "") + &setup.clouds.aws_account()
    };
    let log = || setup.daemon.log();
    assert!(setup.receiver.wait_for(1, PATIENCE).await, "{}", log());
    assert!(!setup.receiver.received().iter().any(ours), "they are off");

    let on = with("telemetry: { interval: 1s, traces: { sample: 1 } }");
    setup.daemon.reload(&on, "ok").await;
    come(&setup.receiver, log).await;

    let over = with("telemetry: { interval: 1s, destination: second }");
    setup.daemon.reload(&over, "ok").await;
    come(&second, log).await;
    // The reload has returned: what was on its way to the first has arrived, and nothing follows.
    setup.receiver.take();
    come(&second, log).await;
    assert!(!setup.receiver.received().iter().any(ours), "they go to one only");

    let off = with("telemetry: { enabled: false }");
    setup.daemon.reload(&off, "ok").await;
    for here in [&setup.receiver, &second] {
        here.take();
    }
    // The next poll's points come, and none of ours among them.
    let limit = Instant::now() + PATIENCE;
    while [&setup.receiver, &second]
        .iter()
        .any(|here| here.received().is_empty())
    {
        assert!(Instant::now() < limit, "no points any more:\n{}", log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for here in [&setup.receiver, &second] {
        assert!(!here.received().iter().any(ours), "they are off again");
    }
    setup.stop().await;
    second.stop().await;
}
