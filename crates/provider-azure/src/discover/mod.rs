//! Finding targets: subscriptions, their resources (Resource Graph, else ARM's lists), the metric definitions of one
//! sample resource per type and region, and from both the questions to ask. Nothing here reads values.
//!
//! `resources`, `graph` and `lists` ask; `places`, `questions` and `catalogue` decide, purely.

mod attributes;
mod catalogue;
mod graph;
mod lists;
mod places;
mod questions;
mod resources;

pub(crate) use graph::RESOURCE_GRAPH;
pub(crate) use lists::{DEFINITIONS, LIST_RESOURCES, LIST_SUBSCRIPTIONS};
pub(crate) use places::listed_type;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use questions::Asking;

use crate::AzureProvider;
use crate::config::AzureEntry;
use catalogue::{Building, Part};
use futures::stream::BoxStream;
use places::places;
use provider_api::{Catalogue, ProviderError, Scope};

/// Characters of a subscription id in a group's name, while they tell it from the others.
const SHORT_ID_CHARS: usize = 8;

impl AzureProvider {
    /// One catalogue per subscription.
    pub(crate) fn catalogues(&self) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        Box::pin(async_stream::stream! {
            match self.subscriptions().await {
                Err(e) => yield Err(e),
                Ok(all) => {
                    for id in &all {
                        yield self.catalogue(id, &short(id, &all)).await;
                    }
                }
            }
        })
    }

    async fn catalogue(&self, subscription: &str, short: &str) -> Result<Catalogue, ProviderError> {
        let scope = Scope::new(subscription);
        let resources = self.resources(&scope).await?;
        let mut building = Building::new(&scope, short, &self.config.account);
        for ((index, region), here) in &places(&self.config.entries, &resources) {
            let Some(entry) = self.config.entries.get(*index) else {
                continue;
            };
            let definitions = if let Some(known) = building.definitions(entry, region) {
                known
            } else {
                let asked = self.definitions(&scope, entry, here).await?;
                building.remember(entry, region, asked)
            };
            building.add(&Part {
                entry,
                index: *index,
                ordinal: ordinal(*index, &self.config.entries),
                region,
                places: here,
                definitions: &definitions,
            });
        }
        Ok(building.finish())
    }
}

/// Empty for the first entry of its type, ` #2` for the second, so that groups have different names.
fn ordinal(index: usize, entries: &[AzureEntry]) -> String {
    let Some(entry) = entries.get(index) else {
        return String::new();
    };
    let same = |e: &&AzureEntry| e.resource_type.eq_ignore_ascii_case(&entry.resource_type);
    let before = entries.iter().take(index).filter(same).count();
    if before == 0 {
        String::new()
    } else {
        format!(" #{}", before + 1)
    }
}

/// As much of a subscription's id as tells it from the others.
fn short(id: &str, all: &[String]) -> String {
    let start: String = id.chars().take(SHORT_ID_CHARS).collect();
    let alike = all.iter().filter(|other| other.starts_with(&start)).count();
    if alike > 1 { id.to_owned() } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart() {
        let all = ["12345678-a".to_owned(), "12345678-b".to_owned(), "9".to_owned()];
        assert_eq!(
            (short(&all[0], &all), short(&all[2], &all)),
            (all[0].clone(), "9".to_owned())
        );
    }
}
