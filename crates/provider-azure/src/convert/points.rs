//! From buckets to points: the value of one aggregation, and the end that Azure does not write.

use crate::question::Aggregation;
use crate::wire::{DataPoint, TimeSeries};
use provider_api::{Point, SkipReason, UnixNanos, Value, Window};
use std::collections::BTreeMap;
use std::time::Duration;

/// The good points of a line, oldest first; each of the others is reported to `skip`.
pub(super) fn points(
    line: &TimeSeries,
    aggregation: Aggregation,
    grain: Duration,
    window: Window,
    skip: &mut impl FnMut(SkipReason),
) -> Vec<Point> {
    let mut points: BTreeMap<UnixNanos, Point> = BTreeMap::new();
    for data in &line.data.items {
        // An absent key is a bucket without data; zero is data only when the key is there.
        let Some(value) = value(data, aggregation) else {
            continue;
        };
        match point(data, value, grain, window) {
            Ok(point) => {
                if points.insert(point.end, point).is_some() {
                    skip(SkipReason::Repeated);
                }
            }
            Err(reason) => skip(reason),
        }
    }
    points.into_values().collect()
}

fn value(data: &DataPoint, aggregation: Aggregation) -> Option<f64> {
    match aggregation {
        Aggregation::Average => data.average.0,
        Aggregation::Count => data.count.0,
        Aggregation::Maximum => data.maximum.0,
        Aggregation::Minimum => data.minimum.0,
        Aggregation::Total => data.total.0,
    }
}

fn point(data: &DataPoint, value: f64, grain: Duration, window: Window) -> Result<Point, SkipReason> {
    let start = data.time_stamp.get().and_then(time).ok_or(SkipReason::BadTime)?;
    if start.floor(grain) != start {
        return Err(SkipReason::BadTime);
    }
    let end = start.plus(grain);
    if !window.holds(end) {
        return Err(SkipReason::OutsideWindow);
    }
    if !value.is_finite() {
        return Err(SkipReason::NotFinite);
    }
    Ok(Point {
        start: Some(start),
        end,
        value: Value::Double(value),
    })
}

fn time(text: &str) -> Option<UnixNanos> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().map(UnixNanos)
}
