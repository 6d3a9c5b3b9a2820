//! Where a request goes: a scope, and the host that answers where a scope has several.

use crate::Request;
use provider_api::Scope;
use std::fmt;
use std::sync::Arc;

/// What breakers, pauses, clocks and the memory of failures go by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    pub(crate) host: Option<Arc<str>>,
}

impl Place {
    pub(crate) fn new(scope: &Scope, host: Option<&Arc<str>>) -> Self {
        Self {
            scope: scope.clone(),
            host: host.cloned(),
        }
    }

    pub(crate) fn of(request: &Request) -> Self {
        Self::new(&request.scope, request.host.as_ref())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{} at {host}", self.scope),
            None => self.scope.fmt(f),
        }
    }
}
