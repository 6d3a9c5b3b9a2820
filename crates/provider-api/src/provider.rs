//! The one trait that a cloud has to implement.

use crate::{
    AccountId, Apart, Batch, Call, Catalogue, Cloud, Due, ErrorKind, ProviderError, Reach, Survey, Target,
    TargetId, remedy,
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use std::fmt;

/// A cloud account that can be listed and read.
///
/// # Contract
///
/// An implementation does not retry, sleep, spawn tasks, read a clock or the environment; every request it makes passes
/// its gate, which does the waiting, counting and trying again. It holds no state that changes what [`plan`] answers; what
/// it lists it shows to its [`Apart`], which gets every batch before it is handed over.
/// Partial answers are handed over as such. The functions in [`crate::conformance`] check these promises.
///
/// [`plan`]: MetricsProvider::plan
#[async_trait]
pub trait MetricsProvider: fmt::Debug + Send + Sync + 'static {
    /// The configuration's name of the account.
    fn account(&self) -> &AccountId;

    /// Which cloud.
    fn cloud(&self) -> Cloud;

    /// What is known of metrics that meet in one name; whoever keeps the state fills it before the first listing.
    fn apart(&self) -> &Apart;

    /// Proves credentials and, by one cheap request per scope, the permissions that this configuration needs; names
    /// what is missing in the cloud's own words.
    async fn check(&self) -> CheckReport;

    /// One catalogue per scope, with everything that may have points within `reach`; a scope that fails is an `Err` and the
    /// listing goes on with the next, a part of a scope that fails is [`Catalogue::unlisted`].
    fn discover(&self, reach: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>>;

    /// What the account has, also what its configuration does not ask for.
    async fn survey(&self) -> Survey;

    /// The identities under which files of format 3 and older know what this target yields, by the configuration of today.
    fn formerly(&self, target: &Target) -> Vec<TargetId>;

    /// Pure: every due target in exactly one call, each call within the API's limits, each with its price.
    fn plan(&self, due: &[Due]) -> Vec<Call>;

    /// Bounded batches, oldest request first; no page is read before the stream is polled for it, and dropping the
    /// stream cancels. After an `Err` the stream ends; what was handed over before stands.
    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>>;
}

/// What came of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Passed,
    /// Credentials are missing, wrong or expired.
    Unauthenticated,
    /// A permission is missing.
    Forbidden,
    /// The service could not be reached or did not answer usefully.
    Unavailable,
}

impl Outcome {
    /// What a failure means for a check. A check asks only for what the configuration names; when the cloud says that
    /// there is no such thing, the usual reason is that we may not see it.
    pub fn of(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::Unauthenticated => Self::Unauthenticated,
            ErrorKind::Forbidden | ErrorKind::NotFound => Self::Forbidden,
            ErrorKind::Throttled { .. }
            | ErrorKind::Unavailable { .. }
            | ErrorKind::TimedOut
            | ErrorKind::InvalidRequest
            | ErrorKind::BadResponse
            | ErrorKind::OverBudget
            | ErrorKind::Permanent => Self::Unavailable,
        }
    }
}

/// One line of the table that `nephoscope check` prints.
#[derive(Clone, Debug)]
pub struct Check {
    /// Region, subscription or project; `-` for the account as a whole.
    pub scope: String,
    /// What was tried (`ListMetrics`, `token`).
    pub what: String,
    /// How it went.
    pub outcome: Outcome,
    /// The cloud's words; when it passed, what a person should know all the same, or nothing.
    pub detail: String,
    /// What to do; nothing when it passed.
    pub remedy: Option<String>,
}

impl Check {
    /// One line from what became of one request.
    pub fn of<T>(
        scope: impl Into<String>,
        what: impl Into<String>,
        result: &Result<T, ProviderError>,
    ) -> Self {
        let (outcome, detail, remedy) = match result {
            Ok(_) => (Outcome::Passed, String::new(), None),
            Err(e) => {
                let remedy = remedy::at_once(e.cloud(), e.operation(), e.kind()).into_owned();
                (Outcome::of(e.kind()), e.message().to_owned(), Some(remedy))
            }
        };
        Self {
            scope: scope.into(),
            what: what.into(),
            outcome,
            detail,
            remedy,
        }
    }

    /// What a person should know of an entry although nothing fails.
    pub fn note(entry: usize, detail: String) -> Self {
        Self {
            scope: "-".into(),
            what: format!("metrics[{entry}]"),
            outcome: Outcome::Passed,
            detail,
            remedy: None,
        }
    }
}

/// All checks of one account.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// In the order they were made.
    pub checks: Vec<Check>,
}
