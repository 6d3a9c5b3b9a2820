//! What the account has: metrics that have been active lately, by region and namespace.

use super::MOST_LIST_PAGES;
use crate::client::{LIST_METRICS, RegionClient};
use crate::{AwsProvider, broken};
use provider_api::{Pages, ProviderError, Survey, Surveyed};
use std::collections::BTreeMap;

impl AwsProvider {
    pub(crate) async fn everything(&self) -> Survey {
        let mut survey = Survey {
            unit: "metrics",
            ..Survey::default()
        };
        for region in &self.regions {
            match self.namespaces_of(region).await {
                Ok(counts) => survey
                    .found
                    .extend(counts.into_iter().map(|(namespace, count)| Surveyed {
                        scope: region.scope.clone(),
                        entry: format!("- {{ namespace: {namespace:?} }}"),
                        kind: namespace.into(),
                        count,
                    })),
                Err(error) => survey.failed.push(error),
            }
        }
        survey
    }

    async fn namespaces_of(&self, region: &RegionClient) -> Result<BTreeMap<String, u64>, ProviderError> {
        let mut counts = BTreeMap::new();
        let mut pages = Pages::at_most(MOST_LIST_PAGES);
        let mut token = None;
        loop {
            let (namespaces, next) = region.counted(&self.gate, token).await?;
            let brought = !namespaces.is_empty();
            for (namespace, count) in namespaces {
                *counts.entry(namespace).or_default() += count;
            }
            token = pages
                .follow(next.as_deref(), brought)
                .map_err(|why| broken(region, LIST_METRICS, why))?;
            if token.is_none() {
                return Ok(counts);
            }
        }
    }
}
