//! What this provider is told: one account of Azure Monitor, already checked. Reading files, environment and YAML is
//! the configuration crate's; here are only plain values and the presets of the three public clouds.

use provider_api::{AccountId, Matcher, Span};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
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
    /// Of [`ENVIRONMENT`], what is set.
    pub environment: BTreeMap<String, String>,
    /// What to read.
    pub entries: Vec<AzureEntry>,
}

/// Variables by which Azure's services tell a process who it is; what is set of them goes into
/// [`AzureConfig::environment`].
pub const ENVIRONMENT: [&str; 10] = [
    "AZURE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_TENANT_ID",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
];

/// A user-assigned identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagedId {
    /// Its client id.
    Client(String),
    /// Its object (principal) id.
    Object(String),
    /// Its ARM id.
    Resource(String),
}

impl ManagedId {
    /// The id.
    pub fn text(&self) -> &str {
        match self {
            Self::Client(id) | Self::Object(id) | Self::Resource(id) => id,
        }
    }
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
        /// Files with the certificate and its RSA private key (PKCS#8 or PKCS#1), PEM, in any order.
        files: Vec<PathBuf>,
    },
    /// The identity of the machine.
    ManagedIdentity {
        /// A user-assigned identity; `None` is the system-assigned one.
        id: Option<ManagedId>,
    },
    /// A federated token in a file.
    WorkloadIdentity {
        /// Application id; `None` is `AZURE_CLIENT_ID`.
        client_id: Option<String>,
        /// The file; `None` is `AZURE_FEDERATED_TOKEN_FILE`.
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
            Self::ManagedIdentity { id } => write!(f, "ManagedIdentity {{ id: {id:?} }}"),
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
    /// Azure Resource Manager, `https://management.azure.com`.
    pub resource_manager: String,
    /// Its audience, without `/.default`; the same address in Microsoft's own clouds.
    pub resource_manager_audience: String,
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

    /// A cloud by its addresses. Audiences that are not given are derived: Resource Manager's is its address, and the data
    /// plane's is told by its host, or by the cloud that Resource Manager's host belongs to.
    pub fn custom(authority: &str, resource_manager: &str, metrics: &str) -> Self {
        Self {
            authority: authority.to_owned(),
            resource_manager: resource_manager.to_owned(),
            resource_manager_audience: resource_manager.trim_end_matches('/').to_owned(),
            metrics: metrics.to_owned(),
            metrics_audience: metrics_audience(metrics, resource_manager),
            ca_pem: None,
        }
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
            resource_manager_audience: format!("https://{arm}"),
            metrics: format!("https://{{region}}.{metrics}"),
            metrics_audience: format!("https://{metrics}"),
            ca_pem: None,
        }
    }
}

/// The data plane's audience has no region: `https://metrics.monitor.azure.us` for all hosts below it.
fn metrics_audience(metrics: &str, resource_manager: &str) -> String {
    if let Some((_, rest)) = metrics.split_once("metrics.monitor.") {
        let rest = rest.split(['/', ':', '?']).next().unwrap_or_default();
        return format!("https://metrics.monitor.{rest}");
    }
    let known = [AzureCloud::public(), AzureCloud::usgov(), AzureCloud::china()];
    let same = |cloud: &AzureCloud| cloud.resource_manager == resource_manager.trim_end_matches('/');
    let cloud = known.into_iter().find(same).unwrap_or_else(AzureCloud::public);
    cloud.metrics_audience
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
        let given = AzureCredentials::ClientSecret {
            client_id: "id".into(),
            secret: "hush".to_owned().into(),
        };
        assert!(!format!("{given:?}").contains("hush"));
    }

    #[test]
    fn audiences_are_derived_where_the_host_tells() {
        let at = "https://127.0.0.1:8443";
        for (metrics, arm, wanted) in [
            (
                "https://{region}.metrics.monitor.azure.us",
                at,
                "https://metrics.monitor.azure.us",
            ),
            (
                "https://westeurope.metrics.monitor.azure.cn:443/path",
                at,
                "https://metrics.monitor.azure.cn",
            ),
            (
                "https://127.0.0.1:8443/{region}",
                at,
                "https://metrics.monitor.azure.com",
            ),
            (
                at,
                "https://management.usgovcloudapi.net/",
                "https://metrics.monitor.azure.us",
            ),
            (
                at,
                "https://management.chinacloudapi.cn",
                "https://metrics.monitor.azure.cn",
            ),
        ] {
            let cloud = AzureCloud::custom(at, arm, metrics);
            assert_eq!(cloud.metrics_audience, wanted, "{metrics} {arm}");
            assert_eq!(cloud.resource_manager_audience, arm.trim_end_matches('/'));
        }
    }

    #[test]
    fn presets_put_the_region_into_the_host() {
        let base = AzureCloud::usgov().metrics_base("usgovvirginia");
        assert_eq!(base, "https://usgovvirginia.metrics.monitor.azure.us");
    }
}
