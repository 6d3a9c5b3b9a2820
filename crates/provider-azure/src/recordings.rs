//! Recorded answers of Azure: each file goes to the decoder it is meant for, and one that nobody claims is a failure.

use crate::classify::{GET_BATCH, Hints, about_time, refusal};
use crate::convert::{Conversion, Converted, Metrics};
use crate::discover::{Definitions, Thing};
use crate::grain::parse_iso;
use crate::question::{Aggregation, AskedMetric, Question, requests};
use crate::testing::{asking, question, target, window};
use crate::wire::{
    BatchAnswer, Definition, GraphPage, List, ListedResource, MetricValues, Page, ResourceValues,
    Subscription,
};
use provider_api::conformance::recorded;
use provider_api::{ErrorKind, Scope, SkipReason, Skipped, UnixNanos, Value, Window};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

type Files = BTreeMap<String, Vec<u8>>;

/// What is no answer of an API that we call, and why it is there.
const NOT_ANSWERS: [(&str, &str); 2] = [
    ("SOURCES.md", "says where the bodies come from"),
    (
        "metric_namespaces_appinsights.json",
        "metricNamespaces: our namespaces are the configured resource types",
    ),
];

/// The refusals: status and what they mean to us.
fn refusals() -> [(&'static str, u16, ErrorKind); 8] {
    let throttled = |seconds| ErrorKind::Throttled {
        retry_after: Some(Duration::from_secs(seconds)),
    };
    let invalid = ErrorKind::InvalidRequest;
    [
        ("error_403_authorization_failed.json", 403, ErrorKind::Forbidden),
        ("error_404_resource_not_found.json", 404, ErrorKind::NotFound),
        ("error_429_definitions.json", 429, throttled(309)),
        ("error_429_subscription.json", 429, throttled(1)),
        ("metrics_batch_error_400_retention.json", 400, invalid.clone()),
        ("metrics_batch_error_400_timerange.json", 400, invalid.clone()),
        ("metrics_list_error_400_unwrapped.json", 400, invalid.clone()),
        ("resource_graph_error_400.json", 400, invalid),
    ]
}

#[test]
fn every_recorded_body_is_understood() {
    let Some(files) = recorded("azure") else {
        eprintln!("skipped: no recorded answers of Azure here");
        return;
    };
    for (name, bytes) in &files {
        understand(name, bytes, &files);
    }
    eprintln!(
        "{} recorded files of Azure read, {} of them no answers of ours",
        files.len(),
        NOT_ANSWERS.len()
    );
}

fn understand(name: &str, bytes: &[u8], files: &Files) {
    let is_refusal = refusals().iter().any(|(file, ..)| *file == name);
    match name {
        n if n.ends_with(".headers.txt") => headers(n, bytes, files),
        n if is_refusal => refused(n, bytes),
        n if n.starts_with("metrics_batch") => {
            let values = read::<BatchAnswer>(n, bytes).values;
            for v in good(n, &values) {
                converts(n, v);
            }
        }
        n if n.starts_with("metrics_") => converts(n, &read(n, bytes)),
        n if n.starts_with("metric_definitions") => defines(n, &read::<Page<Definition>>(n, bytes).value),
        n if n.starts_with("resource_graph") => {
            let rows = read::<GraphPage>(n, bytes).data.0;
            assert!(!good(n, &rows).is_empty(), "{n}: no resources");
            things(n, rows);
        }
        n if n.starts_with("resources_list") || n.starts_with("arm_list") => {
            let page: Page<ListedResource> = read(n, bytes);
            assert!(
                !good(n, &page.value).is_empty() || page.next_link.get().is_some(),
                "{n}: nothing"
            );
            things(n, page.value);
        }
        n if n.starts_with("subscriptions") => {
            let page = read::<Page<Subscription>>(n, bytes);
            assert!(!good(n, &page.value).is_empty(), "{n}: none");
        }
        n => assert!(
            NOT_ANSWERS.iter().any(|(file, _)| *file == n),
            "no decoder claims {n}: give it one, or say in NOT_ANSWERS why it has none"
        ),
    }
}

/// Nothing of a recorded list is left out.
fn good<'a, T>(name: &str, list: &'a List<T>) -> &'a [T] {
    assert_eq!(list.odd, 0, "{name}: elements of another shape");
    &list.items
}

fn things(name: &str, rows: List<ListedResource>) {
    for row in rows.items {
        // A query may leave the type out, as ours does not.
        assert!(
            row.resource_type.get().is_none() || Thing::read(row).is_some(),
            "{name}"
        );
    }
}

fn read<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> T {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn refused(name: &str, bytes: &[u8]) {
    let all = refusals();
    let (_, status, kind) = all.iter().find(|(file, ..)| *file == name).expect("listed");
    let error = refusal(GET_BATCH, &Scope::new("s"), *status, &Hints::default(), bytes);
    assert_eq!(error.kind(), kind, "{name}: {error}");
    let words = error.message();
    assert!(
        !words.contains("no body") && !words.contains("not JSON"),
        "{name}: {words}"
    );
    let is_about_time = name.contains("retention") || name.contains("timerange");
    assert_eq!(about_time(&error), is_about_time, "{name}: {words}");
}

/// The head of an answer belongs to a body, and its date can be read.
fn headers(name: &str, bytes: &[u8], files: &Files) {
    let body = name.replace(".headers.txt", ".json");
    assert!(files.contains_key(&body), "{name} without {body}");
    let text = String::from_utf8_lossy(bytes);
    let dated = text.lines().filter_map(|line| line.split_once(": "));
    for (_, date) in dated.filter(|(key, _)| key.eq_ignore_ascii_case("date")) {
        assert!(crate::http::parse_date(date).is_some(), "{name}: {date}");
    }
}

fn defines(name: &str, list: &List<Definition>) {
    let count = list.items.len();
    let definitions = Definitions::read(list);
    let wanted = crate::testing::entry("Microsoft.Compute/virtualMachines");
    let (asked, unasked) = asking(&[&wanted], &definitions);
    let metrics: usize = asked.iter().map(|a| a.question.metrics.len()).sum();
    assert_eq!(metrics, count, "{name}: left out: {unasked:?}");
    let mut each = asked.iter().flat_map(|a| requests(&a.question.metrics));
    assert!(each.all(|request| request.len() <= 20), "{name}");
}

/// Every bucket with a value becomes a point of the asked aggregations.
fn converts(name: &str, values: &ResourceValues) {
    let question = question_for(values);
    let target = target("/a", &question);
    let detail = crate::plan::detail(&target).expect("ours");
    let mut metrics = Metrics::default();
    let conversion = Conversion::new(target.id, detail, always(), &mut metrics);
    let mut got = conversion.run(values, &question.metrics);
    assert!(got.missing.is_empty(), "{name}: {:?}", got.missing);
    let unlike: Vec<_> = got.skips.take();
    let bad_time = |s: &Skipped| s.reason == SkipReason::BadTime;
    assert!(unlike.iter().all(bad_time), "{name}: {unlike:?}");
    let left_out: u64 = unlike.iter().map(|s| s.points).sum();
    let (all, off_grain) = written(values, question.grain);
    assert_eq!(
        left_out, off_grain,
        "{name}: buckets off the grain, which we never ask for"
    );
    assert_eq!(points(&got) + left_out, all, "{name}");
}

fn points(got: &Converted) -> u64 {
    got.series.iter().map(|s| count(s.points.len())).sum()
}

/// Values in the body, of metrics that did not fail; and how many of them are of buckets that begin off the grain.
fn written(values: &ResourceValues, grain: Duration) -> (u64, u64) {
    let good = |m: &&MetricValues| m.error_code.get().is_none_or(|code| code == "Success");
    let lines = values
        .metrics()
        .iter()
        .filter(good)
        .flat_map(|m| &m.timeseries.items);
    let (mut all, mut off_grain) = (0, 0);
    for data in lines.flat_map(|line| &line.data.items) {
        let numbers = [data.average, data.count, data.maximum, data.minimum, data.total];
        let numbers = count(numbers.iter().filter_map(|n| n.0).count());
        let start: jiff::Timestamp = data.time_stamp.or_empty().parse().expect("a time");
        let start = UnixNanos::from_seconds(start.as_second());
        all += numbers;
        off_grain += if start.floor(grain) == start { 0 } else { numbers };
    }
    (all, off_grain)
}

fn count(n: usize) -> u64 {
    u64::try_from(n).expect("few")
}

/// The question that this would be the answer to: all its metrics, dimensions and aggregations.
fn question_for(values: &ResourceValues) -> Arc<Question> {
    let all = ["Average", "Count", "Maximum", "Minimum", "Total"];
    let aggregations: Vec<Aggregation> = all.iter().filter_map(|w| Aggregation::parse(w)).collect();
    let mut question = (*question("r", &[], &aggregations)).clone();
    question.grain = values
        .interval
        .get()
        .and_then(parse_iso)
        .unwrap_or(question.grain);
    let asked = |m: &MetricValues| AskedMetric {
        name: m.name.get().expect("a name").into(),
        description: "".into(),
        unit: "".into(),
        aggregations: aggregations.iter().copied().collect(),
        supported: aggregations.iter().copied().collect(),
    };
    question.metrics = values.metrics().iter().map(asked).collect();
    let mut dimensions: Vec<Arc<str>> = values
        .metrics()
        .iter()
        .flat_map(|m| &m.timeseries.items)
        .flat_map(|line| &line.dimensions.items)
        .map(|d| d.name.get().expect("a name").into())
        .collect();
    dimensions.sort();
    dimensions.dedup();
    question.dimensions = dimensions;
    Arc::new(question)
}

fn always() -> Window {
    Window::new(UnixNanos(i64::MIN), UnixNanos(i64::MAX)).expect("not empty")
}

#[test]
fn a_recorded_batch_gives_its_values() {
    let Some(files) = recorded("azure") else {
        eprintln!("skipped: no recorded answers of Azure here");
        return;
    };
    let name = "metrics_batch_storage_dims.json";
    let answer: BatchAnswer = read(name, &files[name]);
    let mut q = (*question("eastus", &["Ingress", "Egress"], &[Aggregation::Average])).clone();
    q.grain = Duration::from_secs(900);
    q.dimensions = vec!["ApiName".into(), "Authentication".into()];
    let q = Arc::new(q);
    let t = target("/a", &q);
    let detail = crate::plan::detail(&t).expect("ours");
    let within = window(1_675_281_600, 1_675_292_400);
    let got = Conversion::new(t.id, detail, within, &mut Metrics::default())
        .run(&answer.values.items[0], &q.metrics);
    let first = &got.series[0];
    assert_eq!(first.series.attributes.get("ApiName"), Some("GetBlob"));
    assert_eq!(
        first.points[0].start,
        Some(UnixNanos::from_seconds(1_675_281_600))
    );
    assert_eq!(first.points[0].end, UnixNanos::from_seconds(1_675_282_500));
    assert_eq!(first.points[0].value, Value::Double(437.0));
    assert_eq!(first.points[1].value, Value::Double(438.073_529_411_764_7));
}
