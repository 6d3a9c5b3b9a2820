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
    /// It was not sent: the day would have cost more than the account's budget.
    OverBudget,
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
            Self::OverBudget => "over_budget",
            Self::Permanent => "permanent",
        }
    }
}

/// One failed request: what was tried, where, and what kind of failure it was. Its own text never repeats its source;
/// a log line prints the chain.
///
/// One pointer wide, because every result of every provider carries it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ProviderError(Box<Failed>);

#[derive(Debug, thiserror::Error)]
#[error("{cloud} {operation} in {scope}: {message} ({})", kind.label())]
struct Failed {
    cloud: Cloud,
    operation: &'static str,
    scope: Scope,
    kind: ErrorKind,
    message: String,
    request_id: Option<String>,
    unreached: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    wait: Option<Duration>,
}

impl ProviderError {
    /// An error without a deeper cause. `message` is in the cloud's own words, or in ours where it had none, with what
    /// to do about it where we know.
    pub fn new(
        cloud: Cloud,
        operation: &'static str,
        scope: Scope,
        kind: ErrorKind,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Failed {
            cloud,
            operation,
            scope,
            kind,
            message: message.into(),
            request_id: None,
            unreached: false,
            source: None,
            wait: None,
        }))
    }

    /// The same with the cloud's request id.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    /// The same where nobody was reached (no address, no connection, no TLS): it says more of the host than of what was
    /// asked. A time-out is not one: the question may be what takes so long.
    #[must_use]
    pub fn with_nobody_reached(mut self) -> Self {
        self.0.unreached = true;
        self
    }

    /// The same with what lay below.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same for a request that was not sent, and may be sent when so much time has passed.
    #[must_use]
    pub fn not_sent(mut self, wait: Duration) -> Self {
        self.0.wait = Some(wait);
        self
    }

    /// How long to wait before the request may be sent, when it was not.
    pub fn wait(&self) -> Option<Duration> {
        self.0.wait
    }

    /// Which cloud.
    pub fn cloud(&self) -> Cloud {
        self.0.cloud
    }

    /// The API operation by its own name (`GetMetricData`).
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Region, subscription or project.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// What kind of failure.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The cloud's words and what to do.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether nobody was reached.
    pub fn unreached(&self) -> bool {
        self.0.unreached
    }

    /// Whether nobody answered: there was no way to the host, or no answer in time.
    pub fn unanswered(&self) -> bool {
        self.unreached() || *self.kind() == ErrorKind::TimedOut
    }

    /// The cloud's id of the request, to quote to its support.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn the_text_says_what_where_and_why_and_leaves_the_cause_to_the_chain() {
        let error = ProviderError::new(
            Cloud::Aws,
            "ListMetrics",
            Scope::new("eu-west-1"),
            ErrorKind::Forbidden,
            "no",
        )
        .with_source("below");
        assert_eq!(error.to_string(), "aws ListMetrics in eu-west-1: no (forbidden)");
        assert_eq!(error.source().map(ToString::to_string), Some("below".to_owned()));
        assert_eq!(size_of_val(&error), size_of::<usize>());
    }
}
