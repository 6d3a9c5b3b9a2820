//! AWS entries that meet, that ask for what is published rarely, and that ask for what does not exist: what the real binary
//! reads, and what it says of them.

use crate::commands::nephoscope;
use crate::setup::local;
use cloudsim::aws::{self, AwsSim};
use cloudsim::{Faults, World};
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// A file with these entries of one account in one region.
fn written(folder: &Path, sim: &AwsSim, entries: &[&str]) -> String {
    let (endpoint, key, secret) = (sim.endpoint(), aws::ACCESS_KEY, aws::SECRET_KEY);
    let entries = entries.join("\n      - ");
    let yaml = format!(
        "listen: 127.0.0.1:0\nstate: {{ dir: {} }}\ndestinations: [{{ name: out, stdout: {{}} }}]\naws:\n  - name: a\n    \
         regions: [eu-west-1]\n    endpoint: {endpoint}\n    credentials: {{ static: {{ access_key_id: {key}, \
         secret_access_key: {secret} }} }}\n    metrics:\n      - {entries}\n",
        folder.join("state").display()
    );
    let path = folder.join("nephoscope.yaml");
    std::fs::write(&path, yaml).unwrap();
    path.display().to_string()
}

async fn simulated() -> AwsSim {
    AwsSim::start(World::default(), Faults::new(), local())
        .await
        .unwrap()
}

/// What a command says to both outputs, whatever it exits with.
async fn said(arguments: &[&str]) -> String {
    let output = nephoscope(arguments).await;
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8(text).unwrap()
}

/// The ends of the points of each series, by metric and attributes.
async fn collected(config: &str, since: &str) -> BTreeMap<String, Vec<String>> {
    let arguments = [
        "collect", "--since", since, "--format", "json", "--config", config,
    ];
    let output = nephoscope(&arguments).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let mut series: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let point: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = point["metric"].as_str().unwrap();
        let key = format!("{name} {}", point["attributes"]);
        series
            .entry(key)
            .or_default()
            .push(point["time"].as_str().unwrap().to_owned());
    }
    series
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_entries_ask_for_is_read_once_for_the_first() {
    let (sim, folder) = (simulated().await, tempfile::tempdir().unwrap());
    let narrow = "{ namespace: AWS/EC2, names: [NetworkIn], statistics: [Sum], period: 5m }";
    let wide = "{ namespace: AWS/EC2, names: [\"Network*\"], statistics: [Sum, Average], period: 1m }";
    let again = "{ namespace: AWS/EC2, names: [NetworkOut], statistics: [Average, Sum], period: 1m }";
    let config = written(folder.path(), &sim, &[narrow, wide, again]);
    let series = collected(&config, "30m").await;
    let of = |name: &str| -> Vec<&Vec<String>> {
        let named = |(key, _): &(&String, &Vec<String>)| key.starts_with(name);
        series.iter().filter(named).map(|(_, times)| times).collect()
    };
    for (name, most) in [
        ("aws.ec2.network_in.sum", 6),
        ("aws.ec2.network_in.average", 30),
        ("aws.ec2.network_out.sum", 30),
    ] {
        let all = of(name);
        assert!(!all.is_empty(), "{name} in {:?}", series.keys());
        for times in all {
            let different: HashSet<&String> = times.iter().collect();
            assert_eq!(different.len(), times.len(), "{name}");
            assert!(
                times.len() <= most && times.len() * 2 > most,
                "{name}: {}",
                times.len()
            );
        }
    }
    let checked = said(&["check", "--config", &config]).await;
    for words in [
        "metrics[0] fits NetworkIn of AWS/EC2 as well (period 300s and 60s): Sum is read for that entry",
        "metrics[1] fits NetworkOut of AWS/EC2 as well: Average, Sum is read for that entry",
    ] {
        assert!(checked.contains(words), "{words} in:\n{checked}");
    }
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_of_buckets_comes_by_the_day_without_being_told() {
    let (sim, folder) = (simulated().await, tempfile::tempdir().unwrap());
    let config = written(folder.path(), &sim, &["{ namespace: AWS/S3 }"]);
    let series = collected(&config, "3d").await;
    let buckets: Vec<_> = series
        .iter()
        .filter(|(key, _)| key.starts_with("aws.s3.bucket_size_bytes.average"))
        .collect();
    assert!(!buckets.is_empty(), "{:?}", series.keys());
    for (bucket, times) in buckets {
        assert!((2..=3).contains(&times.len()), "{bucket} {times:?}");
    }
    let planned = said(&["plan", "--config", &config]).await;
    assert!(planned.contains("eu-west-1 AWS/S3 86400s"), "{planned}");
    sim.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_entry_asks_for_in_vain_is_named_with_what_exists() {
    let (sim, folder) = (simulated().await, tempfile::tempdir().unwrap());
    let entries = [
        "{ namespace: AWS/EC2, names: [CPUUtilisation, CPUUtilization] }",
        "{ namespace: AWS/EC3 }",
        "{ namespace: AWS/SQS, names: [NumberOfMessagesSent], tags: { env: production } }",
        "{ namespace: AWS/ApplicationELB, dimensions: { LoadBalancer: \"app/*\", TargetGroup: absent } }",
    ];
    let config = written(folder.path(), &sim, &entries);
    let found = said(&["discover", "--config", &config]).await;
    for words in [
        "CPUUtilisation\" matches nothing; nearest: CPUUtilization",
        "AWS/EC3\" matches nothing; nearest: AWS/EC2",
        "env: production\" matches nothing",
    ] {
        assert!(found.contains(words), "{words} in:\n{found}");
    }
    let balanced = found.lines().filter(|line| line.contains("LoadBalancer="));
    let balanced: Vec<&str> = balanced.collect();
    assert!(
        !balanced.is_empty() && balanced.iter().all(|l| !l.contains("TargetGroup=")),
        "{balanced:?}"
    );
    sim.stop().await;
}
