//! Compressing, and back from bytes: reading an encoded request, halving it, and encoding a changed one.
//!
//! All but compressing is used only off the ordinary path: when a back end refuses a request, when a destination
//! wants its points changed, and by destinations that are not OTLP.

use crate::encode::Encoded;
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics, metric::Data};
use prost::Message;
use provider_api::UnixNanos;
use std::io::{self, Read, Write};

/// Fast, and on metrics within a few per cent of the best level. flate2's zlib-rs is no faster at this level and makes
/// the same points a seventh larger.
const GZIP_LEVEL: u32 = 1;

/// An encoded request that cannot be read back or compressed otherwise; only a damaged store can cause it.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not a gzip member.
    #[error("an encoded request does not decompress")]
    Gzip(#[source] io::Error),
    /// Not an export request.
    #[error("an encoded request is not an ExportMetricsServiceRequest")]
    Proto(#[from] prost::DecodeError),
    /// The compressor failed.
    #[error("compressing a request with zstd")]
    Zstd(#[source] io::Error),
}

/// The uncompressed bytes of a request.
pub(crate) fn inflate(encoded: &Encoded) -> Result<Vec<u8>, DecodeError> {
    let mut raw = Vec::with_capacity(usize::try_from(encoded.raw_len).unwrap_or(0));
    GzDecoder::new(&*encoded.gzip)
        .read_to_end(&mut raw)
        .map_err(DecodeError::Gzip)?;
    Ok(raw)
}

/// Compresses a request.
pub(crate) fn gzip(raw: &[u8]) -> io::Result<Bytes> {
    let mut gz = GzEncoder::new(
        Vec::with_capacity(raw.len() / 6 + 64),
        Compression::new(GZIP_LEVEL),
    );
    gz.write_all(raw)?;
    gz.finish().map(Bytes::from)
}

/// Reads a request back.
pub fn decode(encoded: &Encoded) -> Result<ExportMetricsServiceRequest, DecodeError> {
    Ok(ExportMetricsServiceRequest::decode(&*inflate(encoded)?)?)
}

/// Encodes a request; nothing when it holds no point.
pub fn recode(request: &ExportMetricsServiceRequest) -> Option<Encoded> {
    let mut times = Vec::new();
    for m in metrics(request) {
        push_times(m, &mut times);
    }
    let raw = request.encode_to_vec();
    let end = |t: &u64| UnixNanos(i64::try_from(*t).unwrap_or(i64::MAX));
    Some(Encoded {
        points: u32::try_from(times.len()).unwrap_or(u32::MAX),
        oldest_end: times.iter().min().map(end)?,
        newest_end: times.iter().max().map(end)?,
        raw_len: u32::try_from(raw.len()).unwrap_or(u32::MAX),
        gzip: gzip(&raw).ok()?,
    })
}

/// Two halves of a request; nothing when it holds a single point.
pub fn split(encoded: &Encoded) -> Result<Option<(Encoded, Encoded)>, DecodeError> {
    if encoded.points < 2 {
        return Ok(None);
    }
    let mut rest = decode(encoded)?;
    let mut budget = usize::try_from(encoded.points / 2).unwrap_or(1);
    let head = ExportMetricsServiceRequest {
        resource_metrics: take_resources(&mut rest.resource_metrics, &mut budget),
    };
    Ok(recode(&head).zip(recode(&rest)))
}

fn take_resources(from: &mut Vec<ResourceMetrics>, budget: &mut usize) -> Vec<ResourceMetrics> {
    let mut out = Vec::new();
    for r in from.iter_mut() {
        let scope_metrics = take_scopes(&mut r.scope_metrics, budget);
        out.push(ResourceMetrics {
            resource: r.resource.clone(),
            scope_metrics,
            schema_url: r.schema_url.clone(),
        });
        if *budget == 0 {
            break;
        }
    }
    from.retain(|r| !r.scope_metrics.is_empty());
    out
}

fn take_scopes(from: &mut Vec<ScopeMetrics>, budget: &mut usize) -> Vec<ScopeMetrics> {
    let mut out = Vec::new();
    for s in from.iter_mut() {
        let metrics = take_metrics(&mut s.metrics, budget);
        out.push(ScopeMetrics {
            scope: s.scope.clone(),
            metrics,
            schema_url: s.schema_url.clone(),
        });
        if *budget == 0 {
            break;
        }
    }
    from.retain(|s| !s.metrics.is_empty());
    out
}

fn take_metrics(from: &mut Vec<Metric>, budget: &mut usize) -> Vec<Metric> {
    let mut out = Vec::new();
    for m in from.iter_mut() {
        if *budget == 0 {
            break;
        }
        let head = take_points(m.data.as_mut(), budget);
        out.push(Metric {
            data: head,
            ..header(m)
        });
    }
    from.retain(|m| count(m) > 0);
    out
}

fn header(m: &Metric) -> Metric {
    Metric {
        name: m.name.clone(),
        description: m.description.clone(),
        unit: m.unit.clone(),
        metadata: m.metadata.clone(),
        data: None,
    }
}

fn take_points(data: Option<&mut Data>, budget: &mut usize) -> Option<Data> {
    macro_rules! head {
        ($variant:ident, $d:expr) => {{
            let tail = $d.data_points.split_off((*budget).min($d.data_points.len()));
            let data_points = std::mem::replace(&mut $d.data_points, tail);
            *budget -= data_points.len();
            let mut rest = $d.clone_without_points();
            rest.data_points = data_points;
            Some(Data::$variant(rest))
        }};
    }
    match data? {
        Data::Gauge(d) => head!(Gauge, d),
        Data::Sum(d) => head!(Sum, d),
        Data::Histogram(d) => head!(Histogram, d),
        Data::ExponentialHistogram(d) => head!(ExponentialHistogram, d),
        Data::Summary(d) => head!(Summary, d),
    }
}

/// The same container without its points.
trait Hollow {
    fn clone_without_points(&self) -> Self;
}

macro_rules! hollow {
    ($($name:ident { $($field:ident),* })+) => {$(
        impl Hollow for opentelemetry_proto::tonic::metrics::v1::$name {
            fn clone_without_points(&self) -> Self {
                Self { data_points: Vec::new(), $($field: self.$field),* }
            }
        }
    )+};
}

hollow! {
    Gauge {}
    Sum { aggregation_temporality, is_monotonic }
    Histogram { aggregation_temporality }
    ExponentialHistogram { aggregation_temporality }
    Summary {}
}

/// Every metric of a request.
pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    request
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics)
        .flat_map(|s| &s.metrics)
}

fn count(m: &Metric) -> usize {
    let mut times = Vec::new();
    push_times(m, &mut times);
    times.len()
}

fn push_times(m: &Metric, out: &mut Vec<u64>) {
    match &m.data {
        Some(Data::Gauge(d)) => out.extend(d.data_points.iter().map(|p| p.time_unix_nano)),
        Some(Data::Sum(d)) => out.extend(d.data_points.iter().map(|p| p.time_unix_nano)),
        Some(Data::Histogram(d)) => out.extend(d.data_points.iter().map(|p| p.time_unix_nano)),
        Some(Data::ExponentialHistogram(d)) => out.extend(d.data_points.iter().map(|p| p.time_unix_nano)),
        Some(Data::Summary(d)) => out.extend(d.data_points.iter().map(|p| p.time_unix_nano)),
        None => {}
    }
}
