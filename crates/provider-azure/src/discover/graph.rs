//! Resource Graph: one query that lists all resources of the wanted types in all subscriptions.

use super::lists::{Subscribed, endless};
use super::resources::{MOST_SUBSCRIPTIONS, cut_short};
use crate::AzureProvider;
use crate::http::{Ask, Plane};
use crate::wire::{GraphPage, List, ListedResource};
use provider_api::{Members, Pages, Price, ProviderError, Scope, UnixNanos, Urgency};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) const RESOURCE_GRAPH: &str = "resourceGraph.query";

/// Rows in a page (spec: 1–1000).
const PAGE_ROWS: u32 = 1_000;
/// Most pages of one query: a million resources.
const MOST_PAGES: u64 = 1_000;

/// What a query found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rows: List<ListedResource>,
    /// The cloud's time.
    pub(super) date: Option<UnixNanos>,
    /// Why rows are missing, if some are.
    pub(super) cut: Option<Arc<ProviderError>>,
    /// What was asked for, lower case.
    pub(super) types: BTreeSet<String>,
}

impl AzureProvider {
    /// One row of Resource Graph, to check the permission.
    pub(crate) async fn try_graph(&self, subscriptions: &[Subscribed]) -> Result<(), ProviderError> {
        let some = subscriptions.iter().take(MOST_SUBSCRIPTIONS);
        let ids: Vec<&str> = some.map(|s| &*s.scope.0).collect();
        self.graph_page(&Scope::new("-"), &ids, "resources | project id", 1, None)
            .await
            .map(|_page| ())
    }

    /// Every resource of these types.
    pub(super) async fn graph(
        &self,
        subscriptions: &[&str],
        types: &BTreeSet<String>,
    ) -> Result<Found, ProviderError> {
        let scope = match subscriptions {
            [one] => Scope::new(*one),
            _ => Scope::new("-"),
        };
        let quoted: Vec<String> = types.iter().map(|t| kql(t)).collect();
        let query = format!(
            "resources | where type in~ ({}) | project id,name,type,location,resourceGroup,kind,sku,tags | order by id asc",
            quoted.join(",")
        );
        let mut found = Found {
            rows: List::default(),
            date: None,
            cut: None,
            types: types.clone(),
        };
        let mut pages = Pages::at_most(MOST_PAGES);
        let mut token: Option<String> = None;
        loop {
            let asked = self.graph_page(&scope, subscriptions, &query, PAGE_ROWS, token.take());
            let (page, date) = asked.await?;
            found.date = found.date.or(date);
            let rows = page.data.0;
            let next = pages.follow(page.skip_token.get(), !rows.items.is_empty());
            found.rows.odd += rows.odd;
            found.rows.items.extend(rows.items);
            token = next.map_err(|why| endless(RESOURCE_GRAPH, &scope, why))?;
            if token.is_none() {
                let cut = page
                    .truncated
                    .get()
                    .is_some_and(|cut| cut.eq_ignore_ascii_case("true"));
                found.cut = cut.then(cut_short);
                return Ok(found);
            }
        }
    }

    /// The types of everything there is, lower case; at most a page of them.
    pub(super) async fn graph_types(&self, subscriptions: &[&str]) -> Result<Vec<String>, ProviderError> {
        let query = "resources | distinct type";
        let scope = Scope::new("-");
        let (page, _) = self
            .graph_page(&scope, subscriptions, query, PAGE_ROWS, None)
            .await?;
        let rows = page.data.0.items;
        Ok(rows
            .iter()
            .filter_map(|row| row.resource_type.get().map(str::to_lowercase))
            .collect())
    }

    async fn graph_page(
        &self,
        scope: &Scope,
        subscriptions: &[&str],
        query: &str,
        top: u32,
        token: Option<String>,
    ) -> Result<(GraphPage, Option<UnixNanos>), ProviderError> {
        let mut options = serde_json::json!({ "resultFormat": "objectArray", "$top": top });
        if let (Some(token), Some(map)) = (token, options.as_object_mut()) {
            map.insert("$skipToken".to_owned(), token.into());
        }
        let body = serde_json::json!({ "subscriptions": subscriptions, "query": query, "options": options });
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
            domain: Some(self.api.principal()),
            question: Some(Members::of(subscriptions.iter().copied().chain([query])).0),
        };
        self.api.read(&ask).await
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
