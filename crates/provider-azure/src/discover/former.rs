//! The identities that files of format 3 have: there each twenty metrics of one entry that were alike in grain,
//! aggregations and dimensions were a target of their own, by the definitions of one resource per type and region. The
//! texts here must stay exactly as they are. Pure.

use super::questions::{Asking, Shape, shape};
use crate::config::AzureEntry;
use crate::question::{Aggregations, MOST_METRICS};
use provider_api::Matcher;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands behind the resource's id in the texts of all former targets of `entry` with this grain and split.
pub(super) fn former(entry: &AzureEntry, asking: Asking<'_>, of: &Shape) -> Vec<Box<str>> {
    let mut alike: BTreeMap<Aggregations, Vec<Arc<str>>> = BTreeMap::new();
    let metrics = asking.former_definitions.metrics.iter();
    for definition in metrics.filter(|d| Matcher::any(&entry.names, &d.name)) {
        if let Ok((shape, aggregations)) = shape(entry, definition)
            && shape == *of
        {
            let names = alike.entry(aggregations).or_default();
            if !names.contains(&definition.name) {
                names.push(definition.name.clone());
            }
        }
    }
    let (grain, dimensions) = of;
    let head = format!(
        "{}|{}|{}|{}",
        asking.former_subscription,
        asking.region,
        entry.resource_type.to_ascii_lowercase(),
        grain.as_secs()
    );
    let tail = format!("{}|{}", dimensions.join(","), entry.top);
    let mut all = Vec::new();
    for (aggregations, mut names) in alike {
        names.sort();
        for some in names.chunks(MOST_METRICS) {
            let key = format!("{head}|{}|{tail}|{}", aggregations.words(), some.join(","));
            all.push(key.into_boxed_str());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::discover::definitions::Definitions;
    use crate::testing::{asked_of, entry};

    /// As the version before wrote it.
    #[test]
    fn the_texts_of_format_3_are_reproduced() {
        let metric = |name: &str, primary: &str| {
            serde_json::json!({"name": {"value": name}, "primaryAggregationType": primary,
                "supportedAggregationTypes": ["Average", "Total"], "metricAvailabilities": [{"timeGrain": "PT1M"}]})
        };
        let list = serde_json::json!([
            metric("b", "Average"),
            metric("a", "Total"),
            metric("B", "Average")
        ]);
        let definitions = Definitions::read(&serde_json::from_value(list).expect("a list"));
        let wanted = entry("Microsoft.Compute/virtualMachines");
        let got = asked_of(&[&wanted], &definitions);
        let former: Vec<&str> = got[0].question.former.iter().map(|key| &**key).collect();
        assert_eq!(
            former,
            [
                "s|r|microsoft.compute/virtualmachines|60|average||100|B,b",
                "s|r|microsoft.compute/virtualmachines|60|total||100|a"
            ]
        );
    }
}
