//! What an AWS account's configuration means, already checked: plain data that the binary fills in.
//!
//! Globs and regular expressions are the binary's business; they arrive here as [`Matcher`]s. No secret of this file
//! shows in `Debug`.

use crate::slow;
use provider_api::{AccountId, Matcher, Span};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// The finest period that every AWS service publishes at (detailed monitoring); services that publish every five
/// minutes answer a 60 s query with a point every five minutes.
pub const FINEST_PERIOD: Duration = Duration::from_secs(60);

/// Where the first credentials come from.
#[derive(Clone, Default)]
pub enum CredentialSource {
    /// The SDK's chain: environment, profile, web identity, container, instance metadata.
    #[default]
    Default,
    /// A profile of the shared configuration files.
    Profile(String),
    /// Keys written in the configuration.
    Static {
        /// `AKIA…`
        access_key_id: String,
        /// Secret.
        secret_access_key: Zeroizing<String>,
        /// Of temporary credentials; secret.
        session_token: Option<Zeroizing<String>>,
    },
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("Default"),
            Self::Profile(name) => f.debug_tuple("Profile").field(name).finish(),
            Self::Static { access_key_id, .. } => f
                .debug_struct("Static")
                .field("access_key_id", access_key_id)
                .finish_non_exhaustive(),
        }
    }
}

/// A role to take on with the first credentials.
#[derive(Clone)]
pub struct AssumeRole {
    /// `arn:aws:iam::123456789012:role/metrics`.
    pub arn: String,
    /// What the role's owner asked us to show; treated as a secret.
    pub external_id: Option<String>,
    /// Name of the session in the owner's trail; absent = `nephoscope`.
    pub session_name: Option<String>,
}

impl fmt::Debug for AssumeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRole")
            .field("arn", &self.arn)
            .field("session_name", &self.session_name)
            .finish_non_exhaustive()
    }
}

/// How requests are signed.
#[derive(Clone, Debug, Default)]
pub struct AwsCredentials {
    /// The first credentials.
    pub source: CredentialSource,
    /// A role to take on with them.
    pub assume_role: Option<AssumeRole>,
}

/// Where the services are, when not where AWS has them.
#[derive(Clone, Debug, Default)]
pub struct AwsEndpoints {
    /// `CloudWatch`.
    pub cloudwatch: Option<String>,
    /// Resource Groups Tagging API.
    pub tagging: Option<String>,
    /// STS. When only `cloudwatch` is set, STS is not asked at all: credentials of a private endpoint do not belong
    /// in requests to AWS.
    pub sts: Option<String>,
}

/// Some metrics of one namespace and how to poll them.
#[derive(Clone, Debug)]
pub struct AwsEntry {
    /// `AWS/EC2`, or a custom one.
    pub namespace: String,
    /// Metric names of which one must fit; empty = all.
    pub names: Vec<Matcher>,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, `p99`, …; empty = `Average`.
    pub statistics: Vec<String>,
    /// Distance of two points; absent = what the metric is known to be published at, else [`FINEST_PERIOD`].
    pub period: Option<Duration>,
    /// Dimensions that a metric must have, with a value that fits.
    pub dimensions: Vec<(String, Matcher)>,
    /// Dimensions that a metric must not have.
    pub absent: Vec<String>,
    /// Tags that the metric's resource must have, with a value that fits.
    pub tags: Vec<(String, Matcher)>,
    /// Tags to copy as `tag.<key>` onto the resource.
    pub copy_tags: Vec<String>,
    /// How often to ask.
    pub every: Duration,
    /// How old a point must be before it is asked for.
    pub settle: Span,
    /// How far each window reaches back over what was already asked.
    pub lookback: Span,
    /// How far back the very first poll reaches.
    pub initial: Duration,
}

impl AwsEntry {
    /// The period in effect for a metric; at least one second, whole seconds.
    pub(crate) fn grain_of(&self, name: &str) -> Duration {
        let published = || slow::period(&self.namespace, name);
        whole(self.period.or_else(published).unwrap_or(FINEST_PERIOD))
    }

    /// The period that format 3 polled all metrics of the entry by.
    pub(crate) fn former_grain(&self) -> Duration {
        whole(self.period.unwrap_or(FINEST_PERIOD))
    }

    /// The periods of the metrics that it may have which are published rarely, when it does not say its own.
    pub(crate) fn slow_grains(&self) -> Vec<Duration> {
        if self.period.is_some() {
            return Vec::new();
        }
        self.rare()
    }

    /// Whether it may have metrics that are published too rarely to be listed among the recently active ones.
    pub(crate) fn may_be_rare(&self) -> bool {
        !self.rare().is_empty()
    }

    fn rare(&self) -> Vec<Duration> {
        slow::periods(&self.namespace, |name| Matcher::any(&self.names, name))
    }

    /// Whether the tagging API has to be asked for it.
    pub fn needs_tags(&self) -> bool {
        !self.tags.is_empty() || !self.copy_tags.is_empty()
    }

    /// The statistics in effect, without repetitions.
    pub(crate) fn statistics(&self) -> Vec<&str> {
        let mut wanted: Vec<&str> = Vec::new();
        for s in &self.statistics {
            if !wanted.contains(&s.as_str()) {
                wanted.push(s);
            }
        }
        if wanted.is_empty() {
            vec!["Average"]
        } else {
            wanted
        }
    }
}

fn whole(period: Duration) -> Duration {
    Duration::from_secs(period.as_secs().max(1))
}

/// One AWS account.
#[derive(Clone, Debug)]
pub struct AwsConfig {
    /// The configuration's name of it.
    pub account: AccountId,
    /// Regions to read; at least one.
    pub regions: Vec<String>,
    /// How requests are signed.
    pub credentials: AwsCredentials,
    /// The account number, so that STS need not be asked.
    pub account_id: Option<String>,
    /// Where the services are.
    pub endpoints: AwsEndpoints,
    /// Certificate authorities to trust besides the system's; PEM.
    pub ca_pem: Option<String>,
    /// What to read.
    pub entries: Vec<AwsEntry>,
}

impl AwsConfig {
    /// Whether STS may be asked; see [`AwsEndpoints::sts`].
    pub(crate) fn sts_allowed(&self) -> bool {
        self.endpoints.sts.is_some() || self.endpoints.cloudwatch.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let source = CredentialSource::Static {
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: "hunter2".to_owned().into(),
            session_token: Some("tok3n".to_owned().into()),
        };
        let role = AssumeRole {
            arn: "arn:x".into(),
            external_id: Some("s3same".into()),
            session_name: None,
        };
        let text = format!(
            "{:?}",
            AwsCredentials {
                source,
                assume_role: Some(role)
            }
        );
        assert!(text.contains("AKIAEXAMPLE") && text.contains("arn:x"), "{text}");
        for secret in ["hunter2", "tok3n", "s3same"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
