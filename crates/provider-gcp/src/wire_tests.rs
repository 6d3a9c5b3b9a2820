//! Whole answers: recorded bodies converted, and a provider against a small HTTP server on the loopback.

use crate::config::{CredentialSource, GcpConfig, Matcher};
use crate::convert::{Converter, Page};
use crate::testing::{entry, refused, target};
use crate::{GcpProvider, plan};
use futures::StreamExt as _;
use gate::{Gate, GateConfig};
use google_cloud_monitoring_v3::model::ListTimeSeriesResponse;
use provider_api::conformance::{
    batches_fit_their_call, each_due_target_in_exactly_one_call, partial_answer_kept,
};
use provider_api::{
    AccountId, Batch, Cloud, Due, ErrorKind, Kind, MetricsProvider as _, Outcome, ProviderError, Scope,
    SkipReason, Target, Temporality, UnixNanos, Value, Window,
};
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const TYPE: &str = "compute.googleapis.com/instance/cpu/utilization";

fn always() -> Window {
    Window::new(UnixNanos(i64::MIN), UnixNanos(i64::MAX)).expect("not empty")
}

fn window(start: i64, end: i64) -> Window {
    Window::new(UnixNanos::from_seconds(start), UnixNanos::from_seconds(end)).expect("not empty")
}

fn convert(window: Window, body: &Json) -> Page {
    let page: ListTimeSeriesResponse = serde_json::from_value(body.clone()).expect("a page");
    let asked = body["timeSeries"][0]["metric"]["type"].as_str().unwrap_or(TYPE);
    let target = target(asked, None);
    let account = AccountId("ml".into());
    Converter::new(&account, target.id, plan::of(&target).expect("ours"), window)
        .page(&page.unit, &page.time_series)
}

/// A page with one series.
fn page(kind: &str, value: &str, points: &[(i64, i64, Json)], token: &str) -> Json {
    let at = |s: i64| format!("1970-01-01T{:02}:{:02}:{:02}Z", s / 3600, s / 60 % 60, s % 60);
    let points: Vec<_> = points
        .iter()
        .map(
            |(start, end, v)| json!({"interval": {"startTime": at(*start), "endTime": at(*end)}, "value": v}),
        )
        .collect();
    json!({"unit": "10^2.%", "nextPageToken": token, "timeSeries": [{
        "metric": {"type": TYPE, "labels": {"instance_name": "vm", "zone": "mine"}},
        "resource": {"type": "gce_instance", "labels": {"project_id": "p", "zone": "europe-west1-b", "instance_id": "1"}},
        "metricKind": kind, "valueType": value, "points": points}]})
}

fn double(v: f64) -> Json {
    json!({"doubleValue": v})
}

#[test]
fn a_series_has_its_resource_name_unit_and_labels() {
    let page = convert(always(), &page("GAUGE", "DOUBLE", &[(60, 60, double(0.5))], ""));
    let series = &page.series[0].series;
    let resource: Vec<_> = series.resource.attributes().iter().collect();
    assert_eq!(
        resource,
        [
            ("cloud.account.id", "p"),
            ("cloud.availability_zone", "europe-west1-b"),
            ("cloud.platform", "gcp_compute_engine"),
            ("cloud.provider", "gcp"),
            ("cloud.region", "europe-west1"),
            (
                "cloud.resource_id",
                "//compute.googleapis.com/projects/p/zones/europe-west1-b/instances/1"
            ),
            ("gcp.resource_type", "gce_instance"),
            ("nephoscope.account", "ml"),
        ]
    );
    let labels: Vec<_> = series.attributes.iter().collect();
    assert_eq!(
        labels,
        [("instance_id", "1"), ("instance_name", "vm"), ("zone", "mine")]
    );
    let spec = series.metric.spec();
    assert_eq!(
        (&*spec.name, &*spec.unit),
        ("gcp.compute.instance.cpu.utilization", "1")
    );
    assert_eq!(
        (&*spec.namespace, &*spec.cloud_name),
        ("compute.googleapis.com", TYPE)
    );
}

#[test]
fn kinds_and_values() {
    let distribution = || json!({"distributionValue": {"count": "2", "mean": 1.5}});
    let (delta, cumulative) = (Temporality::Delta, Temporality::Cumulative);
    for (kind, value, given, wanted, start) in [
        ("GAUGE", "DOUBLE", double(1.5), Kind::Gauge, None),
        ("GAUGE", "BOOL", json!({"boolValue": true}), Kind::Gauge, None),
        (
            "DELTA",
            "INT64",
            json!({"int64Value": "7"}),
            Kind::Sum {
                temporality: delta,
                monotonic: false,
            },
            Some(60),
        ),
        (
            "CUMULATIVE",
            "INT64",
            json!({"int64Value": "7"}),
            Kind::Sum {
                temporality: cumulative,
                monotonic: true,
            },
            Some(60),
        ),
        (
            "GAUGE",
            "DISTRIBUTION",
            distribution(),
            Kind::Histogram { temporality: delta },
            None,
        ),
        (
            "DELTA",
            "DISTRIBUTION",
            distribution(),
            Kind::Histogram { temporality: delta },
            Some(60),
        ),
        (
            "CUMULATIVE",
            "DISTRIBUTION",
            distribution(),
            Kind::Histogram {
                temporality: cumulative,
            },
            Some(60),
        ),
    ] {
        let page = convert(always(), &page(kind, value, &[(60, 120, given)], ""));
        let point = &page.series[0].points[0];
        assert_eq!(page.series[0].series.metric.spec().kind, wanted, "{kind} {value}");
        assert_eq!(point.start, start.map(UnixNanos::from_seconds), "{kind} {value}");
        match &point.value {
            Value::Double(d) => assert!((d - 1.5).abs() < f64::EPSILON),
            Value::Int(i) => assert_eq!(*i, if value == "BOOL" { 1 } else { 7 }),
            Value::Histogram(h) => assert_eq!((h.count, h.sum), (2, Some(3.0))),
        }
    }
}

#[test]
fn what_cannot_be_told_is_counted_by_reason() {
    let one = |v: Json| vec![(60, 120, v)];
    for (kind, value, points, wanted) in [
        (
            "GAUGE",
            "DOUBLE",
            one(json!({"doubleValue": "NaN"})),
            SkipReason::NotFinite,
        ),
        (
            "GAUGE",
            "STRING",
            one(json!({"stringValue": "x"})),
            SkipReason::NoNumber,
        ),
        ("GAUGE", "DOUBLE", one(json!({})), SkipReason::BadShape),
        (
            "METRIC_KIND_UNSPECIFIED",
            "DOUBLE",
            one(double(1.0)),
            SkipReason::BadShape,
        ),
        ("DELTA", "DISTRIBUTION", one(double(1.0)), SkipReason::BadShape),
        (
            "DELTA",
            "DOUBLE",
            vec![(180, 120, double(1.0))],
            SkipReason::BadTime,
        ),
        (
            "GAUGE",
            "DOUBLE",
            vec![(0, 600, double(1.0))],
            SkipReason::OutsideWindow,
        ),
        (
            "GAUGE",
            "DOUBLE",
            vec![(0, 0, double(1.0))],
            SkipReason::OutsideWindow,
        ),
    ] {
        let page = convert(window(0, 300), &page(kind, value, &points, ""));
        let skipped: Vec<_> = page.skipped.iter().map(|s| (s.reason, s.points)).collect();
        assert_eq!(skipped, [(wanted, 1)], "{kind} {value}");
        assert!(page.series.is_empty());
    }
    let twice = [(0, 120, double(2.0)), (0, 120, double(2.0)), (0, 60, double(1.0))];
    let page = convert(window(0, 300), &page("GAUGE", "DOUBLE", &twice, ""));
    assert_eq!(page.skipped[0].reason, SkipReason::Repeated);
    assert_eq!(
        page.series[0]
            .points
            .iter()
            .map(|p| p.end.seconds())
            .collect::<Vec<_>>(),
        [60, 120]
    );
}

/// The shared recordings, or nothing where they are not at hand.
fn recordings(begin: &str) -> Vec<(String, Json)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/gcp");
    let Ok(files) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let named = files
        .filter_map(Result::ok)
        .map(|f| (f.file_name().to_string_lossy().into_owned(), f.path()));
    named
        .filter(|(name, _)| name.starts_with(begin))
        .map(|(name, path)| {
            let text = std::fs::read_to_string(path).expect("readable");
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect()
}

#[test]
fn recorded_pages_convert_without_loss() {
    let recordings = recordings("timeseries_");
    eprintln!("{} recorded pages read", recordings.len());
    for (name, body) in recordings {
        let page = convert(always(), &body);
        let given: usize = body["timeSeries"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|s| s["points"].as_array().map_or(0, Vec::len))
            .sum();
        let points: usize = page.series.iter().map(|s| s.points.len()).sum();
        assert!(page.skipped.is_empty(), "{name}: {:?}", page.skipped);
        assert_eq!(points, given, "{name}");
    }
}

#[test]
fn recorded_errors_have_their_kind() {
    let recordings = recordings("error_403");
    eprintln!("{} recorded errors read", recordings.len());
    for (name, body) in recordings {
        let error = crate::classify::classify(refused(403, &body), plan::OPERATION, &Scope::new("p"));
        assert!(
            error.kind == ErrorKind::Forbidden && error.message.contains("gcloud services enable"),
            "{name}: {error}"
        );
    }
}

/// What Google's exporter wrote from OTLP comes back as it was.
#[test]
fn histograms_survive_googles_exporter_and_us() {
    let recordings = recordings("otlp_histogram_expect");
    eprintln!("{} exporter outputs read", recordings.len());
    for (name, body) in recordings {
        let series: Vec<Json> = body["createTimeSeriesRequests"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|r| r["timeSeries"].as_array().cloned().unwrap_or_default())
            .filter(|s| s["valueType"] == "DISTRIBUTION")
            .collect();
        let mut ours: Vec<_> = series
            .iter()
            .map(|s| histogram_of(&convert(always(), &json!({"timeSeries": [s]}))))
            .collect();
        let mut theirs: Vec<_> = self::recordings("otlp_histogram.json")
            .iter()
            .flat_map(|(_, b)| written(b))
            .collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{name}");
    }
}

/// Bounds, counts and sum as text, to be sorted and compared.
fn histogram_of(page: &Page) -> String {
    let Value::Histogram(h) = &page.series[0].points[0].value else {
        panic!("{page:?}")
    };
    format!(
        "{:?} {:?} {:.6}",
        h.buckets.bounds,
        h.buckets.counts,
        h.sum.unwrap_or(f64::NAN)
    )
}

/// The histograms of an OTLP request in JSON, in the same words.
fn written(otlp: &Json) -> Vec<String> {
    let list = |v: &Json| v.as_array().cloned().unwrap_or_default();
    let metrics = list(&otlp["resourceMetrics"])
        .into_iter()
        .flat_map(|r| list(&r["scopeMetrics"]));
    let points = metrics
        .flat_map(|s| list(&s["metrics"]))
        .flat_map(|m| list(&m["histogram"]["dataPoints"]));
    let number = |v: &Json| v.as_f64().expect("a number");
    let count = |v: &Json| v.as_u64().or_else(|| v.as_str()?.parse().ok()).expect("a count");
    let text = |p: Json| {
        let bounds: Vec<_> = list(&p["explicitBounds"]).iter().map(number).collect();
        let counts: Vec<_> = list(&p["bucketCounts"]).iter().map(count).collect();
        format!("{bounds:?} {counts:?} {:.6}", number(&p["sum"]))
    };
    points.map(text).collect()
}

type Seen = Arc<Mutex<Vec<String>>>;

/// Answers connections in order with the given (status, body), then no more; remembers the requests.
async fn server(answers: Vec<(u16, String)>) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let seen: Seen = Arc::default();
    let requests = seen.clone();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.expect("a request"));
            }
            requests
                .lock()
                .expect("no panic")
                .push(String::from_utf8_lossy(&head).into_owned());
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            socket.write_all(answer.as_bytes()).await.expect("written");
        }
    });
    (address, seen)
}

async fn provider(answers: Vec<(u16, Json)>) -> (GcpProvider, Seen) {
    let answers = answers
        .into_iter()
        .map(|(s, b)| (s, b.as_str().map_or_else(|| b.to_string(), str::to_owned)));
    let (endpoint, seen) = server(answers.collect()).await;
    let account = AccountId("ml".into());
    let mut config = GcpConfig::new(account.clone(), vec!["my-project".to_owned()]);
    config.credentials.source = CredentialSource::Anonymous;
    config.endpoint = Some(endpoint);
    config.entries = vec![entry()];
    config.entries[0].types = vec![Matcher::exact(TYPE)];
    let gate = Gate::new(
        Cloud::Gcp,
        account,
        GateConfig {
            quotas: crate::quotas(),
            ..GateConfig::default()
        },
    );
    (GcpProvider::connect(config, gate).await.expect("connected"), seen)
}

fn due() -> Vec<Due> {
    vec![Due {
        target: target(TYPE, None),
        window: window(0, 300),
    }]
}

/// Fetches the one due target; the batches, the error that ended them, and the target.
async fn read(provider: &GcpProvider) -> (Vec<Batch>, Option<ProviderError>, Target) {
    let calls = each_due_target_in_exactly_one_call(provider, &due());
    let call = &calls[0];
    let results: Vec<_> = provider.fetch(call).collect().await;
    let mut batches = Vec::new();
    let mut error = None;
    for result in results {
        match result {
            Ok(batch) => batches.push(batch),
            Err(e) => error = Some(e),
        }
    }
    batches_fit_their_call(call, &batches);
    (batches, error, call.targets[0].clone())
}

fn error(code: u16, status: &str) -> (u16, Json) {
    (
        code,
        json!({"error": {"code": code, "status": status, "message": "words"}}),
    )
}

#[tokio::test]
async fn pages_become_batches_and_the_last_completes() {
    let first = page(
        "GAUGE",
        "DOUBLE",
        &[(0, 240, double(4.0)), (0, 180, double(3.0))],
        "next",
    );
    let last = page(
        "GAUGE",
        "DOUBLE",
        &[(0, 180, double(3.0)), (0, 120, double(2.0))],
        "",
    );
    let (provider, seen) = provider(vec![(200, first), (200, last)]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        batches.iter().map(|b| b.complete.len()).collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(batches[1].complete, [target.id]);
    assert_eq!(
        batches[1].skipped[0].reason,
        SkipReason::Repeated,
        "a point of the first page came again"
    );
    let seen = seen.lock().expect("no panic").clone();
    assert!(
        seen[0].starts_with("GET /v3/projects/my-project/timeSeries?") && seen[0].contains("pageSize=10000"),
        "{seen:?}"
    );
    assert!(seen[0].contains("1970-01-01T00%3A05%3A00Z"), "{seen:?}");
    assert!(seen[1].contains("pageToken=next"), "{seen:?}");
    assert!(
        seen[0].to_lowercase().contains("accept-encoding: gzip"),
        "gzip is off: {seen:?}"
    );
}

#[tokio::test]
async fn a_partial_answer_is_kept_but_not_complete() {
    let mut body = page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "");
    body["unreachable"] = json!(["us-east1"]);
    let (provider, _) = provider(vec![(200, body)]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none());
    partial_answer_kept(&batches, 1, &HashSet::from([target.id]));
    assert_eq!(batches[0].failed[0].message, "unreachable: us-east1");
}

#[tokio::test]
async fn a_metric_without_data_is_complete_and_empty() {
    let (provider, _) = provider(vec![error(404, "NOT_FOUND")]).await;
    let (batches, error, target) = read(&provider).await;
    assert!(error.is_none() && batches.len() == 1 && batches[0].complete == [target.id]);
}

#[tokio::test]
async fn a_looping_token_ends_the_call_and_keeps_what_came() {
    let body = |end| (200, page("GAUGE", "DOUBLE", &[(0, end, double(4.0))], "again"));
    let (provider, _) = provider(vec![body(240), body(180)]).await;
    let (batches, error, target) = read(&provider).await;
    assert_eq!(error.map(|e| e.kind), Some(ErrorKind::BadResponse));
    partial_answer_kept(&batches, 2, &HashSet::from([target.id]));
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_a_busy_service_asked_again() {
    let good = page("GAUGE", "DOUBLE", &[(0, 240, double(4.0))], "");
    let answers = vec![
        error(401, "UNAUTHENTICATED"),
        error(503, "UNAVAILABLE"),
        (200, good),
    ];
    let (provider, _) = provider(answers).await;
    let (batches, error, _) = read(&provider).await;
    assert!(error.is_none() && batches.len() == 1, "{error:?}");
}

#[tokio::test]
async fn discovery_and_check_speak_of_the_project() {
    let descriptor =
        json!({"metricDescriptors": [{"type": TYPE, "metricKind": "GAUGE", "valueType": "DOUBLE"}]});
    let (provider, seen) = provider(vec![(200, descriptor), error(403, "PERMISSION_DENIED")]).await;
    let catalogues: Vec<_> = provider.discover().collect().await;
    let catalogue = catalogues[0].as_ref().expect("listed");
    assert_eq!(catalogue.targets[0].detail.describe(), TYPE);
    let check = provider.check().await.checks.remove(0);
    assert_eq!(
        (check.scope.as_str(), check.outcome),
        ("my-project", Outcome::Forbidden)
    );
    assert!(check.detail.contains("roles/monitoring.viewer"), "{check:?}");
    let seen = seen.lock().expect("no panic").clone();
    assert!(
        seen[0].contains("activeOnly=true") && seen[0].contains("starts_with"),
        "{seen:?}"
    );
}
