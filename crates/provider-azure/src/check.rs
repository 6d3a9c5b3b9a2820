//! What `check` proves: a token for each of the two planes, that subscriptions can be seen, and per subscription the
//! right to list resources.
//!
//! The right to read values is not proved: getBatch has to be asked for a resource, a metric and a time, and which of
//! them exist only discovery knows.

use crate::AzureProvider;
use crate::discover::{LIST_SUBSCRIPTIONS, RESOURCE_GRAPH};
use crate::http::Plane;
use crate::overlaps::{Overlap, overlaps};
use provider_api::{Check, CheckReport};

fn told(overlap: Overlap) -> Check {
    Check::note(overlap.entry, overlap.detail)
}

impl AzureProvider {
    /// One line per permission.
    pub(crate) async fn report(&self) -> CheckReport {
        let mut checks = Vec::new();
        for (plane, what) in [
            (Plane::Arm, "token for Resource Manager"),
            (Plane::Metrics, "token for metrics"),
        ] {
            checks.push(Check::of("-", what, &self.api.token(plane).await));
        }
        match self.subscriptions().await {
            Ok(subscriptions) => {
                for scope in subscriptions.iter().map(|s| &s.scope) {
                    checks.push(Check::of(&*scope.0, RESOURCE_GRAPH, &self.try_graph(scope).await));
                }
            }
            failed @ Err(_) => checks.push(Check::of("-", LIST_SUBSCRIPTIONS, &failed)),
        }
        checks.extend(overlaps(&self.config.entries).into_iter().map(told));
        CheckReport { checks }
    }
}
