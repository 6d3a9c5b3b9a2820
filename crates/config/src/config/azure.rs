//! Azure tenants as checked; an empty list of names, tags or dimensions means "all".

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::Poll;
use crate::{secret::Secret, values::Pattern};

/// One Azure tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureAccount {
    /// Unique name.
    pub name: String,
    /// Tenant id or domain.
    pub tenant: Option<String>,
    /// Subscription ids; empty = all that are visible.
    pub subscriptions: Vec<String>,
    /// How to get tokens.
    pub credentials: AzureCredentials,
    /// Which cloud.
    pub cloud: AzureCloud,
    /// For discovery, and what the entries inherit.
    pub poll: Poll,
    /// US dollars a day; `None` = no limit.
    pub usd_per_day: Option<f64>,
    /// Entries; at least one.
    pub metrics: Vec<AzureMetrics>,
}

/// How to get Azure tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AzureCredentials {
    /// Workload identity, then managed identity, then Azure CLI.
    #[default]
    Default,
    /// An app registration and its secret.
    ClientSecret {
        /// The app.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// An app registration and its certificate.
    ClientCertificate(AzureCertificate),
    /// The machine's identity.
    ManagedIdentity(AzureIdentity),
    /// The pod's identity.
    WorkloadIdentity,
    /// Whoever ran `az login`.
    AzureCli,
}

/// Which identity of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AzureIdentity {
    /// The machine's own.
    #[default]
    System,
    /// A user-assigned one, by its client id.
    Client(String),
    /// A user-assigned one, by its object id.
    Object(String),
    /// A user-assigned one, by its resource id.
    Resource(String),
}

/// An app registration and its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AzureCertificate {
    /// The app.
    pub client_id: String,
    /// PEM file of the certificate.
    pub cert_file: PathBuf,
    /// PEM file of the key; may be the same file.
    pub key_file: PathBuf,
}

/// Which Azure cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureCloud {
    /// The usual one.
    Public,
    /// US government.
    UsGov,
    /// China.
    China,
    /// By its addresses.
    Custom(CustomAzureCloud),
}

/// A cloud by its addresses; the URLs have been parsed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomAzureCloud {
    /// Gives tokens.
    pub authority: String,
    /// The resource manager.
    pub resource_manager: String,
    /// The metrics data plane; may contain `{region}`.
    pub metrics: String,
    /// Authorities to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// The resource manager's audience; `None` = its URL.
    pub resource_manager_audience: Option<String>,
    /// The data plane's audience; `None` = as the host tells.
    pub metrics_audience: Option<String>,
}

/// Some metrics of one resource type.
#[derive(Clone, Debug, PartialEq)]
pub struct AzureMetrics {
    /// The resource type, `Provider.Name/type`.
    pub resource_type: String,
    /// Names; empty = all.
    pub names: Vec<Pattern>,
    /// Aggregations; empty = the primary one.
    pub aggregations: Vec<String>,
    /// Grain; `None` = the finest published.
    pub period: Option<Duration>,
    /// Dimensions to split by.
    pub dimensions: Vec<String>,
    /// Most series of one metric and resource when split.
    pub top: Option<u32>,
    /// Only these tags; empty = all.
    pub tags: BTreeMap<String, Pattern>,
    /// Tags to copy onto points.
    pub copy_tags: Vec<String>,
    /// Only these groups; empty = all.
    pub resource_groups: Vec<Pattern>,
    /// Only these regions; empty = all.
    pub regions: Vec<Pattern>,
    /// Resolved.
    pub poll: Poll,
    /// This entry's own limit, besides the account's.
    pub usd_per_day: Option<f64>,
}
