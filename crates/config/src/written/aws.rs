//! AWS accounts as written.
#![expect(
    clippy::doc_markdown,
    reason = "these words become the schema's descriptions, which people read"
)]

use std::{collections::BTreeMap, path::PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Budget, DurationText, PatternText, Poll};
use crate::secret::Secret;

/// One AWS account.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "regions", "metrics"]))]
pub struct Account {
    /// A name of your choice, unique over all clouds; becomes the attribute `nephoscope.account`.
    #[schemars(extend("examples" = ["prod"]))]
    pub name: String,
    /// Regions to read.
    #[schemars(extend("examples" = [["eu-west-1"]]))]
    pub regions: Vec<String>,
    /// Default: the SDK's chain (environment, profile, instance role).
    pub credentials: Credentials,
    /// The account's 12 digits, in quotes. Default: STS is asked once.
    #[schemars(extend("examples" = ["\"123456789012\""]))]
    pub account_id: Option<String>,
    /// URLs instead of Amazon's own: one for all services, or one each.
    pub endpoint: Option<Endpoint>,
    /// A PEM file of certificate authorities to trust besides the system's and `AWS_CA_BUNDLE`'s. Default: none.
    #[schemars(extend("examples" = ["/etc/ssl/x.pem"]))]
    pub ca_file: Option<PathBuf>,
    /// When and how far back to ask. Default: `defaults.poll`.
    pub poll: Poll,
    /// What this account may cost. Default: `defaults.budget`.
    pub budget: Option<Budget>,
    /// What to read; at least one entry.
    pub metrics: Vec<Metrics>,
}

/// `static` or `profile` (or neither: the SDK's chain), and optionally a role to take on with them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// A profile of `~/.aws/config`.
    #[schemars(extend("examples" = ["prod"]))]
    pub profile: Option<String>,
    /// Access keys.
    #[serde(rename = "static")]
    pub static_keys: Option<StaticKeys>,
    /// A role to take on.
    pub assume_role: Option<AssumeRole>,
}

/// Access keys.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["access_key_id", "secret_access_key"]))]
pub struct StaticKeys {
    /// The key's id.
    #[schemars(extend("examples" = ["AKIAIOSFODNN7EXAMPLE"]))]
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// Only for temporary keys.
    pub session_token: Option<Secret>,
}

/// A role to take on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["arn"]))]
pub struct AssumeRole {
    /// The role's ARN.
    #[schemars(extend("examples" = ["arn:aws:iam::123456789012:role/metrics"]))]
    pub arn: String,
    /// The shared word that the role's trust policy asks for. Default: none.
    #[schemars(extend("examples" = ["x"]))]
    pub external_id: Option<String>,
    /// How the session is called in CloudTrail. Default: nephoscope.
    #[schemars(extend("examples" = ["nephoscope"]))]
    pub session_name: Option<String>,
}

/// One URL for all services, or one each.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(extend("examples" = ["http://127.0.0.1:4566"]))]
pub enum Endpoint {
    /// One URL for all services.
    One(String),
    /// One URL each; absent = Amazon's own.
    Each(Endpoints),
}

/// One URL per service; absent = Amazon's own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// CloudWatch.
    #[schemars(extend("examples" = ["http://127.0.0.1:4566"]))]
    pub cloudwatch: Option<String>,
    /// The Resource Groups Tagging API.
    #[schemars(extend("examples" = ["http://127.0.0.1:4566"]))]
    pub tagging: Option<String>,
    /// STS.
    #[schemars(extend("examples" = ["http://127.0.0.1:4566"]))]
    pub sts: Option<String>,
}

/// One entry: some metrics of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["namespace"]))]
pub struct Metrics {
    /// The namespace, as CloudWatch spells it.
    #[schemars(extend("examples" = ["AWS/EC2"]))]
    pub namespace: String,
    /// Names of metrics. Default: all.
    #[schemars(extend("examples" = [["CPUUtilization", "Network*"]]))]
    pub names: Vec<PatternText>,
    /// Average, Sum, Minimum, Maximum, SampleCount, or percentiles p0 to p100. Default: Average.
    #[schemars(extend("examples" = [["Average", "p99"]]))]
    pub statistics: Vec<String>,
    /// 1s, 5s, 10s, 20s, 30s or whole minutes. Default: the finest published (AWS/S3 storage daily, AWS/Billing every 6h).
    #[schemars(extend("examples" = ["1m"]))]
    pub period: Option<DurationText>,
    /// Only series with these dimensions; `absent` = only series without it (a value that is spelt so: `~absent`). Default: all.
    #[schemars(extend("examples" = [{ "LoadBalancer": "*", "AvailabilityZone": "absent" }]))]
    pub dimensions: BTreeMap<String, PatternText>,
    /// Only resources with these tags, through the tagging API. Default: all.
    #[schemars(extend("examples" = [{ "env": "prod" }]))]
    pub tags: BTreeMap<String, PatternText>,
    /// Tags to copy onto points as `tag.<key>`. Default: none.
    #[schemars(extend("examples" = [["team"]]))]
    pub copy_tags: Vec<String>,
    /// When and how far back to ask. Default: the account's.
    pub poll: Poll,
    /// What this entry may cost. Default: no limit of its own.
    pub budget: Option<Budget>,
}
