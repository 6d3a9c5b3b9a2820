//! Resource Manager's lists: subscriptions, resources where Resource Graph is refused, and metric definitions.

use super::places::Place;
use crate::AzureProvider;
use crate::config::AzureEntry;
use crate::http::{Ask, Plane, encode, failure, path};
use crate::wire::{Definition, ListedResource, Page, Subscription};
use provider_api::{ErrorKind, Pages, Price, ProviderError, Scope, Urgency};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Operations by Azure's own names.
pub(crate) const LIST_SUBSCRIPTIONS: &str = "subscriptions.list";
pub(crate) const LIST_RESOURCES: &str = "resources.list";
pub(crate) const DEFINITIONS: &str = "metricDefinitions.list";

/// Most pages of one listing: a million resources. A listing without end is a broken one.
const MOST_PAGES: u64 = 1_000;
/// How many resources of a type and region are asked for definitions before it counts as having none.
const SAMPLES: usize = 3;

impl AzureProvider {
    /// The configured subscriptions, or those that the credential sees.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<String>, ProviderError> {
        if !self.config.subscriptions.is_empty() {
            return Ok(self.config.subscriptions.clone());
        }
        let scope = Scope::new("-");
        let url = format!(
            "{}/subscriptions?api-version=2022-12-01",
            self.api.cloud().arm_base()
        );
        let found: Vec<Subscription> = self.pages(LIST_SUBSCRIPTIONS, &scope, url).await?;
        if found.is_empty() {
            let words = "the credential sees no subscription: grant it Monitoring Reader on those to read";
            return Err(failure(LIST_SUBSCRIPTIONS, &scope, ErrorKind::Forbidden, words));
        }
        let readable = |s: &Subscription| !matches!(s.state.as_deref(), Some("Disabled" | "Deleted"));
        Ok(found.into_iter().filter(readable).map(|s| s.id).collect())
    }

    /// Every resource of these types, one list per type.
    pub(super) async fn listed(
        &self,
        scope: &Scope,
        types: &BTreeSet<String>,
    ) -> Result<Vec<ListedResource>, ProviderError> {
        let mut all = Vec::new();
        for kind in types {
            let filter = encode(&format!("resourceType eq '{}'", kind.replace('\'', "''")));
            let base = self.api.cloud().arm_base();
            let url =
                format!("{base}/subscriptions/{scope}/resources?api-version=2021-04-01&$filter={filter}");
            all.extend(self.pages::<ListedResource>(LIST_RESOURCES, scope, url).await?);
        }
        Ok(all)
    }

    /// The definitions of one of `here`; a resource that is refused for its own sake is followed by the next. A passing
    /// failure is the scope's: a catalogue without this type would take its targets away.
    pub(super) async fn definitions(
        &self,
        scope: &Scope,
        entry: &AzureEntry,
        here: &[Place],
    ) -> Result<Arc<Vec<Definition>>, ProviderError> {
        for place in here.iter().take(SAMPLES) {
            let url = format!(
                "{}{}/providers/Microsoft.Insights/metricDefinitions?api-version=2024-02-01&metricnamespace={}",
                self.api.cloud().arm_base(),
                path(&place.id),
                encode(&entry.resource_type),
            );
            let ask = Ask {
                plane: Plane::Arm,
                operation: DEFINITIONS,
                scope,
                url,
                body: None,
                price: Price::FREE,
                urgency: Urgency::Fresh,
                group: None,
            };
            match self.api.read::<Page<Definition>>(&ask).await {
                Ok((page, _)) => return Ok(Arc::new(page.value)),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidRequest) => {
                    tracing::debug!(error = %e, resource = %place.id, "no metric definitions here");
                }
                Err(e) => return Err(e),
            }
        }
        Ok(Arc::default())
    }

    /// All pages of an ARM list. A page may be empty and still have a next one; links are followed on our host only.
    async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        scope: &Scope,
        first: String,
    ) -> Result<Vec<T>, ProviderError> {
        let mut all = Vec::new();
        let mut pages = Pages::at_most(MOST_PAGES);
        let mut url = first.clone();
        loop {
            let ask = Ask {
                plane: Plane::Arm,
                operation,
                scope,
                url,
                body: None,
                price: Price::FREE,
                urgency: Urgency::Fresh,
                group: None,
            };
            let page: Page<T> = self.api.read(&ask).await?.0;
            let next = pages.follow(page.next_link.as_deref(), !page.value.is_empty());
            all.extend(page.value);
            let Some(link) = next.map_err(|why| endless(operation, scope, why))? else {
                return Ok(all);
            };
            if !same_host(&link, &first) {
                let words = "a next page on another host is not followed";
                return Err(failure(operation, scope, ErrorKind::BadResponse, words));
            }
            url = link;
        }
    }
}

/// A listing that does not end is broken.
pub(super) fn endless(operation: &'static str, scope: &Scope, why: String) -> ProviderError {
    failure(operation, scope, ErrorKind::BadResponse, why)
}

fn same_host(link: &str, first: &str) -> bool {
    let origin = |text: &str| url::Url::parse(text).map(|u| u.origin()).ok();
    origin(link) == origin(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_on_our_host_only() {
        let first = "https://management.azure.com/subscriptions?api-version=2022-12-01";
        assert!(same_host(
            "https://management.azure.com/subscriptions?$skiptoken=x",
            first
        ));
        for elsewhere in [
            "https://evil.example/subscriptions",
            "http://management.azure.com/",
            "next",
        ] {
            assert!(!same_host(elsewhere, first), "{elsewhere}");
        }
    }
}
