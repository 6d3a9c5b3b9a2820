//! Google: every type of credential file, the metadata server, and whom they impersonate. Google's services are found by
//! their own names, through a proxy that leads every one of them to a scripted service with a certificate of ours.

use super::stub::{Answer, Seen, Stub};
use super::{Home, is_get};
use crate::authority::Authority;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;

const HOSTS: [&str; 6] = [
    "monitoring.googleapis.com",
    "oauth2.googleapis.com",
    "sts.googleapis.com",
    "iamcredentials.googleapis.com",
    "monitoring.ours.test",
    "sts.eu-west-1.amazonaws.com",
];

/// All of Google's services in one; a token says what it was given for.
fn google(request: &Seen) -> Answer {
    let host = request.header("host").split(':').next().unwrap().to_owned();
    let body = request.json();
    match host.as_str() {
        "oauth2.googleapis.com" => {
            let token = format!("user {}", body["refresh_token"].as_str().unwrap_or_default());
            Answer::json(&json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}))
        }
        "sts.googleapis.com" => {
            let token = request.field("subject_token").unwrap_or_default();
            let token = format!("federated {}", token.replace('\n', "LINE-END"));
            let kind = "urn:ietf:params:oauth:token-type:access_token";
            Answer::json(
                &json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer", "issued_token_type": kind}),
            )
        }
        "iamcredentials.googleapis.com" => {
            let (_, rest) = request.target.split_once("/serviceAccounts/").unwrap();
            let name = rest.split(':').next().unwrap().replace("%40", "@");
            let by = request
                .header("authorization")
                .trim_start_matches("Bearer ")
                .to_owned();
            let by = if by.starts_with("ey") {
                "a key".to_owned()
            } else {
                by
            };
            Answer::json(
                &json!({"accessToken": format!("{name} by {by}"), "expireTime": "2100-01-01T00:00:00Z"}),
            )
        }
        _ => Answer::json(&json!({"metricDescriptors": []})),
    }
}

/// Google behind a proxy, and a home that has nothing but the way there.
struct Cloud {
    google: Stub,
    proxy: Stub,
    home: Home,
}

impl Cloud {
    async fn start() -> Self {
        Self::answering(google).await
    }

    async fn answering(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let authority = Authority::new("ours");
        let google = Stub::https(&authority, &HOSTS, script).await;
        let proxy = Stub::proxy(google.port, |_| Answer::of(502, "text/plain", "not for me")).await;
        let mut home = Home::new();
        let file = home.write("ca.pem", &authority.pem);
        home.set("SSL_CERT_FILE", file.to_str().unwrap());
        home.set("HTTPS_PROXY", &proxy.url).set("HTTP_PROXY", &proxy.url);
        Self { google, proxy, home }
    }

    fn file(&self, name: &str, json: &Value) -> String {
        self.home.write(name, &json.to_string()).display().to_string()
    }

    async fn passes(&self, more: &str) -> Seen {
        self.home.check(&account(more)).await.good();
        self.google.asked("Monitoring", |s| {
            s.target.starts_with("/v3/projects/p-1/metricDescriptors")
        })
    }

    /// `check` passes, and Monitoring was asked with this token.
    async fn bears(&self, more: &str, token: &str) -> Seen {
        let asked = self.passes(more).await;
        assert_eq!(asked.header("authorization"), format!("Bearer {token}"));
        asked
    }
}

fn account(more: &str) -> String {
    format!(
        "gcp:\n  - name: g\n    projects: [p-1]\n    metrics: [{{ types: [\"compute.googleapis.com/instance/cpu/*\"] }}]\n{more}"
    )
}

fn by_file(path: &str) -> String {
    format!("    credentials: {{ service_account_file: {path} }}\n")
}

fn key_of(email: &str) -> Value {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    json!({"type": "service_account", "client_email": email, "private_key": key, "private_key_id": "k-1", "project_id": "p-1"})
}

/// What a self-signed token says.
fn claims(asked: &Seen) -> Value {
    let token = asked.header("authorization").trim_start_matches("Bearer ");
    let claims = token
        .split('.')
        .nth(1)
        .unwrap_or_else(|| panic!("{token} is no JWT"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

const ME: &str = "me@p-1.iam.gserviceaccount.com";

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_service_account_named_in_the_file_and_in_the_environment() {
    let mut cloud = Cloud::start().await;
    let path = cloud.file("sa.json", &key_of(ME));
    let asked = cloud.passes(&by_file(&path)).await;
    let said = claims(&asked);
    assert_eq!(
        (&said["iss"], &said["scope"]),
        (
            &ME.into(),
            &"https://www.googleapis.com/auth/monitoring.read".into()
        )
    );
    cloud.home.set("GOOGLE_APPLICATION_CREDENTIALS", &path);
    assert_eq!(claims(&cloud.passes("").await)["iss"], ME);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_universe_is_that_of_the_file() {
    let cloud = Cloud::start().await;
    let mut key = key_of(ME);
    key["universe_domain"] = "ours.test".into();
    let asked = cloud.passes(&by_file(&cloud.file("sa.json", &key))).await;
    assert_eq!(
        asked.header("host").split(':').next().unwrap(),
        "monitoring.ours.test"
    );
}

fn user(token: &str) -> Value {
    json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": token, "quota_project_id": "of-file"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_in_gclouds_file_and_in_a_named_one() {
    let cloud = Cloud::start().await;
    cloud.file(
        ".config/gcloud/application_default_credentials.json",
        &user("r-1"),
    );
    let asked = cloud.bears("", "user r-1").await;
    assert_eq!(asked.header("x-goog-user-project"), "of-file");
    let refreshed = cloud
        .google
        .asked("a token", |s| s.header("host").starts_with("oauth2"));
    assert_eq!(refreshed.json()["grant_type"], "refresh_token");
    let cloud = Cloud::start().await;
    cloud
        .bears(&by_file(&cloud.file("me.json", &user("r-2"))), "user r-2")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_project_is_the_configurations_before_the_environments() {
    let mut cloud = Cloud::start().await;
    let path = cloud.file("sa.json", &key_of(ME));
    cloud.home.set("GOOGLE_CLOUD_QUOTA_PROJECT", "of-environment");
    let asked = cloud
        .passes(&(by_file(&path) + "    quota_project: ours\n"))
        .await;
    assert_eq!(asked.header("x-goog-user-project"), "ours");
    let mut cloud = Cloud::start().await;
    let path = cloud.file("sa.json", &key_of(ME));
    cloud.home.set("GOOGLE_CLOUD_QUOTA_PROJECT", "of-environment");
    assert_eq!(
        cloud.passes(&by_file(&path)).await.header("x-goog-user-project"),
        "of-environment"
    );
}

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

#[tokio::test(flavor = "multi_thread")]
async fn an_impersonated_account_of_a_file_and_of_the_configuration() {
    let cloud = Cloud::start().await;
    let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/sa@p:generateAccessToken";
    let json = json!({"type": "impersonated_service_account", "service_account_impersonation_url": url, "source_credentials": user("r-1")});
    cloud
        .bears(&by_file(&cloud.file("imp.json", &json)), "sa@p by user r-1")
        .await;
    for (json, wanted) in [
        (key_of(ME), "them@p by a key"),
        (user("r-2"), "them@p by user r-2"),
        (json, "them@p by sa@p by user r-1"),
    ] {
        let cloud = Cloud::start().await;
        let path = cloud.file("base.json", &json);
        let yaml = format!(
            "    credentials: {{ service_account_file: {path}, impersonate: them@p }}\n    quota_project: ours\n"
        );
        let asked = cloud.bears(&yaml, wanted).await;
        assert_eq!(asked.header("x-goog-user-project"), "ours");
        let asked = cloud.google.asked("IAM", |s| s.target.contains("them"));
        assert_eq!(
            asked.json()["scope"],
            json!(["https://www.googleapis.com/auth/monitoring.read"])
        );
    }
}

fn metadata(request: &Seen) -> Answer {
    if request.header("metadata-flavor") != "Google" {
        return Answer::of(403, "text/plain", "");
    }
    if request.target.contains("/token") {
        return Answer::json(
            &json!({"access_token": "of-machine", "expires_in": 3600, "token_type": "Bearer"}),
        );
    }
    Answer::of(404, "text/plain", "")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_server_which_no_proxy_stands_before() {
    let mut cloud = Cloud::start().await;
    let service = Stub::http(metadata).await;
    cloud
        .home
        .set("GCE_METADATA_HOST", service.url.trim_start_matches("http://"));
    cloud.bears("", "of-machine").await;
    assert!(service.seen().iter().all(is_get));
    let connects = |s: &Seen| s.method == "CONNECT" && s.target == "monitoring.googleapis.com:443";
    let asked = cloud.proxy.seen();
    assert!(!asked.is_empty() && asked.iter().all(connects), "{asked:?}");
    let yaml = "    credentials: { impersonate: them@p }\n";
    let mut cloud = Cloud::start().await;
    cloud
        .home
        .set("GCE_METADATA_HOST", service.url.trim_start_matches("http://"));
    cloud.bears(yaml, "them@p by of-machine").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_and_why_is_said_when_there_is_nothing() {
    let mut cloud = Cloud::start().await;
    cloud.home.set("GCE_METADATA_HOST", "127.0.0.1:9");
    cloud.home.check(&account("")).await.refused(&[
        "no credentials; tried in this order: 1. GOOGLE_APPLICATION_CREDENTIALS: not set; 2. gcloud's file: no ",
        "/.config/gcloud/application_default_credentials.json; 3. metadata server: no access token: ",
    ]);
    cloud.home.set("GOOGLE_APPLICATION_CREDENTIALS", "/no/such.json");
    let wanted = "GOOGLE_APPLICATION_CREDENTIALS: the credential file /no/such.json: No such file";
    cloud.home.check(&account("")).await.refused(&[wanted]);
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_own_words_are_kept() {
    let words = "Token has been expired or revoked.";
    let cloud = Cloud::answering(move |request| {
        if request.header("host").starts_with("oauth2") {
            let body = json!({"error": "invalid_grant", "error_description": words});
            return Answer::of(400, "application/json", body.to_string());
        }
        google(request)
    });
    let cloud = cloud.await;
    let path = cloud.file("me.json", &user("planted-refresh-token"));
    let said = cloud.home.check_at("trace", &account(&by_file(&path))).await;
    assert!(!said.text.contains("planted"), "{}", said.text);
    said.refused(&["invalid_grant", words]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_is_used_without_a_signal() {
    let cloud = Cloud::start().await;
    let path = cloud.file("me.json", &user("first"));
    let daemon = cloud.home.run(&account(&by_file(&path)));
    let bears =
        |token: &'static str| move |s: &Seen| s.header("authorization") == format!("Bearer user {token}");
    cloud
        .google
        .comes("the first token", &daemon, bears("first"))
        .await;
    cloud.file("next.json", &user("second"));
    std::fs::rename(cloud.home.path().join("next.json"), &path).unwrap();
    cloud
        .google
        .comes("the second token", &daemon, bears("second"))
        .await;
}
