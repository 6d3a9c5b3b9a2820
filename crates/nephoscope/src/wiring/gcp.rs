//! Google Cloud projects of the configuration as the provider wants them.

use super::{LOOKBACK_START, account_id, matcher, not_connected, span};
use config_file::{AutoOr, GcpAccount, GcpBase, GcpMetrics, Lookup as _};
use gate::Gate;
use provider_api::{Cloud, MetricsProvider, ProviderError};
use provider_gcp::{CredentialSource, GcpConfig, GcpCredentials, GcpEntry, GcpProvider};
use serde::de::IgnoredAny;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Points in one page; 10,000 keep an answer at a few megabytes.
const PAGE_SIZE: u32 = 10_000;

pub(super) async fn connect(
    account: &GcpAccount,
    gate: Gate,
) -> Result<Arc<dyn MetricsProvider>, ProviderError> {
    let provider = GcpProvider::connect(config(account)?, gate).await?;
    Ok(Arc::new(provider))
}

fn config(account: &GcpAccount) -> Result<GcpConfig, ProviderError> {
    Ok(GcpConfig {
        account: account_id(&account.name),
        projects: account.projects.clone(),
        credentials: GcpCredentials {
            source: source(&account.credentials.base)?,
            impersonate: account.credentials.impersonate.clone(),
        },
        quota_project: account.quota_project.clone(),
        endpoint: account.endpoint.clone(),
        page_size: PAGE_SIZE,
        entries: account.metrics.iter().map(entry).collect(),
    })
}

fn source(base: &GcpBase) -> Result<CredentialSource, ProviderError> {
    Ok(match base {
        GcpBase::Default => CredentialSource::Default,
        GcpBase::Anonymous => CredentialSource::Anonymous,
        GcpBase::ServiceAccountFile(path) => CredentialSource::ServiceAccountJson(key(path)?),
    })
}

/// The text of a key file, which is one.
fn key(path: &Path) -> Result<Zeroizing<String>, ProviderError> {
    let failed = |what: &dyn std::fmt::Display| {
        not_connected(
            Cloud::Gcp,
            format!("reading the service account key {}: {what}", path.display()),
        )
    };
    let text = config_file::System.read(path).map_err(|error| failed(&error))?;
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(failed(&error)),
    }
}

fn entry(entry: &GcpMetrics) -> GcpEntry {
    GcpEntry {
        types: entry.types.iter().map(matcher).collect(),
        filter: entry.filter.clone(),
        every: entry.poll.every,
        settle: match entry.poll.settle {
            AutoOr::Auto => None,
            AutoOr::Fixed(settle) => Some(settle),
        },
        lookback: span(entry.poll.lookback, LOOKBACK_START),
        initial: entry.poll.initial,
    }
}
