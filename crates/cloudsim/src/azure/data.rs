//! The numbers: a pure function of (seed, resource, metric, dimension values, time). Long grains and missing dimensions are
//! sums over the finest buckets of every dimension combination, so all aggregations of all grains agree with each other.

use super::catalog::Resource;
use super::filter::Filter;
use super::metrics_table::{HOUR_S, MetricSpec, Shape};
use crate::churn::{Life, lives_at};
use crate::sight::{Sight, Version};
use crate::world::World;
use jiff::Timestamp;

/// Samples that one finest bucket of one dimension combination holds; hourly metrics hold one.
const SAMPLES_PER_MINUTE: f64 = 4.0;
/// Gauges are multiples of 1/1024, so that sums and JSON keep them exact.
const GAUGE_STEP: f64 = 1_024.0;

/// One of Azure's five aggregations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregation {
    /// Total divided by count.
    Average,
    /// Smallest sample.
    Minimum,
    /// Largest sample.
    Maximum,
    /// Sum of the samples.
    Total,
    /// Number of samples.
    Count,
}

impl Aggregation {
    /// All, in the order of answers.
    pub(super) const ALL: [Self; 5] = [
        Self::Average,
        Self::Minimum,
        Self::Maximum,
        Self::Total,
        Self::Count,
    ];

    /// The key of a data point.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Total => "total",
            Self::Count => "count",
        }
    }

    /// From the word, any case.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.key().eq_ignore_ascii_case(word))
    }
}

/// All aggregations of one bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bucket {
    total: f64,
    count: f64,
    minimum: f64,
    maximum: f64,
}

impl Bucket {
    /// One aggregation.
    pub(super) fn value(self, aggregation: Aggregation) -> f64 {
        match aggregation {
            Aggregation::Average => self.total / self.count,
            Aggregation::Minimum => self.minimum,
            Aggregation::Maximum => self.maximum,
            Aggregation::Total => self.total,
            Aggregation::Count => self.count,
        }
    }

    fn merge(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            count: self.count + other.count,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }
}

/// One time series of an answer: the dimension values it is split by, and the finest series it is summed from.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// Dimension name (definition's spelling) and value, in the filter's order.
    pub(super) labels: Vec<(&'static str, &'static str)>,
    keys: Vec<String>,
    /// Gaps, late and revised buckets are those of the metric: alike for all its dimension values.
    seed: u64,
    life: Option<Life>,
}

/// The series of one metric of one resource under a filter; without terms there is exactly one.
pub(super) fn series(
    world: &World,
    resource: &Resource,
    metric: &MetricSpec,
    filter: &Filter,
) -> Vec<Series> {
    let gap_key = format!("{}|{}", resource.id.to_lowercase(), metric.name);
    let mut found: Vec<Series> = Vec::new();
    for combination in combinations(metric) {
        if !combination
            .iter()
            .all(|(name, value)| filter.accepts(name, value))
        {
            continue;
        }
        let labels: Vec<_> = filter
            .terms
            .iter()
            .filter_map(|term| {
                combination
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(&term.dimension))
                    .copied()
            })
            .collect();
        let values: Vec<_> = combination.iter().map(|(_, value)| *value).collect();
        let key = format!("{gap_key}|{}", values.join("|"));
        match found.iter_mut().find(|series| series.labels == labels) {
            Some(series) => series.keys.push(key),
            None => found.push(Series {
                labels,
                keys: vec![key],
                seed: world.series_seed(&gap_key),
                life: resource.life,
            }),
        }
    }
    found
}

/// What is known at `now` (without one: what will stay) of the bucket `[start_s, start_s + grain_s)`; `None` is "no data".
pub(super) fn bucket(
    world: &World,
    metric: &MetricSpec,
    series: &Series,
    start_s: i64,
    grain_s: i64,
    now: Option<Timestamp>,
) -> Option<Bucket> {
    let mut sum: Option<Bucket> = None;
    let mut finest_s = round_up(start_s, metric.finest_s);
    while finest_s < start_s + grain_s {
        let shown = finest_sight(world, metric, series, finest_s).and_then(|sight| sight.shown(now));
        if let Some(version) = shown {
            for key in &series.keys {
                let sample = sample(world, metric, key, finest_s, version);
                sum = Some(sum.map_or(sample, |sum| sum.merge(sample)));
            }
        }
        finest_s += metric.finest_s;
    }
    sum
}

/// When something is first seen of the bucket `[start_s, start_s + grain_s)`, and when it is final; `None` without data.
pub(super) fn sight(
    world: &World,
    metric: &MetricSpec,
    series: &Series,
    start_s: i64,
    grain_s: i64,
) -> Option<Sight> {
    let mut whole: Option<Sight> = None;
    let mut finest_s = round_up(start_s, metric.finest_s);
    while finest_s < start_s + grain_s {
        if let Some(one) = finest_sight(world, metric, series, finest_s) {
            whole = Some(whole.map_or(one, |all| all.and(one)));
        }
        finest_s += metric.finest_s;
    }
    whole
}

/// `None` for a gap and before the start of the world.
fn finest_sight(world: &World, metric: &MetricSpec, series: &Series, finest_s: i64) -> Option<Sight> {
    let is_there = finest_s >= world.start_unix_s()
        && lives_at(series.life, finest_s)
        && !world.is_gap_of(series.seed, finest_s);
    is_there.then(|| world.sight_of(series.seed, finest_s, finest_s + metric.finest_s))
}

fn combinations(metric: &MetricSpec) -> Vec<Vec<(&'static str, &'static str)>> {
    metric
        .dimensions
        .iter()
        .fold(vec![Vec::new()], |grown, dimension| {
            let with = |known: &Vec<_>| {
                dimension
                    .values
                    .iter()
                    .map(|value| [known.as_slice(), &[(dimension.name, *value)]].concat())
                    .collect::<Vec<_>>()
            };
            grown.iter().flat_map(with).collect()
        })
}

fn round_up(at_s: i64, step_s: i64) -> i64 {
    at_s.div_euclid(step_s) * step_s + if at_s.rem_euclid(step_s) == 0 { 0 } else { step_s }
}

fn sample(world: &World, metric: &MetricSpec, key: &str, start_s: i64, version: Version) -> Bucket {
    let unit = world.unit(key, version.mark(start_s));
    let count = if metric.finest_s >= HOUR_S {
        1.0
    } else {
        SAMPLES_PER_MINUTE
    };
    match metric.shape {
        Shape::Gauge { low, high } => {
            let level = exact(low + unit * (high - low));
            let spread = if count > 1.0 {
                exact(((level - low).min(high - level)).max(0.0) / 4.0)
            } else {
                0.0
            };
            Bucket {
                total: level * count,
                count,
                minimum: level - spread,
                maximum: level + spread,
            }
        }
        Shape::Counter { ceiling } => {
            let total = (unit * ceiling).round();
            let minimum = (total / (2.0 * count)).floor();
            Bucket {
                total,
                count,
                minimum,
                maximum: total - minimum * (count - 1.0),
            }
        }
    }
}

fn exact(value: f64) -> f64 {
    (value * GAUGE_STEP).round() / GAUGE_STEP
}
