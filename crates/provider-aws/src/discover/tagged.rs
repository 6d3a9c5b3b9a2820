//! The tags of a region's resources, as far as they could be listed: what was known of them serves until they can be
//! listed again.

use crate::client::{GET_RESOURCES, RegionClient};
use crate::config::AwsEntry;
use crate::tags::{MOST_TAG_PAGES, TagIndex};
use crate::{AwsProvider, arns, broken};
use provider_api::{Pages, ProviderError};
use std::sync::Arc;

/// Most types in one request (API reference of `GetResources`).
const MOST_TYPES: usize = 100;

/// The tags of a region for one listing.
#[derive(Debug, Default)]
pub(super) struct Tagged<'a> {
    /// Nothing when they were never listed.
    pub(super) index: Option<Arc<TagIndex>>,
    /// The namespaces of entries that choose by tags and must wait for them.
    pub(super) waiting: Vec<(&'a str, Arc<ProviderError>)>,
}

impl AwsProvider {
    /// No request when no entry asks for tags.
    pub(super) async fn tagged(&self, region: &RegionClient) -> Tagged<'_> {
        let Some(types) = self.tag_types() else {
            return Tagged::default();
        };
        let error = match self.list_tags(region, &types).await {
            Ok(index) => {
                return Tagged {
                    index: Some(self.tags.keep(&region.scope, index)),
                    waiting: Vec::new(),
                };
            }
            Err(error) => Arc::new(error),
        };
        let index = self.tags.known(&region.scope);
        let waiting = choosing(&self.config.entries);
        self.without_tags(&error, index.is_some(), &waiting);
        let because = |namespace| (namespace, Arc::clone(&error));
        Tagged {
            index,
            waiting: waiting.into_iter().map(because).collect(),
        }
    }

    async fn list_tags(&self, region: &RegionClient, types: &[&str]) -> Result<TagIndex, ProviderError> {
        let mut index = TagIndex::default();
        let mut pages = Pages::at_most(MOST_TAG_PAGES);
        let mut token = None;
        loop {
            let page = region.resources(&self.gate, types, token).await?;
            let brought = !page.resources.is_empty();
            page.resources
                .into_iter()
                .for_each(|(arn, tags)| index.add(arn, tags));
            token = pages
                .follow(page.token.as_deref(), brought)
                .map_err(|why| broken(region, GET_RESOURCES, why))?;
            if token.is_none() {
                return Ok(index);
            }
        }
    }

    fn without_tags(&self, error: &ProviderError, known: bool, waiting: &[&str]) {
        let account = &self.config.account;
        let meanwhile = match (known, waiting) {
            (true, _) => "tags as last listed are used".to_owned(),
            (false, []) => "metrics are delivered without `tag.*` attributes".to_owned(),
            (false, waiting) => format!(
                "entries with `tags:` wait ({}); all others are delivered without `tag.*` attributes",
                waiting.join(", ")
            ),
        };
        tracing::warn!(%account, "account {account}: tags could not be listed, {meanwhile}: {error}. Allow `tag:GetResources`, or remove `tags` and `copy_tags`");
    }

    /// Types to list tagged resources of; empty = all, because the table does not know the types of one namespace; nothing when
    /// no entry needs tags.
    pub(crate) fn tag_types(&self) -> Option<Vec<&'static str>> {
        tag_types(&self.config.entries)
    }
}

fn tag_types(entries: &[AwsEntry]) -> Option<Vec<&'static str>> {
    let mut wanting = entries.iter().filter(|e| e.needs_tags()).peekable();
    wanting.peek()?;
    let known: Option<Vec<_>> = wanting.map(|e| arns::tag_types(&e.namespace)).collect();
    let mut types: Vec<&str> = known.unwrap_or_default().into_iter().flatten().collect();
    types.sort_unstable();
    types.dedup();
    if types.len() > MOST_TYPES {
        types.clear();
    }
    Some(types)
}

/// The namespaces of entries that choose by tags, each once.
fn choosing(entries: &[AwsEntry]) -> Vec<&str> {
    let mut namespaces: Vec<&str> = Vec::new();
    for entry in entries.iter().filter(|e| !e.tags.is_empty()) {
        if !namespaces.contains(&entry.namespace.as_str()) {
            namespaces.push(&entry.namespace);
        }
    }
    namespaces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;

    #[test]
    fn only_what_needs_tags_is_listed_by_the_types_of_its_namespace() {
        let tagged = |namespace: &str| AwsEntry {
            copy_tags: vec!["team".into()],
            ..entry(namespace)
        };
        for (entries, wanted) in [
            (vec![entry("AWS/EC2")], None),
            (vec![entry("AWS/EC2"), tagged("AWS/SQS")], Some(vec!["sqs"])),
            (
                vec![tagged("AWS/DocDB"), tagged("AWS/RDS")],
                Some(vec!["rds:cluster", "rds:db", "rds:db-proxy"]),
            ),
            // A namespace that the table does not know may have any type.
            (vec![tagged("AWS/SQS"), tagged("Shop")], Some(vec![])),
        ] {
            assert_eq!(tag_types(&entries), wanted);
        }
    }
}
