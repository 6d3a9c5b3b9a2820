//! What a perfect client would have read: every point of every series, for tests to compare with.

use std::sync::Arc;

use super::State;
use super::catalog::Series;
use super::data::{Statistic, fold, next_multiple, points, sight};
use crate::world::World;
use jiff::Timestamp;

/// One point as it is in the simulated cloud once everything is published.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsTruth {
    /// For example `eu-west-1`.
    pub region: &'static str,
    /// For example `AWS/EC2`.
    pub namespace: &'static str,
    /// The metric's name as `CloudWatch` spells it.
    pub metric: &'static str,
    /// Names and values, in the order in which `ListMetrics` gives them.
    pub dimensions: Vec<(String, String)>,
    /// `CloudWatch`'s name of the unit, which its answers do not carry.
    pub unit: &'static str,
    /// The statistic that was asked for.
    pub stat: String,
    /// The start of the bucket.
    pub bucket_start_unix_s: i64,
    /// From then on something is seen of it.
    pub visible_unix_s: i64,
    /// When its last native bucket has its final value: from then on the point no longer changes.
    pub final_unix_s: i64,
    /// The statistic's final value.
    pub value: f64,
    /// The value that it has when it comes into sight, where that is another one.
    pub preliminary: Option<f64>,
}

/// Access to the truth; lives on when the simulator has stopped.
#[derive(Clone, Debug)]
pub struct Truth {
    pub(super) state: Arc<State>,
}

impl Truth {
    /// Every point whose bucket of `period_s` starts in `[from_unix_s, to_unix_s)`, aligned to the period, published or
    /// not. Gaps are absent. An unknown statistic has no points.
    pub fn points(
        &self,
        from_unix_s: i64,
        to_unix_s: i64,
        stat: &str,
        period_s: i64,
    ) -> impl Iterator<Item = AwsTruth> {
        let window = (next_multiple(from_unix_s, period_s), to_unix_s);
        let statistic = Statistic::parse(stat);
        let regions = self.state.catalog.regions();
        let series =
            regions.flat_map(|(region, metrics)| metrics.series.iter().map(move |series| (region, series)));
        series.flat_map(move |(region, series)| {
            let known = |statistic| Known {
                world: &self.state.world,
                region,
                series,
                stat,
                statistic,
                period_s,
            };
            statistic.map_or_else(Vec::new, |statistic| known(statistic).truths(window))
        })
    }

    /// How many metrics a region has (what `ListMetrics` without filters would list).
    pub fn metrics_in(&self, region: &str) -> usize {
        self.state.catalog.region(region).series.len()
    }

    /// The ARNs that the tagging API lists in a region.
    pub fn tagged_arns(&self, region: &str) -> Vec<String> {
        self.state
            .catalog
            .region(region)
            .resources
            .iter()
            .map(|resource| resource.arn.clone())
            .collect()
    }
}

/// What the points of one series and statistic have in common.
#[derive(Clone, Copy)]
struct Known<'a> {
    world: &'a World,
    region: &'static str,
    series: &'a Series,
    stat: &'a str,
    statistic: Statistic,
    period_s: i64,
}

impl Known<'_> {
    fn truths(&self, window: (i64, i64)) -> Vec<AwsTruth> {
        points(
            self.world,
            self.series,
            self.statistic,
            window,
            self.period_s,
            None,
        )
        .into_iter()
        .map(|point| self.truth(point))
        .collect()
    }

    fn truth(&self, (bucket_start_unix_s, value): (i64, f64)) -> AwsTruth {
        let bucket = (bucket_start_unix_s, bucket_start_unix_s + self.period_s);
        let sight = sight(self.world, self.series, bucket);
        let (visible_unix_s, final_unix_s) = sight.unix_s();
        AwsTruth {
            region: self.region,
            namespace: self.series.namespace,
            metric: self.series.metric.name,
            dimensions: self.series.dimensions.clone(),
            unit: self.series.metric.unit,
            stat: self.stat.to_owned(),
            bucket_start_unix_s,
            visible_unix_s,
            final_unix_s,
            value,
            preliminary: self
                .first_seen(bucket, sight.visible_unix_ms)
                .filter(|first| first.to_bits() != value.to_bits()),
        }
    }

    fn first_seen(&self, bucket: (i64, i64), visible_unix_ms: i64) -> Option<f64> {
        let keep = matches!(self.statistic, Statistic::Percentile(_));
        let then = Timestamp::from_millisecond(visible_unix_ms).ok()?;
        fold(self.world, self.series, bucket, keep, Some(then)).value(self.statistic)
    }
}
