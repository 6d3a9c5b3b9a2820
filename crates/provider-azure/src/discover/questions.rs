//! From metric definitions to questions: what must be asked apart (other grain, aggregations or dimensions) and what may
//! be asked together, twenty metrics at a time. Pure.

use crate::config::AzureEntry;
use crate::target::{Aggregation, AskedMetric, Question, parse_iso};
use crate::wire::Definition;
use provider_api::{Matcher, SkipReason, Skipped};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Most metric names in one request (spec, `metricnames`).
const MOST_METRICS: usize = 20;

/// What two metrics must share to be asked for together.
type Shape = (Duration, BTreeSet<Aggregation>, Vec<Arc<str>>);

/// What the questions of one entry, type and region have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) entry: &'a AzureEntry,
    pub(crate) subscription: &'a Arc<str>,
    pub(crate) region: &'a str,
}

impl Asking<'_> {
    /// The questions by grain; metrics that cannot be asked for go to `skipped`.
    pub(super) fn by_grain(
        self,
        definitions: &[Definition],
        skipped: &mut Vec<Skipped>,
    ) -> BTreeMap<Duration, Vec<Arc<Question>>> {
        let mut grains: BTreeMap<Duration, Vec<Arc<Question>>> = BTreeMap::new();
        for question in self.questions(definitions, skipped) {
            grains.entry(question.grain).or_default().push(Arc::new(question));
        }
        grains
    }

    pub(crate) fn questions(self, definitions: &[Definition], skipped: &mut Vec<Skipped>) -> Vec<Question> {
        let mut all = Vec::new();
        for (shape, mut metrics) in shapes(self.entry, definitions, skipped) {
            metrics.sort_by(|a, b| a.name.cmp(&b.name));
            let asked = metrics.chunks(MOST_METRICS);
            all.extend(asked.map(|some| self.question(&shape, some)));
        }
        all
    }

    fn question(self, shape: &Shape, metrics: &[AskedMetric]) -> Question {
        let (grain, aggregations, dimensions) = shape.clone();
        Question {
            subscription: self.subscription.clone(),
            region: self.region.into(),
            namespace: self.entry.resource_type.as_str().into(),
            grain,
            aggregations,
            dimensions,
            top: self.entry.top,
            metrics: metrics.to_vec(),
        }
    }
}

/// The wanted metrics, like with like, each name once.
fn shapes(
    entry: &AzureEntry,
    definitions: &[Definition],
    skipped: &mut Vec<Skipped>,
) -> BTreeMap<Shape, Vec<AskedMetric>> {
    let mut shapes: BTreeMap<Shape, Vec<AskedMetric>> = BTreeMap::new();
    let wanted = |d: &&Definition| Matcher::any(&entry.names, &d.name.value);
    for definition in definitions.iter().filter(wanted) {
        let name: Arc<str> = definition.name.value.as_str().into();
        match shape(entry, definition) {
            Ok(shape) => {
                let metrics = shapes.entry(shape).or_default();
                if metrics.iter().all(|m| m.name != name) {
                    let description = definition.description.as_deref().unwrap_or_default().into();
                    metrics.push(AskedMetric { name, description });
                }
            }
            Err(reason) => skipped.push(Skipped {
                reason,
                metric: name,
                points: 0,
            }),
        }
    }
    shapes
}

fn shape(entry: &AzureEntry, definition: &Definition) -> Result<Shape, SkipReason> {
    let grain = grain(entry, definition).ok_or(SkipReason::BadShape)?;
    let aggregations = aggregations(entry, definition);
    if aggregations.is_empty() {
        return Err(SkipReason::NoNumber);
    }
    Ok((grain, aggregations, split_by(entry, definition)))
}

/// The entry's period where the metric is kept in it, else the metric's finest.
fn grain(entry: &AzureEntry, d: &Definition) -> Option<Duration> {
    let kept: BTreeSet<Duration> = d
        .availabilities
        .iter()
        .filter_map(|a| parse_iso(a.grain.as_deref().unwrap_or_default()))
        .collect();
    entry
        .period
        .filter(|p| kept.contains(p))
        .or_else(|| kept.first().copied())
}

/// What the entry asks for and the metric supports; by default the metric's primary aggregation.
fn aggregations(entry: &AzureEntry, d: &Definition) -> BTreeSet<Aggregation> {
    let supported: BTreeSet<Aggregation> = d.supported.iter().filter_map(|w| Aggregation::parse(w)).collect();
    if entry.aggregations.is_empty() {
        let primary = d.primary.as_deref().and_then(Aggregation::parse);
        return primary
            .or_else(|| supported.first().copied())
            .into_iter()
            .collect();
    }
    let asked = entry.aggregations.iter().filter_map(|w| Aggregation::parse(w));
    asked.filter(|a| supported.contains(a)).collect()
}

/// The entry's dimensions that the metric has, in the definition's spelling; a metric that demands one gets its first.
fn split_by(entry: &AzureEntry, d: &Definition) -> Vec<Arc<str>> {
    let asked = |name: &str| entry.dimensions.iter().any(|a| a.eq_ignore_ascii_case(name));
    let mut chosen: Vec<Arc<str>> = d
        .dimensions
        .iter()
        .filter(|n| asked(&n.value))
        .map(|n| n.value.as_str().into())
        .collect();
    if chosen.is_empty() && d.dimension_required {
        chosen.extend(d.dimensions.first().map(|n| Arc::from(n.value.as_str())));
    }
    chosen.sort();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{asking, entry};

    fn definitions(json: serde_json::Value) -> Vec<Definition> {
        serde_json::from_value(json).expect("definitions")
    }

    #[test]
    fn questions_keep_unlike_metrics_apart() {
        let metric = |name: &str, supported: &[&str], grains: &[&str], dimension: Option<&str>| {
            let grains: Vec<_> = grains
                .iter()
                .map(|g| serde_json::json!({"timeGrain": g}))
                .collect();
            let dimensions: Vec<_> = dimension
                .iter()
                .map(|d| serde_json::json!({"value": d}))
                .collect();
            serde_json::json!({"name": {"value": name}, "primaryAggregationType": supported[0],
                "supportedAggregationTypes": supported, "metricAvailabilities": grains, "dimensions": dimensions})
        };
        let mut wanted = entry("Microsoft.Compute/virtualMachines");
        wanted.period = Some(Duration::from_secs(300));
        wanted.dimensions = vec!["lun".into()];
        let many = (0..25).map(|i| metric(&format!("m{i}"), &["Average", "Total"], &["PT1M", "PT5M"], None));
        let all: Vec<_> = many
            .chain([
                metric("disk", &["Total"], &["PT1M", "PT5M"], Some("LUN")),
                metric("size", &["Average"], &["PT1H"], None),
            ])
            .chain([metric("text", &["None"], &["PT5M"], None)])
            .collect();
        let mut skipped = Vec::new();
        let got = asking(&wanted, &definitions(all.into()), &mut skipped);
        let sizes: Vec<_> = got
            .iter()
            .map(|q| (q.grain.as_secs(), q.metrics.len(), q.filter()))
            .collect();
        let lun = Some("LUN eq '*'".to_owned());
        assert_eq!(
            sizes,
            [(300, 20, None), (300, 5, None), (300, 1, lun), (3_600, 1, None)]
        );
        assert_eq!(skipped.iter().map(|s| &*s.metric).collect::<Vec<_>>(), ["text"]);
    }
}
