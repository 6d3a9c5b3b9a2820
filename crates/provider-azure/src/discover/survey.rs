//! What the account has: resources by subscription and type.

use super::lists::Subscribed;
use crate::AzureProvider;
use provider_api::{ProviderError, Survey, Surveyed};
use std::collections::BTreeMap;

impl AzureProvider {
    pub(crate) async fn everything(&self) -> Survey {
        let mut survey = Survey {
            unit: "resources",
            ..Survey::default()
        };
        match self.subscriptions().await {
            Ok(subscriptions) => {
                for one in &subscriptions {
                    self.counted(one, &mut survey).await;
                }
            }
            Err(error) => survey.failed.push(error),
        }
        survey
    }

    async fn counted(&self, one: &Subscribed, survey: &mut Survey) {
        match self.types_in(one).await {
            Ok(counts) => survey
                .found
                .extend(counts.into_iter().map(|(kind, count)| Surveyed {
                    scope: one.scope.clone(),
                    entry: format!("- {{ resource_type: {kind:?} }}"),
                    kind: kind.into(),
                    count,
                })),
            Err(error) => survey.failed.push(error),
        }
    }

    async fn types_in(&self, one: &Subscribed) -> Result<BTreeMap<String, u64>, ProviderError> {
        let types = self.graph_types(&[&one.scope.0]).await?.into_iter().collect();
        let found = self.graph(&[&one.scope.0], &types).await?;
        let mut counts = BTreeMap::new();
        for row in &found.rows.items {
            if let Some(kind) = row.resource_type.get() {
                *counts.entry(kind.to_lowercase()).or_default() += 1;
            }
        }
        Ok(counts)
    }
}
