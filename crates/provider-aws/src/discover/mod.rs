//! What there is to poll in one region: one `ListMetrics` scan per namespace, filtered while it is read, joined with
//! the tags of the resources where the configuration asks for tags.
//!
//! A scan that fails leaves the other namespaces alone; the region is an error only when nothing of it could be listed.

mod claims;
mod collector;
mod groups;
mod identity;
mod scans;
mod tagged;
mod target;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use collector::synthetic;
pub(crate) use collector::{Listed, Place};
pub(crate) use scans::{Scan, scans};
pub(crate) use tagged::Tags;
pub(crate) use target::AwsTarget;

use crate::client::{LIST_METRICS, RegionClient};
use crate::{AwsProvider, broken};
use collector::Collector;
use provider_api::{Catalogue, Pages, ProviderError, Unlisted};
use std::sync::Arc;
use std::time::Duration;

/// Most pages of one `ListMetrics` scan, 500 metrics each: five million metrics in one namespace of one region.
const MOST_LIST_PAGES: u64 = 10_000;
/// How long a new metric may be missing in a listing (API reference of `ListMetrics`).
const LAG: Duration = Duration::from_mins(15);

impl AwsProvider {
    /// `reach` is how long ago the oldest point that will be asked for may have ended.
    pub(crate) async fn catalogue(
        &self,
        region: &RegionClient,
        reach: Duration,
    ) -> Result<Catalogue, ProviderError> {
        let place = Place {
            scope: region.scope.clone(),
            account: Arc::clone(&self.config.account.0),
            account_number: self.account_number().await,
        };
        let tagged = self.tagged(region).await;
        let mut collector = Collector::new(place, &self.config.entries, tagged.index.as_deref());
        let mut unlisted = Vec::new();
        let scans = scans(&self.config.entries, reach);
        for scan in &scans {
            if let Err(error) = self.scan(region, *scan, &mut collector).await {
                unlisted.push((scan.namespace, error));
            }
        }
        if unlisted.len() == scans.len()
            && let Some((_, error)) = unlisted.pop()
        {
            return Err(error);
        }
        let mut unlisted: Vec<Unlisted> = unlisted
            .into_iter()
            .map(|(n, e)| part((n, Arc::new(e))))
            .collect();
        unlisted.extend(tagged.waiting.into_iter().map(part));
        Ok(Catalogue {
            targets: collector.finish(),
            unlisted,
            ..Catalogue::empty(region.scope.clone(), LAG)
        })
    }

    async fn scan(
        &self,
        region: &RegionClient,
        scan: Scan<'_>,
        collector: &mut Collector<'_>,
    ) -> Result<(), ProviderError> {
        let mut pages = Pages::at_most(MOST_LIST_PAGES);
        let mut token = None;
        loop {
            let page = region.list(&self.gate, scan, token).await?;
            page.metrics
                .iter()
                .for_each(|m| collector.offer(scan.namespace, m));
            let brought = !page.metrics.is_empty();
            token = pages
                .follow(page.token.as_deref(), brought)
                .map_err(|why| broken(region, LIST_METRICS, why))?;
            if token.is_none() {
                return Ok(());
            }
        }
    }
}

fn part((namespace, error): (&str, Arc<ProviderError>)) -> Unlisted {
    Unlisted {
        namespace: namespace.into(),
        error,
    }
}
