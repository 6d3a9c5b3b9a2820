//! AWS accounts as checked; an empty list of names, tags or dimensions means "all".

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use super::Poll;
use crate::{secret::Secret, values::Pattern};

/// One AWS account.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsAccount {
    /// Unique name.
    pub name: String,
    /// Regions; at least one.
    pub regions: Vec<String>,
    /// How to sign.
    pub credentials: AwsCredentials,
    /// 12 digits.
    pub account_id: Option<String>,
    /// URLs instead of Amazon's.
    pub endpoints: AwsEndpoints,
    /// Authorities to trust besides the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// For discovery, and what the entries inherit.
    pub poll: Poll,
    /// US dollars a day; `None` = no limit.
    pub usd_per_day: Option<f64>,
    /// Entries; at least one.
    pub metrics: Vec<AwsMetrics>,
}

/// How to sign AWS requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsCredentials {
    /// The first identity.
    pub base: AwsBase,
    /// A role to take on with it.
    pub assume_role: Option<AssumeRole>,
}

/// The first identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AwsBase {
    /// The SDK's chain.
    #[default]
    Chain,
    /// A named profile.
    Profile(String),
    /// Access keys.
    Static(StaticKeys),
}

/// Access keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticKeys {
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// For temporary keys.
    pub session_token: Option<Secret>,
}

/// A role to take on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// Its ARN.
    pub arn: String,
    /// The word its trust policy asks for.
    pub external_id: Option<String>,
    /// The session's name.
    pub session_name: String,
}

/// URLs instead of Amazon's; `None` = Amazon's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsEndpoints {
    /// `CloudWatch`.
    pub cloudwatch: Option<String>,
    /// The tagging API.
    pub tagging: Option<String>,
    /// STS.
    pub sts: Option<String>,
}

/// Some metrics of one namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct AwsMetrics {
    /// The namespace.
    pub namespace: String,
    /// Names; empty = all.
    pub names: Vec<Pattern>,
    /// Statistics; empty = the cloud's own default.
    pub statistics: Vec<String>,
    /// Grain; `None` = the finest published.
    pub period: Option<Duration>,
    /// Only these dimensions; empty = all.
    pub dimensions: BTreeMap<String, Pattern>,
    /// Only without these dimensions.
    pub absent: Vec<String>,
    /// Only these tags; empty = all.
    pub tags: BTreeMap<String, Pattern>,
    /// Tags to copy onto points.
    pub copy_tags: Vec<String>,
    /// Resolved.
    pub poll: Poll,
    /// This entry's own limit, besides the account's.
    pub usd_per_day: Option<f64>,
}
