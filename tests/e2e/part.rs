//! An account of which one metric fails: which, since when, and for no longer than it does.

use crate::setup::{Clouds, Daemon, PATIENCE, general, http_get, local};
use cloudsim::{Faults, World};
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
