//! What the daemon tells about itself: its log in the forms that machines read.

use crate::setup::{Clouds, Daemon, general, local, wait_for};
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use serde_json::Value;
use std::process::Command;

/// What every failure of a cloud must say in fields of its own.
const FIELDS: [&str; 5] = ["account", "scope", "operation", "kind", "remedy"];

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
