//! The clouds' clocks are minutes from ours: points are asked for by theirs, and whoever looks is told.

use crate::setup::Setup;
use crate::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use cloudsim::{Faults, World};

/// Within the five minutes at which signatures begin to be refused.
const MINUTES: i64 = 4;

/// The comparison begins two minutes after where the first poll does: by our own clock it would begin too late when
/// the clouds are behind, and end before what is compared when they are ahead.
async fn every_point_arrives_once(ahead_minutes: i64) {
    let world = World::default();
    world.clock.set_offset_ms(ahead_minutes * 60_000);
    let setup = Setup::start_in(world, "grpc", &Faults::new()).await;
    let (aws, azure) = (wanted_aws(&setup), wanted_azure(&setup));
    // Google refuses what was signed in its future, so there is nothing to compare.
    let gcp = (ahead_minutes > 0).then(|| wanted_gcp(&setup));
    let wanted = aws.len() + azure.len() + gcp.as_ref().map_or(0, Vec::len);
    let arrived = setup.arrived(wanted).await;
    same("aws", aws, &arrived, "cloud.region");
    same("azure", azure, &arrived, "cloud.resource_id");
    if let Some(gcp) = gcp {
        same_gcp(&gcp, &arrived);
    }
    told(&setup, ahead_minutes * 60).await;
    setup.stop().await;
}

async fn told(setup: &Setup, ahead_s: i64) {
    let metrics = setup.daemon.metrics().await;
    for account in ["a", "z", "g"] {
        let name = format!("nephoscope_clock_skew_seconds{{account=\"{account}\"}} ");
        let shown = metrics.lines().find_map(|line| line.strip_prefix(&name));
        let shown: i64 = shown
            .unwrap_or_else(|| panic!("no {name}:\n{metrics}"))
            .parse()
            .unwrap();
        // A busy machine answers late.
        assert!((shown - ahead_s).abs() <= 5, "{account}: {shown} s");
    }
    let side = if ahead_s > 0 { "behind" } else { "ahead of" };
    let log = setup.daemon.log();
    assert!(log.contains(&format!("s {side} the cloud's")), "{log}");
    let address = setup.daemon.address().await;
    let output = crate::commands::nephoscope(&["status", "--url", &format!("http://{address}")]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!("s {side} the clouds'")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clouds_that_are_minutes_ahead() {
    every_point_arrives_once(MINUTES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clouds_that_are_minutes_behind() {
    every_point_arrives_once(-MINUTES).await;
}
