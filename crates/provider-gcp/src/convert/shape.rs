//! What the points of a series become, and each point.

use super::time::time;
use crate::distribution::histogram;
use google_cloud_api::model::metric_descriptor::{MetricKind, ValueType};
use google_cloud_monitoring_v3::model::Point as GooglePoint;
use google_cloud_monitoring_v3::model::typed_value::Value as GoogleValue;
use provider_api::{Kind, Point, SkipReason, Temporality, UnixNanos, Value};

/// What the points of a series become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// Whether the start of the interval means something; Google's gauges may carry one that does not.
    has_start: bool,
}

pub(super) fn shape(kind: &MetricKind, value: &ValueType) -> Result<Shape, SkipReason> {
    if matches!(value, ValueType::String | ValueType::Money) {
        return Err(SkipReason::NoNumber);
    }
    let distribution = *value == ValueType::Distribution;
    if !distribution && !matches!(value, ValueType::Bool | ValueType::Int64 | ValueType::Double) {
        return Err(SkipReason::BadShape);
    }
    let (delta, cumulative) = (Temporality::Delta, Temporality::Cumulative);
    let kind = match (kind, distribution) {
        (MetricKind::Gauge, false) => Kind::Gauge,
        (MetricKind::Delta, false) => Kind::Sum {
            temporality: delta,
            monotonic: false,
        },
        (MetricKind::Cumulative, false) => Kind::Sum {
            temporality: cumulative,
            monotonic: true,
        },
        (MetricKind::Gauge, true) => {
            return Ok(Shape {
                kind: Kind::Histogram { temporality: delta },
                has_start: false,
            });
        }
        (MetricKind::Delta, true) => Kind::Histogram { temporality: delta },
        (MetricKind::Cumulative, true) => Kind::Histogram {
            temporality: cumulative,
        },
        _ => return Err(SkipReason::BadShape),
    };
    Ok(Shape {
        kind,
        has_start: kind != Kind::Gauge,
    })
}

pub(super) fn point(shape: Shape, given: &GooglePoint) -> Result<Point, SkipReason> {
    let interval = given.interval.as_ref().ok_or(SkipReason::BadTime)?;
    let end = interval
        .end_time
        .as_ref()
        .and_then(time)
        .ok_or(SkipReason::BadTime)?;
    let start = match interval.start_time.as_ref().filter(|_| shape.has_start) {
        Some(start) => Some(time(start).filter(|s| *s <= end).ok_or(SkipReason::BadTime)?),
        None => None,
    };
    let value = given
        .value
        .as_ref()
        .and_then(|v| v.value.as_ref())
        .ok_or(SkipReason::BadShape)?;
    Ok(Point {
        start,
        end,
        value: converted(shape.kind, value, end)?,
    })
}

fn converted(kind: Kind, value: &GoogleValue, end: UnixNanos) -> Result<Value, SkipReason> {
    match (kind, value) {
        (Kind::Histogram { temporality }, GoogleValue::DistributionValue(d)) => {
            let cumulative = temporality == Temporality::Cumulative;
            Ok(Value::Histogram(Box::new(histogram(d, cumulative, end)?)))
        }
        (Kind::Gauge | Kind::Sum { .. }, GoogleValue::BoolValue(b)) => Ok(Value::Int(i64::from(*b))),
        (Kind::Gauge | Kind::Sum { .. }, GoogleValue::Int64Value(i)) => Ok(Value::Int(*i)),
        (Kind::Gauge | Kind::Sum { .. }, GoogleValue::DoubleValue(d)) => {
            if d.is_finite() {
                Ok(Value::Double(*d))
            } else {
                Err(SkipReason::NotFinite)
            }
        }
        (_, GoogleValue::StringValue(_)) => Err(SkipReason::NoNumber),
        _ => Err(SkipReason::BadShape),
    }
}
