//! Makers of small things for this crate's tests.

use crate::census::Seen;
use crate::config::GcpEntry;
use crate::convert::{Converter, Page};
use crate::discover::GcpTarget;
use crate::plan;
use google_cloud_api::model::MetricDescriptor;
use google_cloud_gax::error::{Error, rpc::Status};
use google_cloud_monitoring_v3::model::ListTimeSeriesResponse;
use provider_api::{
    AccountId, GroupSpec, Matcher, Members, Scope, Span, Target, TargetId, UnixNanos, Window,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;

/// The metric type of [`page`].
pub(crate) const TYPE: &str = "compute.googleapis.com/instance/cpu/utilization";

const MINUTE: Duration = Duration::from_secs(60);

/// A target of `my-project` that has data.
pub(crate) fn target(metric_type: &str, filter: Option<&str>) -> Target {
    made(metric_type, filter, true)
}

/// One that was listed without.
pub(crate) fn silent(metric_type: &str) -> Target {
    made(metric_type, None, false)
}

fn made(metric_type: &str, filter: Option<&str>, active: bool) -> Target {
    let detail = GcpTarget {
        project: "my-project".into(),
        metric_type: metric_type.into(),
        filter: filter.map(Arc::from),
        query: format!("metric.type = \"{metric_type}\"").into(),
        active,
        unit: "s".into(),
        description: "words".into(),
        seen: Seen::default(),
    };
    let group = GroupSpec {
        scope: Scope::new("my-project"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: MINUTE,
        on_grain: false,
        every: MINUTE,
        settle: Span::Fixed(MINUTE),
        lookback: Span::Fixed(MINUTE),
        initial: MINUTE,
        retention: MINUTE,
        longest_window: MINUTE,
    };
    Target {
        id: TargetId::of_text(metric_type),
        members: Members::default(),
        group: Arc::new(group),
        series: 1,
        detail: Arc::new(detail),
    }
}

/// An entry that matches nothing.
pub(crate) fn entry() -> GcpEntry {
    GcpEntry {
        types: vec![],
        filter: None,
        every: 5 * MINUTE,
        settle: None,
        lookback: Span::Fixed(MINUTE),
        initial: MINUTE,
    }
}

/// A descriptor as it arrives, with sample period and ingest delay.
pub(crate) fn descriptor(
    metric_type: &str,
    value_type: &str,
    times: Option<(&str, &str)>,
) -> MetricDescriptor {
    let metadata = times.map(|(period, delay)| json!({"samplePeriod": period, "ingestDelay": delay}));
    let mut body = json!({"type": metric_type, "metricKind": "GAUGE", "valueType": value_type});
    if let (Some(metadata), Some(fields)) = (metadata, body.as_object_mut()) {
        fields.insert("metadata".to_owned(), metadata);
    }
    serde_json::from_value(body).expect("a descriptor")
}

/// An error as the client library makes it of a body; the detour gives the body the type that the library wants.
#[allow(
    clippy::default_trait_access,
    reason = "the header map is of a crate that is not ours to name"
)]
pub(crate) fn refused(http: u16, body: &serde_json::Value) -> Error {
    let raw = Error::http(http, Default::default(), body.to_string().into());
    let status = Status::try_from(raw.http_payload().expect("a body")).expect("an error body");
    Error::service_with_http_metadata(status, Some(http), None)
}

/// A glob `prefix*`.
pub(crate) fn starting(prefix: &'static str) -> Matcher {
    Matcher::new(format!("{prefix}*"), move |t: &str| t.starts_with(prefix)).with_prefix(prefix)
}

/// All of time.
pub(crate) fn always() -> Window {
    Window::new(UnixNanos(i64::MIN), UnixNanos(i64::MAX)).expect("not empty")
}

/// Seconds.
pub(crate) fn window(start: i64, end: i64) -> Window {
    Window::new(UnixNanos::from_seconds(start), UnixNanos::from_seconds(end)).expect("not empty")
}

/// One body as one page.
pub(crate) fn convert(window: Window, body: &Json) -> Page {
    let page: ListTimeSeriesResponse = serde_json::from_value(body.clone()).expect("a page");
    let asked = body["timeSeries"][0]["metric"]["type"].as_str().unwrap_or(TYPE);
    let target = target(asked, None);
    let account = AccountId("ml".into());
    Converter::new(&account, target.id, plan::of(&target).expect("ours"), window).page(
        &page.unit,
        &page.time_series,
        0,
    )
}

/// A page with one series.
pub(crate) fn page(kind: &str, value: &str, points: &[(i64, i64, Json)], token: &str) -> Json {
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

/// A value.
pub(crate) fn double(v: f64) -> Json {
    json!({"doubleValue": v})
}
