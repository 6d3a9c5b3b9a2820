//! What is about to be asked, and of whom.

use crate::place::Place;
use provider_api::{Price, Scope, Urgency};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use tokio::time::Instant;

/// What is about to be asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Region, subscription or project.
    pub scope: Scope,
    /// The host that answers, where a scope has several: breaker, clock difference and "not before" go by it.
    pub host: Option<Arc<str>>,
    /// Whose quota it counts against, where that is not the scope's (a principal, a consumer project).
    pub domain: Option<Arc<str>>,
    /// Which of its questions it is (a hash of the targets asked for), so that one which always fails is not taken for an
    /// outage; without it all of one group and operation are one question.
    pub question: Option<u64>,
    /// The API operation by its own name.
    pub operation: &'static str,
    /// What one attempt costs.
    pub price: Price,
    /// Which share of the quota it may use.
    pub urgency: Urgency,
    /// The group of targets that is polled; nothing for what is asked for all of them.
    pub group: Option<Arc<str>>,
}

impl Request {
    /// A request that may use the whole quota.
    pub fn new(scope: Scope, operation: &'static str, price: Price) -> Self {
        Self {
            scope,
            host: None,
            domain: None,
            question: None,
            operation,
            price,
            urgency: Urgency::Fresh,
            group: None,
        }
    }

    /// Which question it is, for the life of this process.
    pub(crate) fn question(&self) -> u64 {
        let hash = BuildHasherDefault::<DefaultHasher>::new();
        self.question
            .unwrap_or_else(|| hash.hash_one((self.operation, self.group.as_ref())))
    }
}

/// What is known of a request while it is sent.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) place: Place,
    pub(crate) question: u64,
    pub(crate) begun: Instant,
}

impl Asking {
    pub(crate) fn new(request: &Request) -> Self {
        Self {
            place: Place::of(request),
            question: request.question(),
            begun: Instant::now(),
        }
    }
}
