//! What `check` proves: who we are, and each permission that this configuration needs, region by region, with one
//! request each.
//!
//! Reading points is proved by reading some: one metric over one hour, the cheapest query there is ($0.00001).

use crate::client::{self, GET_RESOURCES, LIST_METRICS, ListPage, RegionClient};
use crate::overlaps::{Overlap, overlaps};
use crate::{AwsProvider, discover, plan};
use provider_api::{Check, CheckReport, ProviderError};
use std::time::Duration;

/// Asked for where no metric is listed: an answer without points proves as much.
const ANY_METRIC: &str = "CPUUtilization";

fn told(overlap: Overlap) -> Check {
    Check::note(overlap.entry, overlap.detail)
}

impl AwsProvider {
    /// One line per permission.
    pub(crate) async fn report(&self) -> CheckReport {
        let mut checks = Vec::new();
        if self.config.sts_allowed() {
            let answer = client::account_number(&self.gate, &self.sts, &self.home()).await;
            checks.push(Check::of("-", client::GET_CALLER_IDENTITY, &answer));
        }
        for region in &self.regions {
            checks.extend(self.check_region(region).await);
        }
        checks.extend(overlaps(&self.config.entries).into_iter().map(told));
        CheckReport { checks }
    }

    async fn check_region(&self, region: &RegionClient) -> Vec<Check> {
        let mut checks = Vec::new();
        let scope = || region.scope.to_string();
        if let Some(scan) = discover::scans(&self.config.entries, Duration::ZERO).first() {
            let listed = region.list(&self.gate, *scan, None).await;
            let read = self.try_reading(region, scan.namespace, &listed).await;
            checks.push(Check::of(scope(), LIST_METRICS, &listed));
            checks.push(Check::of(scope(), plan::OPERATION, &read));
        }
        if let Some(types) = self.tag_types() {
            let answer = region.resources(&self.gate, &types, None).await;
            checks.push(Check::of(scope(), GET_RESOURCES, &answer));
        }
        checks
    }

    /// The right to read points is another than the right to list metrics, and can be proved without the latter.
    async fn try_reading(
        &self,
        region: &RegionClient,
        namespace: &str,
        listed: &Result<ListPage, ProviderError>,
    ) -> Result<(), ProviderError> {
        let first = listed.as_ref().ok().and_then(|page| page.metrics.first());
        let name = first.map_or(ANY_METRIC, |m| &m.name);
        region.try_data(&self.gate, namespace, name).await
    }
}
