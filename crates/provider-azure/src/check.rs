//! What `check` proves: a token for each of the two planes, that subscriptions can be seen, and per subscription the
//! right to list resources, to read their metric definitions and to read values.

use crate::AzureProvider;
use crate::discover::{LIST_SUBSCRIPTIONS, RESOURCE_GRAPH};
use crate::http::Plane;
use crate::overlaps::{Overlap, overlaps};
use provider_api::{Check, CheckReport};

fn told(overlap: Overlap) -> Check {
    Check::note(overlap.entry, overlap.detail)
}

impl AzureProvider {
    /// One line per permission and scope.
    pub(crate) async fn report(&self) -> CheckReport {
        let mut checks = self.permissions().await;
        checks.extend(overlaps(&self.config.entries).into_iter().map(told));
        CheckReport { checks }
    }

    /// Without a token nothing else is tried: it would fail the same, or wait as long.
    async fn permissions(&self) -> Vec<Check> {
        let (arm, metrics) = tokio::join!(self.api.token(Plane::Arm), self.api.token(Plane::Metrics));
        let mut checks = vec![
            Check::of("-", "token for Resource Manager", &arm),
            Check::of("-", "token for metrics", &metrics),
        ];
        if arm.is_err() || metrics.is_err() {
            return checks;
        }
        match self.subscriptions().await {
            Ok(subscriptions) => {
                let (graph, proved) =
                    tokio::join!(self.try_graph(&subscriptions), self.prove(&subscriptions));
                checks.push(Check::of("-", RESOURCE_GRAPH, &graph));
                checks.extend(proved);
            }
            failed @ Err(_) => checks.push(Check::of("-", LIST_SUBSCRIPTIONS, &failed)),
        }
        checks
    }
}
