//! Google Cloud projects as written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Budget, PatternText, Poll};

/// Some Google Cloud projects that are read with the same credentials.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["name", "projects", "metrics"]))]
pub struct Account {
    /// A name of your choice, unique over all clouds; becomes the attribute `nephoscope.account`.
    #[schemars(extend("examples" = ["ml"]))]
    pub name: String,
    /// Project ids, each once in the whole configuration.
    #[schemars(extend("examples" = [["my-project"]]))]
    pub projects: Vec<String>,
    /// Default: application default credentials.
    pub credentials: Credentials,
    /// Project whose quota is used. Default: the credentials' own.
    #[schemars(extend("examples" = ["billing-project"]))]
    pub quota_project: Option<String>,
    /// URL instead of Google's own.
    #[schemars(extend("examples" = ["http://127.0.0.1:8080"]))]
    pub endpoint: Option<String>,
    /// When and how far back to ask. Default: `defaults.poll`.
    pub poll: Poll,
    /// What this account may cost. Default: `defaults.budget`.
    pub budget: Option<Budget>,
    /// What to read; at least one entry.
    pub metrics: Vec<Metrics>,
}

/// `service_account_file` or `anonymous` (or neither: application default credentials), and optionally whom to
/// impersonate with them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// A credential file of Google's, JSON; its `type` tells: `service_account`, `authorized_user`, `external_account` or
    /// `impersonated_service_account`.
    #[schemars(extend("examples" = ["/etc/nephoscope/sa.json"]))]
    pub service_account_file: Option<PathBuf>,
    /// A service account to act as.
    #[schemars(extend("examples" = ["metrics@my-project.iam.gserviceaccount.com"]))]
    pub impersonate: Option<String>,
    /// No credentials at all; only for tests and emulators.
    pub anonymous: Option<bool>,
}

/// One entry: some metric types.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["types"]))]
pub struct Metrics {
    /// Metric types, as Cloud Monitoring spells them. Of a type that several entries match, a series is read by the first
    /// one whose filter takes it.
    #[schemars(extend("examples" = [["compute.googleapis.com/instance/cpu/*"]]))]
    pub types: Vec<PatternText>,
    /// A Cloud Monitoring filter on resource and metric labels; not on `metric.type`, which `types` is for.
    /// Series of other projects in a metrics scope are left out, unless the filter names `project`.
    #[schemars(extend("examples" = ["resource.labels.zone = \"europe-west1-b\""]))]
    pub filter: Option<String>,
    /// When and how far back to ask. Default: the account's.
    pub poll: Poll,
    /// What this entry may cost. Default: no limit of its own.
    pub budget: Option<Budget>,
}
