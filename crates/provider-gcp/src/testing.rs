//! Makers of small things for this crate's tests.

use crate::config::GcpEntry;
use crate::discover::GcpTarget;
use google_cloud_api::model::MetricDescriptor;
use google_cloud_gax::error::{Error, rpc::Status};
use provider_api::{GroupSpec, Scope, Target, TargetId};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A target of `my-project`.
pub(crate) fn target(metric_type: &str, filter: Option<&str>) -> Target {
    let detail = GcpTarget {
        project: "my-project".into(),
        metric_type: metric_type.into(),
        filter: filter.map(Arc::from),
        unit: "s".into(),
        description: "words".into(),
    };
    let group = GroupSpec {
        scope: Scope::new("my-project"),
        name: "g".into(),
        namespace: "n".into(),
        grain: MINUTE,
        on_grain: false,
        every: MINUTE,
        settle: MINUTE,
        lookback: MINUTE,
        initial: MINUTE,
        retention: MINUTE,
        longest_window: MINUTE,
    };
    Target {
        id: TargetId::of(metric_type),
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
        lookback: MINUTE,
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
