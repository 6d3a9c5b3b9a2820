//! Finding targets: subscriptions, their resources (Resource Graph, else ARM's lists), their metric definitions, and from
//! these the questions to ask. Nothing here reads values.
//!
//! `resources`, `graph`, `lists` and `learn` ask, `knowledge` remembers, `proof` tries what may be asked; `places`, `questions` and `catalogue` decide,
//! purely.

mod attributes;
mod catalogue;
mod definitions;
mod former;
mod graph;
mod knowledge;
mod learn;
mod lists;
mod matched;
mod places;
mod proof;
mod questions;
mod resources;
mod survey;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use definitions::Definitions;
pub(crate) use graph::RESOURCE_GRAPH;
pub(crate) use knowledge::Knowledge;
pub(crate) use lists::{DEFINITIONS, LIST_RESOURCES, LIST_SUBSCRIPTIONS};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use places::Thing;
pub(crate) use places::listed_type;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use questions::{Asked, Asking, Unasked};

use crate::AzureProvider;
use attributes::Owner;
use catalogue::{Building, Ground};
use futures::stream::BoxStream;
use knowledge::Variety;
use learn::Varieties;
use lists::Subscribed;
use matched::{Existing, matched};
use places::{Place, places};
use provider_api::{Catalogue, ProviderError, SkipReason, Skipped, Unlisted};
use resources::{Listed, hidden};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Characters of a subscription id in a group's name, while they tell it from the others.
const SHORT_ID_CHARS: usize = 8;

/// How long a resource may have had points before a listing shows it. Microsoft names no bound for Resource Graph, whose
/// changes are seen after seconds, at times after minutes; ARM's lists show a resource at once.
const LISTING_LAG: Duration = Duration::from_secs(10 * 60);

impl AzureProvider {
    /// One catalogue per subscription.
    pub(crate) fn catalogues(&self) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        Box::pin(async_stream::stream! {
            match self.subscriptions().await {
                Err(e) => yield Err(e),
                Ok(all) => {
                    let mut listed = self.resources(&all).await;
                    let types = self.existing_types(&all, &listed).await;
                    for subscription in &all {
                        match listed.remove(&subscription.scope) {
                            Some(Ok(found)) => yield self.catalogue(subscription, found, &all, &types).await,
                            Some(Err(error)) => yield Err(error),
                            None => {}
                        }
                    }
                }
            }
        })
    }

    async fn catalogue(
        &self,
        subscription: &Subscribed,
        listed: Listed,
        all: &[Subscribed],
        types: &[String],
    ) -> Result<Catalogue, ProviderError> {
        let (scope, id) = (&subscription.scope, &subscription.scope.0);
        let things: Vec<_> = listed.things.iter().collect();
        let by_type = places(&self.config.entries, &things);
        let varieties = varieties(id, &by_type);
        let mut unlisted = listed.unlisted;
        let gone = self.knowledge.listed(scope, &listed.things, listed.odd);
        if !gone.is_empty() {
            let error = hidden(scope, listed.odd);
            let types = gone.iter().flat_map(|listed_as| self.types_of(listed_as));
            unlisted.extend(types.map(|of| (of, error.clone())));
        }
        let (sampled, failed) = self.sample(scope, &varieties, listed.date).await;
        unlisted.extend(failed.into_iter().map(|(of, error)| (of, Arc::new(error))));
        self.explore(scope, &varieties, &unlisted, sampled, listed.date)
            .await;

        let (short, splits) = (short(id, all), self.knowledge.known_splits());
        let mut building = Building::new(Ground {
            entries: &self.config.entries,
            owner: Owner {
                account: &self.config.account,
                scope,
                name: subscription.name.as_deref(),
            },
            written: &subscription.written,
            short: &short,
            splits: &splits,
        });
        for (resource_type, here) in &by_type {
            building.add(resource_type, here, |place| {
                self.knowledge
                    .of(&Variety::of(id, resource_type, place), &place.id)
            });
        }
        let existing = Existing {
            things: &listed.things,
            places: &by_type,
            types,
        };
        let matched = matched(&self.config.entries, &existing, |resource_type, place| {
            self.knowledge
                .of(&Variety::of(id, resource_type, place), &place.id)
        });
        self.knowledge.keep(id, &ids(&by_type));
        let (targets, mut skipped) = building.finish();
        if targets.is_empty()
            && let Some(error) = nothing_listed(&by_type, &mut unlisted)
        {
            return Err(error);
        }
        skipped.extend(odd_rows(listed.odd));
        self.memory.listed(scope, &targets);
        Ok(Catalogue {
            targets,
            skipped,
            unlisted: self.by_namespace(unlisted),
            matched,
            ..Catalogue::empty(scope.clone(), LISTING_LAG)
        })
    }

    /// Targets are known by the namespaces of their groups, which are the types as the entries spell them.
    fn by_namespace(&self, unlisted: Vec<(String, Arc<ProviderError>)>) -> Vec<Unlisted> {
        let mut all: BTreeMap<&str, Arc<ProviderError>> = BTreeMap::new();
        for (resource_type, error) in unlisted {
            for entry in &self.config.entries {
                if entry.resource_type.eq_ignore_ascii_case(&resource_type) {
                    all.entry(&entry.resource_type).or_insert_with(|| error.clone());
                }
            }
        }
        let one = |(namespace, error): (&str, Arc<ProviderError>)| Unlisted {
            namespace: namespace.into(),
            error,
        };
        all.into_iter().map(one).collect()
    }
}

fn varieties<'a>(subscription: &Arc<str>, by_type: &'a BTreeMap<String, Vec<Place<'a>>>) -> Varieties<'a> {
    let mut varieties = Varieties::new();
    for (resource_type, places) in by_type {
        for place in places {
            let variety = Variety::of(subscription, resource_type, place);
            varieties.entry(variety).or_default().push(place);
        }
    }
    varieties
}

fn ids(by_type: &BTreeMap<String, Vec<Place<'_>>>) -> HashSet<String> {
    let places = by_type.values().flatten();
    places.map(|place| place.id.to_lowercase()).collect()
}

/// When no type that has resources could be listed, that is the subscription's failure, and what is known of it stays.
fn nothing_listed(
    by_type: &BTreeMap<String, Vec<Place<'_>>>,
    unlisted: &mut Vec<(String, Arc<ProviderError>)>,
) -> Option<ProviderError> {
    let mut with_resources = by_type.iter().filter(|(_, places)| !places.is_empty()).peekable();
    with_resources.peek()?;
    let failed = |of: &String| unlisted.iter().any(|(failed, _)| failed == of);
    if with_resources.all(|(of, _)| failed(of)) {
        return Arc::into_inner(unlisted.pop()?.1);
    }
    None
}

fn odd_rows(odd: usize) -> Option<Skipped> {
    (odd > 0).then(|| Skipped {
        reason: SkipReason::BadShape,
        metric: "listed resources".into(),
        points: u64::try_from(odd).unwrap_or(u64::MAX),
    })
}

/// As much of a subscription's id as tells it from the others.
fn short(id: &str, all: &[Subscribed]) -> String {
    let start: String = id.chars().take(SHORT_ID_CHARS).collect();
    let alike = all
        .iter()
        .filter(|other| other.scope.0.starts_with(&start))
        .count();
    if alike > 1 { id.to_owned() } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Scope;

    #[test]
    fn ids_are_told_apart() {
        let all: Vec<Subscribed> = ["12345678-a", "12345678-B", "9"]
            .iter()
            .map(|id| Subscribed::new(id, None))
            .collect();
        assert_eq!(
            (short("12345678-a", &all), short("9", &all)),
            ("12345678-a".to_owned(), "9".to_owned())
        );
        assert_eq!(all[1].scope, Scope::new("12345678-b"));
    }
}
