//! Resource Manager's lists: subscriptions, and resources where Resource Graph is refused.

use crate::AzureProvider;
use crate::http::{Ask, Plane, encode, failure};
use crate::wire::{List, ListedResource, Page, Subscription};
use provider_api::{ErrorKind, Pages, Price, ProviderError, Scope, UnixNanos, Urgency};

/// Operations by Azure's own names.
pub(crate) const LIST_SUBSCRIPTIONS: &str = "subscriptions.list";
pub(crate) const LIST_RESOURCES: &str = "resources.list";
pub(crate) const DEFINITIONS: &str = "metricDefinitions.list";

/// Most pages of one listing: a million resources. A listing without end is a broken one.
const MOST_PAGES: u64 = 1_000;

/// A subscription to read.
#[derive(Clone, Debug)]
pub(crate) struct Subscribed {
    /// Its id in lower case: Azure compares without.
    pub(crate) scope: Scope,
    /// Its id as it was written, which identities in older files hang on.
    pub(super) written: String,
    /// For people.
    pub(super) name: Option<String>,
    /// Whether the credential sees it, where that is known.
    pub(super) seen: Option<bool>,
}

impl Subscribed {
    pub(super) fn new(id: &str, name: Option<&str>) -> Self {
        Self {
            scope: Scope::new(id.to_lowercase()),
            written: id.to_owned(),
            name: name.map(str::to_owned),
            seen: None,
        }
    }
}

impl AzureProvider {
    /// The configured subscriptions, or those that the credential sees. Names are a nicety: a configured subscription
    /// does without.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<Subscribed>, ProviderError> {
        let written = &self.config.subscriptions;
        let visible = self.visible().await;
        if written.is_empty() {
            return visible.and_then(|all| readable(&all));
        }
        let visible = visible
            .inspect_err(|error| tracing::debug!(%error, "the names of subscriptions are not known"))
            .ok()
            // A role may read subscriptions without listing any.
            .filter(|all| !all.is_empty());
        let one = |id: &String| {
            let Some(all) = &visible else {
                return Subscribed::new(id, None);
            };
            let found = all.iter().find(|s| s.id.or_empty().eq_ignore_ascii_case(id));
            Subscribed {
                seen: Some(found.is_some()),
                ..Subscribed::new(id, found.and_then(|s| s.name.get()))
            }
        };
        Ok(written.iter().map(one).collect())
    }

    async fn visible(&self) -> Result<Vec<Subscription>, ProviderError> {
        let scope = Scope::new("-");
        let base = self.api.cloud().arm_base();
        let url = format!("{base}/subscriptions?api-version=2022-12-01");
        let (found, _) = self.pages(LIST_SUBSCRIPTIONS, &scope, url).await?;
        Ok(found.items)
    }

    /// Every resource of this type.
    pub(super) async fn listed(
        &self,
        scope: &Scope,
        resource_type: &str,
    ) -> Result<(List<ListedResource>, Option<UnixNanos>), ProviderError> {
        let filter = encode(&format!(
            "resourceType eq '{}'",
            resource_type.replace('\'', "''")
        ));
        let base = self.api.cloud().arm_base();
        let url = format!("{base}/subscriptions/{scope}/resources?api-version=2021-04-01&$filter={filter}");
        self.pages(LIST_RESOURCES, scope, url).await
    }

    /// All pages of an ARM list. A page may be empty and still have a next one; links are followed on our host only.
    async fn pages<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        scope: &Scope,
        first: String,
    ) -> Result<(List<T>, Option<UnixNanos>), ProviderError> {
        let mut all = List::default();
        let mut dated = None;
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
                domain: None,
                question: None,
            };
            let (page, date): (Page<T>, _) = self.api.read(&ask).await?;
            dated = dated.or(date);
            let next = pages.follow(page.next_link.get(), !page.value.items.is_empty());
            all.odd += page.value.odd;
            all.items.extend(page.value.items);
            let Some(link) = next.map_err(|why| endless(operation, scope, why))? else {
                return Ok((all, dated));
            };
            if !same_host(&link, &first) {
                let words = "a next page on another host is not followed";
                return Err(failure(operation, scope, ErrorKind::BadResponse, words));
            }
            url = link;
        }
    }
}

fn readable(all: &[Subscription]) -> Result<Vec<Subscribed>, ProviderError> {
    if all.is_empty() {
        let words = "the credential sees no subscription: grant it Monitoring Reader on those to read";
        let kind = ErrorKind::Forbidden;
        return Err(failure(LIST_SUBSCRIPTIONS, &Scope::new("-"), kind, words));
    }
    let readable = |s: &&Subscription| !matches!(s.state.get(), Some("Disabled" | "Deleted"));
    let one = |s: &Subscription| Some(Subscribed::new(s.id.get()?, s.name.get()));
    Ok(all.iter().filter(readable).filter_map(one).collect())
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
