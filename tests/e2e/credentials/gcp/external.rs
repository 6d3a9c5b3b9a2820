//! External accounts by each of their sources.

use super::{Cloud, account, by_file};
use crate::credentials::stub::{Answer, Stub};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

/// An external account with this source.
fn external(source: &Value) -> Value {
    json!({"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/w/providers/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": source})
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_account_by_a_file_of_either_format() {
    let cloud = Cloud::start().await;
    let token = cloud.home.write("token", "a.jwt\n").display().to_string();
    let file = cloud.file("wif.json", &external(&json!({"file": token})));
    cloud.bears(&by_file(&file), "federated a.jwt").await;
    let asked = cloud
        .google
        .asked("STS", |s| s.header("host").starts_with("sts."));
    assert!(
        asked
            .field("audience")
            .unwrap()
            .ends_with("/workloadIdentityPools/w/providers/p")
    );
    let cloud = Cloud::start().await;
    let token = cloud
        .home
        .write("token", "{\"id\": \"b.jwt\"}\n")
        .display()
        .to_string();
    let format = json!({"type": "json", "subject_token_field_name": "id"});
    let file = cloud.file("wif.json", &external(&json!({"file": token, "format": format})));
    cloud.bears(&by_file(&file), "federated b.jwt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_account_that_impersonates() {
    let cloud = Cloud::start().await;
    let token = cloud.home.write("token", "a.jwt\n").display().to_string();
    let mut json = external(&json!({"file": token}));
    json["service_account_impersonation_url"] =
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/sa@p:generateAccessToken".into();
    cloud
        .bears(
            &by_file(&cloud.file("wif.json", &json)),
            "sa@p by federated a.jwt",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_account_by_a_url_of_this_machine() {
    let mut cloud = Cloud::start().await;
    let service = Stub::http(|_| Answer::json(&json!({"access_token": "azure.jwt"}))).await;
    cloud.home.set("NO_PROXY", "127.0.0.1");
    let format = json!({"type": "json", "subject_token_field_name": "access_token"});
    let source = json!({"url": format!("{}/metadata?x=1", service.url), "headers": {"Metadata": "True"}, "format": format});
    let file = cloud.file("wif.json", &external(&source));
    cloud.bears(&by_file(&file), "federated azure.jwt").await;
    assert_eq!(
        (
            service.seen()[0].header("metadata"),
            service.seen()[0].target.as_str()
        ),
        ("True", "/metadata?x=1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_account_by_a_program_that_is_allowed() {
    let mut cloud = Cloud::start().await;
    let answer = json!({"version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:jwt", "id_token": "run.jwt",
        "expiration_time": 4_102_444_800_u64});
    let script = cloud
        .home
        .write("program", &format!("#!/bin/sh\necho '{answer}'\n"));
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let source = json!({"executable": {"command": script.display().to_string(), "timeout_millis": 5000}});
    let yaml = by_file(&cloud.file("wif.json", &external(&source)));
    cloud
        .home
        .check(&account(&yaml))
        .await
        .refused(&["GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"]);
    cloud.home.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    cloud.bears(&yaml, "federated run.jwt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_account_by_the_keys_of_aws() {
    let mut cloud = Cloud::start().await;
    cloud
        .home
        .set("AWS_ACCESS_KEY_ID", "AKIA-1")
        .set("AWS_SECRET_ACCESS_KEY", "s")
        .set("AWS_REGION", "eu-west-1");
    let url = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";
    let mut json = external(&json!({"environment_id": "aws1", "regional_cred_verification_url": url}));
    json["subject_token_type"] = "urn:ietf:params:aws:token-type:aws4_request".into();
    cloud.passes(&by_file(&cloud.file("wif.json", &json))).await;
    let asked = cloud
        .google
        .asked("STS", |s| s.header("host").starts_with("sts."));
    let signed = asked.field("subject_token").unwrap();
    assert!(
        signed.contains("AKIA-1") && signed.contains("sts.eu-west-1.amazonaws.com"),
        "{signed}"
    );
}
