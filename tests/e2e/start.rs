//! What a start says: what each account has to poll, and how far it is until the first points come.

use crate::setup::{Clouds, Daemon, PATIENCE, Setup, general, http_get, local, wait_for};
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn each_account_is_named_with_what_it_polls_and_each_state_is_what_it_says() {
    let mut setup = Setup::start("grpc", &Faults::new()).await;
    let seen = until_all_have_points(&setup.daemon).await;
    let honest = ["listing", "first poll", "nothing new yet", "catching up"];
    let states: BTreeSet<&str> = honest.into_iter().chain(["up to date"]).collect();
    assert!(seen.iter().all(|state| states.contains(&**state)), "{seen:?}");
    for (account, scopes) in [
        ("a", "scopes=2 targets="),
        ("g", "scopes=2 targets="),
        ("z", "scopes="),
    ] {
        let wanted = format!("account {account} is listed and polled account={account} {scopes}");
        // Its first points may come before the last of its scopes is listed.
        wait_for(&wanted, || setup.daemon.log().contains(&wanted).then_some(())).await;
        assert_eq!(setup.daemon.log().matches(&wanted).count(), 1, "{wanted}");
        let log = setup.daemon.log();
        let line = log.lines().find(|line| line.contains(&wanted)).unwrap();
        let (_, usd) = line.rsplit_once("usd_per_day=").unwrap();
        assert!(usd.parse::<f64>().unwrap() > 0.0, "{line}");
    }

    // What was taken before is not new: a daemon that was started again says when it asks for more.
    assert!(setup.daemon.terminate().await.success());
    setup.start_again();
    let seen = until_all_have_points(&setup.daemon).await;
    assert!(seen.iter().all(|state| states.contains(&**state)), "{seen:?}");
    setup.stop().await;
}

/// The states on the way.
async fn until_all_have_points(daemon: &Daemon) -> BTreeSet<String> {
    let (address, limit) = (daemon.address().await, Instant::now() + PATIENCE);
    let mut seen = BTreeSet::new();
    loop {
        let status = http_get(&address, "/api/v1/status").await;
        let status: Value = serde_json::from_str(&status).unwrap();
        let accounts = status["accounts"].as_array().unwrap();
        seen.extend(accounts.iter().map(|a| a["state"].as_str().unwrap().to_owned()));
        if accounts.iter().all(|a| a["points"].as_u64().unwrap() > 0) {
            return seen;
        }
        let waiting = accounts.iter().all(|a| a["state"] == "nothing new yet");
        let headline = status["headline"].as_str().unwrap();
        assert!(
            !waiting || headline.starts_with("Nothing new yet: the next poll is in "),
            "{headline}"
        );
        assert!(Instant::now() < limit, "{status:#}\n{}", daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_accounts_the_first_are_named_and_the_rest_is_one_line() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let all = clouds.aws_account();
    let (head, account) = all.split_once("  - name: a\n").unwrap();
    let accounts: Vec<String> = (0..25).map(|n| format!("  - name: a-{n}\n{account}")).collect();
    let yaml = general(folder.path(), &receiver, "grpc") + head + &accounts.concat();
    let mut daemon = Daemon::start(folder.path(), &yaml);
    wait_for("the line for the rest", || {
        daemon
            .log()
            .contains("further accounts are listed and polled accounts=5 scopes=10 ")
            .then_some(())
    })
    .await;
    let log = daemon.log();
    assert_eq!(
        log.matches(" is listed and polled account=a-").count(),
        20,
        "{log}"
    );
    assert!(daemon.terminate().await.success());
    clouds.stop().await;
    receiver.stop().await;
}
