//! What a test may expect: the simulator's own numbers, without asking over the wire.
//! Only buckets whose normal publication has passed are told, with the value that stays in the end: a late bucket may not be
//! seen yet, a revised one may show another value.

use super::State;
use super::catalog::Resource;
use super::data::{Aggregation, Bucket, Series, bucket, series, sight};
use super::filter::Filter;
use super::metrics_table::MetricSpec;
use crate::world::World;
use jiff::Timestamp;
use std::sync::Arc;

/// One expected data point.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureTruth {
    /// Subscription id.
    pub subscription: String,
    /// Region, short form.
    pub region: String,
    /// Full resource id, ARM's spelling.
    pub resource_id: String,
    /// Resource type, which is the metric namespace.
    pub resource_type: String,
    /// Metric name.
    pub metric: String,
    /// Azure's unit word.
    pub unit: String,
    /// `average`, `minimum`, `maximum`, `total` or `count`.
    pub aggregation: String,
    /// Dimension name (definition's spelling) and value; empty when the metric is not split.
    pub dimensions: Vec<(String, String)>,
    /// Start of the bucket, seconds of Unix time.
    pub bucket_start_unix_s: i64,
    /// From then on something is seen of it.
    pub visible_unix_s: i64,
    /// From then on it no longer changes.
    pub final_unix_s: i64,
    /// The number that stays.
    pub value: f64,
    /// The number that it has when it comes into sight, where that is another one.
    pub preliminary: Option<f64>,
}

/// A view on the simulator's numbers.
#[derive(Clone, Debug)]
pub struct Truth {
    state: Arc<State>,
}

impl Truth {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state }
    }

    /// Every un-split point of every metric with this grain; the window is `[from, to)`, buckets are anchored at `from`.
    /// An unknown aggregation has no points; `"primary"` means each metric's own.
    pub fn points(
        &self,
        from_unix_s: i64,
        to_unix_s: i64,
        grain_s: i64,
        aggregation: &str,
    ) -> Vec<AzureTruth> {
        self.points_split_by(from_unix_s, to_unix_s, grain_s, aggregation, &[])
    }

    /// The same, split by these dimensions; metrics that lack one of them are left out.
    pub fn points_split_by(
        &self,
        from_unix_s: i64,
        to_unix_s: i64,
        grain_s: i64,
        aggregation: &str,
        dimensions: &[&str],
    ) -> Vec<AzureTruth> {
        let filter = Filter::split_by(dimensions);
        let has = |metric: &MetricSpec| {
            dimensions.iter().all(|name| {
                metric
                    .dimensions
                    .iter()
                    .any(|known| known.name.eq_ignore_ascii_case(name))
            })
        };
        let mut points = Vec::new();
        for resource in self
            .state
            .catalogue
            .all()
            .iter()
            .filter(|resource| resource.measured)
        {
            for metric in resource
                .metrics()
                .filter(|metric| metric.finest_s <= grain_s && has(metric))
            {
                let word = if aggregation == "primary" {
                    metric.primary
                } else {
                    aggregation
                };
                let Some(aggregation) = Aggregation::parse(word) else {
                    continue;
                };
                let window = (from_unix_s.div_euclid(60) * 60, to_unix_s, grain_s);
                self.of_metric(resource, metric, aggregation, &filter, window, &mut points);
            }
        }
        points
    }

    fn of_metric(
        &self,
        resource: &Resource,
        metric: &MetricSpec,
        aggregation: Aggregation,
        filter: &Filter,
        (from_s, to_s, grain_s): (i64, i64, i64),
        points: &mut Vec<AzureTruth>,
    ) {
        let world = &self.state.world;
        let now = world.clock.now();
        for series in series(world, resource, metric, filter) {
            let mut start_s = from_s;
            while start_s < to_s && world.published(start_s + grain_s, now) {
                if let Some(bucket) = bucket(world, metric, &series, start_s, grain_s, None) {
                    let (visible_unix_s, final_unix_s, first) =
                        first_seen(world, metric, &series, start_s, grain_s);
                    let value = bucket.value(aggregation);
                    points.push(AzureTruth {
                        subscription: resource.subscription.to_owned(),
                        region: resource.region.to_owned(),
                        resource_id: resource.id.clone(),
                        resource_type: resource.spec.name.to_owned(),
                        metric: metric.name.to_owned(),
                        unit: metric.unit.to_owned(),
                        aggregation: aggregation.key().to_owned(),
                        dimensions: owned(&series),
                        bucket_start_unix_s: start_s,
                        visible_unix_s,
                        final_unix_s,
                        value,
                        preliminary: first
                            .map(|first| first.value(aggregation))
                            .filter(|first| first.to_bits() != value.to_bits()),
                    });
                }
                start_s += grain_s;
            }
        }
    }
}

/// When a bucket is visible, when it is final, and what it shows first.
fn first_seen(
    world: &World,
    metric: &MetricSpec,
    series: &Series,
    start_s: i64,
    grain_s: i64,
) -> (i64, i64, Option<Bucket>) {
    let Some(sight) = sight(world, metric, series, start_s, grain_s) else {
        return (i64::MAX, i64::MAX, None);
    };
    let (visible_unix_s, final_unix_s) = sight.unix_s();
    let then = Timestamp::from_millisecond(sight.visible_unix_ms).ok();
    let first = then.and_then(|then| bucket(world, metric, series, start_s, grain_s, Some(then)));
    (visible_unix_s, final_unix_s, first)
}

fn owned(series: &Series) -> Vec<(String, String)> {
    series
        .labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
