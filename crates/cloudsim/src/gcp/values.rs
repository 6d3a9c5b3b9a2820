//! The points of one series: when they lie, when they may be seen and what they hold, as a pure function of (seed, series,
//! time). How a point looks on the wire is `wire.rs`.

use super::catalog::{Kind, Layout, Shape, ValueType};
use super::distribution::{from_buckets, spread};
use super::resources::Series;
use crate::World;
use crate::churn::lives_at;
use crate::sight::{Sight, Version};

/// Nanoseconds in a second.
pub(crate) const SECOND_NS: i64 = 1_000_000_000;
const MILLISECOND_NS: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
/// Cumulative series start anew at this second of every day (03:07 UTC).
const RESET_S: i64 = 3 * 3600 + 7 * 60;
/// A virtual machine starts anew so often.
const REBOOT_S: i64 = 10 * DAY_S;

/// The value of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum GcpValue {
    /// `boolValue`.
    Bool(bool),
    /// `int64Value`.
    Int(i64),
    /// `doubleValue`.
    Double(f64),
    /// `stringValue`.
    String(String),
    /// `distributionValue`.
    Distribution(GcpDistribution),
}

/// A distribution with everything that the wire format leaves out put back.
#[derive(Clone, Debug, PartialEq)]
pub struct GcpDistribution {
    /// How many measurements.
    pub count: i64,
    /// Their mean; 0 without any.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub sum_of_squared_deviation: f64,
    /// How the bounds are laid.
    pub layout: Layout,
    /// The bounds.
    pub bounds: Vec<f64>,
    /// One count more than bounds; trailing zeros are here.
    pub bucket_counts: Vec<i64>,
    /// Rising by value.
    pub exemplars: Vec<GcpExemplar>,
}

/// One example of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct GcpExemplar {
    /// The measurement.
    pub value: f64,
    /// When, in nanoseconds since the epoch.
    pub timestamp_ns: i64,
    /// Trace id, 32 hex digits.
    pub trace_id: String,
    /// Span id, 16 hex digits.
    pub span_id: String,
    /// Labels that aggregation dropped.
    pub dropped_labels: Vec<(String, String)>,
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) start_ns: Option<i64>,
    pub(crate) end_ns: i64,
    pub(crate) value: GcpValue,
}

/// How long after its end a point of this series is normally published, in milliseconds.
fn publish_delay_ms(world: &World, series: &Series) -> i64 {
    match i64::try_from(world.publish_delay.as_millis()) {
        Ok(0) => i64::from(series.def.ingest_s) * 1000,
        Ok(delay_ms) => delay_ms,
        Err(_) => i64::MAX,
    }
}

/// When a point of a series comes to light, in milliseconds since the epoch.
pub(crate) fn sight(world: &World, series: &Series, end_ns: i64) -> Sight {
    let seed = world.series_seed(&series.key);
    sight_of(world, series, seed, publish_delay_ms(world, series), end_ns)
}

fn sight_of(world: &World, series: &Series, seed: u64, delay_ms: i64, end_ns: i64) -> Sight {
    let end_ms = end_ns.div_euclid(MILLISECOND_NS);
    world.sight(seed, bucket_s(series, end_ns), end_ms.saturating_add(delay_ms))
}

/// The second that names the period of a point.
fn bucket_s(series: &Series, end_ns: i64) -> i64 {
    end_ns.div_euclid(SECOND_NS) - i64::from(series.def.period_s)
}

/// The points whose end lies in `(from_ns, to_ns]`, oldest first: as they are seen at `now_ns`, or as they stay.
pub(crate) fn points(
    world: &World,
    series: &Series,
    (from_ns, to_ns): (i64, i64),
    now_ns: Option<i64>,
) -> Vec<Point> {
    let period_ns = i64::from(series.def.period_s) * SECOND_NS;
    let phase_ns = i64::from(series.def.phase_ms) * MILLISECOND_NS;
    let (from_ns, to_ns) = series.life.map_or((from_ns, to_ns), |life| {
        let end_ns = |second: i64| second.saturating_mul(SECOND_NS).saturating_add(period_ns);
        (
            from_ns.max(life.born_s.saturating_mul(SECOND_NS)),
            to_ns.min(end_ns(life.ended_s)),
        )
    });
    let born_ns = world.start_unix_s().saturating_mul(SECOND_NS);
    let first = from_ns
        .max(born_ns)
        .saturating_sub(phase_ns)
        .div_euclid(period_ns)
        + 1;
    let last = to_ns.saturating_sub(phase_ns).div_euclid(period_ns);
    let (seed, delay_ms) = (world.series_seed(&series.key), publish_delay_ms(world, series));
    let version = |end_ns: i64| match now_ns {
        None => Some(Version::Final),
        Some(now_ns) => sight_of(world, series, seed, delay_ms, end_ns).at(now_ns.div_euclid(MILLISECOND_NS)),
    };
    (first..=last)
        .map(|k| k * period_ns + phase_ns)
        .filter(|end_ns| lives_at(series.life, bucket_s(series, *end_ns)))
        .filter(|end_ns| !world.is_gap_of(seed, bucket_s(series, *end_ns)))
        .filter_map(|end_ns| Some(point(world, series, end_ns, version(end_ns)?)))
        .collect()
}

/// The point with this end in one of its versions.
pub(crate) fn point(world: &World, series: &Series, end_ns: i64, version: Version) -> Point {
    let period_s = i64::from(series.def.period_s);
    let end_s = end_ns.div_euclid(SECOND_NS);
    let (start_ns, value) = match series.def.kind {
        Kind::Gauge => (None, reading(world, series, end_ns, version)),
        Kind::Delta => {
            let start_ns = end_ns - period_s * SECOND_NS;
            (Some(start_ns), reading(world, series, end_ns, version))
        }
        Kind::Cumulative => {
            let start_s = (end_s - 1 - RESET_S).div_euclid(DAY_S) * DAY_S + RESET_S;
            let periods = (end_s - start_s).div_euclid(period_s);
            let value = total(world, series, version.mark(end_s), periods);
            (Some(start_s * SECOND_NS), value)
        }
    };
    Point {
        start_ns,
        end_ns,
        value,
    }
}

/// A number between 0 and 1 that drifts by the hour and trembles by the mark of the point.
fn level(world: &World, key: &str, end_s: i64, mark: i64) -> f64 {
    let steady = world.unit(key, -1);
    let hourly = world.unit(key, -2 - end_s.div_euclid(3600));
    0.3 * steady + 0.3 * hourly + 0.4 * world.unit(key, mark)
}

/// A value of its own period.
fn reading(world: &World, series: &Series, end_ns: i64, version: Version) -> GcpValue {
    let (key, end_s) = (&series.key, end_ns.div_euclid(SECOND_NS));
    let mark = version.mark(end_s);
    match series.def.shape {
        Shape::Level(most) => number(series.def.value, most * level(world, key, end_s, mark)),
        Shape::Uptime => {
            let phase_s = whole(world.unit(key, -1) * 864_000.0);
            GcpValue::Int((end_s - phase_s).rem_euclid(REBOOT_S))
        }
        Shape::Flag => GcpValue::Bool(world.unit(key, mark) >= 0.02),
        Shape::Words(words) => {
            let unit = world.unit(key, mark);
            let word = words
                .iter()
                .zip([0.9, 0.97, 1.0])
                .find(|(_, below)| unit < *below)
                .map_or("", |(word, _)| word);
            GcpValue::String(word.to_owned())
        }
        Shape::Spread { layout, most, unit } => {
            GcpValue::Distribution(spread(world, series, (end_ns, mark), layout, (most, unit)))
        }
    }
}

fn number(value: ValueType, amount: f64) -> GcpValue {
    match value {
        ValueType::Int64 => GcpValue::Int(whole(amount)),
        ValueType::Bool | ValueType::Double | ValueType::String | ValueType::Distribution => {
            GcpValue::Double(amount)
        }
    }
}

/// The total after so many periods: never falls, because the part that trembles is below one period's share.
fn total(world: &World, series: &Series, mark: i64, periods: i64) -> GcpValue {
    let key = &series.key;
    match series.def.shape {
        Shape::Spread { layout, most, unit } => {
            let bounds = layout.bounds();
            let shares = i64::try_from(bounds.len()).unwrap_or(1);
            let bucket_counts: Vec<i64> = (0..=shares)
                .map(|bucket| {
                    let rate = if bucket * 2 > shares {
                        0.0
                    } else {
                        f64::from(most) / 4.0
                    };
                    let offset = world.unit(key, -10 - bucket);
                    whole(rate * (real(periods) + offset * world.unit(key, mark ^ (bucket << 40))))
                })
                .collect();
            GcpValue::Distribution(from_buckets(layout, bounds, bucket_counts, unit))
        }
        Shape::Level(most) => {
            let rate = most * (0.2 + 0.8 * world.unit(key, -1));
            number(series.def.value, rate * (real(periods) + world.unit(key, mark)))
        }
        Shape::Uptime | Shape::Flag | Shape::Words(_) => GcpValue::Int(periods),
    }
}

/// The whole part of a number of moderate size.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the values here are far below 2^53"
)]
pub(crate) fn whole(value: f64) -> i64 {
    value.floor() as i64
}

/// A count as a number that can be multiplied.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "the counts here are far below 2^53"
)]
pub(crate) fn real(count: i64) -> f64 {
    count as f64
}
