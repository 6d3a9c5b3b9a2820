//! AWS: the sources of the SDK's chain and of profiles, in the order of AWS's tools.

use super::stub::{Answer, Seen, Stub};
use super::{Home, Said};
use crate::authority::Authority;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An empty CBOR map: no points.
const NOTHING: &[u8] = &[0xa0];
/// `{"Metrics": [{"Namespace": "AWS/EC2", "MetricName": "m"}]}` in CBOR.
const ONE_METRIC: &[u8] = b"\xa1\x67Metrics\x81\xa2\x69Namespace\x67AWS/EC2\x6aMetricName\x61m";
const CBOR: &str = "application/cbor";

/// CloudWatch and STS in one: `AssumeRole` gives keys named after the role, everything else is empty.
fn aws(request: &Seen) -> Answer {
    if lists(request) {
        return Answer::of(200, CBOR, ONE_METRIC).with("smithy-protocol", "rpc-v2-cbor");
    }
    if request.target.contains("/operation/") {
        return Answer::of(200, CBOR, NOTHING).with("smithy-protocol", "rpc-v2-cbor");
    }
    let action = request.field("Action").unwrap_or_default();
    let xml = match action.as_str() {
        "GetCallerIdentity" => {
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
                .to_owned()
        }
        _ => {
            let arn = request.field("RoleArn").unwrap_or_default();
            let role = arn.rsplit('/').next().unwrap().to_owned();
            format!(
                "<{action}Response><{action}Result><Credentials><AccessKeyId>ASIA-{role}</AccessKeyId>\
                 <SecretAccessKey>s</SecretAccessKey><SessionToken>token-{role}</SessionToken>\
                 <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></{action}Result></{action}Response>"
            )
        }
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

/// `check` passes, and CloudWatch was asked with this key and token.
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
async fn keys_of_a_profile_before_those_of_the_environment_when_it_is_named() {
    let mut home = Home::new();
    home.write(
        ".aws/credentials",
        "[default]\naws_access_key_id = AKIA-DEFAULT\naws_secret_access_key = s\n\
         [ours]\naws_access_key_id = AKIA-OURS\naws_secret_access_key = s\naws_session_token =\n",
    );
    signs_with(&home, "", "AKIA-DEFAULT", "").await;
    home.set("AWS_PROFILE", "ours");
    signs_with(&home, "", "AKIA-OURS", "").await;
    home.unset("AWS_PROFILE");
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    signs_with(&home, "", "AKIA-ENV", "").await;
    signs_with(&home, PROFILE, "AKIA-OURS", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_where_the_environment_says_they_are() {
    let mut home = Home::new();
    let keys = home.write(
        "elsewhere/keys",
        "[ours]\naws_access_key_id = AKIA-E\naws_secret_access_key = s\n",
    );
    let config = home.write(
        "elsewhere/config",
        "[profile role]\nrole_arn = arn:aws:iam::1:role/far\nsource_profile = ours\n",
    );
    home.set("AWS_SHARED_CREDENTIALS_FILE", keys.to_str().unwrap());
    home.set("AWS_CONFIG_FILE", config.to_str().unwrap());
    signs_with(&home, PROFILE, "AKIA-E", "").await;
    signs_with(
        &home,
        "    credentials: { profile: role }\n",
        "ASIA-far",
        "token-far",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_of_profiles_at_the_configured_sts() {
    let home = Home::new();
    home.write(
        ".aws/config",
        "[profile ours]\nrole_arn = arn:aws:iam::2:role/second\nsource_profile = first\nexternal_id = shared word\n\
         role_session_name = us\nduration_seconds = 1800\n\
         [profile first]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile = keys\n\
         [profile keys]\naws_access_key_id = AKIA-KEYS\naws_secret_access_key = s\n",
    );
    let cloud = signs_with(&home, PROFILE, "ASIA-second", "token-second").await;
    let taken: Vec<Seen> = cloud.seen().into_iter().filter(is_action("AssumeRole")).collect();
    let signed: Vec<String> = taken.iter().map(signer).collect();
    assert_eq!(signed[..2], ["AKIA-KEYS", "ASIA-first"]);
    let field = |name| taken[1].field(name).unwrap();
    assert_eq!(field("RoleArn"), "arn:aws:iam::2:role/second");
    assert_eq!(
        (field("ExternalId"), field("RoleSessionName")),
        ("shared word".into(), "us".into())
    );
    assert_eq!(field("DurationSeconds"), "1800");
    assert_eq!(taken[0].field("RoleSessionName").unwrap(), "nephoscope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_the_environment_as_its_source() {
    let mut home = Home::new();
    home.write(
        ".aws/config",
        "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Environment\n",
    );
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    let cloud = signs_with(&home, PROFILE, "ASIA-r", "token-r").await;
    assert_eq!(
        signer(&cloud.asked("AssumeRole", is_action("AssumeRole"))),
        "AKIA-ENV"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_the_configuration_on_top_of_its_own_keys_and_of_a_profile() {
    let home = Home::new();
    let role = "assume_role: { arn: \"arn:aws:iam::123456789012:role/ours\", external_id: word }";
    let keys = "static: { access_key_id: AKIA-OWN, secret_access_key: s }";
    let cloud = signs_with(
        &home,
        &format!("    credentials: {{ {keys}, {role} }}\n"),
        "ASIA-ours",
        "token-ours",
    )
    .await;
    let taken = cloud.asked("AssumeRole", is_action("AssumeRole"));
    assert_eq!(
        (
            signer(&taken).as_str(),
            taken.field("ExternalId").unwrap().as_str()
        ),
        ("AKIA-OWN", "word")
    );
    home.write(
        ".aws/config",
        "[profile ours]\nrole_arn = arn:aws:iam::1:role/below\nsource_profile = ours\naws_access_key_id = AKIA-SELF\n\
         aws_secret_access_key = s\n",
    );
    let cloud = signs_with(
        &home,
        &format!("    credentials: {{ profile: ours, {role} }}\n"),
        "ASIA-ours",
        "token-ours",
    )
    .await;
    let signed: Vec<String> = cloud
        .seen()
        .iter()
        .filter(|s| is_action("AssumeRole")(s))
        .map(signer)
        .collect();
    assert_eq!(signed[..2], ["AKIA-SELF", "ASIA-below"]);
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

#[tokio::test(flavor = "multi_thread")]
async fn a_process_as_of_roles_anywhere() {
    let home = Home::new();
    home.write(
        "helper",
        "echo '{\"Version\": 1, \"AccessKeyId\": \"ASIA-PROCESS\", \"SecretAccessKey\": \"s\", \"SessionToken\": \"t\", \
         \"Expiration\": \"2100-01-01T00:00:00Z\"}'\n",
    );
    let helper = home.path().join("helper");
    home.write(
        ".aws/config",
        &format!(
            "[profile ours]\ncredential_process = sh {} --key hidden\n",
            helper.display()
        ),
    );
    signs_with(&home, PROFILE, "ASIA-PROCESS", "t").await;
    home.write("helper", "echo cannot open the certificate >&2; exit 3\n");
    let said = failing(&home, PROFILE).await;
    assert!(!said.text.contains("hidden"), "{}", said.text);
    said.refused(&["1. profile ours: ", "cannot open the certificate"]);
}

/// SSO keeps its token in a file named by the SHA-1 of the session's name, or of the start URL.
fn sso_cache(name: &str) -> String {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, name.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(".aws/sso/cache/{hex}.json")
}

fn portal(request: &Seen) -> Answer {
    if request.target.starts_with("/token") {
        return Answer::json(
            &json!({"accessToken": "renewed", "expiresIn": 3600, "refreshToken": "next", "tokenType": "Bearer"}),
        );
    }
    Answer::json(&json!({"roleCredentials": {
        "accessKeyId": "ASIA-SSO", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4_102_444_800_000_u64
    }}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_sso_of_both_forms() {
    let mut home = Home::new();
    let portal = Stub::http(portal).await;
    home.set("AWS_ENDPOINT_URL_SSO", &portal.url)
        .set("AWS_ENDPOINT_URL_SSO_OIDC", &portal.url);
    let start = "https://ours.awsapps.com/start";
    let account = "sso_account_id = 123456789012\nsso_role_name = Reader\n";
    home.write(
        ".aws/config",
        &format!("[profile ours]\n{account}sso_region = eu-west-1\nsso_start_url = {start}\n"),
    );
    let cached = json!({"accessToken": "signed-in", "expiresAt": "2100-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": start});
    home.write(&sso_cache(start), &cached.to_string());
    signs_with(&home, PROFILE, "ASIA-SSO", "t").await;
    let asked = portal.asked("the role", |s| s.target.starts_with("/federation/credentials"));
    assert_eq!(
        (
            asked.field("role_name").unwrap(),
            asked.field("account_id").unwrap()
        ),
        ("Reader".into(), "123456789012".into())
    );
    assert_eq!(asked.header("x-amz-sso_bearer_token"), "signed-in");
    // With a section of its own, and a token that has to be renewed.
    home.write(
        ".aws/config",
        &format!(
            "[profile ours]\n{account}sso_session = main\n[sso-session main]\nsso_region = eu-west-1\nsso_start_url = {start}\n"
        ),
    );
    let stale = json!({"accessToken": "old", "expiresAt": "2020-01-01T00:00:00Z", "refreshToken": "again", "clientId": "c",
        "clientSecret": "cs", "registrationExpiresAt": "2100-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": start});
    home.write(&sso_cache("main"), &stale.to_string());
    signs_with(&home, PROFILE, "ASIA-SSO", "t").await;
    assert_eq!(
        portal
            .asked("a new token", |s| s.target.starts_with("/token"))
            .json()["refreshToken"],
        "again"
    );
    portal.asked("the role with it", |s| {
        s.header("x-amz-sso_bearer_token") == "renewed"
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_has_run_out_is_said() {
    let mut home = Home::new();
    let body = r#"{"message": "Session token not found or invalid"}"#;
    let portal = Stub::http(move |_| {
        Answer::of(401, "application/json", body).with("x-amzn-errortype", "UnauthorizedException")
    });
    let portal = portal.await;
    home.set("AWS_ENDPOINT_URL_SSO", &portal.url);
    let start = "https://ours.awsapps.com/start";
    home.write(
        ".aws/config",
        &format!(
            "[profile ours]\nsso_account_id = 1\nsso_role_name = R\nsso_region = eu-west-1\nsso_start_url = {start}\n"
        ),
    );
    let login = "sign in: `aws sso login --profile ours`";
    failing(&home, PROFILE)
        .await
        .refused(&["1. profile ours: ", login]);
    let stale = json!({"accessToken": "old", "expiresAt": "2020-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": start});
    home.write(&sso_cache(start), &stale.to_string());
    failing(&home, PROFILE)
        .await
        .refused(&["Session token not found or invalid", login]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_session_of_the_console() {
    use aws_lc_rs::digest::{SHA256, digest};
    let home = Home::new();
    let session = "arn:aws:iam::123456789012:user/me";
    home.write(
        ".aws/config",
        &format!("[profile ours]\nlogin_session = {session}\n"),
    );
    let hash = digest(&SHA256, session.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let token = json!({"accessKeyId": "ASIA-LOGIN", "secretAccessKey": "s", "sessionToken": "t", "accountId": "123456789012",
        "expiresAt": "2100-01-01T00:00:00Z"});
    let cached = json!({"accessToken": token, "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
        "refreshToken": "r", "idToken": "i", "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": "none"});
    home.write(&format!(".aws/login/cache/{hex}.json"), &cached.to_string());
    signs_with(&home, PROFILE, "ASIA-LOGIN", "t").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn profiles_that_cannot_work_say_why() {
    let half = "[profile ours]\naws_access_key_id = AKIA\n";
    let mfa = "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = ours\nmfa_serial = arn:aws:iam::1:mfa/me\n";
    let lost = "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = gone\n";
    let circle = "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = b\n[profile b]\nrole_arn = \
                  arn:aws:iam::1:role/s\nsource_profile = ours\n";
    let odd = "[profile ours]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Wallet\n";
    let open = "[profile ours]\nsso_session = none\nsso_account_id = 1\nsso_role_name = r\n";
    let other = "[profile other]\nregion = eu-west-1\n";
    for (config, wanted) in [
        (
            half,
            "profile `ours` has no `aws_secret_access_key` beside its key id",
        ),
        (mfa, "asks for a one-time code (`mfa_serial`)"),
        (
            lost,
            "profile `ours` names `gone` as its source, which does not exist",
        ),
        (circle, "its source profiles go in a circle: ours → b → ours"),
        (odd, "`credential_source = Wallet`; possible are"),
        (open, "`[sso-session none]`, which does not exist"),
        (other, "there is no profile `ours`"),
    ] {
        let home = Home::new();
        home.write(".aws/config", config);
        failing(&home, PROFILE)
            .await
            .refused(&["1. profile ours: ", wanted]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_sts_says_of_a_role_is_said_and_its_external_id_never() {
    let home = Home::new();
    let refuses = |request: &Seen| match request.field("Action").as_deref() {
        Some("AssumeRole") => Answer::of(
            403,
            "text/xml",
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: x is not authorized to perform: \
             sts:AssumeRole</Message></Error><RequestId>r</RequestId></ErrorResponse>",
        ),
        _ => aws(request),
    };
    home.write(
        ".aws/config",
        "[profile ours]\nrole_arn = arn:aws:iam::1:role/closed\nsource_profile = ours\nexternal_id = planted-in-file\n\
         aws_access_key_id = AKIA\naws_secret_access_key = planted-secret\n",
    );
    let role = "assume_role: { arn: \"arn:aws:iam::123456789012:role/x\", external_id: planted-in-config }";
    for cloud in [Stub::http(refuses).await, Stub::http(aws).await] {
        let yaml = account(
            &cloud.url,
            &format!("    credentials: {{ profile: ours, {role} }}\n"),
        );
        let said = home.check_at("trace", &yaml).await;
        assert!(!said.text.contains("planted"), "{}", said.text);
        if said.code != 0 {
            said.refused(&[
                "AssumeRole of arn:aws:iam::1:role/closed: AccessDenied: User: x is not authorized",
            ]);
        }
    }
}

/// The daemon's services with a certificate of a private authority.
async fn private(authority: &Authority) -> Stub {
    Stub::https(authority, &["localhost"], aws).await
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_the_configuration_the_environment_and_a_profile() {
    let authority = Authority::new("ours");
    let cloud = private(&authority).await;
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    let unknown = home.check(&account(&cloud.url, "")).await;
    assert_ne!(unknown.code, 0, "{}", unknown.text);
    let file = home.write("ca.pem", &authority.pem);
    home.check(&account(
        &cloud.url,
        &format!("    ca_file: {}\n", file.display()),
    ))
    .await
    .good();
    home.set("AWS_CA_BUNDLE", file.to_str().unwrap());
    home.check(&account(&cloud.url, "")).await.good();
    home.unset("AWS_CA_BUNDLE");
    home.write(
        ".aws/config",
        &format!("[default]\nca_bundle = {}\n", file.display()),
    );
    home.check(&account(&cloud.url, "")).await.good();
    home.set("AWS_CA_BUNDLE", "/no/such/bundle.pem");
    let said = home.check(&account(&cloud.url, "")).await;
    said.refused(&["AWS_CA_BUNDLE names /no/such/bundle.pem as certificate authorities: No such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_for_the_cloud_and_sts_but_never_for_metadata() {
    let authority = Authority::new("ours");
    let cloud = Stub::https(&authority, &["aws.test"], aws).await;
    let proxy = Stub::proxy(cloud.port, |_| Answer::of(502, "text/plain", "not for me")).await;
    let service = Stub::http(metadata).await;
    let mut home = Home::new();
    let file = home.write("ca.pem", &authority.pem);
    home.unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.url);
    let through = proxy.url.replace("http://", "http://us:word@");
    home.set("HTTPS_PROXY", &through).set("HTTP_PROXY", &through);
    let role = "assume_role: { arn: \"arn:aws:iam::123456789012:role/ours\" }";
    let more = format!("    ca_file: {}\n    credentials: {{ {role} }}\n", file.display());
    home.check(&account(&cloud.url, &more)).await.good();
    assert_eq!(signer(&cloud.asked("ListMetrics", lists)), "ASIA-ours");
    assert_eq!(
        signer(&cloud.asked("AssumeRole", is_action("AssumeRole"))),
        "ASIA-MACHINE"
    );
    let asked = proxy.seen();
    let connects = |s: &Seen| s.method == "CONNECT" && s.target == format!("aws.test:{}", cloud.port);
    assert!(!asked.is_empty() && asked.iter().all(connects), "{asked:?}");
    assert_eq!(asked[0].header("proxy-authorization"), "Basic dXM6d29yZA==");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_left_out_for_what_no_proxy_names() {
    let cloud = Stub::http(aws).await;
    let proxy = Stub::proxy(cloud.port, aws).await;
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    home.set("HTTP_PROXY", &proxy.url);
    home.check(&account(&cloud.url, "")).await.good();
    assert!(
        cloud.seen().is_empty() && proxy.seen().iter().any(lists),
        "{:?}",
        proxy.seen()
    );
    home.set("NO_PROXY", "127.0.0.1");
    let before = proxy.seen().len();
    home.check(&account(&cloud.url, "")).await.good();
    assert!(cloud.seen().iter().any(lists) && proxy.seen().len() == before);
}

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
    let text = account(url, ROLE)
        .replace("aws:\n", "")
        .replace("name: a", "name: b");
    text
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
