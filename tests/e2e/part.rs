//! An account of which one metric fails: which, since when, and for no longer than it does. All others as if nothing were.

use crate::compare::{same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use crate::setup::{Clouds, Daemon, PATIENCE, Setup, general, http_get, local};
use cloudsim::{Faults, How, Rule, World};
use export::receiver::Receiver;
use serde_json::Value;
use std::time::{Duration, Instant};

const REFUSED: &str = "compute.googleapis.com/instance/cpu/utilization";

/// Longer than from one poll to the next.
const SEVERAL_POLLS_S: u64 = 15;

/// Asks until the account is as wanted.
async fn account(daemon: &Daemon, wanted: impl Fn(&Value) -> bool) -> Value {
    let limit = Instant::now() + PATIENCE;
    let address = daemon.address().await;
    loop {
        let status = http_get(&address, "/api/v1/status").await;
        let status: Value = serde_json::from_str(&status).unwrap();
        let account = &status["accounts"][0];
        if wanted(account) {
            return account.clone();
        }
        assert!(Instant::now() < limit, "{account:#}\n{}", daemon.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_metric_is_named_with_its_time_and_cleared_by_its_first_success() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc").replace("every: 1m", "every: 10s")
        + &clouds.gcp_account(folder.path());
    let mut daemon = Daemon::start(folder.path(), &yaml);
    account(&daemon, |a| a["state"] == "up to date").await;

    clouds.gcp.refuse_type(Some(REFUSED));
    // The other metrics of the project go well all the time, and it stands since its first failure.
    let since = |a: &Value| a["last_error_s_ago"].as_u64().unwrap_or_default();
    // Two projects have it.
    let both = |a: &Value| a["last_error_lasts"] == true && a["failing_besides"] == 1;
    let failing = account(&daemon, |a| both(a) && since(a) > SEVERAL_POLLS_S).await;
    assert_eq!(failing["state"], "partly failing", "{failing:#}");
    let text = failing["last_error"].as_str().unwrap();
    assert!(
        text.starts_with("ListTimeSeries in sim-") && text.contains(REFUSED),
        "{text}"
    );

    clouds.gcp.refuse_type(None);
    let mended = account(&daemon, |a| a["state"] == "up to date").await;
    assert_eq!(mended["last_error_lasts"], false, "{mended:#}");
    assert!(daemon.terminate().await.success());
    clouds.stop().await;
    receiver.stop().await;
}

/// Three types in the middle of the order of asking: one has an error, one is said to be unavailable, one is refused.
#[tokio::test(flavor = "multi_thread")]
async fn types_that_fail_for_ever_leave_all_others_as_if_nothing_were() {
    let faults = Faults::new();
    for (status, metric) in [(500, REFUSED), (503, "*disk/read_bytes_count"), (400, "*uptime")] {
        let rule = Rule::new(How::Status(status)).operation("ListTimeSeries");
        faults.add(rule.metric(metric));
    }
    let setup = Setup::start("grpc", &faults).await;
    let mut wanted = wanted_gcp(&setup);
    let before = wanted.len();
    let failing =
        |name: &str| name == REFUSED || name.ends_with("disk/read_bytes_count") || name.ends_with("uptime");
    wanted.retain(|t| !failing(&t.metric_type));
    assert!(wanted.len() < before);
    let others = wanted_aws(&setup).len() + wanted_azure(&setup).len();
    let arrived = setup.arrived(wanted.len() + others).await;
    same_gcp(&wanted, &arrived);
    setup.stop().await;
}
