//! `/federate` as a Prometheus asks for it: chosen by `match[]`, in both formats, in a fixed order; `check` says what a scrape
//! does not see.

use crate::commands::nephoscope;
use crate::exposition::{open_metrics, prometheus};
use crate::setup::{Clouds, Daemon, PATIENCE, general, http_get_with, local};
use cloudsim::{Faults, World};
use export::receiver::Receiver;
use std::time::{Duration, Instant};

const OPEN: &str = "accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
const CPU: &str = "aws_ec2_cpu_utilization_average_percent";
/// What is looked at below.
const EXPECTED: [&str; 5] = [
    "aws_ec2_cpu_utilization_average_percent{",
    "aws_ec2_cpu_utilization_maximum_percent{",
    "aws_ec2_cpu_utilization_sum_percent{",
    "gcp_custom_shop_queue_depth{",
    "gcp_compute_instance_cpu_utilization_ratio{",
];

/// The strict readers know no times of samples.
fn without_times(body: &str) -> String {
    let line = |line: &str| match line.rsplit_once(' ') {
        Some((sample, _)) if !line.starts_with('#') => format!("{sample}\n"),
        _ => format!("{line}\n"),
    };
    body.lines().map(line).collect()
}

fn names(body: &str) -> Vec<&str> {
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let mut names: Vec<&str> = samples.filter_map(|line| line.split('{').next()).collect();
    names.dedup();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scraper_gets_what_it_asks_for_in_the_format_that_it_likes() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scrape = "destinations:\n  - { name: scrape, prometheus: {} }\n";
    let yaml = general(folder.path(), &receiver, "grpc").replace("destinations:\n", scrape);
    let yaml = yaml + &clouds.aws_account() + &clouds.gcp_account(folder.path());
    let mut daemon = Daemon::start(folder.path(), &yaml);
    let address = daemon.address().await;
    let ask =
        async |query: &str, accept: &str| http_get_with(&address, &format!("/federate{query}"), accept).await;
    let limit = Instant::now() + PATIENCE;
    let all = loop {
        let all = ask("", "").await.1;
        // They come in several answers.
        if EXPECTED.iter().all(|sample| all.contains(sample)) {
            break all;
        }
        assert!(Instant::now() < limit, "{all}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(
        all.contains(&format!("# TYPE {CPU} gauge\n{CPU}{{InstanceId=")),
        "{all}"
    );
    assert!(
        all.contains(&format!(
            "# HELP {CPU} AWS/EC2 CPUUtilization, Average of the period\n"
        )),
        "{all}"
    );
    assert!(
        !all.contains("queue_depth_ratio") && all.contains("gcp_compute_instance_cpu_utilization_ratio{"),
        "{all}"
    );
    prometheus(&without_times(&all)).unwrap();

    let (head, open) = ask("", OPEN).await;
    assert!(
        head.contains("application/openmetrics-text; version=1.0.0"),
        "{head}"
    );
    open_metrics(&without_times(&open)).unwrap();
    assert!(open.contains(&format!("# UNIT {CPU} percent\n")), "{open}");

    let (_, chosen) = ask("?match[]=%7B__name__%3D~%22aws_ec2_cpu_util.%2B%22,cloud_region%3D%22eu-west-1%22%7D&match[]=gcp_custom_shop_queue_depth", "").await;
    assert_eq!(
        names(&chosen),
        [
            CPU,
            "aws_ec2_cpu_utilization_maximum_percent",
            "aws_ec2_cpu_utilization_sum_percent",
            "gcp_custom_shop_queue_depth"
        ]
    );
    assert!(!chosen.contains("us-east-1"), "{chosen}");
    let (head, body) = ask("?match[]=sum(x)", "").await;
    assert!(
        head.starts_with("HTTP/1.1 400") && body.contains("match[]=sum(x)"),
        "{head}{body}"
    );
    assert!(daemon.terminate().await.success());

    let path = folder.path().join("check.yaml");
    std::fs::write(&path, yaml.replace("every: 1m", "every: 5m")).unwrap();
    let output = nephoscope(&["check", "--config", &path.display().to_string()]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("a scrape sees only the newest point of each series"),
        "{text}"
    );
    clouds.stop().await;
    receiver.stop().await;
}
