//! One metric query, as ARM and the batch API share it: which metrics, grain, aggregations and dimensions, and the JSON of
//! the answer's `value` list. Parameter names, windows and error wrappers are each API's own (`arm.rs`, `batch.rs`).

use super::catalog::Resource;
use super::data::{Aggregation, Series, bucket, series};
use super::entra::Params;
use super::filter::Filter;
use super::metrics_table::{MetricSpec, TypeSpec};
use super::time::{Grain, Window, grain, iso_s};
use crate::world::World;
use serde_json::{Value, json};

/// Most metric names in one query (facts §1).
const MAX_METRICS: usize = 20;
/// Series per metric and resource when `top` is absent.
const DEFAULT_TOP: usize = 10;

/// What differs between the two APIs beside names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'a> {
    /// Dimension filter as sent.
    pub(super) filter: Option<&'a str>,
    /// Take the nearest grain instead of refusing.
    pub(super) adjust_grain: bool,
    /// Refuse dimensions that a metric lacks.
    pub(super) validate_dimensions: bool,
    /// Only the dimension values, no points.
    pub(super) metadata_only: bool,
}

/// A checked query.
#[derive(Debug)]
pub(super) struct Query {
    /// Window as asked.
    pub(super) window: Window,
    /// Grain of the answer.
    pub(super) grain: Grain,
    metrics: Vec<&'static MetricSpec>,
    aggregations: Vec<Aggregation>,
    filter: Filter,
    top: usize,
    metadata_only: bool,
}

impl Query {
    /// Checks parameters against the type; the error is Azure's message of a 400.
    pub(super) fn new(
        params: &Params,
        spec: &'static TypeSpec,
        window: Window,
        options: Options<'_>,
    ) -> Result<Self, String> {
        let metrics = metrics(params.get("metricnames").map(String::as_str), spec)?;
        let aggregations = aggregations(params.get("aggregation").map(String::as_str))?;
        let filter = options
            .filter
            .map_or_else(|| Ok(Filter::default()), Filter::parse)?;
        let finest_s = metrics.iter().map(|metric| metric.finest_s).max().unwrap_or(60);
        let grain = grain(
            params.get("interval").map(String::as_str),
            finest_s,
            options.adjust_grain,
            window,
        )?;
        if options.validate_dimensions {
            metrics
                .iter()
                .try_for_each(|metric| check_dimensions(metric, &filter))?;
        }
        let top = match params.get("top") {
            None => DEFAULT_TOP,
            Some(top) => top
                .parse()
                .ok()
                .filter(|top| *top > 0)
                .ok_or_else(|| format!("Invalid value for top: {top}"))?,
        };
        Ok(Self {
            window,
            grain,
            metrics,
            aggregations,
            filter,
            top,
            metadata_only: options.metadata_only,
        })
    }

    /// What Azure says when the resource lacks one of the metrics that its type has.
    pub(super) fn lacking(&self, resource: &Resource) -> Option<String> {
        let lacking = |metric: &&&MetricSpec| resource.lacks.contains(&metric.name);
        let metric = self.metrics.iter().find(lacking)?;
        Some(unknown_metric(metric.name, resource.spec, resource.metrics()))
    }

    /// The `value` list of the answer for one resource; without data when `visible` is false (another region's host).
    pub(super) fn values(&self, world: &World, resource: &Resource, visible: bool) -> Value {
        self.metrics
            .iter()
            .map(|metric| self.metric_value(world, resource, metric, visible))
            .collect()
    }

    fn metric_value(&self, world: &World, resource: &Resource, metric: &MetricSpec, visible: bool) -> Value {
        let timeseries: Vec<Value> = series(world, resource, metric, &self.filter)
            .iter()
            .filter(|_| visible)
            .take(if self.filter.terms.is_empty() { 1 } else { self.top })
            .map(|series| self.series_value(world, metric, series))
            .collect();
        json!({
            "id": format!("{}/providers/Microsoft.Insights/metrics/{}", resource.id, metric.name),
            "type": "Microsoft.Insights/metrics",
            "name": {"value": metric.name, "localizedValue": metric.name},
            "displayDescription": format!("Simulated {}", metric.name),
            "unit": metric.unit,
            "timeseries": timeseries,
            "errorCode": "Success",
        })
    }

    fn series_value(&self, world: &World, metric: &MetricSpec, series: &Series) -> Value {
        let labels: Vec<Value> = series
            .labels
            .iter()
            .map(|(name, value)| {
                let name = name.to_lowercase();
                json!({"name": {"value": name, "localizedValue": name}, "value": value})
            })
            .collect();
        if self.metadata_only {
            return json!({"metadatavalues": labels});
        }
        let primary = [Aggregation::parse(metric.primary).unwrap_or(Aggregation::Average)];
        let aggregations = if self.aggregations.is_empty() {
            &primary
        } else {
            self.aggregations.as_slice()
        };
        let now = world.clock.now();
        let points: Vec<Value> = self
            .window
            .buckets(self.grain.seconds)
            .into_iter()
            .map(|start_s| {
                let mut point = json!({"timeStamp": iso_s(start_s)});
                if let Some(bucket) = bucket(world, metric, series, start_s, self.grain.seconds, Some(now)) {
                    for aggregation in aggregations {
                        point[aggregation.key()] = json!(bucket.value(*aggregation));
                    }
                }
                point
            })
            .collect();
        json!({"metadatavalues": labels, "data": points})
    }
}

fn metrics(names: Option<&str>, spec: &'static TypeSpec) -> Result<Vec<&'static MetricSpec>, String> {
    let Some(names) = names else {
        return Ok(spec.metrics.first().into_iter().collect());
    };
    let names: Vec<_> = names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() || names.len() > MAX_METRICS {
        return Err(format!(
            "Requested metrics count: {} is not between 1 and the maximum: {MAX_METRICS}",
            names.len()
        ));
    }
    names
        .into_iter()
        .map(|name| {
            spec.metric(name)
                .ok_or_else(|| unknown_metric(name, spec, spec.metrics.iter()))
        })
        .collect()
}

pub(super) fn unknown_metric(
    name: &str,
    spec: &TypeSpec,
    valid: impl Iterator<Item = &'static MetricSpec>,
) -> String {
    let valid: Vec<_> = valid.map(|metric| metric.name).collect();
    let (provider, kind) = spec.name.split_once('/').unwrap_or((spec.name, ""));
    format!(
        "Failed to find metric configuration for provider: {provider}, resource Type: {kind}, metric: {name}, Valid metrics: {}",
        valid.join(",")
    )
}

fn aggregations(words: Option<&str>) -> Result<Vec<Aggregation>, String> {
    let words = words.unwrap_or_default();
    let parse = |word: &str| {
        Aggregation::parse(word.trim()).ok_or_else(|| format!("Invalid aggregation type: {word}"))
    };
    words
        .split(',')
        .filter(|word| !word.trim().is_empty())
        .map(parse)
        .collect()
}

fn check_dimensions(metric: &MetricSpec, filter: &Filter) -> Result<(), String> {
    let known = |name: &str| {
        metric
            .dimensions
            .iter()
            .any(|dimension| dimension.name.eq_ignore_ascii_case(name))
    };
    if filter.terms.iter().all(|term| known(&term.dimension)) {
        return Ok(());
    }
    let asked: Vec<_> = filter
        .terms
        .iter()
        .map(|term| term.dimension.to_lowercase())
        .collect();
    let supported: Vec<_> = metric
        .dimensions
        .iter()
        .map(|dimension| dimension.name.to_lowercase())
        .collect();
    Err(format!(
        "Metric: {} does not support requested dimension combination: {}, supported ones are: {}",
        metric.name,
        asked.join(","),
        supported.join(",")
    ))
}
