//! What an answer lacks is said by whoever has asked, and is no success: parts that say they failed, parts that say nothing,
//! numbers that are none. The real binary, each cloud in its own words.

use crate::commands::nephoscope;
use crate::setup::{Clouds, general, local};
use cloudsim::{BadAnswer, Faults, Rule, World};
use export::receiver::Receiver;
use std::path::Path;
use std::process::Output;

/// Each number of the answers, which no rule says.
const NO_NUMBERS_OF_GOOGLE: &str = "gcp";

/// A rule of the simulated clouds, and what standard error has to hold.
type Case = (&'static str, &'static [&'static str]);

const CASES: [Case; 10] = [
    (
        "aws,operation=GetMetricData,metric=CPUUtilization,part=failed",
        &["GetMetricData in eu-west-1: CPUUtilization", "InternalError"],
    ),
    (
        "aws,operation=GetMetricData,metric=CPUUtilization,part=forbidden",
        &["GetMetricData in eu-west-1: CPUUtilization", "Forbidden"],
    ),
    (
        "aws,operation=GetMetricData,metric=CPUUtilization,part=nameless",
        &["no answer for"],
    ),
    (
        "aws,operation=GetMetricData,answer=nan",
        &["invalid points of", "points skipped (not_finite)"],
    ),
    (
        "azure,operation=metrics.getBatch,id=*vm-00001,status=404",
        &["account z: metrics:getBatch in", "not_found"],
    ),
    (
        "azure,operation=metrics.getBatch,metric=Percentage CPU,part=failed",
        &["Percentage CPU", "InternalServerError"],
    ),
    (
        "azure,operation=metrics.getBatch,answer=nan",
        &["invalid points of", "points skipped"],
    ),
    (
        "gcp,operation=ListTimeSeries,metric=*/cpu/utilization,part=failed",
        &[
            "ListTimeSeries in sim-project",
            "Some shards did not answer in time.",
        ],
    ),
    (
        "gcp,operation=ListTimeSeries,metric=*/cpu/utilization,part=forbidden",
        &[
            "ListTimeSeries in sim-project",
            "Some time series may not be read.",
        ],
    ),
    (NO_NUMBERS_OF_GOOGLE, &["account g: "]),
];

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A configuration of one cloud in a folder of its own.
fn configured(folder: &Path, clouds: &Clouds, receiver: &Receiver, cloud: &str) -> String {
    let folder = folder.join(cloud);
    std::fs::create_dir_all(&folder).unwrap();
    let account = match cloud {
        "aws" => clouds.aws_account(),
        "azure" => clouds.azure_account(&folder),
        _ => clouds.gcp_account(&folder),
    };
    let path = folder.join("nephoscope.yaml");
    std::fs::write(&path, general(&folder, receiver, "grpc") + &account).unwrap();
    path.display().to_string()
}

async fn each_case(command: &[&str]) {
    let faults = Faults::new();
    let clouds = Clouds::start(&World::default(), &faults).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    for (rule, said) in CASES {
        let folder = tempfile::tempdir().unwrap();
        let cloud = rule.split(',').next().unwrap();
        let path = configured(folder.path(), &clouds, &receiver, cloud);
        if rule == NO_NUMBERS_OF_GOOGLE {
            faults.set_bad_answer(Some(BadAnswer::NotANumber));
        } else {
            faults.add(Rule::parse(rule, 0, None).unwrap());
        }
        let output = nephoscope(&[command, &["--config", &path]].concat()).await;
        faults.clear_rules();
        faults.set_bad_answer(None);
        let text = err(&output);
        assert_eq!(output.status.code(), Some(69), "{rule}\n{text}");
        for words in said {
            assert!(text.contains(words), "{rule}: no {words:?} in\n{text}");
        }
        let last = text.lines().last().unwrap();
        assert!(
            last.contains("incomplete: ") || last.contains("could not be fetched"),
            "{rule}\n{text}"
        );
    }
    clouds.stop().await;
    receiver.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collect_names_what_is_missing_and_exits_69() {
    each_case(&["collect", "--since", "15m"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backfill_names_what_is_missing_and_exits_69() {
    each_case(&["backfill", "--from", "30m", "--yes"]).await;
}

/// Nothing is missing: nothing is said of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_complete_exits_0() {
    let clouds = Clouds::start(&World::default(), &Faults::new()).await;
    let receiver = Receiver::start(local(), local()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for cloud in ["aws", "azure", "gcp"] {
        let path = configured(folder.path(), &clouds, &receiver, cloud);
        let output = nephoscope(&["collect", "--since", "15m", "--config", &path]).await;
        let text = err(&output);
        assert!(output.status.success(), "{cloud}\n{text}");
        assert!(
            !text.contains("skipped") && !text.contains("ERROR"),
            "{cloud}\n{text}"
        );
        let output = nephoscope(&["backfill", "--from", "30m", "--yes", "--config", &path]).await;
        let text = err(&output);
        assert!(output.status.success(), "{cloud}\n{text}");
        assert!(
            text.contains("all of it has been fetched and delivered"),
            "{text}"
        );
    }
    clouds.stop().await;
    receiver.stop().await;
}
