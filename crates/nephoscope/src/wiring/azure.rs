//! An Azure tenant of the configuration as the provider wants it.

use super::{LOOKBACK_START, account_id, authorities, matcher, not_connected, span, with_causes};
use config_file::{AzureAccount, AzureIdentity, AzureMetrics, Lookup as _};
use gate::Gate;
use provider_api::{Cloud, MetricsProvider, ProviderError};
use provider_azure::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry, AzureProvider, ManagedId};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
        credentials: credentials(&account.credentials),
        cloud: cloud(&account.cloud)?,
        environment: environment(),
        entries: account.metrics.iter().map(entry).collect(),
    })
}

fn credentials(given: &config_file::AzureCredentials) -> AzureCredentials {
    use config_file::AzureCredentials as Given;
    match given {
        Given::Default => AzureCredentials::Chain,
        Given::ClientSecret { client_id, secret } => AzureCredentials::ClientSecret {
            client_id: client_id.clone(),
            secret: secret.wiped(),
        },
        Given::ClientCertificate(certificate) => AzureCredentials::ClientCertificate {
            client_id: certificate.client_id.clone(),
            files: files(certificate),
        },
        Given::ManagedIdentity(identity) => AzureCredentials::ManagedIdentity {
            id: identity_of(identity),
        },
        Given::WorkloadIdentity => AzureCredentials::WorkloadIdentity {
            client_id: None,
            token_file: None,
        },
        Given::AzureCli => AzureCredentials::AzureCli,
    }
}

/// Certificate and key are often in one file.
fn files(certificate: &config_file::AzureCertificate) -> Vec<PathBuf> {
    let (first, second) = (&certificate.cert_file, &certificate.key_file);
    let other = (first != second).then(|| second.clone());
    [first.clone()].into_iter().chain(other).collect()
}

fn identity_of(given: &AzureIdentity) -> Option<ManagedId> {
    match given {
        AzureIdentity::System => None,
        AzureIdentity::Client(id) => Some(ManagedId::Client(id.clone())),
        AzureIdentity::Object(id) => Some(ManagedId::Object(id.clone())),
        AzureIdentity::Resource(id) => Some(ManagedId::Resource(id.clone())),
    }
}

/// What Azure's services have put into the environment.
fn environment() -> BTreeMap<String, String> {
    let names = provider_azure::ENVIRONMENT.into_iter();
    let set = names.filter_map(|name| Some((name.to_owned(), config_file::System.env(name)?)));
    set.collect()
}

fn cloud(given: &config_file::AzureCloud) -> Result<AzureCloud, ProviderError> {
    use config_file::AzureCloud as Given;
    Ok(match given {
        Given::Public => AzureCloud::public(),
        Given::UsGov => AzureCloud::usgov(),
        Given::China => AzureCloud::china(),
        Given::Custom(custom) => {
            let derived = AzureCloud::custom(&custom.authority, &custom.resource_manager, &custom.metrics);
            let given = |audience: &Option<String>, derived| audience.clone().unwrap_or(derived);
            AzureCloud {
                resource_manager_audience: given(
                    &custom.resource_manager_audience,
                    derived.resource_manager_audience,
                ),
                metrics_audience: given(&custom.metrics_audience, derived.metrics_audience),
                ca_pem: authorities(Cloud::Azure, custom.ca_file.as_deref())?,
                ..derived
            }
        }
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
