//! AWS: the sources of the SDK's chain, in the order of AWS's tools; `profiles` has what profiles say, `connections` proxies
//! and authorities, `rotation` what changes while the daemon runs.

mod connections;
mod profiles;
mod rotation;

use super::stub::{Answer, Seen, Stub};
use super::{Home, Said};
use serde_json::json;

/// An empty CBOR map: no points.
const NOTHING: &[u8] = &[0xa0];

/// `{"Metrics": [{"Namespace": "AWS/EC2", "MetricName": "m"}]}` in CBOR.
const ONE_METRIC: &[u8] = b"\xa1\x67Metrics\x81\xa2\x69Namespace\x67AWS/EC2\x6aMetricName\x61m";

const CBOR: &str = "application/cbor";

/// `CloudWatch` and STS in one: `AssumeRole` gives keys named after the role, everything else is empty.
fn aws(request: &Seen) -> Answer {
    if lists(request) {
        return Answer::of(200, CBOR, ONE_METRIC).with("smithy-protocol", "rpc-v2-cbor");
    }
    if request.target.contains("/operation/") {
        return Answer::of(200, CBOR, NOTHING).with("smithy-protocol", "rpc-v2-cbor");
    }
    let action = request.field("Action").unwrap_or_default();
    let xml = if action == "GetCallerIdentity" {
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
            .to_owned()
    } else {
        let arn = request.field("RoleArn").unwrap_or_default();
        let role = arn.rsplit('/').next().unwrap().to_owned();
        format!(
            "<{action}Response><{action}Result><Credentials><AccessKeyId>ASIA-{role}</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>token-{role}</SessionToken>\
             <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></{action}Result></{action}Response>"
        )
    };
    Answer::of(200, "text/xml", xml)
}

/// An account whose services are all at `url`.
fn account(url: &str, more: &str) -> String {
    format!(
        "aws:\n  - name: a\n    regions: [eu-west-1]\n    endpoint: {url}\n    metrics: [{{ namespace: AWS/EC2 }}]\n{more}"
    )
}

/// Whose key signed a request.
fn signer(request: &Seen) -> String {
    let header = request.header("authorization");
    let (_, after) = header.split_once("Credential=").unwrap_or(("", "nobody/"));
    after.split('/').next().unwrap().to_owned()
}

fn is_action(name: &'static str) -> impl Fn(&Seen) -> bool {
    move |request| request.field("Action").as_deref() == Some(name)
}

fn lists(request: &Seen) -> bool {
    request.target.ends_with("/operation/ListMetrics")
}

/// `check` passes, and `CloudWatch` was asked with this key and token.
async fn signs_with(home: &Home, more: &str, key: &str, token: &str) -> Stub {
    let cloud = Stub::http(aws).await;
    home.check(&account(&cloud.url, more)).await.good();
    let listed = cloud.asked("ListMetrics", lists);
    assert_eq!(
        (signer(&listed).as_str(), listed.header("x-amz-security-token")),
        (key, token)
    );
    cloud
}

const PROFILE: &str = "    credentials: { profile: ours }\n";

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_the_environment() {
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    signs_with(&home, "", "AKIA-ENV", "").await;
    home.set("AWS_SESSION_TOKEN", "temporary");
    signs_with(&home, "", "AKIA-ENV", "temporary").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_identity_token_of_the_environment_and_of_a_profile() {
    let mut home = Home::new();
    let token = home.write("token", "a.jwt.token\n");
    home.set("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    home.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod")
        .set("AWS_ROLE_SESSION_NAME", "pod-1");
    let cloud = signs_with(&home, "", "ASIA-pod", "token-pod").await;
    let asked = cloud.asked("a web identity", is_action("AssumeRoleWithWebIdentity"));
    assert_eq!(
        asked.field("WebIdentityToken").unwrap(),
        "a.jwt.token",
        "without its line end"
    );
    assert_eq!(
        (
            asked.field("RoleSessionName").unwrap(),
            asked.header("authorization")
        ),
        ("pod-1".into(), "")
    );
    let home = Home::new();
    home.write("token", "other.jwt\n");
    let token = home.path().join("token");
    home.write(
        ".aws/config",
        &format!(
            "[profile ours]\nrole_arn = arn:aws:iam::1:role/p\nweb_identity_token_file = {}\n",
            token.display()
        ),
    );
    let cloud = signs_with(&home, PROFILE, "ASIA-p", "token-p").await;
    let asked = cloud.asked("a web identity", is_action("AssumeRoleWithWebIdentity"));
    assert_eq!(asked.field("WebIdentityToken").unwrap(), "other.jwt");
}

fn container(request: &Seen) -> Answer {
    let key = format!("ASIA-{}", request.target.trim_start_matches('/'));
    Answer::json(
        &json!({"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": "2100-01-01T00:00:00Z"}),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_with_a_token_in_the_environment_or_in_a_file() {
    let mut home = Home::new();
    let agent = Stub::http(container).await;
    home.set(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("{}/TASK", agent.url),
    );
    home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic word");
    signs_with(&home, "", "ASIA-TASK", "t").await;
    assert_eq!(agent.seen()[0].header("authorization"), "Basic word");
    // EKS pod identity: a token in a file.
    let file = home.write("pod-token", "pod.jwt");
    home.unset("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap());
    home.set(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("{}/POD", agent.url),
    );
    signs_with(&home, "", "ASIA-POD", "t").await;
    assert_eq!(
        agent
            .asked("the pod's", |s| s.target == "/POD")
            .header("authorization"),
        "pod.jwt"
    );
    home.write(
        ".aws/config",
        "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = EcsContainer\n",
    );
    let cloud = signs_with(&home, PROFILE, "ASIA-r", "token-r").await;
    assert_eq!(
        signer(&cloud.asked("AssumeRole", is_action("AssumeRole"))),
        "ASIA-POD"
    );
}

/// Instance metadata, version 2: nothing without a token.
fn metadata(request: &Seen) -> Answer {
    let text = |text: &str| Answer::of(200, "text/plain", text);
    if request.target == "/latest/api/token" {
        return text("imds-token").with("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    }
    if request.header("x-aws-ec2-metadata-token") != "imds-token" {
        return Answer::of(401, "text/plain", "");
    }
    match request.target.as_str() {
        "/latest/meta-data/iam/security-credentials/" => text("machine"),
        "/latest/meta-data/iam/security-credentials/machine" => Answer::json(&json!({
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIA-MACHINE", "SecretAccessKey": "s", "Token": "t",
            "LastUpdated": "2020-01-01T00:00:00Z", "Expiration": "2100-01-01T00:00:00Z"
        })),
        _ => Answer::of(404, "text/plain", ""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_of_an_instance_alone_and_below_a_role() {
    let mut home = Home::new();
    let service = Stub::http(metadata).await;
    home.unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.url);
    signs_with(&home, "", "ASIA-MACHINE", "t").await;
    assert_eq!(service.seen()[0].method, "PUT");
    home.write(
        ".aws/config",
        "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Ec2InstanceMetadata\n",
    );
    let cloud = signs_with(&home, PROFILE, "ASIA-r", "token-r").await;
    assert_eq!(
        signer(&cloud.asked("AssumeRole", is_action("AssumeRole"))),
        "ASIA-MACHINE"
    );
}

/// `check` against a cloud that nobody needs to ask.
async fn failing(home: &Home, more: &str) -> Said {
    let cloud = Stub::http(aws).await;
    let said = home.check(&account(&cloud.url, more)).await;
    assert!(
        !cloud.seen().iter().any(lists),
        "asked without credentials: {}",
        said.text
    );
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_and_why_is_said_when_there_is_nothing() {
    failing(&Home::new(), "").await.refused(&[
        "no credentials; tried in this order: 1. environment: ",
        "2. profile default: there is no profile `default`",
        "3. web identity token: AWS_ROLE_ARN is not set",
        "4. container: ",
        "5. instance metadata: IMDS disabled by AWS_EC2_METADATA_DISABLED",
    ]);
}
