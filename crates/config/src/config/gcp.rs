//! Google Cloud projects as checked; an empty list of names, tags or dimensions means "all".

use std::path::PathBuf;

use super::Poll;
use crate::values::Pattern;

/// Google Cloud projects with the same credentials.
#[derive(Clone, Debug, PartialEq)]
pub struct GcpAccount {
    /// Unique name.
    pub name: String,
    /// Project ids; at least one.
    pub projects: Vec<String>,
    /// How to get tokens.
    pub credentials: GcpCredentials,
    /// Project whose quota is used.
    pub quota_project: Option<String>,
    /// URL instead of Google's.
    pub endpoint: Option<String>,
    /// For discovery, and what the entries inherit.
    pub poll: Poll,
    /// US dollars a day; `None` = no limit.
    pub usd_per_day: Option<f64>,
    /// Entries; at least one.
    pub metrics: Vec<GcpMetrics>,
}

/// How to get Google tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcpCredentials {
    /// The first identity.
    pub base: GcpBase,
    /// A service account to act as.
    pub impersonate: Option<String>,
}

/// The first identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GcpBase {
    /// Application default credentials.
    #[default]
    Default,
    /// A credential file of any type; it existed and had what its type needs at load.
    ServiceAccountFile(PathBuf),
    /// None.
    Anonymous,
}

/// Some metric types.
#[derive(Clone, Debug, PartialEq)]
pub struct GcpMetrics {
    /// Metric types; at least one.
    pub types: Vec<Pattern>,
    /// A filter on labels.
    pub filter: Option<String>,
    /// Resolved.
    pub poll: Poll,
    /// This entry's own limit, besides the account's.
    pub usd_per_day: Option<f64>,
}
