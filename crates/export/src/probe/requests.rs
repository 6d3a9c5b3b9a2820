//! The requests of a probe: none of the clouds' points, so that nothing that is looked at afterwards is wrong by it.

use super::Given;
use crate::config::Deltas;
use crate::encode::Encoded;
use crate::recode::{gzip, recode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric::Data, number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use provider_api::UnixNanos;

/// The metric's name. Whoever finds it in a back end finds it in the documentation, too.
const METRIC: &str = "nephoscope.probe";
const INTERVAL_NANOS: u64 = 60_000_000_000;

/// A request without points.
pub(super) fn empty() -> Encoded {
    Encoded {
        points: 0,
        oldest_end: UnixNanos(0),
        newest_end: UnixNanos(0),
        raw_len: 0,
        gzip: gzip(&[]).unwrap_or_default(), // writing to memory cannot fail
    }
}

/// A kind of point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Gauge,
    DeltaSum,
    CumulativeSum,
    DeltaHistogram,
    CumulativeHistogram,
}

impl Point {
    /// The kinds that come out of what the clouds give, when deltas are treated so.
    pub(super) fn sent(given: &[Given], deltas: Deltas) -> Vec<Self> {
        let of = |given: &Given| match (given, deltas) {
            (Given::Gauge, _) | (Given::Delta, Deltas::Gauge) => Self::Gauge,
            (Given::Delta, Deltas::Keep) => Self::DeltaSum,
            (Given::Total, _) | (Given::Delta, Deltas::Cumulative) => Self::CumulativeSum,
            (Given::Histogram, Deltas::Cumulative) => Self::CumulativeHistogram,
            (Given::Histogram, Deltas::Keep | Deltas::Gauge) => Self::DeltaHistogram,
        };
        let mut all: Vec<Self> = vec![];
        for point in given.iter().map(of) {
            if !all.contains(&point) {
                all.push(point);
            }
        }
        all
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::DeltaSum => "delta sum",
            Self::CumulativeSum => "cumulative sum",
            Self::DeltaHistogram => "delta histogram",
            Self::CumulativeHistogram => "cumulative histogram",
        }
    }

    /// One point of this kind, of one of several resources that differ in what makes resources differ. It is told apart by
    /// the destination that it is for: two of them may end in one back end.
    pub(super) fn request(self, destination: &str, now: UnixNanos, resource: u8) -> Encoded {
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(Resource {
                    attributes: vec![
                        text("cloud.provider", "none"),
                        text("cloud.resource_id", &format!("nephoscope/probe/{resource}")),
                        text("nephoscope.account", "probe"),
                    ],
                    ..Resource::default()
                }),
                scope_metrics: vec![ScopeMetrics {
                    scope: Some(InstrumentationScope {
                        name: METRIC.to_owned(),
                        version: env!("CARGO_PKG_VERSION").to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    metrics: vec![self.metric(
                        destination,
                        u64::try_from(now.0).unwrap_or(0),
                        f64::from(resource),
                    )],
                    ..ScopeMetrics::default()
                }],
                ..ResourceMetrics::default()
            }],
        };
        recode(&request).unwrap_or_else(empty) // it holds a point
    }

    fn metric(self, destination: &str, now: u64, value: f64) -> Metric {
        Metric {
            name: METRIC.to_owned(),
            description: "Sent by `nephoscope check` to see whether this back end takes such points"
                .to_owned(),
            data: Some(self.data(destination, now, value)),
            ..Metric::default()
        }
    }

    fn data(self, destination: &str, now: u64, value: f64) -> Data {
        let start = now.saturating_sub(INTERVAL_NANOS);
        let delta = AggregationTemporality::Delta.into();
        let cumulative = AggregationTemporality::Cumulative.into();
        let number = NumberDataPoint {
            attributes: vec![text("kind", self.words()), text("destination", destination)],
            start_time_unix_nano: start,
            time_unix_nano: now,
            value: Some(Value::AsDouble(value)),
            ..NumberDataPoint::default()
        };
        let sum = |aggregation_temporality, number| {
            Data::Sum(Sum {
                data_points: vec![number],
                aggregation_temporality,
                is_monotonic: true,
            })
        };
        match self {
            Self::Gauge => Data::Gauge(Gauge {
                data_points: vec![number],
            }),
            Self::DeltaSum => sum(delta, number),
            Self::CumulativeSum => sum(cumulative, number),
            Self::DeltaHistogram => histogram(delta, number),
            Self::CumulativeHistogram => histogram(cumulative, number),
        }
    }
}

fn histogram(aggregation_temporality: i32, like: NumberDataPoint) -> Data {
    Data::Histogram(Histogram {
        data_points: vec![HistogramDataPoint {
            attributes: like.attributes,
            start_time_unix_nano: like.start_time_unix_nano,
            time_unix_nano: like.time_unix_nano,
            count: 1,
            sum: Some(1.0),
            bucket_counts: vec![1, 0],
            explicit_bounds: vec![1.0],
            ..HistogramDataPoint::default()
        }],
        aggregation_temporality,
    })
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::Point::{CumulativeHistogram, CumulativeSum, DeltaHistogram, DeltaSum, Gauge};
    use super::*;

    #[test]
    fn what_is_probed_is_what_will_be_sent() {
        let all = [Given::Gauge, Given::Delta, Given::Total, Given::Histogram];
        for (deltas, want) in [
            (Deltas::Keep, vec![Gauge, DeltaSum, CumulativeSum, DeltaHistogram]),
            (
                Deltas::Cumulative,
                vec![Gauge, CumulativeSum, CumulativeHistogram],
            ),
            (Deltas::Gauge, vec![Gauge, CumulativeSum, DeltaHistogram]),
        ] {
            assert_eq!(Point::sent(&all, deltas), want, "{deltas:?}");
        }
        assert_eq!(Point::sent(&[Given::Delta], Deltas::Gauge), [Gauge]);
    }
}
