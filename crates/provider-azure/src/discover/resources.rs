//! Which resources there are, from whichever of the two services answers: Resource Graph in one query for all
//! subscriptions, Resource Manager's lists for those that it refuses.

use super::lists::Subscribed;
use super::places::{Thing, listed_type};
use crate::AzureProvider;
use crate::discover::graph::{Found, RESOURCE_GRAPH};
use crate::discover::lists::LIST_SUBSCRIPTIONS;
use crate::http::failure;
use crate::wire::{List, ListedResource};
use provider_api::{ErrorKind, ProviderError, Scope, UnixNanos};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Most subscriptions in one query of Resource Graph, so that its body stays small.
pub(super) const MOST_SUBSCRIPTIONS: usize = 500;

/// The resources of one subscription.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) things: Vec<Thing>,
    /// Rows that could not be read.
    pub(super) odd: usize,
    /// The cloud's time.
    pub(super) date: Option<UnixNanos>,
    /// Types that could not be listed, lower case.
    pub(super) unlisted: Vec<(String, Arc<ProviderError>)>,
}

/// By subscription.
pub(super) type All = HashMap<Scope, Result<Listed, ProviderError>>;

impl AzureProvider {
    /// Every resource of a configured type.
    pub(super) async fn resources(&self, subscriptions: &[Subscribed]) -> All {
        let types: BTreeSet<String> = self
            .config
            .entries
            .iter()
            .map(|e| listed_type(&e.resource_type).0.to_lowercase())
            .collect();
        let mut all = All::new();
        for some in subscriptions.chunks(MOST_SUBSCRIPTIONS) {
            match self.graph(&ids(some), &types).await {
                Ok(found) => self.spread(found, some, &mut all),
                Err(e) if is_refusal(&e) && some.len() > 1 => {
                    tracing::warn!(account = %self.config.account, error = %e, "Resource Graph refuses to list all subscriptions at once; asking for each");
                    for one in some {
                        self.alone(one, &types, &mut all).await;
                    }
                }
                Err(e) => {
                    tracing::warn!(account = %self.config.account, error = %e, "Resource Graph does not list; listing through Resource Manager");
                    for one in some {
                        all.insert(one.scope.clone(), self.by_lists(&one.scope, &types).await);
                    }
                }
            }
        }
        for subscription in subscriptions {
            if let Some(mut found) = all.remove(&subscription.scope) {
                if self.is_doubtful(&subscription.scope, &found) {
                    // Resource Graph leaves out in silence what it may not show.
                    found = self.by_lists(&subscription.scope, &types).await;
                }
                not_seen(subscription, &mut found);
                self.locate(&subscription.scope, &mut found);
                all.insert(subscription.scope.clone(), found);
            }
        }
        all
    }

    /// A subscription that had resources and has none now, or none from the start.
    fn is_doubtful(&self, scope: &Scope, found: &Result<Listed, ProviderError>) -> bool {
        let is_empty = found
            .as_ref()
            .is_ok_and(|listed| listed.things.is_empty() && listed.odd == 0);
        is_empty && self.knowledge.doubts_that_empty(scope)
    }

    /// Resources move seldom: where a row does not say where it is, it is where it was.
    fn locate(&self, scope: &Scope, found: &mut Result<Listed, ProviderError>) {
        let Ok(listed) = found else { return };
        for thing in listed.things.iter_mut().filter(|thing| !thing.is_located) {
            if let Some(region) = self.knowledge.region_of(scope, &thing.id) {
                thing.region = region;
            }
        }
    }

    /// The types that exist, lower case: asked for when an entry's type is not among what was listed, to say what may have
    /// been meant. A nicety: a refusal leaves it out.
    pub(super) async fn existing_types(&self, subscriptions: &[Subscribed], listed: &All) -> Vec<String> {
        let there = |of: &str| {
            let mut things = listed.values().flatten().flat_map(|listed| &listed.things);
            things.any(|thing| thing.resource_type == of)
        };
        let types = self.config.entries.iter().map(|e| e.resource_type.to_lowercase());
        if types.map(|of| listed_type(&of).0.to_owned()).all(|of| there(&of)) {
            return Vec::new();
        }
        let first = subscriptions
            .get(..subscriptions.len().min(MOST_SUBSCRIPTIONS))
            .unwrap_or_default();
        let asked = self.graph_types(&ids(first)).await;
        asked
            .inspect_err(|error| tracing::debug!(%error, "the types that exist are not known"))
            .unwrap_or_default()
    }

    /// One subscription, from Resource Graph or else from Resource Manager.
    async fn alone(&self, one: &Subscribed, types: &BTreeSet<String>, all: &mut All) {
        match self.graph(&ids(std::slice::from_ref(one)), types).await {
            Ok(found) => self.spread(found, std::slice::from_ref(one), all),
            Err(e) => {
                tracing::warn!(account = %self.config.account, error = %e, subscription = %one.scope, "Resource Graph is refused; listing through Resource Manager");
                all.insert(one.scope.clone(), self.by_lists(&one.scope, types).await);
            }
        }
    }

    /// One list per type; a type that fails leaves the others alone.
    async fn by_lists(&self, scope: &Scope, types: &BTreeSet<String>) -> Result<Listed, ProviderError> {
        let mut listed = Listed::default();
        let mut failed: Vec<(&String, ProviderError)> = Vec::new();
        for resource_type in types {
            match self.listed(scope, resource_type).await {
                Ok((rows, date)) => {
                    listed.date = listed.date.max(date);
                    take(rows, &mut listed);
                }
                Err(error) => failed.push((resource_type, error)),
            }
        }
        if failed.len() == types.len()
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        for (listed_as, error) in failed {
            let error = Arc::new(error);
            listed
                .unlisted
                .extend(self.types_of(listed_as).map(|of| (of, error.clone())));
        }
        Ok(listed)
    }

    /// Puts what one query found into the subscriptions that it was for. Rows that do not say where they are count for the
    /// first.
    fn spread(&self, found: Found, some: &[Subscribed], all: &mut All) {
        let mut by_id: HashMap<String, Listed> = HashMap::new();
        let mut odd = found.rows.odd;
        for row in found.rows.items {
            let thing = Thing::read(row).and_then(|thing| Some((thing.subscription()?, thing)));
            match thing {
                Some((id, thing)) => by_id.entry(id).or_default().things.push(thing),
                None => odd += 1,
            }
        }
        for one in some {
            let mut listed = by_id.remove(&*one.scope.0).unwrap_or_default();
            listed.date = found.date;
            listed.odd += std::mem::take(&mut odd);
            if let Some(error) = &found.cut {
                let types = found.types.iter().flat_map(|listed_as| self.types_of(listed_as));
                listed.unlisted.extend(types.map(|of| (of, error.clone())));
            }
            all.insert(one.scope.clone(), Ok(listed));
        }
    }

    /// The configured types that are found by listing this one.
    pub(super) fn types_of<'a>(&'a self, listed_as: &'a str) -> impl Iterator<Item = String> + 'a {
        let types = self.config.entries.iter().map(|e| e.resource_type.as_str());
        types
            .filter(move |of| listed_type(of).0.eq_ignore_ascii_case(listed_as))
            .map(str::to_lowercase)
    }
}

fn ids(subscriptions: &[Subscribed]) -> Vec<&str> {
    subscriptions.iter().map(|s| &*s.scope.0).collect()
}

fn is_refusal(error: &ProviderError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::InvalidRequest
    )
}

fn take(rows: List<ListedResource>, listed: &mut Listed) {
    listed.odd += rows.odd;
    for row in rows.items {
        match Thing::read(row) {
            Some(thing) => listed.things.push(thing),
            None => listed.odd += 1,
        }
    }
}

/// Resource Graph says nothing of a subscription that the credential does not see, as of one that is empty.
fn not_seen(subscription: &Subscribed, found: &mut Result<Listed, ProviderError>) {
    if subscription.seen == Some(false) && found.as_ref().is_ok_and(|listed| listed.things.is_empty()) {
        let words =
            "the credential does not see this subscription: check its id, and grant Monitoring Reader on it";
        let kind = ErrorKind::Forbidden;
        let error = failure(LIST_SUBSCRIPTIONS, &subscription.scope, kind, words);
        *found = Err(error);
    }
}

/// Rows that cannot be read hide resources that were there before.
pub(super) fn hidden(scope: &Scope, odd: usize) -> Arc<ProviderError> {
    let words = format!("{odd} rows cannot be read, and known resources are not among the others");
    Arc::new(failure(RESOURCE_GRAPH, scope, ErrorKind::BadResponse, words))
}

/// Resource Graph cut its answer and gave no next page.
pub(super) fn cut_short() -> Arc<ProviderError> {
    let words = "the answer was cut without a next page: resources are missing";
    let kind = ErrorKind::BadResponse;
    Arc::new(failure(RESOURCE_GRAPH, &Scope::new("-"), kind, words))
}
