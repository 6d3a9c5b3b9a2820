//! What is tried when no credential is configured: workload identity, managed identity, Azure CLI, in this order.

use super::{Shared, cli, managed, words, workload};
use crate::SetupError;
use crate::config::AzureConfig;
use async_trait::async_trait;
use azure_core::Error;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest time one link of the chain may take, so that a machine without managed identity gets to the next.
const LINK_TIMEOUT: Duration = Duration::from_secs(5);

type Made = Result<Arc<dyn TokenCredential>, SetupError>;

/// Tries its links in order; the first that gave a token stays.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<(&'static str, Made)>,
    chosen: OnceLock<usize>,
}

pub(super) fn chain(config: &AzureConfig, shared: &Shared) -> Chain {
    let links = vec![
        ("workload identity", workload(config, None, None, shared)),
        ("managed identity", managed(config, None, shared)),
        ("Azure CLI", cli(config)),
    ];
    Chain {
        links,
        chosen: OnceLock::new(),
    }
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some((_, Ok(link))) = self.chosen.get().and_then(|i| self.links.get(*i)) {
            return link.get_token(scopes, options).await;
        }
        let mut tried = Vec::new();
        for (i, (name, link)) in self.links.iter().enumerate() {
            let why = match try_link(link, scopes).await {
                Ok(token) => {
                    self.chosen.get_or_init(|| i);
                    return Ok(token);
                }
                Err(why) => why,
            };
            tried.push(format!("{}. {name}: {why}", i + 1));
        }
        let message = format!("no credentials; tried in this order: {}", tried.join("; "));
        Err(Error::with_message(ErrorKind::Credential, message))
    }
}

async fn try_link(link: &Made, scopes: &[&str]) -> Result<AccessToken, String> {
    let link = link.as_ref().map_err(|e| e.message.clone())?;
    match tokio::time::timeout(LINK_TIMEOUT, link.get_token(scopes, None)).await {
        Ok(Ok(token)) => Ok(token),
        Ok(Err(e)) => Err(words(&e)),
        Err(_elapsed) => Err(format!("no answer within {} s", LINK_TIMEOUT.as_secs())),
    }
}
