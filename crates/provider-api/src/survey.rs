//! What an account has, whatever its configuration asks for: counts by kind, each with the entry that would poll it.

use crate::{ProviderError, Scope};
use std::sync::Arc;

/// Things of one kind in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Region, subscription or project.
    pub scope: Scope,
    /// The cloud's own name of the kind (`AWS/EC2`, `microsoft.compute/virtualmachines`, `compute.googleapis.com`).
    pub kind: Arc<str>,
    /// How many there are, of what [`Survey::unit`] says.
    pub count: u64,
    /// An entry to put below `metrics:`.
    pub entry: String,
}

/// Everything that could be listed, and what could not.
#[derive(Debug, Default)]
pub struct Survey {
    /// What is counted: `metrics`, `resources`, `metric types`.
    pub unit: &'static str,
    /// By scope and kind.
    pub found: Vec<Surveyed>,
    /// Scopes that failed.
    pub failed: Vec<ProviderError>,
}
