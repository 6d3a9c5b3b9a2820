//! What survives the daemon: nothing is lost or doubled by SIGKILL, and a store that cannot be used ends in a clear
//! error and stays as it is.

use crate::setup::{Daemon, Setup, identity, wait_for};
use crate::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use cloudsim::Faults;
use export::receiver::FlatPoint;
use std::collections::HashMap;

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_neither_loses_nor_doubles_a_point() {
    let mut setup = Setup::start("grpc", &Faults::new()).await;
    let (aws, azure, gcp) = (wanted_aws(&setup), wanted_azure(&setup), wanted_gcp(&setup));
    let wanted = aws.len() + azure.len() + gcp.len();
    // In the middle of the first poll: some points have been delivered, others not.
    assert!(setup.receiver.wait_for(100, crate::setup::PATIENCE).await);
    setup.daemon.kill();
    let in_flight = setup.receiver.received().len();
    setup.start_again();
    let arrived = setup.arrived(wanted).await;
    setup.daemon.kill();
    setup.start_again();
    let metrics = setup.daemon.metrics().await;
    assert!(metrics.contains("nephoscope_ledger_series"), "{metrics}");
    let newest = setup.receiver.received().len();
    println!("killed after {in_flight} and {newest} points");
    once(&arrived);
    same("aws", aws, &first_of_each(&arrived), "cloud.region");
    same("azure", azure, &first_of_each(&arrived), "cloud.resource_id");
    same_gcp(&gcp, &first_of_each(&arrived));
    setup.stop().await;
}

/// A batch whose acknowledgement died with the daemon comes again, byte for byte; a point that comes twice is the same.
fn once(arrived: &[FlatPoint]) {
    let mut seen: HashMap<String, &FlatPoint> = HashMap::new();
    for p in arrived {
        if let Some(before) = seen.insert(identity(p), p) {
            assert_eq!(before, p);
        }
    }
}

fn first_of_each(arrived: &[FlatPoint]) -> Vec<FlatPoint> {
    let mut seen = std::collections::HashSet::new();
    arrived
        .iter()
        .filter(|p| seen.insert(identity(p)))
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_store_is_told_who_has_it() {
    let setup = Setup::start("grpc", &Faults::new()).await;
    setup.daemon.metrics().await;
    let other = tempfile::tempdir().unwrap();
    let yaml = std::fs::read_to_string(setup.folder.path().join("nephoscope.yaml")).unwrap();
    let mut second = Daemon::start(other.path(), &yaml);
    assert_eq!(second.ended().await, Some(69));
    let log = second.log();
    assert!(log.contains("is in use by process"), "{log}");
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_is_named_and_left_as_it_is() {
    let mut setup = Setup::start("grpc", &Faults::new()).await;
    let file = setup.folder.path().join("state/nephoscope.db");
    wait_for("the store", || file.exists().then_some(())).await;
    setup.daemon.metrics().await;
    assert!(setup.daemon.terminate().await.success());
    std::fs::write(
        &file,
        b"not a database, but long enough to be taken for one".repeat(100),
    )
    .unwrap();
    let before = std::fs::read(&file).unwrap();
    setup.start_again();
    assert_eq!(setup.daemon.ended().await, Some(69));
    let log = setup.daemon.log();
    assert!(
        log.contains("is damaged") && log.contains("Move it away"),
        "{log}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), before, "the file was changed");
    std::fs::remove_file(&file).unwrap();
    setup.start_again();
    setup.daemon.metrics().await;
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_accounts_namespaces_and_destinations() {
    let setup = Setup::start("grpc", &Faults::new()).await;
    assert!(setup.receiver.wait_for(1_000, crate::setup::PATIENCE).await);
    let address = setup.daemon.address().await;
    let output = crate::commands::nephoscope(&["status", "--url", &format!("http://{address}")]).await;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["ACCOUNT", "AWS/EC2", "fixed", "DESTINATION", "receiver"] {
        assert!(text.contains(word), "{word} is missing:\n{text}");
    }
    println!("{text}");
    setup.stop().await;
}
