//! What a perfect client would have read: every point of every series, for tests to compare with.

use std::sync::Arc;

use super::State;
use super::catalog::Series;
use super::data::{Statistic, next_multiple, points};
use crate::world::World;

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
    /// When its last native bucket is published: from then on the point is visible and final.
    pub final_unix_s: i64,
    /// The statistic's value.
    pub value: f64,
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
            let values = statistic
                .map(|statistic| points(&self.state.world, series, statistic, window, period_s, None))
                .unwrap_or_default();
            values
                .into_iter()
                .map(move |(bucket_start_unix_s, value)| AwsTruth {
                    region,
                    namespace: series.namespace,
                    metric: series.metric.name,
                    dimensions: series.dimensions.clone(),
                    unit: series.metric.unit,
                    stat: stat.to_owned(),
                    bucket_start_unix_s,
                    final_unix_s: final_unix_s(&self.state.world, series, bucket_start_unix_s + period_s),
                    value,
                })
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

/// When the last native bucket that starts before `end_s` has ended and the delay has passed.
fn final_unix_s(world: &World, series: &Series, end_s: i64) -> i64 {
    let delay_s = i64::try_from(world.publish_delay.as_secs()).unwrap_or(i64::MAX);
    next_multiple(end_s, series.metric.native_s).saturating_add(delay_s)
}
