//! What a resource can be asked for: its metric definitions, read once and shared by all resources that have the same.
//! Pure.

use crate::grain::parse_iso;
use crate::question::{Aggregation, Aggregations};
use crate::wire;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// One metric that Azure says a resource has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Definition {
    pub(super) name: Arc<str>,
    pub(super) description: Arc<str>,
    pub(super) unit: Arc<str>,
    pub(super) primary: Option<Aggregation>,
    pub(super) supported: Aggregations,
    /// Finest first.
    pub(super) grains: Vec<Duration>,
    pub(super) dimensions: Vec<Arc<str>>,
    pub(super) dimension_required: bool,
}

/// All of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Definitions {
    pub(super) metrics: Vec<Definition>,
    /// How many of the list could not be read.
    pub(super) odd: usize,
}

impl Definitions {
    /// What can be used of a list; the rest is counted.
    pub(crate) fn read(list: &wire::List<wire::Definition>) -> Self {
        let mut all = Self {
            metrics: Vec::with_capacity(list.items.len()),
            odd: list.odd,
        };
        for definition in &list.items {
            match one(definition) {
                Some(metric) => all.metrics.push(metric),
                None => all.odd += 1,
            }
        }
        all
    }
}

fn one(given: &wire::Definition) -> Option<Definition> {
    let name = given.name.get()?.into();
    let grains: BTreeSet<Duration> = given
        .availabilities
        .items
        .iter()
        .filter_map(|a| parse_iso(a.grain.or_empty()))
        .collect();
    let words = given.supported.0.iter();
    Some(Definition {
        name,
        description: given.description.or_empty().into(),
        unit: given.unit.or_empty().into(),
        primary: given.primary.get().and_then(Aggregation::parse),
        supported: words.filter_map(|w| Aggregation::parse(w)).collect(),
        grains: grains.into_iter().collect(),
        dimensions: given
            .dimensions
            .items
            .iter()
            .filter_map(|d| d.value.get())
            .map(Into::into)
            .collect(),
        dimension_required: given.dimension_required.0,
    })
}

/// Hands out one copy of equal definitions, so that resources with the same can be told by the pointer.
#[derive(Debug, Default)]
pub(super) struct Shared(HashSet<Arc<Definitions>>);

impl Shared {
    pub(super) fn get(&mut self, definitions: Definitions) -> Arc<Definitions> {
        if let Some(known) = self.0.get(&definitions) {
            return Arc::clone(known);
        }
        let new = Arc::new(definitions);
        self.0.insert(Arc::clone(&new));
        new
    }

    /// Forgets what nobody else holds.
    pub(super) fn prune(&mut self) {
        self.0.retain(|known| Arc::strong_count(known) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_definitions_are_counted_and_the_others_kept() {
        let list = serde_json::json!([null, {"name": null}, {"name": {"value": "A"}, "dimensions": null,
            "supportedAggregationTypes": ["None", "Average", "Median", 7], "primaryAggregationType": "P99",
            "metricAvailabilities": [{"timeGrain": "PT5M"}, {"timeGrain": null}, 3, {"timeGrain": "PT1M"}]}]);
        let got = Definitions::read(&serde_json::from_value(list).expect("a list"));
        assert_eq!((got.metrics.len(), got.odd), (1, 2));
        let metric = &got.metrics[0];
        assert_eq!(
            (metric.primary, metric.supported.words()),
            (None, "average".to_owned())
        );
        assert_eq!(metric.grains, [Duration::from_secs(60), Duration::from_secs(300)]);
    }
}
