//! A page of `GetMetricData` in our own types, and how its parts name what they answer.

use provider_api::UnixNanos;

/// `StatusCode` of one result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Complete,
    PartialData,
    InternalError,
    Forbidden,
    /// One that is not in the API reference.
    Other(String),
}

/// One query's part of a page.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) id: String,
    pub(crate) status: Status,
    pub(crate) messages: Vec<String>,
    pub(crate) starts: Vec<UnixNanos>,
    pub(crate) values: Vec<f64>,
}

/// One page of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    pub(crate) parts: Vec<Part>,
    pub(crate) token: Option<String>,
    pub(crate) cloud_time: Option<UnixNanos>,
}

/// The id of a query: target and statistic by their place in the call.
pub(crate) fn query_id(target: usize, statistic: usize) -> String {
    format!("t{target}_{statistic}")
}

pub(super) fn parse_id(id: &str) -> Option<(usize, usize)> {
    let (target, statistic) = id.strip_prefix('t')?.split_once('_')?;
    Some((target.parse().ok()?, statistic.parse().ok()?))
}
