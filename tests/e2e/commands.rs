//! The other commands of the real binary: what they print and how they exit.

use crate::setup::{Clouds, GCP_HOSTS, general, local};
use cloudsim::{Faults, How, Rule, World};
use export::receiver::Receiver;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs the binary to its end.
pub async fn nephoscope(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "2000");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A configuration of all three simulated clouds in a folder of its own.
struct Configured {
    clouds: Clouds,
    faults: Faults,
    receiver: Receiver,
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Configured {
    async fn new(edit: impl FnOnce(String) -> String) -> Self {
        let faults = Faults::new();
        let clouds = Clouds::start(&World::default(), &faults).await;
        let receiver = Receiver::start(local(), local()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nephoscope.yaml");
        let yaml = general(folder.path(), &receiver, "grpc")
            + &clouds.aws_account()
            + &clouds.azure_account(folder.path())
            + &clouds.gcp_account(folder.path());
        std::fs::write(&path, edit(yaml)).unwrap();
        Self {
            clouds,
            faults,
            receiver,
            folder,
            path,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let all = [arguments, &["--config", self.path.to_str().unwrap()]].concat();
        nephoscope(&all).await
    }

    async fn stop(self) {
        self.clouds.stop().await;
        self.receiver.stop().await;
        drop(self.folder);
    }
}

#[tokio::test]
async fn check_offline_shows_all_mistakes_at_once_and_exits_64() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/testdata");
    let path = testdata.join("eight_mistakes.yaml");
    let output = nephoscope(&["check", "--offline", "--config", path.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(64));
    let text = err(&output);
    assert!(text.contains("9 problems in the configuration"), "{text}");
    assert_eq!(text.matches("eight_mistakes.yaml:").count(), 9, "{text}");
}

#[tokio::test]
async fn a_missing_configuration_exits_64_and_says_what_to_do() {
    let output = nephoscope(&["run", "--config", "/nowhere/nephoscope.yaml"]).await;
    assert_eq!(output.status.code(), Some(64));
    let text = err(&output);
    assert!(text.contains("/nowhere/nephoscope.yaml"), "{text}");
}

#[tokio::test]
async fn a_wrong_command_line_exits_64_with_a_suggestion() {
    for (arguments, words) in [
        (&["check", "--ofline"][..], "--offline"),
        (&["chek"], "check"),
        (&["check", "--config"], "a value is required"),
        (&[], "Usage:"),
        (&["collect", "--since", "soon"], "write 30s, 5m or 1h"),
        (&["collect", "--format", "xml"], "possible values"),
        (&["status", "--cert-file", "a.pem"], "--key-file"),
        (&["status", "--token-file", "/nowhere/token"], "/nowhere/token"),
        (&["plan", "--config", "/nowhere/n.yaml"], "/nowhere/n.yaml"),
        (&["check", "--offline", "--json"], "cannot be used with"),
        (&["--log-level", "loud", "config", "example"], "log-level"),
    ] {
        let output = nephoscope(arguments).await;
        let text = err(&output);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    for asked in [
        &["--help"][..],
        &["check", "--help"],
        &["help", "plan"],
        &["--version"],
    ] {
        let output = nephoscope(asked).await;
        assert!(output.status.success() && output.stderr.is_empty(), "{asked:?}");
    }
}

/// Each permission that the configuration needs, refused alone, is named with its scope, and nothing else fails.
#[tokio::test(flavor = "multi_thread")]
async fn check_names_each_permission_that_is_refused() {
    let configured = Configured::new(|yaml| yaml.replace("AWS/EC2, ", "AWS/EC2, copy_tags: [team], ")).await;
    for (rule, operation, remedy) in [
        (
            "aws,operation=ListMetrics",
            "ListMetrics",
            "cloudwatch:ListMetrics",
        ),
        (
            "aws,operation=GetMetricData",
            "GetMetricData",
            "cloudwatch:GetMetricData",
        ),
        ("aws,operation=GetResources", "GetResources", "tag:GetResources"),
        (
            "aws,operation=GetCallerIdentity",
            "GetCallerIdentity",
            "sts:GetCallerIdentity",
        ),
        (
            "azure,operation=metricDefinitions.list",
            "metricDefinitions.list",
            "Monitoring Reader",
        ),
        (
            "azure,operation=metrics.getBatch",
            "metrics:getBatch",
            "Monitoring Reader",
        ),
        (
            "azure,operation=resourceGraph.query",
            "resourceGraph.query",
            "Monitoring Reader",
        ),
        (
            "gcp,operation=ListMetricDescriptors",
            "ListMetricDescriptors",
            "monitoring.metricDescriptors.list",
        ),
        (
            "gcp,operation=ListTimeSeries",
            "ListTimeSeries",
            "monitoring.timeSeries.list",
        ),
    ] {
        let refused = Rule::parse(rule, 0, Some(How::Status(403))).unwrap();
        configured.faults.clear_rules();
        configured.faults.add(refused);
        let output = configured.run(&["check", "--json"]).await;
        let text = out(&output);
        assert_eq!(output.status.code(), Some(77), "{rule}: {text}{}", err(&output));
        assert!(
            !err(&output).contains(" WARN account"),
            "said twice: {}",
            err(&output)
        );
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let rows = report["rows"].as_array().unwrap();
        let failing: Vec<_> = rows.iter().filter(|row| row["outcome"] != "passed").collect();
        assert!(!failing.is_empty(), "{rule}: {text}");
        for row in failing {
            assert!(row["tried"] == operation, "{rule}: {row}");
            assert!(row["outcome"] == "permission_denied", "{rule}: {row}");
            assert!(row["remedy"].as_str().unwrap().contains(remedy), "{rule}: {row}");
        }
    }
    configured.stop().await;
}

/// It is asked once, whatever it has of regions and permissions, and the others are told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn check_waits_once_for_an_account_that_does_not_answer() {
    let configured = Configured::new(|yaml| yaml).await;
    configured
        .faults
        .add(Rule::parse("aws,silence", 0, None).unwrap());
    let begun = std::time::Instant::now();
    let output = configured
        .run(&["check", "--account", "a", "--account", "[gz]"])
        .await;
    let text = out(&output);
    assert_eq!(output.status.code(), Some(69), "{text}{}", err(&output));
    // One wait of ten seconds, and what a busy machine takes for the rest; four requests in turn would take forty.
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    assert!(text.contains("1 of 3 accounts fails: 1 unavailable"), "{text}");
    assert!(text.contains("no answer within 10 s"), "{text}");
    let output = configured.run(&["check", "--account", "b"]).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(
        err(&output).contains("fits no configured account; there are: a, z, g"),
        "{}",
        err(&output)
    );
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_proves_every_account() {
    let configured = Configured::new(|yaml| yaml).await;
    let output = configured.run(&["check"]).await;
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    let text = out(&output);
    for scope in ["eu-west-1", "us-east-1", "sim-project", "sim-other"] {
        assert!(text.contains(scope), "{text}");
    }
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_exits_77_when_a_credential_is_wrong() {
    let secret = cloudsim::aws::SECRET_KEY;
    let configured = Configured::new(|yaml| yaml.replace(secret, "not-the-secret")).await;
    let output = configured.run(&["check"]).await;
    assert_eq!(output.status.code(), Some(77), "{}{}", out(&output), err(&output));
    let text = out(&output) + &err(&output);
    assert!(
        text.contains("eu-west-1") && text.contains("ListMetrics"),
        "{text}"
    );
    assert!(!text.contains("not-the-secret"), "{text}");
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_exits_69_when_a_cloud_cannot_be_reached() {
    let configured = Configured::new(|yaml| yaml).await;
    let endpoint = configured.clouds.gcp.endpoint();
    let text = std::fs::read_to_string(&configured.path).unwrap();
    let (_, gcp) = text.split_once("gcp:\n").unwrap();
    let only_gcp = text.split_once("aws:\n").unwrap().0.to_owned() + "gcp:\n" + gcp;
    // Port 9 of loopback is `discard`; nothing listens there.
    std::fs::write(
        &configured.path,
        only_gcp.replace(&endpoint, "http://127.0.0.1:9"),
    )
    .unwrap();
    let output = configured.run(&["check"]).await;
    assert_eq!(output.status.code(), Some(69), "{}{}", out(&output), err(&output));
    configured.stop().await;
}

/// What cannot be connected to is asked once: no second region, permission or attempt waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn check_asks_who_refuses_connections_one_question_a_region() {
    let configured = Configured::new(|yaml| yaml).await;
    let text = std::fs::read_to_string(&configured.path).unwrap();
    let endpoint = configured.clouds.aws.endpoint();
    std::fs::write(&configured.path, text.replace(&endpoint, "http://127.0.0.1:9")).unwrap();
    let output = configured.run(&["check", "--json", "--account", "a"]).await;
    assert_eq!(output.status.code(), Some(69), "{}{}", out(&output), err(&output));
    let report: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let tried: Vec<_> = rows
        .iter()
        .filter(|row| row["outcome"] == "unavailable")
        .map(|row| row["tried"].as_str().unwrap())
        .collect();
    assert_eq!(
        tried,
        ["GetCallerIdentity", "ListMetrics", "ListMetrics"],
        "{report:#}"
    );
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discover_lists_the_inventory() {
    let configured = Configured::new(|yaml| yaml).await;
    let output = configured.run(&["discover", "--json"]).await;
    assert!(output.status.success(), "{}", err(&output));
    let rows: Vec<serde_json::Value> = out(&output)
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    for account in ["a", "z", "g"] {
        assert!(
            rows.iter().any(|r| r["account"] == account),
            "no target of {account}"
        );
    }
    let table = out(&configured.run(&["discover"]).await);
    assert!(table.contains("CPUUtilization"), "{table}");
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discover_all_lists_what_the_accounts_have_as_entries_to_paste() {
    let only_sqs = |yaml: String| {
        let is_kept = |line: &&str| !line.starts_with("      - { namespace") || line.contains("AWS/SQS");
        yaml.lines()
            .filter(is_kept)
            .fold(String::new(), |all, line| all + line + "\n")
    };
    let configured = Configured::new(only_sqs).await;
    let output = configured.run(&["discover", "--all"]).await;
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    for entry in [
        "- { namespace: \"AWS/EC2\" }",
        "- { resource_type: \"microsoft.compute/virtualmachines\" }",
        "- { types: [\"compute.googleapis.com/*\"] }",
    ] {
        assert!(text.contains(entry), "{entry} is missing:\n{text}");
    }
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_nothing_is_named_with_the_nearest_by_every_command() {
    let edit = |yaml: String| {
        yaml.replace("namespace: AWS/SQS", "namespace: AWS/SQSS")
            .replace(
                "resource_type: Microsoft.Cache/redis,",
                "resource_type: Microsoft.Cache/redis, names: [\"conected clients\"],",
            )
            .replace("pubsub.googleapis.com/*", "pubsub.googleapis.com/topics/*")
    };
    let configured = Configured::new(edit).await;
    for command in ["check", "plan", "discover"] {
        let output = configured.run(&[command]).await;
        let text = out(&output) + &err(&output);
        for (pattern, nearest) in [
            ("AWS/SQSS", "AWS/SQS"),
            ("conected clients", "connectedclients"),
            ("pubsub.googleapis.com/topics/*", "pubsub.googleapis.com/"),
        ] {
            let line = text
                .lines()
                .find(|line| line.contains(pattern) && line.contains("matches nothing"))
                .unwrap_or_else(|| panic!("{command} does not name {pattern}:\n{text}"));
            let (_, offered) = line.split_once("nearest:").unwrap_or_else(|| panic!("{line}"));
            assert!(offered.contains(nearest), "{command}: {line}");
        }
    }
    configured.stop().await;
}

/// Every `{…}` document and every command line of `permissions`.
fn documents(text: &str) -> (Vec<serde_json::Value>, Vec<&str>) {
    let (mut documents, mut lines, mut open) = (Vec::new(), Vec::new(), String::new());
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        if open.is_empty() && !line.starts_with('{') {
            lines.push(line);
            continue;
        }
        open.push_str(line);
        if line.starts_with('}') {
            documents.push(serde_json::from_str(&open).unwrap());
            open.clear();
        }
    }
    (documents, lines)
}

#[tokio::test]
async fn permissions_are_those_of_this_very_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nephoscope.yaml");
    let yaml = r#"
destinations: [{ name: d, otlp: { endpoint: "http://127.0.0.1:4317" } }]
aws:
  - name: a
    regions: [eu-west-1]
    credentials: { assume_role: { arn: "arn:aws:iam::123456789012:role/metrics", external_id: word } }
    metrics: [{ namespace: AWS/EC2 }, { namespace: AWS/SQS, copy_tags: [team] }]
  - { name: b, regions: [us-east-1], metrics: [{ namespace: AWS/EC2 }] }
azure:
  - name: z
    tenant: 00000000-0000-0000-0000-000000000000
    subscriptions: [11111111-1111-1111-1111-111111111111]
    credentials: { client_secret: { client_id: 22222222-2222-2222-2222-222222222222, secret: planted } }
    metrics: [{ resource_type: Microsoft.Storage/storageAccounts/blobServices }]
gcp:
  - { name: g, projects: [one], quota_project: payer, metrics: [{ types: ["compute.googleapis.com/*"] }] }
"#;
    std::fs::write(&path, yaml).unwrap();
    let output = nephoscope(&["permissions", "--config", path.to_str().unwrap()]).await;
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    assert!(
        text.contains(r#""sts:ExternalId":"word""#) && !text.contains("planted"),
        "{text}"
    );
    let (documents, lines) = documents(&text);
    let [role, taking_on, keys, azure] = &documents[..] else {
        panic!("{text}");
    };
    let statement = |policy: &serde_json::Value| policy["Statement"][0].clone();
    let reading = [
        "cloudwatch:ListMetrics",
        "cloudwatch:GetMetricData",
        "tag:GetResources",
    ];
    assert_eq!(statement(role)["Action"], serde_json::json!(reading));
    assert_eq!(
        statement(taking_on)["Resource"],
        "arn:aws:iam::123456789012:role/metrics"
    );
    assert_eq!(statement(keys)["Action"], serde_json::json!(reading[..2]));
    let regions = &statement(keys)["Condition"]["StringEquals"]["aws:RequestedRegion"];
    assert_eq!(*regions, serde_json::json!(["us-east-1"]));
    let actions: Vec<&str> = azure["Actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a.as_str().unwrap())
        .collect();
    assert!(
        actions.contains(&"Microsoft.Storage/storageAccounts/read"),
        "{actions:?}"
    );
    assert!(
        !actions.contains(&"Microsoft.Resources/subscriptions/read"),
        "they are named: {actions:?}"
    );
    let wanted = [
        "az role assignment create --role 43d0d8ad-25c7-4714-9337-8ba259a9fe05",
        "gcloud iam roles create nephoscope --project one",
        "gcloud projects add-iam-policy-binding one",
        "gcloud projects add-iam-policy-binding payer",
    ];
    assert_eq!(lines.len(), wanted.len(), "{lines:?}");
    for (line, begin) in lines.iter().zip(wanted) {
        assert!(line.starts_with(begin), "{line}");
    }
}

/// One poll of everything costs what the plan says that it does, by the clouds' own count.
#[tokio::test(flavor = "multi_thread")]
async fn plan_prices_what_a_poll_then_costs() {
    const POLLS_OF_A_MONTH: u64 = 30 * 24 * 60;
    const USD_NANOS_PER_CENT: u64 = 10_000_000;
    let configured = Configured::new(|yaml| {
        let entry = "namespace: AWS/EC2, ";
        let (all, one) = ("budget: { usd_per_day: 1 }", "budget: { usd_per_day: 0.95 }, ");
        yaml.replacen("defaults:\n", &format!("defaults:\n  {all}\n"), 1)
            .replacen(entry, &format!("{entry}{one}"), 1)
    })
    .await;
    let output = configured.run(&["plan", "--json"]).await;
    assert!(output.status.success(), "{}", err(&output));
    let plan: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
    let usd_nanos_of = |account: &str| {
        let accounts = plan["accounts"].as_array().unwrap();
        let account = accounts.iter().find(|a| a["account"] == account).unwrap();
        assert_eq!(
            account["total"]["instead"]["1m"]["usd_nanos_per_month"], account["total"]["usd_nanos_per_month"],
            "that is what they are polled at"
        );
        account["total"]["usd_nanos_per_month"].as_u64().unwrap() / POLLS_OF_A_MONTH
    };
    let collected = configured.run(&["collect", "--since", "3m"]).await;
    assert!(collected.status.success(), "{}", err(&collected));
    let clouds = &configured.clouds;
    let metrics = clouds.aws.counts().units("metrics requested");
    assert_eq!(usd_nanos_of("a"), metrics * USD_NANOS_PER_CENT / 1_000);
    let calls = clouds.azure.counts().operation("metrics.getBatch");
    assert_eq!(usd_nanos_of("z"), calls * USD_NANOS_PER_CENT / 1_000);
    // How many series a metric type has is known once they have been read; until then it counts as one.
    let read = clouds.gcp.counts();
    let least = read.operation("ListTimeSeries")..=read.units("time series returned");
    let (series, half_a_millionth) = (usd_nanos_of("g") / 500, usd_nanos_of("g") % 500);
    assert!(
        least.contains(&series) && half_a_millionth == 0,
        "{series} in {read:?}"
    );
    let table = out(&configured.run(&["plan"]).await);
    for words in [
        "ACCOUNT",
        "eu-west-1 AWS/EC2 60s",
        "total",
        "one series each until they have been read",
        "budget: $1.00 a day is too little, $1.90 are needed",
        "about 1.9 times as far apart",
        "budget of AWS/EC2: $0.9500 a day is enough",
    ] {
        assert!(table.contains(words), "{words} in:\n{table}");
    }
    configured.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collect_prints_the_points_in_every_form() {
    let configured = Configured::new(|yaml| yaml).await;
    let json = configured
        .run(&["collect", "--since", "15m", "--format", "json"])
        .await;
    assert!(json.status.success(), "{}", err(&json));
    let points: Vec<serde_json::Value> = out(&json)
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let named = |prefix: &str| {
        points
            .iter()
            .filter(|p| p["metric"].as_str().is_some_and(|m| m.starts_with(prefix)))
            .count()
    };
    assert!(
        named("aws.ec2.") > 100 && named("azure.") > 100,
        "{}",
        points.len()
    );
    for host in GCP_HOSTS {
        let service = host.split('.').next().unwrap();
        assert!(named(&format!("gcp.{service}.")) > 0, "no points of {host}");
    }
    for (format, first) in [
        ("csv", "time,"),
        ("table", ""),
        ("otlp-json", "{\"resourceMetrics\""),
    ] {
        let output = configured
            .run(&["collect", "--since", "10m", "--format", format])
            .await;
        assert!(output.status.success(), "{}", err(&output));
        let text = out(&output);
        assert!(
            text.starts_with(first),
            "{format}: {}",
            text.lines().next().unwrap()
        );
        assert!(text.contains("aws.ec2.cpu_utilization.average"), "{format}");
    }
    assert!(
        !configured.folder.path().join("state").exists(),
        "no state is touched"
    );
    configured.stop().await;
}

#[tokio::test]
async fn schema_example_completions_and_version_are_printed() {
    let schema = nephoscope(&["config", "schema"]).await;
    let schema: serde_json::Value = serde_json::from_str(&out(&schema)).unwrap();
    assert!(schema["properties"]["aws"].is_object());
    let example = nephoscope(&["config", "example"]).await;
    for part in ["destinations:", "aws:", "azure:", "gcp:"] {
        assert!(out(&example).contains(part), "{part}");
    }
    assert!(out(&nephoscope(&["completions", "bash"]).await).contains("nephoscope"));
    assert!(out(&nephoscope(&["--version"]).await).starts_with("nephoscope "));
}

#[tokio::test]
async fn status_without_a_daemon_exits_69_and_says_what_to_look_at() {
    // Port 9 of loopback is `discard`; nothing listens there.
    let output = nephoscope(&["status", "--url", "http://127.0.0.1:9"]).await;
    assert_eq!(output.status.code(), Some(69));
    let text = err(&output);
    assert!(
        text.contains("is the daemon running") && text.contains("--url"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_a_failing_account_its_error_and_the_remedy_without_colours_in_a_pipe() {
    let secret = cloudsim::aws::SECRET_KEY;
    let configured = Configured::new(|yaml| yaml.replace(secret, "not-the-secret")).await;
    let yaml = std::fs::read_to_string(&configured.path).unwrap();
    let daemon = crate::setup::Daemon::start(configured.folder.path(), &yaml);
    let url = format!("http://{}", daemon.address().await);
    let limit = std::time::Instant::now() + crate::setup::PATIENCE;
    let text = loop {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephoscope"));
        command.args(["status", "--url", &url]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text = out(&output);
        if text.starts_with("a: failing\n") && text.contains("up to date") {
            // A script can tell it from a daemon that is not there (69).
            assert_eq!(output.status.code(), Some(75), "{text}");
            assert_eq!(err(&output), "action required: a: failing\n");
            break text;
        }
        assert!(std::time::Instant::now() < limit, "{text}{}", err(&output));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    // Regions are listed side by side; the one that failed last is shown.
    let failed = |region| text.contains(&format!("ListMetrics in {region}: SignatureDoesNotMatch"));
    assert!(failed("eu-west-1") || failed("us-east-1"), "{text}");
    assert!(text.contains("→ Renew the access key"), "{text}");
    assert!(
        !text.contains('\u{1b}') && !text.contains("not-the-secret"),
        "{text}"
    );
    let json = nephoscope(&["status", "--json", "--url", &url]).await;
    assert_eq!(json.status.code(), Some(75));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["level"], "bad");
    drop(daemon);
    configured.stop().await;
}
