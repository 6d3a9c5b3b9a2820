//! The bytes of OTLP's messages (`opentelemetry/proto/metrics/v1/metrics.proto`).
//!
//! Points are written directly; what occurs once for a series or less goes through the generated types. The order of
//! fields in a message is free in protobuf, which is why a point's attributes may come last.

use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::resource::v1::Resource as OtlpResource;
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};
use provider_api::{Histogram, Kind, Metric, Point, Resource, Series, Temporality, UnixNanos, Value};

/// Room for tags and lengths around one message: two tags and two varints of five bytes.
pub(crate) const FRAME_BYTES: usize = 12;
/// A tag and a number of eight bytes.
pub(crate) const FIXED_BYTES: usize = 9;

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
const COUNT: u8 = 0x21;
const TOTAL: u8 = 0x29;
const BUCKET_COUNTS: u8 = 0x32;
const BOUNDS: u8 = 0x3A;
const EXEMPLAR: u8 = 0x42;
const HISTOGRAM_ATTRIBUTES: u8 = 0x4A;
const GAUGE: u8 = 0x2A;
const SUM: u8 = 0x3A;
const HISTOGRAM: u8 = 0x4A;

/// One number or histogram point, as field 1 of its metric's data.
pub(crate) fn write_point(out: &mut Vec<u8>, p: &Point, attributes: &[u8]) {
    match &p.value {
        Value::Double(v) => write_number(out, p, attributes, AS_DOUBLE, v.to_le_bytes()),
        Value::Int(v) => write_number(out, p, attributes, AS_INT, v.to_le_bytes()),
        Value::Histogram(h) => write_histogram(out, p, h, attributes),
    }
}

fn write_number(out: &mut Vec<u8>, p: &Point, attributes: &[u8], tag: u8, value: [u8; 8]) {
    let numbers = 2 + usize::from(p.start.is_some());
    out.push(FIRST);
    encode_varint(wide(numbers * FIXED_BYTES + attributes.len()), out);
    if let Some(start) = p.start {
        fixed(out, START, nanos(start).to_le_bytes());
    }
    fixed(out, TIME, nanos(p.end).to_le_bytes());
    fixed(out, tag, value);
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

fn write_histogram(out: &mut Vec<u8>, p: &Point, h: &Histogram, attributes: &[u8]) {
    out.push(FIRST);
    encode_varint(wide(histogram_bytes(p, h) + attributes.len()), out);
    if let Some(start) = p.start {
        fixed(out, START, nanos(start).to_le_bytes());
    }
    fixed(out, TIME, nanos(p.end).to_le_bytes());
    fixed(out, COUNT, h.count.to_le_bytes());
    if let Some(sum) = h.sum {
        fixed(out, TOTAL, sum.to_le_bytes());
    }
    packed(
        out,
        BUCKET_COUNTS,
        h.buckets.counts.iter().map(|n| n.to_le_bytes()),
    );
    packed(out, BOUNDS, h.buckets.bounds.iter().map(|n| n.to_le_bytes()));
    for e in &h.exemplars {
        field(out, EXEMPLAR, &exemplar(e).encode_to_vec());
    }
    out.extend_from_slice(attributes);
}

/// How long a histogram point is without its attributes.
pub(crate) fn histogram_bytes(p: &Point, h: &Histogram) -> usize {
    let numbers = 2 + usize::from(p.start.is_some()) + usize::from(h.sum.is_some());
    let examples = h.exemplars.iter().map(|e| exemplar(e).encoded_len());
    numbers * FIXED_BYTES
        + packed_bytes(h.buckets.counts.len())
        + packed_bytes(h.buckets.bounds.len())
        + examples.map(delimited).sum::<usize>()
}

fn fixed(out: &mut Vec<u8>, tag: u8, value: [u8; 8]) {
    out.push(tag);
    out.extend_from_slice(&value);
}

/// Numbers of eight bytes behind one tag; none is no field.
fn packed(out: &mut Vec<u8>, tag: u8, values: impl ExactSizeIterator<Item = [u8; 8]>) {
    if values.len() == 0 {
        return;
    }
    out.push(tag);
    encode_varint(wide(8 * values.len()), out);
    values.for_each(|v| out.extend_from_slice(&v));
}

fn packed_bytes(n: usize) -> usize {
    if n == 0 { 0 } else { delimited(8 * n) }
}

/// `len` bytes with their tag and length.
fn delimited(len: usize) -> usize {
    1 + encoded_len_varint(wide(len)) + len
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
