//! OTLP's tree as a flat list, so that a test can say what it expects in one line.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, HistogramDataPoint, Metric, NumberDataPoint, exemplar, metric::Data,
    number_data_point::Value,
};
use std::collections::BTreeMap;

/// One point with everything it stands under.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlatPoint {
    /// Resource attributes.
    pub resource: BTreeMap<String, String>,
    /// `nephoscope.aws`.
    pub scope_name: String,
    /// Ours.
    pub scope_version: String,
    /// `cloud.metrics.namespace`.
    pub scope_attributes: BTreeMap<String, String>,
    /// Name.
    pub metric: String,
    /// UCUM.
    pub unit: String,
    /// For people.
    pub description: String,
    /// `cloud.metric.name`, `cloud.metric.statistic`.
    pub metadata: BTreeMap<String, String>,
    /// `gauge`, `sum`, `histogram`; anything else is `other` without points.
    pub kind: &'static str,
    /// `delta`, `cumulative`.
    pub temporality: Option<&'static str>,
    /// For sums.
    pub monotonic: bool,
    /// Point attributes.
    pub attributes: BTreeMap<String, String>,
    /// Unix nanoseconds; zero = absent.
    pub start: u64,
    /// Unix nanoseconds.
    pub time: u64,
    /// The value.
    pub value: FlatValue,
}

/// A point's value.
#[derive(Clone, Debug, PartialEq)]
pub enum FlatValue {
    /// `as_double`.
    Double(f64),
    /// `as_int`.
    Int(i64),
    /// A histogram.
    Histogram {
        /// How many.
        count: u64,
        /// Their sum.
        sum: Option<f64>,
        /// Upper bounds.
        bounds: Vec<f64>,
        /// One more than bounds.
        counts: Vec<u64>,
        /// Examples.
        exemplars: Vec<FlatExemplar>,
    },
}

impl Default for FlatValue {
    fn default() -> Self {
        Self::Int(0)
    }
}

/// An example value.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatExemplar {
    /// The value.
    pub value: f64,
    /// Unix nanoseconds.
    pub time: u64,
    /// 16 bytes or none.
    pub trace_id: Vec<u8>,
    /// 8 bytes or none.
    pub span_id: Vec<u8>,
    /// Its own attributes.
    pub attributes: BTreeMap<String, String>,
}

/// All points of a request.
pub(super) fn flatten(request: &ExportMetricsServiceRequest) -> Vec<FlatPoint> {
    let mut out = Vec::new();
    for r in &request.resource_metrics {
        let resource = r
            .resource
            .as_ref()
            .map(|r| map(&r.attributes))
            .unwrap_or_default();
        for s in &r.scope_metrics {
            let scope = s.scope.clone().unwrap_or_default();
            let above = FlatPoint {
                resource: resource.clone(),
                scope_attributes: map(&scope.attributes),
                scope_name: scope.name,
                scope_version: scope.version,
                ..FlatPoint::default()
            };
            s.metrics.iter().for_each(|m| push(m, &above, &mut out));
        }
    }
    out
}

fn push(m: &Metric, above: &FlatPoint, out: &mut Vec<FlatPoint>) {
    let mut base = FlatPoint {
        metric: m.name.clone(),
        unit: m.unit.clone(),
        description: m.description.clone(),
        metadata: map(&m.metadata),
        ..above.clone()
    };
    match &m.data {
        Some(Data::Gauge(d)) => {
            base.kind = "gauge";
            out.extend(d.data_points.iter().map(|p| number(p, &base)));
        }
        Some(Data::Sum(d)) => {
            base.kind = "sum";
            base.monotonic = d.is_monotonic;
            base.temporality = temporality(d.aggregation_temporality());
            out.extend(d.data_points.iter().map(|p| number(p, &base)));
        }
        Some(Data::Histogram(d)) => {
            base.kind = "histogram";
            base.temporality = temporality(d.aggregation_temporality());
            out.extend(d.data_points.iter().map(|p| histogram(p, &base)));
        }
        Some(Data::ExponentialHistogram(_) | Data::Summary(_)) | None => {}
    }
}

fn number(p: &NumberDataPoint, base: &FlatPoint) -> FlatPoint {
    let value = match p.value {
        Some(Value::AsDouble(v)) => FlatValue::Double(v),
        Some(Value::AsInt(v)) => FlatValue::Int(v),
        None => FlatValue::Double(f64::NAN),
    };
    let (start, time) = (p.start_time_unix_nano, p.time_unix_nano);
    FlatPoint {
        attributes: map(&p.attributes),
        start,
        time,
        value,
        ..base.clone()
    }
}

fn histogram(p: &HistogramDataPoint, base: &FlatPoint) -> FlatPoint {
    let value = FlatValue::Histogram {
        count: p.count,
        sum: p.sum,
        bounds: p.explicit_bounds.clone(),
        counts: p.bucket_counts.clone(),
        exemplars: p.exemplars.iter().map(example).collect(),
    };
    let (start, time) = (p.start_time_unix_nano, p.time_unix_nano);
    FlatPoint {
        attributes: map(&p.attributes),
        start,
        time,
        value,
        ..base.clone()
    }
}

fn example(e: &Exemplar) -> FlatExemplar {
    let value = match e.value {
        Some(exemplar::Value::AsDouble(v)) => v,
        Some(exemplar::Value::AsInt(_)) | None => f64::NAN, // we send doubles
    };
    FlatExemplar {
        value,
        time: e.time_unix_nano,
        trace_id: e.trace_id.clone(),
        span_id: e.span_id.clone(),
        attributes: map(&e.filtered_attributes),
    }
}

fn temporality(t: AggregationTemporality) -> Option<&'static str> {
    match t {
        AggregationTemporality::Delta => Some("delta"),
        AggregationTemporality::Cumulative => Some("cumulative"),
        AggregationTemporality::Unspecified => None,
    }
}

fn map(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |a: &KeyValue| match a.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Any::StringValue(v)) => v.clone(),
        other => format!("{other:?}"),
    };
    attributes.iter().map(|a| (a.key.clone(), text(a))).collect()
}

/// One span with everything it stands under.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlatSpan {
    /// Resource attributes.
    pub resource: BTreeMap<String, String>,
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// 16 bytes.
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    pub span_id: Vec<u8>,
    /// 8 bytes, or none at the root.
    pub parent_span_id: Vec<u8>,
}

/// All spans of a request.
pub(super) fn spans(request: &ExportTraceServiceRequest) -> Vec<FlatSpan> {
    let mut out = Vec::new();
    for r in &request.resource_spans {
        let resource = r
            .resource
            .as_ref()
            .map(|r| map(&r.attributes))
            .unwrap_or_default();
        for span in r.scope_spans.iter().flat_map(|scope| &scope.spans) {
            out.push(FlatSpan {
                resource: resource.clone(),
                name: span.name.clone(),
                attributes: map(&span.attributes),
                trace_id: span.trace_id.clone(),
                span_id: span.span_id.clone(),
                parent_span_id: span.parent_span_id.clone(),
            });
        }
    }
    out
}
