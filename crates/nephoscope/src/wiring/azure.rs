//! An Azure tenant of the configuration as the provider wants it.

use super::{LOOKBACK_START, account_id, authorities, matcher, not_connected, read, span, with_causes};
use config_file::{AzureAccount, AzureMetrics};
use gate::Gate;
use provider_api::{Cloud, MetricsProvider, ProviderError};
use provider_azure::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry, AzureProvider};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// What `settle: auto` starts from: the newest one to three minutes are absent, zero or partial.
const SETTLE_START: Duration = Duration::from_secs(180);

/// What an absent `top` stands for; the service's own default of ten cuts silently.
const DEFAULT_TOP: u32 = 100;

pub(super) fn connect(account: &AzureAccount, gate: Gate) -> Result<Arc<dyn MetricsProvider>, ProviderError> {
    let provider = AzureProvider::new(config(account)?, gate)
        .map_err(|error| not_connected(Cloud::Azure, with_causes(&error)))?;
    Ok(Arc::new(provider))
}

fn config(account: &AzureAccount) -> Result<AzureConfig, ProviderError> {
    Ok(AzureConfig {
        account: account_id(&account.name),
        tenant: account.tenant.clone(),
        subscriptions: account.subscriptions.clone(),
        credentials: credentials(&account.credentials)?,
        cloud: cloud(&account.cloud)?,
        entries: account.metrics.iter().map(entry).collect(),
    })
}

fn credentials(given: &config_file::AzureCredentials) -> Result<AzureCredentials, ProviderError> {
    use config_file::AzureCredentials as Given;
    Ok(match given {
        Given::Default => AzureCredentials::Chain,
        Given::ClientSecret { client_id, secret } => AzureCredentials::ClientSecret {
            client_id: client_id.clone(),
            secret: secret.wiped(),
        },
        Given::ClientCertificate(certificate) => AzureCredentials::ClientCertificate {
            client_id: certificate.client_id.clone(),
            pem: Zeroizing::new(format!(
                "{}\n{}",
                *read(Cloud::Azure, &certificate.cert_file)?,
                *read(Cloud::Azure, &certificate.key_file)?
            )),
        },
        Given::ManagedIdentity { client_id } => AzureCredentials::ManagedIdentity {
            client_id: client_id.clone(),
        },
        Given::WorkloadIdentity => AzureCredentials::WorkloadIdentity {
            client_id: None,
            token_file: None,
        },
        Given::AzureCli => AzureCredentials::AzureCli,
    })
}

fn cloud(given: &config_file::AzureCloud) -> Result<AzureCloud, ProviderError> {
    use config_file::AzureCloud as Given;
    Ok(match given {
        Given::Public => AzureCloud::public(),
        Given::UsGov => AzureCloud::usgov(),
        Given::China => AzureCloud::china(),
        Given::Custom(custom) => AzureCloud {
            authority: custom.authority.clone(),
            resource_manager: custom.resource_manager.clone(),
            metrics: custom.metrics.clone(),
            metrics_audience: AzureCloud::public().metrics_audience,
            ca_pem: authorities(Cloud::Azure, custom.ca_file.as_deref())?,
        },
    })
}

fn entry(entry: &AzureMetrics) -> AzureEntry {
    AzureEntry {
        resource_type: entry.resource_type.clone(),
        names: entry.names.iter().map(matcher).collect(),
        aggregations: entry.aggregations.clone(),
        period: entry.period,
        dimensions: entry.dimensions.clone(),
        top: entry.top.unwrap_or(DEFAULT_TOP),
        tags: entry.tags.iter().map(|(k, p)| (k.clone(), matcher(p))).collect(),
        copy_tags: entry.copy_tags.clone(),
        resource_groups: entry.resource_groups.iter().map(matcher).collect(),
        regions: entry.regions.iter().map(matcher).collect(),
        every: entry.poll.every,
        settle: span(entry.poll.settle, SETTLE_START),
        lookback: span(entry.poll.lookback, LOOKBACK_START),
        initial: entry.poll.initial,
    }
}
