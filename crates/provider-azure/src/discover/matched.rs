//! What each pattern of the entries fits in a subscription, and the nearest names where it fits nothing. Pure.

use super::definitions::Definitions;
use super::places::{Place, Thing, listed_type};
use crate::config::AzureEntry;
use crate::question::Aggregation;
use provider_api::{Matched, Matcher, nearest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What there is to be fitted.
#[derive(Debug)]
pub(super) struct Existing<'a> {
    pub(super) things: &'a [Thing],
    /// By lower-case type of the entries.
    pub(super) places: &'a BTreeMap<String, Vec<Place<'a>>>,
    /// Types that exist in some subscription, where that was asked for.
    pub(super) types: &'a [String],
}

/// One line per pattern. What cannot be told, because there is nothing that it could fit, is left out.
pub(super) fn matched(
    entries: &[AzureEntry],
    existing: &Existing<'_>,
    definitions: impl Fn(&str, &Place<'_>) -> Option<Arc<Definitions>>,
) -> Vec<Matched> {
    let mut all = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let folded = entry.resource_type.to_lowercase();
        let (listed_as, _) = listed_type(&folded);
        let of_type: Vec<&Thing> = existing
            .things
            .iter()
            .filter(|thing| thing.resource_type == listed_as)
            .collect();
        let mut lines = Lines { index, all: &mut all };
        let types = existing.types.iter().map(String::as_str);
        lines.add("resource_type", &entry.resource_type, of_type.len(), types);
        if of_type.is_empty() {
            continue;
        }
        lines.resources(entry, &of_type);
        let places = existing.places.get(&folded).map_or(&[][..], Vec::as_slice);
        let wanted = places.iter().filter(|place| place.entries.contains(&index));
        let mut known: Vec<Arc<Definitions>> = Vec::new();
        for has in wanted.filter_map(|place| definitions(&folded, place)) {
            if !known.iter().any(|known| Arc::ptr_eq(known, &has)) {
                known.push(has);
            }
        }
        if !known.is_empty() {
            lines.metrics(entry, &known);
        }
    }
    all
}

/// The lines of one entry.
struct Lines<'a> {
    index: usize,
    all: &'a mut Vec<Matched>,
}

impl Lines<'_> {
    fn add<'n>(
        &mut self,
        key: &'static str,
        pattern: &str,
        count: usize,
        names: impl IntoIterator<Item = &'n str>,
    ) {
        self.all.push(Matched {
            entry: self.index,
            key,
            pattern: pattern.into(),
            count: u64::try_from(count).unwrap_or(u64::MAX),
            nearest: if count == 0 {
                nearest(pattern, names)
            } else {
                Vec::new()
            },
        });
    }

    fn each(&mut self, key: &'static str, patterns: &[Matcher], names: &BTreeMap<&str, usize>) {
        for pattern in patterns {
            let fits = names.iter().filter(|(name, _)| pattern.matches(name));
            let count = fits.map(|(_, count)| count).sum();
            self.add(key, pattern.as_str(), count, names.keys().copied());
        }
    }

    /// Patterns over resources.
    fn resources(&mut self, entry: &AzureEntry, of_type: &[&Thing]) {
        self.each(
            "resource_groups",
            &entry.resource_groups,
            &counted(of_type, Thing::resource_group),
        );
        self.each(
            "regions",
            &entry.regions,
            &counted(of_type, |thing| &thing.region),
        );
        for (key, pattern) in &entry.tags {
            let values: Vec<&str> = of_type.iter().filter_map(|thing| thing.tag(key)).collect();
            let count = values.iter().filter(|value| pattern.matches(value)).count();
            let written = format!("{key}: {}", pattern.as_str());
            if values.is_empty() {
                let keys = of_type
                    .iter()
                    .flat_map(|thing| thing.tags.iter().map(|(key, _)| key.as_str()));
                self.all.push(Matched {
                    nearest: nearest(key, keys),
                    ..line(self.index, "tags", &written, count)
                });
                continue;
            }
            let there: BTreeSet<String> = values.iter().map(|value| format!("{key}: {value}")).collect();
            self.add("tags", &written, count, there.iter().map(String::as_str));
        }
    }

    /// Patterns over metrics.
    fn metrics(&mut self, entry: &AzureEntry, known: &[Arc<Definitions>]) {
        let metrics = || known.iter().flat_map(|has| &has.metrics);
        let names: BTreeMap<&str, usize> = metrics().map(|metric| (&*metric.name, 1)).collect();
        self.each("names", &entry.names, &names);
        let wanted = || metrics().filter(|metric| Matcher::any(&entry.names, &metric.name));
        if wanted().next().is_none() {
            return;
        }
        let dimensions: BTreeSet<&str> = wanted().flat_map(|m| m.dimensions.iter().map(|d| &**d)).collect();
        for dimension in &entry.dimensions {
            let count = dimensions
                .iter()
                .filter(|d| d.eq_ignore_ascii_case(dimension))
                .count();
            self.add("dimensions", dimension, count, dimensions.iter().copied());
        }
        for word in &entry.aggregations {
            let has = |of: &Aggregation| Aggregation::parse(word) == Some(*of);
            let count = wanted().filter(|m| m.supported.iter().any(|of| has(&of))).count();
            let words: BTreeSet<&str> = wanted()
                .flat_map(|m| m.supported.iter().map(Aggregation::word))
                .collect();
            self.add("aggregations", word, count, words);
        }
    }
}

fn line(entry: usize, key: &'static str, pattern: &str, count: usize) -> Matched {
    Matched {
        entry,
        key,
        pattern: pattern.into(),
        count: u64::try_from(count).unwrap_or(u64::MAX),
        nearest: Vec::new(),
    }
}

fn counted<'a>(things: &[&'a Thing], name: impl Fn(&'a Thing) -> &'a str) -> BTreeMap<&'a str, usize> {
    let mut counted = BTreeMap::new();
    for thing in things {
        *counted.entry(name(thing)).or_default() += 1;
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::places::places;
    use crate::testing::{entry, matcher};
    use crate::wire::ListedResource;

    #[test]
    fn what_fits_nothing_is_told_with_what_is_near() {
        let rows = serde_json::json!([{"type": "microsoft.compute/virtualmachines", "location": "westeurope",
            "id": "/subscriptions/s/resourceGroups/Prod-RG/providers/Microsoft.Compute/virtualMachines/a",
            "tags": {"Environment": "prod"}}]);
        let rows: Vec<ListedResource> = serde_json::from_value(rows).expect("rows");
        let things: Vec<Thing> = rows.into_iter().filter_map(Thing::read).collect();
        let has = serde_json::json!([{"name": {"value": "Percentage CPU"}, "supportedAggregationTypes": ["Average"],
            "metricAvailabilities": [{"timeGrain": "PT1M"}], "dimensions": [{"value": "LUN"}]}]);
        let has = Arc::new(Definitions::read(
            &serde_json::from_value(has).expect("definitions"),
        ));
        let mut vm = entry("Microsoft.Compute/virtualMachines");
        vm.names = vec![matcher("percentage cpu"), matcher("CPU Percentage")];
        vm.resource_groups = vec![matcher("prod-rg"), matcher("prod_rg")];
        vm.regions = vec![matcher("westeurop")];
        vm.tags = vec![
            ("environment".into(), matcher("prod")),
            ("environmnt".into(), matcher("prod")),
        ];
        vm.dimensions = vec!["lun".into(), "lum".into()];
        vm.aggregations = vec!["Average".into(), "Total".into()];
        let entries = [vm, entry("Microsoft.Compute/virtualMachine")];
        let all: Vec<&Thing> = things.iter().collect();
        // Nothing passes the filters of the entry, so its metrics are looked at without them.
        let mut unfiltered = entries.clone();
        (unfiltered[0].regions, unfiltered[0].tags) = (Vec::new(), Vec::new());
        let by_type = places(&unfiltered, &all);
        let existing = Existing {
            things: &things,
            places: &by_type,
            types: &["microsoft.compute/virtualmachines".to_owned()],
        };
        let got = matched(&entries, &existing, |_, _| Some(Arc::clone(&has)));
        let none: Vec<(usize, &str, &str, String)> = got
            .iter()
            .filter(|m| m.count == 0)
            .map(|m| (m.entry, m.key, &*m.pattern, m.nearest.join("|")))
            .collect();
        let line = |entry, key, pattern, near: &str| (entry, key, pattern, near.to_owned());
        assert_eq!(
            none,
            [
                line(0, "resource_groups", "prod_rg", "Prod-RG"),
                line(0, "regions", "westeurop", "westeurope"),
                line(0, "tags", "environmnt: prod", "Environment"),
                line(0, "names", "CPU Percentage", "Percentage CPU"),
                line(0, "dimensions", "lum", "LUN"),
                line(0, "aggregations", "Total", ""),
                line(
                    1,
                    "resource_type",
                    "Microsoft.Compute/virtualMachine",
                    "microsoft.compute/virtualmachines"
                ),
            ]
        );
        assert_eq!(got.len(), none.len() + 6);
    }
}
