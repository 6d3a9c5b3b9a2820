//! Running totals for destinations that refuse deltas: each delta is added to its series' total, and the total is sent.

pub(crate) mod codec;
mod seeds;

pub(crate) use seeds::Seeds;

use crate::ledger::Slot;
use hashbrown::HashMap;
use provider_api::{
    Histogram, Kind, Metric, MetricSpec, Point, Series, SeriesPoints, Temporality, UnixNanos, Value,
};
use std::sync::Arc;

/// Metrics whose cumulative description is kept ready; more than three clouds have.
const MAX_METRICS: usize = 65_536;

/// What stands for the slot of a total that has none.
pub(crate) const SEED: Slot = 0;

/// The total of one series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Total {
    /// Since when.
    pub(crate) start: UnixNanos,
    /// End of the newest delta that was added and sent.
    pub(crate) end: UnixNanos,
    /// So far; a histogram without exemplars.
    pub(crate) value: Value,
}

/// All totals.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    rows: HashMap<Slot, Total>,
    undo: HashMap<Slot, Option<Total>>,
    /// Totals of what waited as deltas; series without a total go on from them.
    pub(crate) seeds: Seeds,
    metrics: HashMap<u128, Arc<Metric>>,
}

impl Totals {
    /// The points as totals, and how many were only added, being older than a total already sent.
    pub(crate) fn apply(&mut self, slot: Slot, fresh: &SeriesPoints) -> (SeriesPoints, u64) {
        let Some(metric) = self.cumulative(&fresh.series.metric) else {
            return (fresh.clone(), 0);
        };
        let before = self.rows.get(&slot).cloned();
        self.undo.entry(slot).or_insert_with(|| before.clone());
        let mut total = before.or_else(|| self.seeds.of(&fresh.series));
        let (points, folded) = add_up(&mut total, &fresh.points);
        if let Some(total) = total {
            self.rows.insert(slot, total);
        }
        (with_metric(fresh, metric, points), folded)
    }

    /// Deltas that have waited, as totals.
    pub(crate) fn convert(&mut self, waited: &SeriesPoints) -> SeriesPoints {
        let Some(metric) = self.cumulative(&waited.series.metric) else {
            return waited.clone();
        };
        let mut total = self.seeds.of(&waited.series);
        let (points, _) = add_up(&mut total, &waited.points);
        self.seeds.put(&waited.series, total);
        with_metric(waited, metric, points)
    }

    /// The transaction is durable, or has failed.
    pub(crate) fn settle_seeds(&mut self, durable: bool) {
        if durable {
            self.seeds.keep();
        } else {
            self.seeds.undo();
        }
    }

    /// The metric with totals instead of deltas; nothing when it has none.
    fn cumulative(&mut self, metric: &Arc<Metric>) -> Option<Arc<Metric>> {
        let kind = cumulative_kind(metric.spec().kind)?;
        if self.metrics.len() >= MAX_METRICS {
            self.metrics.clear();
        }
        let made = self.metrics.entry(metric.key()).or_insert_with(|| {
            let spec = metric.spec().clone();
            Arc::new(Metric::new(MetricSpec { kind, ..spec }))
        });
        Some(Arc::clone(made))
    }

    /// Rows to write.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (Slot, &Total)> {
        self.undo
            .keys()
            .filter_map(|slot| Some((*slot, self.rows.get(slot)?)))
    }

    /// The transaction is durable.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// The transaction failed.
    pub(crate) fn undo(&mut self) {
        for (slot, before) in std::mem::take(&mut self.undo) {
            match before {
                Some(before) => self.rows.insert(slot, before),
                None => self.rows.remove(&slot),
            };
        }
    }

    /// The series is forgotten.
    pub(crate) fn remove(&mut self, slot: Slot) {
        self.rows.remove(&slot);
    }

    /// From a row of the file.
    pub(crate) fn load(&mut self, slot: Slot, total: Total) {
        self.rows.insert(slot, total);
    }
}

/// The points as totals, and how many were only added.
fn add_up(total: &mut Option<Total>, deltas: &[Point]) -> (Vec<Point>, u64) {
    let points: Vec<Point> = deltas.iter().filter_map(|delta| step(total, delta)).collect();
    let folded = deltas.len() - points.len();
    (points, u64::try_from(folded).unwrap_or(u64::MAX))
}

fn with_metric(of: &SeriesPoints, metric: Arc<Metric>, points: Vec<Point>) -> SeriesPoints {
    SeriesPoints {
        target: of.target,
        series: Series {
            metric,
            ..of.series.clone()
        },
        points,
    }
}

/// Whether a metric's points are added up.
pub(crate) fn is_delta(kind: Kind) -> bool {
    cumulative_kind(kind).is_some()
}

fn cumulative_kind(kind: Kind) -> Option<Kind> {
    let temporality = Temporality::Cumulative;
    match kind {
        Kind::Sum {
            temporality: Temporality::Delta,
            monotonic,
        } => Some(Kind::Sum {
            temporality,
            monotonic,
        }),
        Kind::Histogram {
            temporality: Temporality::Delta,
        } => Some(Kind::Histogram { temporality }),
        Kind::Gauge | Kind::Sum { .. } | Kind::Histogram { .. } => None,
    }
}

/// Adds a delta. The total as a point, or nothing when a later one was sent already.
fn step(total: &mut Option<Total>, delta: &Point) -> Option<Point> {
    let Some(before) = total else {
        return Some(restart(total, delta, delta.start.unwrap_or(delta.end)));
    };
    let late = delta.end <= before.end;
    match add(&before.value, &delta.value) {
        Some(value) => before.value = value,
        None if late => return None,
        None => {
            let start = delta.start.unwrap_or(delta.end).max(before.end);
            return Some(restart(total, delta, start));
        }
    }
    if late {
        return None;
    }
    before.end = delta.end;
    Some(point(before, delta))
}

fn restart(total: &mut Option<Total>, delta: &Point, start: UnixNanos) -> Point {
    let new = total.insert(Total {
        start,
        end: delta.end,
        value: bare(&delta.value),
    });
    point(new, delta)
}

fn point(total: &Total, delta: &Point) -> Point {
    let mut value = total.value.clone();
    if let (Value::Histogram(whole), Value::Histogram(part)) = (&mut value, &delta.value) {
        whole.exemplars.clone_from(&part.exemplars);
    }
    Point {
        start: Some(total.start),
        end: delta.end,
        value,
    }
}

fn bare(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Histogram(h) = &mut value {
        h.exemplars = Vec::new();
    }
    value
}

/// The sum; nothing when the two do not add up (other buckets, other kinds, an overflow), which starts a new total.
fn add(a: &Value, b: &Value) -> Option<Value> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.checked_add(*b).map(Value::Int),
        (Value::Double(a), Value::Double(b)) => Some(a + b).filter(|sum| sum.is_finite()).map(Value::Double),
        (Value::Histogram(a), Value::Histogram(b)) => {
            add_histograms(a, b).map(|h| Value::Histogram(Box::new(h)))
        }
        (Value::Int(_) | Value::Double(_) | Value::Histogram(_), _) => None,
    }
}

fn add_histograms(a: &Histogram, b: &Histogram) -> Option<Histogram> {
    if a.buckets.bounds != b.buckets.bounds || a.buckets.counts.len() != b.buckets.counts.len() {
        return None;
    }
    let mut sum = a.clone();
    sum.count = a.count.checked_add(b.count)?;
    sum.sum = a.sum.zip(b.sum).map(|(a, b)| a + b);
    for (count, more) in sum.buckets.counts.iter_mut().zip(&b.buckets.counts) {
        *count = count.checked_add(*more)?;
    }
    Some(sum)
}
