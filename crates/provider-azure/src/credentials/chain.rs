//! What is tried when no credential is configured: workload identity, managed identity, Azure CLI, in this order.

use super::{cli, managed, workload};
use crate::SetupError;
use crate::config::AzureConfig;
use async_trait::async_trait;
use azure_core::Error;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::ClientOptions;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest time one link of the chain may take, so that a machine without managed identity gets to the next.
const LINK_TIMEOUT: Duration = Duration::from_secs(5);

/// Tries its links in order; the first that gave a token stays.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<(&'static str, Arc<dyn TokenCredential>)>,
    chosen: OnceLock<usize>,
}

pub(super) fn chain(config: &AzureConfig, options: &ClientOptions) -> Result<Chain, SetupError> {
    let made = [
        ("workload identity", workload(config, None, None, options)),
        ("managed identity", managed(None, options)),
        ("Azure CLI", cli(config)),
    ];
    let mut links = Vec::new();
    for (name, link) in made {
        match link {
            Ok(link) => links.push((name, link)),
            Err(e) => tracing::debug!(link = name, error = %e, "left out of the credential chain"),
        }
    }
    if links.is_empty() {
        return Err(SetupError::new(
            "no credential: neither workload identity nor managed identity nor Azure CLI",
        ));
    }
    Ok(Chain {
        links,
        chosen: OnceLock::new(),
    })
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some((_, link)) = self.chosen.get().and_then(|i| self.links.get(*i)) {
            return link.get_token(scopes, options).await;
        }
        let mut words = Vec::new();
        for (i, (name, link)) in self.links.iter().enumerate() {
            match tokio::time::timeout(LINK_TIMEOUT, link.get_token(scopes, None)).await {
                Ok(Ok(token)) => {
                    self.chosen.get_or_init(|| i);
                    return Ok(token);
                }
                Ok(Err(e)) => words.push(format!("{name}: {e}")),
                Err(_elapsed) => words.push(format!("{name}: no answer within {} s", LINK_TIMEOUT.as_secs())),
            }
        }
        Err(Error::with_message(ErrorKind::Credential, words.join("; ")))
    }
}
