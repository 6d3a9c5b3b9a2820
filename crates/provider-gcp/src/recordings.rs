//! Recorded answers of Google: each file goes to the decoder it is meant for, and one that nobody claims is a failure.
//!
//! `otlp_X.json` is what an application said in OTLP, `otlp_X_expect.json` what Google's own exporter made of it for
//! Cloud Monitoring. We go the way back, so the values of both must be the same; times are zeroed in the latter.

use crate::plan;
use crate::testing::{always, convert, refused};
use provider_api::conformance::recorded;
use provider_api::{ErrorKind, Histogram, Kind, Scope, SeriesPoints, Temporality, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

type Files = BTreeMap<String, Vec<u8>>;
/// A point of an OTLP request in words.
type InWords = fn(&Json) -> String;

/// What is no answer of an API that we call, and why it is there.
const NOT_ANSWERS: [(&str, &str); 3] = [
    ("SOURCES.md", "says where the bodies come from"),
    (
        "asset_search_all_resources_200.json",
        "Cloud Asset: projects are named in the configuration, resources come with each series",
    ),
    (
        "serviceusage_services_enabled_200.json",
        "Service Usage: which metric types there are is asked of Monitoring itself",
    ),
];

#[test]
fn every_recorded_body_is_understood() {
    let Some(files) = recorded("gcp") else {
        eprintln!("skipped: no recorded answers of Google here");
        return;
    };
    for (name, bytes) in &files {
        understand(name, bytes, &files);
    }
    eprintln!(
        "{} recorded files of Google read, {} of them no answers of ours",
        files.len(),
        NOT_ANSWERS.len()
    );
}

fn understand(name: &str, bytes: &[u8], files: &Files) {
    match name {
        n if n.starts_with("timeseries_") => converts_without_loss(n, &body(n, bytes)),
        n if n.starts_with("error_403") => is_a_service_that_is_off(n, &body(n, bytes)),
        n if n.starts_with("otlp_") && n.ends_with("_expect.json") => {
            let input = n.replace("_expect", "");
            let Some(given) = files.get(&input) else {
                panic!("{n} without {input}")
            };
            comes_back(n, &body(n, bytes), &body(&input, given));
        }
        n if n.starts_with("otlp_") => {
            let output = n.replace(".json", "_expect.json");
            assert!(files.contains_key(&output), "{n} without {output}");
            assert!(!said(&body(n, bytes)).is_empty(), "{n}: no points");
        }
        n => assert!(
            NOT_ANSWERS.iter().any(|(file, _)| *file == n),
            "no decoder claims {n}: give it one, or say in NOT_ANSWERS why it has none"
        ),
    }
}

fn body(name: &str, bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn list(value: &Json) -> Vec<Json> {
    value.as_array().cloned().unwrap_or_default()
}

fn converts_without_loss(name: &str, body: &Json) {
    let page = convert(always(), body);
    let given: usize = list(&body["timeSeries"])
        .iter()
        .map(|s| list(&s["points"]).len())
        .sum();
    let points: usize = page.series.iter().map(|s| s.points.len()).sum();
    assert!(page.skipped.is_empty(), "{name}: {:?}", page.skipped);
    assert_eq!(points, given, "{name}");
}

fn is_a_service_that_is_off(name: &str, body: &Json) {
    let error = crate::classify::classify(refused(403, body), plan::OPERATION, &Scope::new("p"));
    assert!(
        *error.kind() == ErrorKind::Forbidden && error.message().contains("gcloud services enable"),
        "{name}: {error}"
    );
}

/// What Google's exporter wrote from OTLP comes back as it was. It knows no deltas: those come back cumulative.
fn comes_back(name: &str, written: &Json, otlp: &Json) {
    let mut ours = Vec::new();
    for request in list(&written["createTimeSeriesRequests"]) {
        for series in list(&request["timeSeries"]) {
            let page = convert(always(), &json!({"timeSeries": [series], "unit": series["unit"]}));
            assert!(page.skipped.is_empty(), "{name}: {:?}", page.skipped);
            ours.extend(page.series.iter().flat_map(told));
        }
    }
    let mut theirs = said(otlp);
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs, "{name}");
}

/// Our points in words.
fn told(series: &SeriesPoints) -> Vec<String> {
    let spec = series.series.metric.spec();
    let kind = match spec.kind {
        Kind::Gauge => "gauge",
        Kind::Sum {
            temporality: Temporality::Cumulative,
            monotonic: true,
        } => "sum",
        Kind::Histogram {
            temporality: Temporality::Cumulative,
        } => "histogram",
        other @ (Kind::Sum { .. } | Kind::Histogram { .. }) => panic!("{other:?} from Google's exporter"),
    };
    let words = |value: &Value| match value {
        Value::Int(i) => format!("{i}"),
        Value::Double(d) => format!("{d:.6}"),
        Value::Histogram(h) => in_words(h),
    };
    let name = spec.cloud_name.trim_start_matches("workload.googleapis.com/");
    let line = |value| format!("{name} {kind} {} {}", spec.unit, words(value));
    series.points.iter().map(|p| line(&p.value)).collect()
}

fn in_words(h: &Histogram) -> String {
    buckets(&h.buckets.bounds, &h.buckets.counts, h.sum.unwrap_or(f64::NAN))
}

fn buckets(bounds: &[f64], counts: &[u64], sum: f64) -> String {
    // A bound is a power of a rounded base there and of an exact one here.
    let bounds: Vec<String> = bounds.iter().map(|b| format!("{b:.6}")).collect();
    format!("{bounds:?} {counts:?} {sum:.6}")
}

/// The points of an OTLP request in the same words.
fn said(otlp: &Json) -> Vec<String> {
    let scopes = list(&otlp["resourceMetrics"])
        .into_iter()
        .flat_map(|r| list(&r["scopeMetrics"]));
    let metrics = scopes.flat_map(|s| list(&s["metrics"]));
    metrics.flat_map(|m| points_said(&m)).collect()
}

fn points_said(metric: &Json) -> Vec<String> {
    let forms: [(&str, &str, InWords); 4] = [
        ("gauge", "gauge", number_said),
        ("sum", "sum", number_said),
        ("histogram", "histogram", explicit_said),
        ("exponentialHistogram", "histogram", exponential_said),
    ];
    let mut all = Vec::new();
    for (field, kind, words) in forms {
        for point in list(&metric[field]["dataPoints"]) {
            let (name, unit) = (text(&metric["name"]), text(&metric["unit"]));
            all.push(format!("{name} {kind} {unit} {}", words(&point)));
        }
    }
    all
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Json) -> f64 {
    value.as_f64().expect("a number")
}

fn count(value: &Json) -> u64 {
    value
        .as_u64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap_or(0)
}

fn number_said(point: &Json) -> String {
    let whole = &point["asInt"];
    if whole.is_null() {
        format!("{:.6}", number(&point["asDouble"]))
    } else {
        format!("{}", count(whole))
    }
}

fn explicit_said(point: &Json) -> String {
    let bounds: Vec<f64> = list(&point["explicitBounds"]).iter().map(number).collect();
    let counts: Vec<u64> = list(&point["bucketCounts"]).iter().map(count).collect();
    buckets(&bounds, &counts, number(&point["sum"]))
}

/// Base 2^(2^-scale); zero and below zero are one bucket, because Google's first bucket begins at minus infinity.
fn exponential_said(point: &Json) -> String {
    let small = |v: &Json| i32::try_from(v.as_i64().unwrap_or(0)).expect("small");
    let base = 2_f64.powf(2_f64.powi(-small(&point["scale"])));
    let positive = list(&point["positive"]["bucketCounts"]);
    let negative: u64 = list(&point["negative"]["bucketCounts"]).iter().map(count).sum();
    let offset = small(&point["positive"]["offset"]);
    let last = offset + i32::try_from(positive.len()).expect("few");
    let bounds: Vec<f64> = (offset..=last).map(|i| base.powi(i)).collect();
    let mut counts = vec![count(&point["zeroCount"]) + negative];
    counts.extend(positive.iter().map(count));
    counts.push(0);
    buckets(&bounds, &counts, number(&point["sum"]))
}
