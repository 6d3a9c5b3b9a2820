//! Resource Graph: one query that lists all resources of the wanted types in a subscription.

use super::lists::endless;
use crate::AzureProvider;
use crate::http::{Ask, Plane};
use crate::wire::{GraphPage, ListedResource};
use provider_api::{Pages, Price, ProviderError, Scope, Urgency};
use std::collections::BTreeSet;

pub(crate) const RESOURCE_GRAPH: &str = "resourceGraph.query";

/// Rows in a page (spec: 1–1000).
const PAGE_ROWS: u32 = 1_000;
/// Most pages of one query: a million resources.
const MOST_PAGES: u64 = 1_000;

impl AzureProvider {
    /// One row of Resource Graph, to check the permission.
    pub(crate) async fn try_graph(&self, subscription: &str) -> Result<(), ProviderError> {
        let scope = Scope::new(subscription);
        self.graph_page(&scope, "resources | project id", 1, None)
            .await
            .map(|_page| ())
    }

    /// Every resource of these types.
    pub(super) async fn graph(
        &self,
        scope: &Scope,
        types: &BTreeSet<String>,
    ) -> Result<Vec<ListedResource>, ProviderError> {
        let quoted: Vec<String> = types.iter().map(|t| kql(t)).collect();
        let query = format!(
            "resources | where type in~ ({}) | project id,name,type,location,resourceGroup,kind,tags | order by id asc",
            quoted.join(",")
        );
        let mut all = Vec::new();
        let mut pages = Pages::at_most(MOST_PAGES);
        let mut token: Option<String> = None;
        loop {
            let page = self.graph_page(scope, &query, PAGE_ROWS, token.take()).await?;
            let before = all.len();
            all.extend(page.data.into_resources());
            let next = pages.follow(page.skip_token.as_deref(), all.len() > before);
            token = next.map_err(|why| endless(RESOURCE_GRAPH, scope, why))?;
            if token.is_none() {
                if page.truncated.as_deref() == Some("true") {
                    tracing::warn!(%scope, "Resource Graph cut its answer without a next page: resources are missing");
                }
                return Ok(all);
            }
        }
    }

    async fn graph_page(
        &self,
        scope: &Scope,
        query: &str,
        top: u32,
        token: Option<String>,
    ) -> Result<GraphPage, ProviderError> {
        let mut options = serde_json::json!({ "resultFormat": "objectArray", "$top": top });
        if let (Some(token), Some(map)) = (token, options.as_object_mut()) {
            map.insert("$skipToken".to_owned(), token.into());
        }
        let body = serde_json::json!({ "subscriptions": [&*scope.0], "query": query, "options": options });
        let base = self.api.cloud().arm_base();
        let url = format!("{base}/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01");
        let body = Some(body.to_string().into_bytes());
        let ask = Ask {
            plane: Plane::Arm,
            operation: RESOURCE_GRAPH,
            scope,
            url,
            body,
            price: Price::FREE,
            urgency: Urgency::Fresh,
            group: None,
        };
        Ok(self.api.read(&ask).await?.0)
    }
}

/// A string literal of Resource Graph's query language.
fn kql(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_escaped() {
        assert_eq!(kql(r"a'b\c"), r"'a\'b\\c'");
    }
}
