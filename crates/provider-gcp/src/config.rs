//! What a Google account needs to know, already checked: projects, credentials, and which metric types to read how
//! often. Reading the configuration file, globs and durations is the work of others; a [`Matcher`] is what is left of a
//! glob here. No secret is ever in a `Debug` text.

use provider_api::{AccountId, Matcher, Span};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Points per page of `ListTimeSeries` (it counts points, not series): bodies of a few megabytes; Google's own
/// default of 100,000 would be ten times that in memory at once.
pub const DEFAULT_PAGE_SIZE: u32 = 10_000;

/// The most points that Google puts on one page; more is read as this.
pub const MAX_PAGE_SIZE: u32 = 100_000;

/// Variables that say where application default credentials are, and whose quota they use; what is set of them goes into
/// [`GcpConfig::environment`].
pub const ENVIRONMENT: [&str; 4] = [
    "CLOUDSDK_CONFIG",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "HOME",
];

/// One Google account: a set of credentials and the projects read with them.
#[derive(Clone, Debug)]
pub struct GcpConfig {
    /// The configuration's name of the account.
    pub account: AccountId,
    /// Project ids.
    pub projects: Vec<String>,
    /// Who reads.
    pub credentials: GcpCredentials,
    /// The project whose quota is used (`x-goog-user-project`), when it is not the credentials' own.
    pub quota_project: Option<String>,
    /// Of [`ENVIRONMENT`], what is set.
    pub environment: BTreeMap<String, String>,
    /// Another address than `https://monitoring.googleapis.com`, without a path.
    pub endpoint: Option<String>,
    /// Points per page; see [`DEFAULT_PAGE_SIZE`].
    pub page_size: u32,
    /// Which metric types, how often.
    pub entries: Vec<GcpEntry>,
}

impl GcpConfig {
    /// A configuration with application default credentials and default page size, without entries.
    pub fn new(account: AccountId, projects: Vec<String>) -> Self {
        Self {
            account,
            projects,
            credentials: GcpCredentials::default(),
            quota_project: None,
            environment: BTreeMap::new(),
            endpoint: None,
            page_size: DEFAULT_PAGE_SIZE,
            entries: Vec::new(),
        }
    }
}

/// Who reads, and whether in somebody else's name.
#[derive(Clone, Debug, Default)]
pub struct GcpCredentials {
    /// The credentials themselves.
    pub source: CredentialSource,
    /// The service account (e-mail) to act as; the source needs `roles/iam.serviceAccountTokenCreator` on it.
    pub impersonate: Option<String>,
}

/// Where the credentials come from.
#[derive(Clone, Debug, Default)]
pub enum CredentialSource {
    /// Application default credentials: `GOOGLE_APPLICATION_CREDENTIALS`, gcloud's file, the metadata server.
    #[default]
    Default,
    /// A credential file of any type that Google's tools write.
    File(PathBuf),
    /// None at all, for emulators and tests.
    Anonymous,
}

/// A set of metric types that are polled alike.
#[derive(Clone, Debug)]
pub struct GcpEntry {
    /// A type that any of these matches is read.
    pub types: Vec<Matcher>,
    /// Further conditions in Google's filter language. Unless they name `project`, the read is restricted to the project
    /// itself, so that a scoping project does not give (and bill) the series of the projects in its scope again.
    pub filter: Option<String>,
    /// How often to ask.
    pub every: Duration,
    /// How old a point must be before it is asked for; absent = learnt, from the descriptor's `ingestDelay`, else 240 s.
    pub settle: Option<Duration>,
    /// How far each window reaches back over what was already asked.
    pub lookback: Span,
    /// How far back the very first poll reaches.
    pub initial: Duration,
}
