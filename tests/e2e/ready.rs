//! Whether the daemon is ready: by what can be read, not by what could be listed once, and by as many accounts as are wanted.

use crate::setup::{Clouds, Daemon, PATIENCE, general, http_get_with, local};
use cloudsim::{Faults, Rule, World};
use export::receiver::Receiver;
use serde_json::Value;
use std::time::Instant;

/// Every read of one cloud is refused.
const REFUSED: [&str; 4] = [
    "gcp,operation=ListTimeSeries,status=403",
    "aws,operation=GetMetricData,status=403",
    "azure,operation=metrics.getBatch,status=403",
    "azure,operation=metrics.get,status=403",
];

/// The status and the body of a probe.
async fn probe(daemon: &Daemon, path: &str) -> (u16, String) {
    let (head, body) = http_get_with(&daemon.address().await, path, "").await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body)
}

/// Probes until it is as wanted.
async fn until(daemon: &Daemon, status: u16, wanted: impl Fn(&Value) -> bool) -> Value {
    let limit = Instant::now() + PATIENCE;
    loop {
        let (now, body) = probe(daemon, "/readyz").await;
        let ready: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(ready["ready"], now == 200, "{ready:#}");
        if now == status && wanted(&ready) {
            return ready;
        }
        assert!(Instant::now() < limit, "{now} {ready:#}\n{}", daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn account(ready: &Value, name: &str) -> bool {
    ready["accounts"][name]["ready"] == true
}

fn refuse(faults: &Faults, rules: &[&str]) {
    for rule in rules {
        faults.add(Rule::parse(rule, 0, None).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_not_ready_and_one_account_of_several_is_not_all() {
    let faults = Faults::new();
    refuse(&faults, &REFUSED[..1]);
    let clouds = Clouds::start(&World::default(), &faults).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let yaml = general(folder.path(), &receiver, "grpc").replace("every: 1m", "every: 10s")
        + &clouds.aws_account()
        + &clouds.azure_account(folder.path())
        + &clouds.gcp_account(folder.path());
    let mut daemon = Daemon::start(folder.path(), &yaml);
    let one = until(&daemon, 200, |ready| {
        account(ready, "a") && account(ready, "z") && !account(ready, "g")
    });
    let one = one.await;
    let refused = |ready: &Value| {
        let reason = &ready["accounts"]["g"]["reason"];
        reason.as_str().is_some_and(|why| why.contains("ListTimeSeries"))
    };
    // Before it is listed it is not ready either, as nothing is known of it.
    if !refused(&one) {
        until(&daemon, 200, |ready| !account(ready, "g") && refused(ready)).await;
    }

    daemon
        .reload(&(yaml.clone() + "api: { ready: { accounts: all } }\n"), "ok")
        .await;
    let all = until(&daemon, 503, |ready| !account(ready, "g") && account(ready, "a")).await;
    assert!(
        all["reason"].as_str().unwrap().contains("not ready: g"),
        "{all:#}"
    );
    daemon
        .reload(&(yaml.clone() + "api: { ready: { accounts: 60% } }\n"), "ok")
        .await;
    until(&daemon, 200, |ready| !account(ready, "g")).await;

    refuse(&faults, &REFUSED[1..]);
    let none = until(&daemon, 503, |ready| {
        !["a", "z", "g"].iter().any(|name| account(ready, name))
    })
    .await;
    assert!(
        none["reason"]
            .as_str()
            .unwrap()
            .starts_with("0 of 3 accounts ready"),
        "{none:#}"
    );
    faults.clear_rules();
    until(&daemon, 200, |ready| {
        ["a", "z", "g"].iter().all(|name| account(ready, name))
    })
    .await;

    for (path, status) in [
        ("/livez", 200),
        ("/-/healthy", 200),
        ("/healthz", 200),
        ("/-/ready", 200),
    ] {
        assert_eq!(probe(&daemon, path).await.0, status, "{path}");
    }
    // Nobody takes the points.
    receiver.stop().await;
    let down = until(&daemon, 503, |ready| ready["reason"].is_string()).await;
    assert!(
        down["reason"]
            .as_str()
            .unwrap()
            .contains("destination receiver is"),
        "{down:#}"
    );
    assert_eq!(probe(&daemon, "/livez").await.0, 200);
    assert!(daemon.terminate().await.success());
    clouds.stop().await;
}
