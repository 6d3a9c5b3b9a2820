//! The bytes of OTLP's messages (`opentelemetry/proto/metrics/v1/metrics.proto`).
//!
//! Points are written directly; what occurs once for a series or less goes through the generated types. The order of
//! fields in a message is free in protobuf, which is why a point's attributes may come last.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use prost::Message;
use prost::encoding::encode_varint;
use provider_api::{Histogram, Kind, Metric, Point, Resource, Series, Temporality, UnixNanos, Value};

/// Room for tags and lengths around one message: two tags and two varints of five bytes.
pub(crate) const FRAME_BYTES: usize = 12;

// Field tags of opentelemetry.proto.metrics.v1: number << 3 | wire type.
/// Field 1 of any message, length-delimited.
pub(crate) const FIRST: u8 = 0x0A;
/// Field 2 of any message, length-delimited.
pub(crate) const SECOND: u8 = 0x12;
const TEMPORALITY: u8 = 0x10;
const MONOTONIC: u8 = 0x18;
const START: u8 = 0x11;
const TIME: u8 = 0x19;
const AS_DOUBLE: u8 = 0x21;
const AS_INT: u8 = 0x31;
const NUMBER_ATTRIBUTES: u8 = 0x3A;
const HISTOGRAM_ATTRIBUTES: u8 = 0x4A;
const GAUGE: u8 = 0x2A;
const SUM: u8 = 0x3A;
const HISTOGRAM: u8 = 0x4A;

/// One number or histogram point, as field 1 of its metric's data.
pub(crate) fn write_point(out: &mut Vec<u8>, p: &Point, attributes: &[u8]) {
    match &p.value {
        Value::Double(v) => write_number(out, p, attributes, AS_DOUBLE, v.to_le_bytes()),
        Value::Int(v) => write_number(out, p, attributes, AS_INT, v.to_le_bytes()),
        Value::Histogram(h) => {
            let body = histogram_point(p, h).encode_to_vec();
            out.push(FIRST);
            encode_varint(wide(body.len() + attributes.len()), out);
            out.extend_from_slice(&body);
            out.extend_from_slice(attributes);
        }
    }
}

fn write_number(out: &mut Vec<u8>, p: &Point, attributes: &[u8], tag: u8, value: [u8; 8]) {
    let fixed = if p.start.is_some() { 27 } else { 18 };
    out.push(FIRST);
    encode_varint(wide(fixed + attributes.len()), out);
    if let Some(start) = p.start {
        out.push(START);
        out.extend_from_slice(&nanos(start).to_le_bytes());
    }
    out.push(TIME);
    out.extend_from_slice(&nanos(p.end).to_le_bytes());
    out.push(tag);
    out.extend_from_slice(&value);
    out.extend_from_slice(attributes);
}

/// Writes what follows the points of a metric and gives the tag of its data.
pub(crate) fn close_data(data: &mut Vec<u8>, kind: Kind) -> u8 {
    let code = |t| match t {
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    };
    match kind {
        Kind::Gauge => GAUGE,
        Kind::Sum {
            temporality,
            monotonic,
        } => {
            data.extend_from_slice(&[TEMPORALITY, code(temporality), MONOTONIC, u8::from(monotonic)]);
            SUM
        }
        Kind::Histogram { temporality } => {
            data.extend_from_slice(&[TEMPORALITY, code(temporality)]);
            HISTOGRAM
        }
    }
}

/// A histogram point without its attributes.
pub(crate) fn histogram_point(p: &Point, h: &Histogram) -> otlp::HistogramDataPoint {
    otlp::HistogramDataPoint {
        start_time_unix_nano: p.start.map_or(0, nanos),
        time_unix_nano: nanos(p.end),
        count: h.count,
        sum: h.sum,
        bucket_counts: h.buckets.counts.clone(),
        explicit_bounds: h.buckets.bounds.clone(),
        exemplars: h.exemplars.iter().map(exemplar).collect(),
        ..Default::default()
    }
}

fn exemplar(e: &provider_api::Exemplar) -> otlp::Exemplar {
    otlp::Exemplar {
        filtered_attributes: e.attributes.iter().map(|(k, v)| key_value(k, v)).collect(),
        time_unix_nano: nanos(e.time),
        span_id: e.span_id.map(Vec::from).unwrap_or_default(),
        trace_id: e.trace_id.map(Vec::from).unwrap_or_default(),
        value: Some(otlp::exemplar::Value::AsDouble(e.value)),
    }
}

/// The attributes of a series as its points carry them.
pub(crate) fn encode_attributes(series: &Series, kind: Kind) -> Vec<u8> {
    let tag = match kind {
        Kind::Gauge | Kind::Sum { .. } => NUMBER_ATTRIBUTES,
        Kind::Histogram { .. } => HISTOGRAM_ATTRIBUTES,
    };
    let mut out = Vec::new();
    for (k, v) in series.attributes.iter() {
        field(&mut out, tag, &key_value(k, v).encode_to_vec());
    }
    out
}

/// Field 1 of `ResourceMetrics`.
pub(crate) fn resource_header(resource: &Resource) -> Vec<u8> {
    let attributes = resource
        .attributes()
        .iter()
        .map(|(k, v)| key_value(k, v))
        .collect();
    first(&OtlpResource {
        attributes,
        ..Default::default()
    })
}

/// Field 1 of `ScopeMetrics`.
pub(crate) fn scope_header(metric: &Metric) -> Vec<u8> {
    let spec = metric.spec();
    first(&InstrumentationScope {
        name: format!("nephoscope.{}", spec.cloud),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        attributes: vec![key_value("cloud.metrics.namespace", &spec.namespace)],
        ..Default::default()
    })
}

/// A `Metric` without its data.
pub(crate) fn metric_header(metric: &Metric) -> Vec<u8> {
    let spec = metric.spec();
    let description = match &*spec.description {
        "" => spec.cloud_name.to_string(),
        text if text.contains(&*spec.cloud_name) => text.to_owned(),
        text => format!("{text} ({})", spec.cloud_name),
    };
    let mut metadata = vec![key_value("cloud.metric.name", &spec.cloud_name)];
    metadata.extend(
        spec.statistic
            .iter()
            .map(|s| key_value("cloud.metric.statistic", s)),
    );
    let (name, unit) = (spec.name.to_string(), spec.unit.to_string());
    otlp::Metric {
        name,
        description,
        unit,
        metadata,
        data: None,
    }
    .encode_to_vec()
}

/// A text attribute.
fn key_value(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue {
        value: Some(any_value::Value::StringValue(value.to_owned())),
    });
    KeyValue {
        key: key.to_owned(),
        value,
        ..Default::default()
    }
}

fn first(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, FIRST, &message.encode_to_vec());
    out
}

/// A tag, a length and the bytes.
pub(crate) fn field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    encode_varint(wide(bytes.len()), out);
    out.extend_from_slice(bytes);
}

/// Lengths as varints want them.
pub(crate) fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn nanos(t: UnixNanos) -> u64 {
    u64::try_from(t.0).unwrap_or(0)
}
