//! Azure tenants as written.

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Budget, DurationText, PatternText, Poll, destination::Empty};
use crate::secret::Secret;

/// One Azure tenant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "metrics"]))]
pub struct Account {
    /// A name of your choice, unique over all clouds; becomes the attribute `nephoscope.account`.
    #[schemars(extend("examples" = ["payments"]))]
    pub name: String,
    /// The tenant's id or domain. Needed for `client_secret` and `client_certificate`.
    #[schemars(extend("examples" = ["00000000-0000-0000-0000-000000000000"]))]
    pub tenant: Option<String>,
    /// Subscription ids, each once. Default: every one that the credential can see.
    #[schemars(extend("examples" = [["00000000-0000-0000-0000-000000000000"]]))]
    pub subscriptions: Vec<String>,
    /// At most one kind. Default: workload identity, then managed identity, then Azure CLI.
    pub credentials: Credentials,
    /// Which of Azure's clouds, or the addresses of another. Default: public.
    pub cloud: Option<Cloud>,
    /// When and how far back to ask. Default: `defaults.poll`.
    pub poll: Poll,
    /// What this account may cost. Default: `defaults.budget`.
    pub budget: Option<Budget>,
    /// What to read; at least one entry.
    pub metrics: Vec<Metrics>,
}

/// At most one kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// An app registration and its secret.
    pub client_secret: Option<ClientSecret>,
    /// An app registration and its certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// The identity of the machine.
    pub managed_identity: Option<ManagedIdentity>,
    /// The identity of the Kubernetes pod.
    pub workload_identity: Option<Empty>,
    /// Whoever ran `az login`.
    pub azure_cli: Option<Empty>,
}

/// An app registration and its secret.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["client_id", "secret"]))]
pub struct ClientSecret {
    /// The app's (client) id.
    #[schemars(extend("examples" = ["00000000-0000-0000-0000-000000000000"]))]
    pub client_id: String,
    /// Its secret.
    pub secret: Secret,
}

/// An app registration and its certificate.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["client_id", "cert_file"]))]
pub struct ClientCertificate {
    /// The app's (client) id.
    #[schemars(extend("examples" = ["00000000-0000-0000-0000-000000000000"]))]
    pub client_id: String,
    /// PEM file with the certificate, and with the private key unless `key_file` names it.
    #[schemars(extend("examples" = ["/etc/nephoscope/azure.pem"]))]
    pub cert_file: PathBuf,
    /// PEM file with the private key. Default: it is in `cert_file`.
    #[schemars(extend("examples" = ["/etc/nephoscope/azure.key"]))]
    pub key_file: Option<PathBuf>,
}

/// The identity of the machine: the system-assigned one, or a user-assigned one by one of its ids.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ManagedIdentity {
    /// The client id of a user-assigned identity.
    #[schemars(extend("examples" = ["00000000-0000-0000-0000-000000000000"]))]
    pub client_id: Option<String>,
    /// The object (principal) id of a user-assigned identity.
    #[schemars(extend("examples" = ["00000000-0000-0000-0000-000000000000"]))]
    pub object_id: Option<String>,
    /// The resource id of a user-assigned identity.
    #[schemars(extend("examples" = [
        "/subscriptions/…/resourceGroups/ops/providers/Microsoft.ManagedIdentity/userAssignedIdentities/metrics"
    ]))]
    pub resource_id: Option<String>,
}

/// A cloud by name, or its addresses.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("examples" = ["public"]))]
pub enum Cloud {
    /// By name.
    Preset(CloudPreset),
    /// By its addresses.
    Custom(CustomCloud),
}

/// The clouds that Microsoft runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudPreset {
    /// The usual one.
    Public,
    /// US government.
    Usgov,
    /// China, run by 21Vianet.
    China,
}

/// A cloud by its addresses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["authority", "resource_manager", "metrics"]))]
pub struct CustomCloud {
    /// URL that gives tokens.
    #[schemars(extend("examples" = ["https://127.0.0.1:8443"]))]
    pub authority: String,
    /// URL of the resource manager.
    #[schemars(extend("examples" = ["https://127.0.0.1:8443"]))]
    pub resource_manager: String,
    /// URL of the metrics data plane; `{region}` is replaced.
    #[schemars(extend("examples" = ["https://127.0.0.1:8443"]))]
    pub metrics: String,
    /// Authorities to trust for these, PEM.
    #[schemars(extend("examples" = ["/etc/nephoscope/ca.pem"]))]
    pub ca_file: Option<PathBuf>,
    /// What tokens are asked for, where the addresses do not tell.
    pub audiences: Audiences,
}

/// What tokens are asked for, without `/.default`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audiences {
    /// The resource manager's. Default: its URL.
    #[schemars(extend("examples" = ["https://management.azure.com"]))]
    pub resource_manager: Option<String>,
    /// The metrics data plane's. Default: as its host tells, else the public cloud's.
    #[schemars(extend("examples" = ["https://metrics.monitor.azure.com"]))]
    pub metrics: Option<String>,
}

/// One entry: some metrics of one resource type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["resource_type"]))]
pub struct Metrics {
    /// The resource type.
    #[schemars(extend("examples" = ["Microsoft.Compute/virtualMachines"]))]
    pub resource_type: String,
    /// Names of metrics, in any case. A metric that several entries name is the first one's. Default: all.
    #[schemars(extend("examples" = [["Percentage CPU", "Network *"]]))]
    pub names: Vec<PatternText>,
    /// Average, Minimum, Maximum, Total, Count. Default: the metric's primary one.
    #[schemars(extend("examples" = [["Average", "Maximum"]]))]
    pub aggregations: Vec<String>,
    /// 1m, 5m, 15m, 30m, 1h, 6h, 12h or 1d. Default: the finest published.
    #[schemars(extend("examples" = ["1m"]))]
    pub period: Option<DurationText>,
    /// Dimensions to split by, for the metrics that have them. Default: none.
    #[schemars(extend("examples" = [["LUN"]]))]
    pub dimensions: Vec<String>,
    /// Most series of one metric and resource, when split. Default: 100; Azure's own is 10, and it cuts silently.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub top: Option<u32>,
    /// Only resources with these tags. Default: all.
    #[schemars(extend("examples" = [{ "env": "prod" }]))]
    pub tags: BTreeMap<String, PatternText>,
    /// Tags to copy onto points as `tag.<key>`. Default: none.
    #[schemars(extend("examples" = [["team"]]))]
    pub copy_tags: Vec<String>,
    /// Only resources in these groups, in any case. Default: all.
    #[schemars(extend("examples" = [["prod-*"]]))]
    pub resource_groups: Vec<PatternText>,
    /// Only resources in these regions, in any case and with or without blanks. Default: all.
    #[schemars(extend("examples" = [["westeurope"]]))]
    pub regions: Vec<PatternText>,
    /// When and how far back to ask. Default: the account's.
    pub poll: Poll,
    /// What this entry may cost. Default: no limit of its own.
    pub budget: Option<Budget>,
}
