//! Accounts that cannot be connected, at the start and at a reload: the others run, and they are tried again.

use super::with_aws;
use crate::setup::{Clouds, Daemon, PATIENCE, general, http_get, local, wait_for};
use cloudsim::{Faults, World};
use export::receiver::{FlatPoint, Receiver};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Makes a certificate that looks like one and is none; gives what it was.
fn spoil(certificate: &Path) -> String {
    let whole = std::fs::read_to_string(certificate).unwrap();
    let none = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(certificate, none).unwrap();
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_connected_at_the_start_is_tried_again_by_itself() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let azure = clouds.azure_account(folder.path());
    let key = folder.path().join("ca.pem");
    let whole = spoil(&key);
    let yaml = general(folder.path(), &receiver, "grpc") + &clouds.aws_account() + &azure;
    let daemon = Daemon::start(folder.path(), &yaml);
    // AWS is polled all the same.
    assert!(receiver.wait_for(1, PATIENCE).await, "{}", daemon.log());
    let ready = http_get(&daemon.address().await, "/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["accounts"]["z"]["ready"], false, "{ready}");
    assert!(
        daemon.log().contains("not connected, retrying in"),
        "{}",
        daemon.log()
    );
    std::fs::write(&key, whole).unwrap();
    wait_for("the account", || {
        daemon.log().contains("connected account=\"z\"").then_some(())
    })
    .await;
    wait_for("its points", || {
        let points = receiver.received();
        let of_azure = |p: &FlatPoint| p.resource["cloud.provider"] == "azure";
        points.iter().any(of_azure).then_some(())
    })
    .await;
    drop(daemon);
    clouds.stop().await;
    receiver.stop().await;
}

fn polled(status: &Value) -> bool {
    let mut accounts = status["accounts"].as_array().unwrap().iter();
    let account = accounts.find(|account| account["account"] == "z").unwrap();
    account["points"].as_u64().unwrap() > 0
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_account_that_cannot_be_connected_goes_on_as_it_was() {
    let setup = with_aws().await;
    let azure = setup.clouds.azure_account(setup.folder.path());
    let both = setup.general() + &setup.clouds.aws_account() + &azure;
    setup.daemon.reload(&both, "ok").await;
    wait_for("points of Azure", || {
        let points = setup.receiver.received();
        let azure = |p: &FlatPoint| p.resource["cloud.provider"] == "azure";
        points.iter().any(azure).then_some(())
    })
    .await;
    let key = setup.folder.path().join("ca.pem");
    let whole = spoil(&key);
    setup.daemon.reload(&both, "ok").await;
    // What it is shown to have is counted a moment after it was delivered.
    while !polled(&setup.status().await) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready = http_get(&setup.daemon.address().await, "/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(
        (&ready["ready"], &ready["accounts"]["z"]["ready"]),
        (&true.into(), &false.into()),
        "{ready}"
    );
    // A reload does not wait for the next attempt.
    std::fs::write(&key, whole).unwrap();
    setup.daemon.reload(&both, "ok").await;
    wait_for("readiness", || {
        let log = setup.daemon.log();
        log.matches("changed=\"azure z\"").nth(1).map(drop)
    })
    .await;
    let ready = http_get(&setup.daemon.address().await, "/readyz").await;
    assert!(ready.contains("\"ready\":true"), "{ready}");
    setup.stop().await;
}
