//! What this provider is told: one account of Azure Monitor, already checked. Reading files, environment and YAML is
//! the configuration crate's; here are only plain values and the presets of the three public clouds.

use provider_api::{AccountId, Matcher, Span};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// One account: a tenant's credential and what to read with it.
#[derive(Clone, Debug)]
pub struct AzureConfig {
    /// The configuration's name of the account.
    pub account: AccountId,
    /// Entra tenant; needed by client secret and client certificate, a hint for the others.
    pub tenant: Option<String>,
    /// Subscription ids; empty means every one the credential can see.
    pub subscriptions: Vec<String>,
    /// How to get tokens.
    pub credentials: AzureCredentials,
    /// Which cloud.
    pub cloud: AzureCloud,
    /// What to read.
    pub entries: Vec<AzureEntry>,
}

/// How to get tokens. `Debug` shows no secret.
#[derive(Clone)]
pub enum AzureCredentials {
    /// Workload identity, then managed identity, then Azure CLI: the first that answers.
    Chain,
    /// An application with a secret.
    ClientSecret {
        /// Application id.
        client_id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// An application with a certificate.
    ClientCertificate {
        /// Application id.
        client_id: String,
        /// Certificate and RSA private key (PKCS#8 or PKCS#1), both PEM.
        pem: Zeroizing<String>,
    },
    /// The identity of the machine.
    ManagedIdentity {
        /// Of a user-assigned identity; `None` is the system-assigned one.
        client_id: Option<String>,
    },
    /// A federated token in a file.
    WorkloadIdentity {
        /// Application id; `None` is `AZURE_CLIENT_ID`, read by the SDK.
        client_id: Option<String>,
        /// The file; `None` is `AZURE_FEDERATED_TOKEN_FILE`, read by the SDK.
        token_file: Option<String>,
    },
    /// Whoever is logged in with `az`.
    AzureCli,
}

impl fmt::Debug for AzureCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain => f.write_str("Chain"),
            Self::ClientSecret { client_id, .. } => {
                write!(f, "ClientSecret {{ client_id: {client_id:?}, .. }}")
            }
            Self::ClientCertificate { client_id, .. } => {
                write!(f, "ClientCertificate {{ client_id: {client_id:?}, .. }}")
            }
            Self::ManagedIdentity { client_id } => {
                write!(f, "ManagedIdentity {{ client_id: {client_id:?} }}")
            }
            Self::WorkloadIdentity {
                client_id,
                token_file,
            } => {
                write!(
                    f,
                    "WorkloadIdentity {{ client_id: {client_id:?}, token_file: {token_file:?} }}"
                )
            }
            Self::AzureCli => f.write_str("AzureCli"),
        }
    }
}

/// Hosts and audiences of one Azure cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureCloud {
    /// Entra's host, `https://login.microsoftonline.com`.
    pub authority: String,
    /// Azure Resource Manager, which is also its audience, `https://management.azure.com`.
    pub resource_manager: String,
    /// Metrics data plane; `{region}` is replaced by the region's short name where it occurs.
    pub metrics: String,
    /// Audience of the metrics data plane, without `/.default`.
    pub metrics_audience: String,
    /// A further certificate authority to trust, PEM.
    pub ca_pem: Option<String>,
}

impl AzureCloud {
    /// Azure.
    pub fn public() -> Self {
        Self::of(
            "login.microsoftonline.com",
            "management.azure.com",
            "metrics.monitor.azure.com",
        )
    }

    /// Azure US Government.
    pub fn usgov() -> Self {
        Self::of(
            "login.microsoftonline.us",
            "management.usgovcloudapi.net",
            "metrics.monitor.azure.us",
        )
    }

    /// Azure operated by 21Vianet.
    pub fn china() -> Self {
        Self::of(
            "login.chinacloudapi.cn",
            "management.chinacloudapi.cn",
            "metrics.monitor.azure.cn",
        )
    }

    /// Base URL of the metrics data plane of `region`, without a slash at its end.
    pub(crate) fn metrics_base(&self, region: &str) -> String {
        self.metrics
            .replace("{region}", region)
            .trim_end_matches('/')
            .to_owned()
    }

    /// Base URL of Azure Resource Manager, without a slash at its end.
    pub(crate) fn arm_base(&self) -> &str {
        self.resource_manager.trim_end_matches('/')
    }

    fn of(authority: &str, arm: &str, metrics: &str) -> Self {
        Self {
            authority: format!("https://{authority}"),
            resource_manager: format!("https://{arm}"),
            metrics: format!("https://{{region}}.{metrics}"),
            metrics_audience: format!("https://{metrics}"),
            ca_pem: None,
        }
    }
}

/// Which metrics of one resource type to read, and how often.
#[derive(Clone, Debug)]
pub struct AzureEntry {
    /// ARM type, also of the storage sub-services (`Microsoft.Storage/storageAccounts/blobServices`).
    pub resource_type: String,
    /// Metric names; empty means all.
    pub names: Vec<Matcher>,
    /// `Average`, `Minimum`, `Maximum`, `Total`, `Count` in any case; empty means each metric's primary one.
    pub aggregations: Vec<String>,
    /// Grain; `None` means each metric's finest. A metric without this grain is read at its finest.
    pub period: Option<Duration>,
    /// Dimensions to split by, for the metrics that have them.
    pub dimensions: Vec<String>,
    /// Most series per metric and resource; the service's own default of 10 cuts silently.
    pub top: u32,
    /// Only resources with these tags.
    pub tags: Vec<(String, Matcher)>,
    /// Tags to copy to the resource's attributes as `tag.<key>`.
    pub copy_tags: Vec<String>,
    /// Only these resource groups; empty means all.
    pub resource_groups: Vec<Matcher>,
    /// Only these regions; empty means all.
    pub regions: Vec<Matcher>,
    /// How often to ask.
    pub every: Duration,
    /// How old a point must be.
    pub settle: Span,
    /// How far back each window reaches over what was already asked.
    pub lookback: Span,
    /// How far back the first poll reaches.
    pub initial: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let given = [
            AzureCredentials::ClientSecret {
                client_id: "id".into(),
                secret: "hush".to_owned().into(),
            },
            AzureCredentials::ClientCertificate {
                client_id: "id".into(),
                pem: "hush".to_owned().into(),
            },
        ];
        assert!(given.iter().all(|c| !format!("{c:?}").contains("hush")));
    }

    #[test]
    fn presets_put_the_region_into_the_host() {
        let base = AzureCloud::usgov().metrics_base("usgovvirginia");
        assert_eq!(base, "https://usgovvirginia.metrics.monitor.azure.us");
    }
}
