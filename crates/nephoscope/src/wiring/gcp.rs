//! Google Cloud projects of the configuration as the provider wants them.

use super::{LOOKBACK_START, account_id, matcher, span};
use config_file::{AutoOr, GcpAccount, GcpBase, GcpMetrics, Lookup as _};
use gate::Gate;
use provider_api::{MetricsProvider, ProviderError};
use provider_gcp::{CredentialSource, GcpConfig, GcpCredentials, GcpEntry, GcpProvider};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Points in one page; 10,000 keep an answer at a few megabytes.
const PAGE_SIZE: u32 = 10_000;

pub(super) async fn connect(
    account: &GcpAccount,
    gate: Gate,
) -> Result<Arc<dyn MetricsProvider>, ProviderError> {
    let provider = GcpProvider::connect(config(account), gate).await?;
    Ok(Arc::new(provider))
}

fn config(account: &GcpAccount) -> GcpConfig {
    GcpConfig {
        account: account_id(&account.name),
        projects: account.projects.clone(),
        credentials: GcpCredentials {
            source: source(&account.credentials.base),
            impersonate: account.credentials.impersonate.clone(),
        },
        quota_project: account.quota_project.clone(),
        endpoint: account.endpoint.clone(),
        page_size: PAGE_SIZE,
        environment: environment(),
        entries: account.metrics.iter().map(entry).collect(),
    }
}

fn source(base: &GcpBase) -> CredentialSource {
    match base {
        GcpBase::Default => CredentialSource::Default,
        GcpBase::Anonymous => CredentialSource::Anonymous,
        GcpBase::ServiceAccountFile(path) => CredentialSource::File(path.clone()),
    }
}

/// Where application default credentials are.
fn environment() -> BTreeMap<String, String> {
    let names = provider_gcp::ENVIRONMENT.into_iter();
    let set = names.filter_map(|name| Some((name.to_owned(), config_file::System.env(name)?)));
    set.collect()
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
