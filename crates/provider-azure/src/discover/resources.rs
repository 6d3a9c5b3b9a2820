//! Which resources there are, from whichever of the two services answers.

use super::places::listed_type;
use crate::AzureProvider;
use crate::wire::ListedResource;
use provider_api::{ErrorKind, ProviderError, Scope};
use std::collections::BTreeSet;

impl AzureProvider {
    /// Every resource of a configured type.
    pub(super) async fn resources(&self, scope: &Scope) -> Result<Vec<ListedResource>, ProviderError> {
        let types: BTreeSet<String> = self
            .config
            .entries
            .iter()
            .map(|e| listed_type(&e.resource_type).0.to_ascii_lowercase())
            .collect();
        match self.graph(scope, &types).await {
            Err(e) if matches!(e.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
                tracing::warn!(error = %e, "Resource Graph is refused; listing through Resource Manager");
                self.listed(scope, &types).await
            }
            other => other,
        }
    }
}
