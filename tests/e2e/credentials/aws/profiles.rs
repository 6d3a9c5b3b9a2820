//! What a profile of the shared files says: keys, roles, a process, a sign-in; and what cannot work.

use super::{Home, PROFILE, account, aws, failing, is_action, signer, signs_with};
use crate::credentials::stub::{Answer, Seen, Stub};
use serde_json::json;

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
    format!(".aws/sso/cache/{}.json", hex(hash.as_ref()))
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
    let token = json!({"accessKeyId": "ASIA-LOGIN", "secretAccessKey": "s", "sessionToken": "t", "accountId": "123456789012",
        "expiresAt": "2100-01-01T00:00:00Z"});
    let cached = json!({"accessToken": token, "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
        "refreshToken": "r", "idToken": "i", "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": "none"});
    home.write(
        &format!(".aws/login/cache/{}.json", hex(hash.as_ref())),
        &cached.to_string(),
    );
    signs_with(&home, PROFILE, "ASIA-LOGIN", "t").await;
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

/// In lower case.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
