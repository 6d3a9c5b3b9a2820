//! What the daemon tells about itself: its log in the forms that machines read, and its figures in both forms of
//! `/metrics`.

use crate::exposition;
use crate::setup::{Clouds, Daemon, Setup, general, http_get_with, local, wait_for};
use cloudsim::{Faults, World};
use export::receiver::{FlatValue, Receiver};
use serde_json::Value;
use std::process::Command;

/// What every failure of a cloud must say in fields of its own.
const FIELDS: [&str; 6] = ["account", "scope", "operation", "kind", "request_id", "remedy"];

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_account_is_one_json_line_with_account_scope_operation_and_what_to_do() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wrong = clouds
        .aws_account()
        .replace(cloudsim::aws::SECRET_KEY, "planted-and-wrong");
    let yaml = general(folder.path(), &receiver, "grpc") + &wrong;
    let mut daemon = Daemon::start_with(folder.path(), &yaml, &["--log-format", "json"]);
    let failed = wait_for("an error of the account", || {
        let log = daemon.log();
        // The last line may be half written.
        let mut lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines
            .find(|line| line.contains("\"operation\":"))
            .map(str::to_owned)
    })
    .await;
    let failed: Value = serde_json::from_str(&failed).unwrap();
    assert_eq!(failed["level"], "ERROR");
    assert_eq!(failed["account"], "a");
    for field in FIELDS {
        assert!(
            failed[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {failed}"
        );
    }
    let (message, remedy) = (
        failed["message"].as_str().unwrap(),
        failed["remedy"].as_str().unwrap(),
    );
    assert!(
        message.ends_with(remedy),
        "the journal shows the message only: {message}"
    );
    let status = daemon.terminate().await;
    let log = daemon.log();
    assert!(status.success(), "{log}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
    }
    clouds.stop().await;
    receiver.stop().await;
}

#[test]
fn a_failed_start_is_json_too_and_a_level_that_says_nothing_is_refused() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        let output = command
            .args(arguments)
            .env_remove("NEPHOSCOPE_LOG")
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["--log-format", "json", "run", "--config", "/nowhere.yaml"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["exit_code"]), (Some(64), &Value::from(64)));
    assert!(
        said["message"].as_str().unwrap().contains("/nowhere.yaml"),
        "{said}"
    );

    let (code, said) = run(&["--log-level", "inof", "run", "--config", "/nowhere.yaml"]);
    assert_eq!(code, Some(64));
    assert!(said.contains("`inof` is no level"), "{said}");
}

/// Figures that a daemon with accounts and a destination must give, whatever happens.
const ALWAYS: [&str; 6] = [
    "nephoscope_build_info",
    "nephoscope_api_requests_total",
    "nephoscope_points_collected_total",
    "nephoscope_points_delivered_total",
    "nephoscope_breaker_open",
    "process_resident_memory_bytes",
];

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_as_prometheus_text_and_as_open_metrics() {
    let setup = Setup::start("grpc", &Faults::new()).await;
    assert!(setup.receiver.wait_for(1, crate::setup::PATIENCE).await);
    let address = setup.daemon.address().await;
    let (head, text) = http_get_with(&address, "/metrics", "").await;
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    let plain = exposition::prometheus(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    let accept = "Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3\r\n";
    let (head, text) = http_get_with(&address, "/metrics", accept).await;
    assert!(
        head.contains("application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    let open = exposition::open_metrics(&text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    for name in ALWAYS {
        for samples in [&plain, &open] {
            assert!(
                samples
                    .keys()
                    .any(|sample| sample.split('{').next() == Some(name)),
                "{name}: {samples:?}"
            );
        }
    }
    // What was asked later must not be smaller.
    for (sample, before) in plain.iter().filter(|(sample, _)| exposition::counts(sample)) {
        assert!(
            open.get(sample).is_some_and(|after| after >= before),
            "{sample} went back"
        );
    }
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_figures_and_spans_arrive_beside_the_points_over_grpc() {
    arrive("grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_figures_and_spans_arrive_beside_the_points_over_http() {
    arrive("http").await;
}

async fn arrive(protocol: &str) {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let own = "telemetry: { interval: 1s, traces: { sample: 1 } }";
    let yaml = general(folder.path(), &receiver, protocol).replace("telemetry: { enabled: false }", own);
    let mut daemon = Daemon::start(folder.path(), &(yaml + &clouds.aws_account()));
    let collected = wait_for("our own count of collected points", || {
        let points = receiver.received().into_iter();
        let mut ours = points.filter(|p| p.resource.get("service.name").is_some_and(|n| n == "nephoscope"));
        ours.find(|p| p.metric == "nephoscope_points_collected_total" && p.value != FlatValue::Int(0))
    })
    .await;
    assert_eq!(
        (collected.kind, collected.temporality, collected.monotonic),
        ("sum", Some("cumulative"), true)
    );
    assert_eq!(collected.attributes["account"], "a");
    assert_eq!(collected.unit, "{point}");
    assert_eq!(collected.resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert!(!collected.resource["service.instance.id"].is_empty());

    for (name, attributes) in [
        (
            "poll",
            &["cloud", "account", "group", "lane", "outcome", "points"][..],
        ),
        ("request", &["cloud", "account", "scope", "operation", "outcome"]),
        ("export", &["destination", "points", "outcome"]),
    ] {
        let span = wait_for(name, || {
            receiver.spans().into_iter().find(|span| span.name == name)
        })
        .await;
        for attribute in attributes {
            assert!(span.attributes.contains_key(*attribute), "{attribute}: {span:?}");
        }
    }
    // Of the very start, before anything was polled.
    wait_for("the first listing", || {
        let spans = receiver.spans();
        let listing = |operation: &String| operation == "ListMetrics";
        spans
            .iter()
            .any(|span| span.attributes.get("operation").is_some_and(listing))
            .then_some(())
    })
    .await;
    wait_for("a request inside a poll", || {
        let spans = receiver.spans();
        let polls: Vec<_> = spans
            .iter()
            .filter(|span| span.name == "poll")
            .map(|span| &span.span_id)
            .collect();
        let mut requests = spans.iter().filter(|span| span.name == "request");
        requests
            .any(|span| polls.contains(&&span.parent_span_id))
            .then_some(())
    })
    .await;
    let status = daemon.terminate().await;
    assert!(status.success(), "{}", daemon.log());
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_down_costs_our_telemetry_one_line_and_a_reload_can_switch_it_off() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let off = general(folder.path(), &receiver, "grpc") + &clouds.aws_account();
    let on = off.replace("telemetry: { enabled: false }", "telemetry: { interval: 1s }");
    receiver.stop().await;
    let mut daemon = Daemon::start(folder.path(), &on);
    let said = "self-telemetry export failed";
    wait_for("the complaint", || daemon.log().contains(said).then_some(())).await;
    // Each further request to a destination that is down is counted there as well.
    wait_for("the destination to be down", || {
        daemon.log().contains("destination is down").then_some(())
    })
    .await;
    assert!(
        daemon.log().matches(said).count() <= 2,
        "one for each signal:\n{}",
        daemon.log()
    );
    daemon.reload(&off, "ok").await;
    wait_for("the reload", || {
        daemon.log().contains("changed=\"telemetry\"").then_some(())
    })
    .await;
    daemon.terminate().await;
    clouds.stop().await;
}
