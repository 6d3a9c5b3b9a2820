//! Credentials that change while the daemon runs.

use super::{CBOR, Home, account, aws, is_action, signer};
use crate::credentials::stub::{Answer, Seen, Stub};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn reads(request: &Seen) -> bool {
    request.target.ends_with("/operation/GetMetricData")
}

/// Keys as another tool would put them there: beside the file, then in its place.
fn rotate(home: &Home, key: &str) {
    let text = format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = s\n");
    let next = home.write(".aws/next", &text);
    std::fs::rename(next, home.path().join(".aws/credentials")).unwrap();
}

const ROLE: &str = "    credentials: { assume_role: { arn: \"arn:aws:iam::123456789012:role/ours\" } }\n";

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_another_tool_rotates_are_taken_up_without_a_signal() {
    let home = Home::new();
    rotate(&home, "AKIA-OLD");
    let cloud = Stub::http(aws).await;
    let daemon = home.run(&(account(&cloud.url, "") + &second(&cloud.url)));
    cloud
        .comes("the old key", &daemon, |s| reads(s) && signer(s) == "AKIA-OLD")
        .await;
    rotate(&home, "AKIA-NEW");
    cloud
        .comes("the new key", &daemon, |s| reads(s) && signer(s) == "AKIA-NEW")
        .await;
    cloud
        .comes("its role", &daemon, |s| {
            is_action("AssumeRole")(s) && signer(s) == "AKIA-NEW"
        })
        .await;
}

/// A second account, which takes on a role.
fn second(url: &str) -> String {
    account(url, ROLE)
        .replace("aws:\n", "")
        .replace("name: a", "name: b")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_run_out_is_replaced_by_what_its_source_has_now() {
    let home = Home::new();
    let answer = "echo '{\"Version\": 1, \"AccessKeyId\": \"KEY\", \"SecretAccessKey\": \"s\"}'\n";
    home.write("helper", &answer.replace("KEY", "ASIA-OLD"));
    let helper = home.path().join("helper");
    home.write(
        ".aws/config",
        &format!("[default]\ncredential_process = sh {}\n", helper.display()),
    );
    let ended = Arc::new(AtomicBool::new(false));
    let has_ended = Arc::clone(&ended);
    let cloud = Stub::http(move |request| {
        if has_ended.load(Ordering::SeqCst) && signer(request) == "ASIA-OLD" {
            return Answer::of(400, CBOR, b"\xa1\x66__type\x75ExpiredTokenException".to_vec())
                .with("smithy-protocol", "rpc-v2-cbor")
                .with("x-amzn-query-error", "ExpiredToken;Sender");
        }
        aws(request)
    });
    let cloud = cloud.await;
    let daemon = home.run(&account(&cloud.url, ""));
    cloud
        .comes("the old key", &daemon, |s| reads(s) && signer(s) == "ASIA-OLD")
        .await;
    home.write("helper", &answer.replace("KEY", "ASIA-NEW"));
    ended.store(true, Ordering::SeqCst);
    cloud
        .comes("the new key", &daemon, |s| reads(s) && signer(s) == "ASIA-NEW")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_comes_later_is_found_without_a_signal() {
    let home = Home::new();
    home.write(
        ".aws/config",
        "[default]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = gone\n",
    );
    let cloud = Stub::http(aws).await;
    let daemon = home.run(&account(&cloud.url, ""));
    daemon.says("which does not exist").await;
    home.write(".aws/config", "");
    rotate(&home, "AKIA-LATE");
    cloud
        .comes("the key", &daemon, |s| reads(s) && signer(s) == "AKIA-LATE")
        .await;
}
