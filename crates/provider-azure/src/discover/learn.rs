//! Asking for metric definitions: of one resource of each variety, and of some more for their own.

use super::knowledge::Variety;
use super::places::Place;
use crate::AzureProvider;
use crate::classify;
use crate::discover::definitions::Definitions;
use crate::discover::lists::DEFINITIONS;
use crate::http::{Ask, Plane, encode, path};
use crate::wire::{self, Page};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use provider_api::{ErrorKind, Price, ProviderError, Scope, UnixNanos, Urgency};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many resources of a variety are asked for definitions before it counts as having none.
const SAMPLES: usize = 3;
/// How many resources a listing of a subscription asks for definitions of their own, as far as the varieties leave it room
/// in what the quota allows at once; but some.
const MOST_OWN: usize = 60;
const FEWEST_OWN: usize = 10;
/// Definitions that a listing asks for without waiting for the quota.
const AT_MOST: usize = 80;
/// Questions under way at once.
const AT_ONCE: usize = 8;

/// The varieties of one type, each with its places in the order of the listing.
pub(super) type Varieties<'a> = BTreeMap<Variety, Vec<&'a Place<'a>>>;

/// What a resource says of itself; nothing when it refuses, and the cloud's time.
pub(super) type Told = Result<(Option<Definitions>, Option<UnixNanos>), ProviderError>;

impl AzureProvider {
    /// Sees to it that each variety is known. How many were asked, and by type what could not be.
    pub(super) async fn sample(
        &self,
        scope: &Scope,
        varieties: &Varieties<'_>,
        now: Option<UnixNanos>,
    ) -> (usize, Vec<(String, ProviderError)>) {
        let wanted = varieties
            .iter()
            .filter(|(variety, _)| self.knowledge.wants_sample(variety, now));
        let asked: Vec<BoxFuture<'_, _>> = wanted
            .map(|(variety, places)| {
                let ids = places
                    .iter()
                    .take(SAMPLES)
                    .map(|place| place.id.clone())
                    .collect();
                self.of_variety(scope.clone(), variety.clone(), ids).boxed()
            })
            .collect();
        let count = asked.len();
        let told: Vec<Option<(String, ProviderError)>> =
            stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        (count, told.into_iter().flatten().collect())
    }

    /// Asks some resources for their own definitions: of each variety in turn, one that has not been asked. Types that do
    /// not answer at present are left alone.
    pub(super) async fn explore(
        &self,
        scope: &Scope,
        varieties: &Varieties<'_>,
        failed: &[(String, Arc<ProviderError>)],
        sampled: usize,
        now: Option<UnixNanos>,
    ) {
        let most = AT_MOST.saturating_sub(sampled).clamp(FEWEST_OWN, MOST_OWN);
        let unknown = |(variety, places): (&Variety, &Vec<&Place<'_>>)| {
            // The only one of its variety is known already.
            let many = if places.len() > 1 { most } else { 0 };
            let asked = places
                .iter()
                .filter(|place| self.knowledge.wants_own(&place.id, now));
            let ids = asked.take(many).map(|place| place.id.clone()).collect();
            (variety.resource_type.clone(), ids)
        };
        let is_well = |(variety, _): &(&Variety, &Vec<&Place<'_>>)| {
            let mut failed = failed.iter();
            failed.all(|(of, _)| *of != variety.resource_type)
        };
        let well = varieties.iter().filter(is_well);
        let queues: Vec<(String, Vec<Arc<str>>)> = well.map(unknown).collect();
        let asked: Vec<BoxFuture<'_, ()>> = in_turn(&queues, most)
            .into_iter()
            .map(|(resource_type, id)| self.of_its_own(scope.clone(), resource_type, id).boxed())
            .collect();
        stream::iter(asked)
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<()>>()
            .await;
    }

    /// A resource that refuses or fails is followed by the next: it may be its own matter. What could not be asked is
    /// returned.
    async fn of_variety(
        &self,
        scope: Scope,
        variety: Variety,
        ids: Vec<Arc<str>>,
    ) -> Option<(String, ProviderError)> {
        let (mut last, mut failed) = (None, None);
        for id in ids {
            let asked = self
                .of_resource(&scope, &variety.resource_type, &id, Urgency::Fresh)
                .await;
            let (has, at) = match asked {
                Ok(told) => told,
                Err(error) if may_be_its_own(&error) => {
                    failed.get_or_insert(error);
                    continue;
                }
                Err(error) => return Some((variety.resource_type, error)),
            };
            self.knowledge.owned(&id, at, has.clone());
            if has.is_some() {
                self.knowledge.sampled(&variety, at, has);
                return None;
            }
            last = at;
        }
        if let Some(error) = failed {
            return Some((variety.resource_type, error));
        }
        self.knowledge.sampled(&variety, last, None);
        None
    }

    async fn of_its_own(&self, scope: Scope, resource_type: String, id: Arc<str>) {
        // Once: there is another listing.
        match self
            .of_resource(&scope, &resource_type, &id, Urgency::Doubtful)
            .await
        {
            Ok((has, at)) => self.knowledge.owned(&id, at, has),
            Err(error) => tracing::debug!(%error, resource = %id, "own definitions are not known"),
        }
    }

    pub(super) async fn of_resource(
        &self,
        scope: &Scope,
        resource_type: &str,
        id: &str,
        urgency: Urgency,
    ) -> Told {
        let url = format!(
            "{}{}/providers/Microsoft.Insights/metricDefinitions?api-version=2024-02-01&metricnamespace={}",
            self.api.cloud().arm_base(),
            path(id),
            encode(&self.namespace(resource_type)),
        );
        let ask = Ask {
            plane: Plane::Arm,
            operation: DEFINITIONS,
            scope,
            url,
            body: None,
            price: Price::FREE,
            urgency,
            group: None,
            domain: None,
            question: None,
        };
        match self.api.read::<Page<wire::Definition>>(&ask).await {
            Ok((page, at)) => Ok((Some(Definitions::read(&page.value)), at)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidRequest) => {
                tracing::debug!(error = %e, resource = %id, "no metric definitions here");
                Ok((None, None))
            }
            Err(e) => Err(e),
        }
    }

    /// The type as an entry spells it.
    pub(super) fn namespace(&self, resource_type: &str) -> String {
        let mut entries = self.config.entries.iter();
        let entry = entries.find(|e| e.resource_type.eq_ignore_ascii_case(resource_type));
        entry.map_or(resource_type, |e| &e.resource_type).to_owned()
    }
}

/// Whether another resource of the type may answer all the same.
fn may_be_its_own(error: &ProviderError) -> bool {
    error.wait().is_none() && (classify::passing(error) || *error.kind() == ErrorKind::Forbidden)
}

/// One of each queue, then the second of each, and so on, as many as may be.
fn in_turn(queues: &[(String, Vec<Arc<str>>)], most: usize) -> Vec<(String, Arc<str>)> {
    let longest = queues.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
    let round = |at: usize| {
        let one = move |(resource_type, ids): &(String, Vec<Arc<str>>)| {
            Some((resource_type.clone(), ids.get(at)?.clone()))
        };
        queues.iter().filter_map(one)
    };
    (0..longest).flat_map(round).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variety_has_its_turn() {
        let queue = |name: &str, n: usize| {
            let ids = (0..n).map(|i| format!("{name}{i}").into());
            (name.to_owned(), ids.collect::<Vec<Arc<str>>>())
        };
        let got = in_turn(&[queue("a", 100), queue("b", 2), queue("c", 0)], MOST_OWN);
        let ids: Vec<&str> = got.iter().map(|(_, id)| &**id).collect();
        assert_eq!(ids[..5], ["a0", "b0", "a1", "b1", "a2"]);
        assert_eq!(ids.len(), MOST_OWN);
    }
}
