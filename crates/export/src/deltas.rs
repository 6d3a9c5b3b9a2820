//! Back ends that take no delta points: parting what they refuse from the rest.
//!
//! Prometheus, Mimir and all that use their translation refuse a whole request over one delta metric, so the rest has to
//! go without them.

use crate::encode::Encoded;
use crate::recode::{DecodeError, decode, recode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, metric::Data};

/// A request by temporality.
pub(crate) enum Parted {
    /// Others first, deltas second.
    Both(Encoded, Encoded),
    /// Nothing but deltas.
    OnlyDeltas,
    /// No deltas.
    NoDeltas,
}

/// Parts delta sums and histograms from all else.
pub(crate) fn part(batch: &Encoded) -> Result<Parted, DecodeError> {
    let mut others = decode(batch)?;
    let mut deltas = others.clone();
    keep(&mut others, |m| !is_delta(m));
    keep(&mut deltas, is_delta);
    Ok(match (recode(&others), recode(&deltas)) {
        (Some(others), Some(deltas)) => Parted::Both(others, deltas),
        (None, _) => Parted::OnlyDeltas,
        (Some(_), None) => Parted::NoDeltas,
    })
}

/// The delta points of a request; nothing when it has none or cannot be read.
pub fn deltas_of(batch: &Encoded) -> Option<Encoded> {
    let mut request = decode(batch).ok()?;
    keep(&mut request, is_delta);
    recode(&request)
}

fn keep(request: &mut ExportMetricsServiceRequest, wanted: impl Fn(&Metric) -> bool) {
    for r in &mut request.resource_metrics {
        for s in &mut r.scope_metrics {
            s.metrics.retain(&wanted);
        }
        r.scope_metrics.retain(|s| !s.metrics.is_empty());
    }
    request.resource_metrics.retain(|r| !r.scope_metrics.is_empty());
}

fn is_delta(m: &Metric) -> bool {
    let temporality = match &m.data {
        Some(Data::Sum(d)) => d.aggregation_temporality(),
        Some(Data::Histogram(d)) => d.aggregation_temporality(),
        Some(Data::ExponentialHistogram(d)) => d.aggregation_temporality(),
        Some(Data::Gauge(_) | Data::Summary(_)) | None => return false,
    };
    temporality == AggregationTemporality::Delta
}
