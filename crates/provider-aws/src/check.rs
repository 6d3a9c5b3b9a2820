//! What `check` proves: who we are, and each permission that this configuration needs, region by region, with one
//! request each.
//!
//! Reading points is proved by reading some: one metric over one hour, the cheapest query there is ($0.00001).

use crate::client::{self, GET_RESOURCES, LIST_METRICS, ListPage, RegionClient};
use crate::overlaps::{Overlap, overlaps};
use crate::{AwsProvider, discover, plan};
use futures::future::join_all;
use provider_api::{Check, CheckReport, ProviderError};
use std::time::Duration;

/// Asked for where no metric is listed: an answer without points proves as much.
const ANY_METRIC: &str = "CPUUtilization";

fn told(overlap: Overlap) -> Check {
    Check::note(overlap.entry, overlap.detail)
}

impl AwsProvider {
    /// One line per permission; regions are asked side by side.
    pub(crate) async fn report(&self) -> CheckReport {
        let regions = join_all(self.regions.iter().map(|region| self.check_region(region)));
        let (number, regions) = tokio::join!(self.check_number(), regions);
        let overlaps = overlaps(&self.config.entries).into_iter().map(told);
        let checks = number.into_iter().chain(regions.into_iter().flatten());
        CheckReport {
            checks: checks.chain(overlaps).collect(),
        }
    }

    async fn check_number(&self) -> Option<Check> {
        if !self.config.sts_allowed() {
            return None;
        }
        let answer = client::account_number(&self.gate, &self.sts, &self.home()).await;
        Some(Check::of("-", client::GET_CALLER_IDENTITY, &answer))
    }

    /// The tagging API is another host, and may answer while `CloudWatch` does not.
    async fn check_region(&self, region: &RegionClient) -> Vec<Check> {
        let tags = async {
            let answer = region.resources(&self.gate, &self.tag_types()?, None).await;
            Some(Check::of(region.scope.to_string(), GET_RESOURCES, &answer))
        };
        let (mut checks, tags) = tokio::join!(self.check_metrics(region), tags);
        checks.extend(tags);
        checks
    }

    async fn check_metrics(&self, region: &RegionClient) -> Vec<Check> {
        let scans = discover::scans(&self.config.entries, Duration::ZERO);
        let Some(scan) = scans.first() else {
            return Vec::new();
        };
        let listed = region.list(&self.gate, *scan, None).await;
        let mut checks = vec![Check::of(region.scope.to_string(), LIST_METRICS, &listed)];
        // Who does not answer one question does not answer the next, and takes as long.
        if !listed.as_ref().is_err_and(ProviderError::unanswered) {
            let read = self.try_reading(region, scan.namespace, &listed).await;
            checks.push(Check::of(region.scope.to_string(), plan::OPERATION, &read));
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
