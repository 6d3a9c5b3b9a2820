//! The table of figures as OTLP: requests that stay below the size that servers take. Pure; sending them is the
//! reporter's.
//!
//! The OpenTelemetry SDK's instruments are not used here. Every figure is counted elsewhere already, and the SDK would keep
//! it a second time in a table of fixed size for each instrument, in which what does not fit is summed up under no
//! account's name: docs/decisions/0004-own-figures.md has what that took.

use crate::telemetry::instruments::{Figure, Kind};
use crate::telemetry::measure::{Measured, Sample, Value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use provider_api::UnixNanos;

/// A point with four labels takes about 200 bytes: 2 MB a request, of the 4 MiB that gRPC servers take.
const MOST_POINTS: usize = 10_000;

/// The time that a report covers: counters have counted since `start`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covered {
    pub(super) start: UnixNanos,
    pub(super) end: UnixNanos,
}

/// All figures, in as many requests as their number needs.
pub(super) fn requests(
    measured: &Measured,
    resource: &Resource,
    covered: Covered,
) -> Vec<ExportMetricsServiceRequest> {
    let mut requests = vec![Vec::new()];
    let mut room = MOST_POINTS;
    for (figure, samples) in &measured.0 {
        let mut rest = samples.as_slice();
        while !rest.is_empty() {
            if room == 0 {
                requests.push(Vec::new());
                room = MOST_POINTS;
            }
            let (now, later) = rest.split_at(rest.len().min(room));
            if let Some(metrics) = requests.last_mut() {
                metrics.push(metric(*figure, now, covered));
            }
            (room, rest) = (room - now.len(), later);
        }
    }
    let filled = requests.into_iter().filter(|metrics| !metrics.is_empty());
    filled.map(|metrics| request(metrics, resource.clone())).collect()
}

fn request(metrics: Vec<Metric>, resource: Resource) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

fn metric(figure: Figure, samples: &[Sample], covered: Covered) -> Metric {
    let about = figure.about();
    let data_points = samples
        .iter()
        .map(|sample| point(about.labels, sample, covered))
        .collect();
    Metric {
        name: about.name.to_owned(),
        description: about.help.to_owned(),
        unit: about.unit.to_owned(),
        data: Some(match about.kind {
            Kind::Counter => Data::Sum(Sum {
                data_points,
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: about.is_monotonic(),
            }),
            Kind::Gauge | Kind::Info => Data::Gauge(Gauge { data_points }),
        }),
        ..Metric::default()
    }
}

fn point(names: &[&str], sample: &Sample, covered: Covered) -> NumberDataPoint {
    let labels = names.iter().zip(&sample.labels);
    NumberDataPoint {
        attributes: labels.map(|(name, text)| attribute(name, text)).collect(),
        start_time_unix_nano: nanos(covered.start),
        time_unix_nano: nanos(covered.end),
        value: Some(match sample.value {
            Value::Whole(value) => Number::AsInt(i64::try_from(value).unwrap_or(i64::MAX)),
            Value::Real(value) => Number::AsDouble(value),
        }),
        ..NumberDataPoint::default()
    }
}

/// Who reports.
pub(super) fn resource(attributes: &[(&str, String)]) -> Resource {
    Resource {
        attributes: attributes
            .iter()
            .map(|(name, text)| attribute(name, text))
            .collect(),
        ..Resource::default()
    }
}

fn attribute(name: &str, text: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(Any::StringValue(text.to_owned())),
        }),
        ..KeyValue::default()
    }
}

/// There are no figures from before 1970.
fn nanos(at: UnixNanos) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COVERED: Covered = Covered {
        start: UnixNanos(100_000_000_000),
        end: UnixNanos(160_000_000_000),
    };

    fn measured(figure: Figure, samples: usize) -> Measured {
        let mut measured = Measured::default();
        let labels = figure.about().labels.len();
        for n in 0..samples {
            measured.0.entry(figure).or_default().push(Sample {
                labels: vec![n.to_string(); labels],
                value: Value::Whole(n.try_into().unwrap()),
            });
        }
        measured
    }

    fn metrics(request: &ExportMetricsServiceRequest) -> &[Metric] {
        &request.resource_metrics[0].scope_metrics[0].metrics
    }

    #[test]
    fn a_counter_has_counted_since_the_start_and_a_gauge_is_of_now() {
        let mut both = measured(Figure::Polls, 1);
        both.0.extend(measured(Figure::Targets, 1).0);
        let requests = requests(&both, &Resource::default(), COVERED);
        let [targets, polls] = metrics(&requests[0]) else {
            panic!("{requests:?}")
        };
        let (Some(Data::Sum(polls)), Some(Data::Gauge(targets))) = (&polls.data, &targets.data) else {
            panic!("{requests:?}")
        };
        assert!(polls.is_monotonic);
        assert_eq!(
            polls.aggregation_temporality(),
            AggregationTemporality::Cumulative
        );
        assert_eq!(polls.data_points[0].start_time_unix_nano, 100_000_000_000);
        assert_eq!(targets.data_points[0].time_unix_nano, 160_000_000_000);
        assert_eq!(targets.data_points[0].attributes, [attribute("account", "0")]);
    }

    #[test]
    fn many_points_are_several_requests_and_none_is_left_out() {
        let many = measured(Figure::Freshness, 2 * MOST_POINTS + 1);
        let requests = requests(&many, &Resource::default(), COVERED);
        let sizes: Vec<usize> = requests
            .iter()
            .flat_map(metrics)
            .map(|metric| match &metric.data {
                Some(Data::Gauge(gauge)) => gauge.data_points.len(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(sizes, [MOST_POINTS, MOST_POINTS, 1]);
    }

    #[test]
    fn nothing_measured_is_no_request() {
        assert!(requests(&Measured::default(), &Resource::default(), COVERED).is_empty());
    }
}
