//! The closed list of ways in which a cloud can refuse, fail or confuse us.

use crate::{Cloud, Scope};
use std::time::Duration;

/// What kind of failure it was. The reaction to each kind is one exhaustive match in the gate (try again or not) and
/// one in the scheduler (what becomes of the target).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A quota was exceeded; nothing was done. Try again, not before `retry_after` if the cloud named a time.
    Throttled {
        /// The wait the cloud asked for.
        retry_after: Option<Duration>,
    },
    /// The cloud or the way to it is out of order for the moment.
    Unavailable {
        /// The wait the cloud asked for.
        retry_after: Option<Duration>,
    },
    /// No answer within the time allowed for one attempt.
    TimedOut,
    /// Credentials are missing, wrong or expired.
    Unauthenticated,
    /// Credentials are good, a permission is missing.
    Forbidden,
    /// The thing asked for is gone or not there yet.
    NotFound,
    /// The cloud says that our request is wrong; sending it again cannot help.
    InvalidRequest,
    /// The answer could not be understood (HTML, cut body, wrong shape).
    BadResponse,
    /// Nothing of the above, and no reason to hope that trying again helps.
    Permanent,
}

impl ErrorKind {
    /// The metric label and log field of this kind.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Unavailable { .. } => "unavailable",
            Self::TimedOut => "timed_out",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::InvalidRequest => "invalid_request",
            Self::BadResponse => "bad_response",
            Self::Permanent => "permanent",
        }
    }
}

/// One failed request: what was tried, where, and what kind of failure it was. Its own text never repeats its source;
/// a log line prints the chain.
#[derive(Debug, thiserror::Error)]
#[error("{cloud} {operation} in {scope}: {message} ({})", kind.label())]
pub struct ProviderError {
    /// Which cloud.
    pub cloud: Cloud,
    /// The API operation by its own name (`GetMetricData`).
    pub operation: &'static str,
    /// Region, subscription or project.
    pub scope: Scope,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The cloud's own words, or ours where it had none; with what to do about it where we know.
    pub message: String,
    /// The cloud's id of the request, to quote to its support.
    pub request_id: Option<String>,
    /// What lay below.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ProviderError {
    /// An error without a deeper cause.
    pub fn new(
        cloud: Cloud,
        operation: &'static str,
        scope: Scope,
        kind: ErrorKind,
        message: impl Into<String>,
    ) -> Self {
        Self {
            cloud,
            operation,
            scope,
            kind,
            message: message.into(),
            request_id: None,
            source: None,
        }
    }

    /// The same with the cloud's request id.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }

    /// The same with what lay below.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}
