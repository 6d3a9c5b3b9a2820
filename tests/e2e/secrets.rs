//! Nothing that the daemon emits holds a secret: log in both forms and with all details, page, API, metrics, refused
//! configurations, what arrives at the receiver, the store's files. Credentials of every kind are planted, right ones
//! and such as fail.

use crate::commands::nephoscope;
use crate::setup::{Clouds, Daemon, PATIENCE, general, http_get_with, local, wait_for};
use cloudsim::{Faults, World, aws, azure};
use export::receiver::Receiver;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const WRONG_KEY: &str = "plantedAwsSecretKey0123456789";
const WRONG_SESSION: &str = "plantedAwsSessionToken0123456789";
const WRONG_CLIENT_SECRET: &str = "plantedAzureClientSecret0123456789";
const WRONG_PRIVATE_KEY: &str = "plantedPrivateKeyMIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
const OTLP_TOKEN: &str = "plantedOtlpToken0123456789";
const MISPLACED: &str = "plantedMisplacedSecret";
const COMMENTED: &str = "plantedCommentedSecret";
const URL_PASSWORD: &str = "plantedUrlPassword";
const CALLER_TOKEN: &str = "plantedCallerToken0123456789";

/// Everything that answers to GET, and something that does not.
const PATHS: [&str; 14] = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/federate",
    "/api/v1/status",
    "/api/v1/accounts",
    "/api/v1/accounts?format=csv",
    "/api/v1/destinations?format=xml",
    "/api/v1/series?limit=1000",
    "/api/v1/points",
    "/api/v1/events",
    "/api/v1/openapi.json",
    "/no/such/page",
];

/// What must not be seen.
struct Planted(Vec<String>);

impl Planted {
    fn new(clouds: &Clouds) -> Self {
        let account: serde_json::Value = serde_json::from_str(&clouds.gcp.service_account_json()).unwrap();
        let key = account["private_key"].as_str().unwrap().lines().nth(1).unwrap();
        let fixed = [
            aws::SECRET_KEY,
            azure::CLIENT_SECRET,
            WRONG_KEY,
            WRONG_SESSION,
            WRONG_CLIENT_SECRET,
            WRONG_PRIVATE_KEY,
            OTLP_TOKEN,
            CALLER_TOKEN,
            MISPLACED,
            COMMENTED,
            URL_PASSWORD,
            key,
        ];
        Self(fixed.map(str::to_owned).to_vec())
    }

    fn absent(&self, place: &str, text: &[u8]) {
        for secret in &self.0 {
            let found = text
                .windows(secret.len())
                .position(|part| part == secret.as_bytes());
            if let Some(at) = found {
                let around = &text[at.saturating_sub(300)..(at + 100).min(text.len())];
                panic!("{place} holds {secret}: …{}…", String::from_utf8_lossy(around));
            }
        }
    }
}

/// Right and wrong accounts of all clouds, and a destination with a secret header.
fn configuration(folder: &Path, clouds: &Clouds, receiver: &Receiver) -> String {
    std::fs::write(folder.join("otlp-token"), OTLP_TOKEN).unwrap();
    let wrong_account = clouds.gcp.service_account_json();
    let mut wrong_account: serde_json::Value = serde_json::from_str(&wrong_account).unwrap();
    let wrong_key = format!("-----BEGIN PRIVATE KEY-----\n{WRONG_PRIVATE_KEY}\n-----END PRIVATE KEY-----\n");
    wrong_account["private_key"] = wrong_key.clone().into();
    std::fs::write(folder.join("wrong.json"), wrong_account.to_string()).unwrap();
    std::fs::write(folder.join("wrong.key"), wrong_key).unwrap();
    let again = |text: &str, list: &str, name: &str| {
        let text = text.replacen(&format!("{list}:\n"), "", 1);
        text.replacen(&format!("name: {name}\n"), &format!("name: wrong-{name}\n"), 1)
    };
    let aws = clouds.aws_account();
    let keys = format!("{WRONG_KEY}, session_token: {WRONG_SESSION}");
    let wrong_aws = again(&aws, "aws", "a").replace(aws::SECRET_KEY, &keys);
    let azure = clouds.azure_account(folder);
    let wrong_azure = again(&azure, "azure", "z").replace(azure::CLIENT_SECRET, WRONG_CLIENT_SECRET);
    let by_secret = format!(
        "client_secret: {{ client_id: {}, secret: {WRONG_CLIENT_SECRET} }}",
        azure::CLIENT_ID
    );
    let by_certificate = format!(
        "client_certificate: {{ client_id: {}, cert_file: ca.pem, key_file: wrong.key }}",
        azure::CLIENT_ID
    );
    assert!(wrong_azure.contains(&by_secret), "{wrong_azure}");
    let certified = wrong_azure
        .replace(&by_secret, &by_certificate)
        .replace("wrong-z", "wrong-certificate");
    let gcp = clouds.gcp_account(folder);
    let wrong_gcp = again(&gcp, "gcp", "g").replace("sa.json", "wrong.json");
    let header = "headers: { authorization: \"Bearer ${file:otlp-token}\" }, protocol";
    let general = general(folder, receiver, "grpc")
        .replace("enabled: false", "interval: 1s, traces: { sample: 1 }")
        .replacen("protocol", header, 1);
    [
        general,
        aws,
        wrong_aws,
        azure,
        wrong_azure,
        certified,
        gcp,
        wrong_gcp,
    ]
    .concat()
}

/// Mistakes right beside secrets, and secrets in the wrong places.
fn broken(yaml: &str) -> String {
    let misplaced = format!(
        "azure:\n  - name: z\n    client_secret: {MISPLACED}   # was: {COMMENTED}\n    # secret: {COMMENTED}\n    tags: {{ key: {MISPLACED} }}\n"
    );
    let with_password = format!("endpoint: \"http://scraper:{URL_PASSWORD}@");
    yaml.replace("azure:\n  - name: z\n", &misplaced)
        .replace("endpoint: \"http://", &with_password)
        .replace("secret_access_key:", "secret_acces_key:")
        .replace("secret: ", "sekret: ")
        .replace("listen:", "lisen:")
        .replace("interval: 1s", "interval: [1s]")
}

async fn emits_no_secret(format: &str, level: &str) {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let planted = Planted::new(&clouds);
    let yaml = configuration(folder.path(), &clouds, &receiver);
    let arguments = ["--log-format", format, "--log-level", level];
    let mut daemon = Daemon::start_with(folder.path(), &yaml, &arguments);
    for account in ["wrong-a", "wrong-z", "wrong-certificate", "wrong-g"] {
        let said = format!("account {account}");
        wait_for(account, || daemon.log().contains(&said).then_some(())).await;
    }
    assert!(receiver.wait_for(100, PATIENCE).await, "{}", daemon.log());
    wait_for("spans", || (receiver.spans().len() > 10).then_some(())).await;
    daemon.reload(&broken(&yaml), "refused").await;
    let address = daemon.address().await;
    for path in PATHS {
        let caller = format!("Authorization: Bearer {CALLER_TOKEN}\r\n");
        let (head, body) = http_get_with(&address, path, &caller).await;
        assert!(head.starts_with("HTTP/1.1 "), "{path}: {head}");
        planted.absent(path, head.as_bytes());
        planted.absent(path, body.as_bytes());
    }
    assert!(daemon.terminate().await.success(), "{}", daemon.log());
    let log = daemon.log();
    for file in ["otlp-token", "wrong.key", "wrong.json", "sa.json"] {
        let advice = format!("chmod 600 {}", folder.path().join(file).display());
        assert!(
            log.contains(&advice),
            "{file} is open to all and not warned of:\n{log}"
        );
    }
    let open = format!(
        "{}/nephoscope.yaml holds a secret in clear (line ",
        folder.path().display()
    );
    assert!(log.contains(&open), "{log}");
    planted.absent("the log", log.as_bytes());
    planted.absent(
        "what arrived",
        format!("{:?}{:?}", receiver.received(), receiver.spans()).as_bytes(),
    );
    for file in std::fs::read_dir(folder.path().join("state")).unwrap() {
        let path = file.unwrap().path();
        planted.absent(
            &path.display().to_string(),
            &std::fs::read(&path).unwrap_or_default(),
        );
    }
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_in_anything_of_a_run_that_logs_text() {
    emits_no_secret("text", "info").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_in_anything_of_a_run_that_logs_all_details_as_json() {
    emits_no_secret("json", "debug").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_in_what_commands_say_of_good_and_broken_files() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let planted = Planted::new(&clouds);
    let good = configuration(folder.path(), &clouds, &receiver);
    for (name, yaml) in [("good.yaml", good.clone()), ("broken.yaml", broken(&good))] {
        let path = folder.path().join(name);
        std::fs::write(&path, yaml).unwrap();
        for arguments in [
            &["check"][..],
            &["check", "--offline"],
            &["discover", "--json"],
            &["run"],
        ] {
            if name == "good.yaml" && arguments == ["run"] {
                continue;
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
            command.args(arguments).arg("--config").arg(&path);
            let output = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            let what = format!("{arguments:?} of {name}");
            let loud = output.stdout.len() + output.stderr.len() > 0;
            assert!(loud || output.status.success(), "{what} failed without a word");
            planted.absent(&what, &output.stdout);
            planted.absent(&what, &output.stderr);
        }
    }
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test]
async fn a_configuration_with_a_secret_in_clear_is_warned_of_while_others_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nephoscope.yaml");
    let account = |secret: &str| {
        format!(
            "state: {{ dir: state }}\ndestinations: [{{ name: scrape, prometheus: {{}} }}]\naws:\n  - name: a\n    regions: \
             [eu-west-1]\n    credentials: {{ static: {{ access_key_id: AKIA, secret_access_key: {secret} }} }}\n    \
             metrics: [{{ namespace: AWS/EC2 }}]\n"
        )
    };
    std::fs::write(folder.path().join("key"), WRONG_KEY).unwrap();
    let mode = |file: &str, mode| {
        let path = folder.path().join(file);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("key", 0o600);
    let warned = async || {
        let output = nephoscope(&["check", "--offline", "--config", path.to_str().unwrap()]).await;
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains(WRONG_KEY), "{said}");
        said.contains("holds a secret in clear (line 6, `secret_access_key`)")
    };
    std::fs::write(&path, account(WRONG_KEY)).unwrap();
    mode("nephoscope.yaml", 0o644);
    assert!(warned().await);
    mode("nephoscope.yaml", 0o640);
    assert!(!warned().await, "a group may be trusted");
    mode("nephoscope.yaml", 0o644);
    std::fs::write(&path, account("\"${file:key}\"")).unwrap();
    assert!(!warned().await, "it only says where the secret is");
}
