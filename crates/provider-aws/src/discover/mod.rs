//! What there is to poll in one region: one `ListMetrics` scan per namespace, filtered while it is read, joined with
//! the tags of the resources where the configuration asks for tags.
//!
//! A scan that fails makes the region an error, because a catalogue replaces all that was known of its region.

mod collector;
mod groups;
mod target;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use collector::synthetic;
pub(crate) use collector::{Listed, Place};
pub(crate) use target::AwsTarget;

use crate::client::{GET_RESOURCES, LIST_METRICS, RegionClient};
use crate::config::AwsEntry;
use crate::tags::{MOST_TAG_PAGES, TagIndex};
use crate::{AwsProvider, broken, units};
use collector::Collector;
use provider_api::{Catalogue, Pages, ProviderError};
use std::sync::Arc;
use std::time::Duration;

/// Most pages of one `ListMetrics` scan, 500 metrics each: five million metrics in one namespace of one region.
const MOST_LIST_PAGES: u64 = 10_000;
/// `RecentlyActive=PT3H` leaves out what has no point in the last three hours, so the first poll and the lookback of
/// every later one must lie within them.
const RECENTLY_ACTIVE: Duration = Duration::from_hours(3);

impl AwsProvider {
    pub(crate) async fn catalogue(&self, region: &RegionClient) -> Result<Catalogue, ProviderError> {
        let account_number = self.account_number().await;
        let account = Arc::clone(&self.config.account.0);
        let place = Place {
            scope: region.scope.clone(),
            account,
            account_number,
        };
        let tags = self.tag_index(region).await?;
        let mut collector = Collector::new(place, &self.config.entries, &tags);
        for (namespace, recent) in scans(&self.config.entries) {
            self.scan(region, namespace, recent, &mut collector).await?;
        }
        Ok(Catalogue {
            targets: collector.finish(),
            ..Catalogue::empty(region.scope.clone(), Duration::ZERO)
        })
    }

    async fn scan(
        &self,
        region: &RegionClient,
        namespace: &str,
        recent: bool,
        collector: &mut Collector<'_>,
    ) -> Result<(), ProviderError> {
        let mut pages = Pages::at_most(MOST_LIST_PAGES);
        let mut token = None;
        loop {
            let page = region.list(&self.gate, namespace, recent, token).await?;
            page.metrics.iter().for_each(|m| collector.offer(namespace, m));
            let brought = !page.metrics.is_empty();
            token = pages
                .follow(page.token.as_deref(), brought)
                .map_err(|why| broken(region, LIST_METRICS, why))?;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// Empty when no entry asks for tags.
    async fn tag_index(&self, region: &RegionClient) -> Result<TagIndex, ProviderError> {
        let mut index = TagIndex::default();
        let Some(services) = self.tag_services() else {
            return Ok(index);
        };
        let mut pages = Pages::at_most(MOST_TAG_PAGES);
        let mut token = None;
        loop {
            let page = region.resources(&self.gate, &services, token).await?;
            let brought = !page.resources.is_empty();
            page.resources
                .into_iter()
                .for_each(|(arn, tags)| index.add(arn, tags));
            token = pages
                .follow(page.token.as_deref(), brought)
                .map_err(|why| broken(region, GET_RESOURCES, why))?;
            if token.is_none() {
                return Ok(index);
            }
        }
    }

    /// Services to list tagged resources of; empty = all, because one namespace's service is unknown; nothing when no
    /// entry needs tags.
    pub(crate) fn tag_services(&self) -> Option<Vec<&'static str>> {
        let entries: Vec<&AwsEntry> = self.config.entries.iter().filter(|e| e.needs_tags()).collect();
        if entries.is_empty() {
            return None;
        }
        let known: Option<Vec<_>> = entries.iter().map(|e| units::arn_service(&e.namespace)).collect();
        let mut services = known.unwrap_or_default();
        services.sort_unstable();
        services.dedup();
        Some(services)
    }
}

/// Each namespace once, and whether only recently active metrics need be listed for it.
pub(crate) fn scans(entries: &[AwsEntry]) -> Vec<(&str, bool)> {
    let mut scans: Vec<(&str, bool)> = Vec::new();
    for entry in entries {
        let recent = entry.settle.start() + entry.lookback.start() + entry.every <= RECENTLY_ACTIVE;
        match scans
            .iter_mut()
            .find(|(namespace, _)| *namespace == entry.namespace)
        {
            Some((_, all_recent)) => *all_recent &= recent,
            None => scans.push((&entry.namespace, recent)),
        }
    }
    scans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::entry;
    use provider_api::Span;

    #[test]
    fn only_short_reaches_list_recently_active_metrics() {
        let mut long = entry("AWS/S3");
        long.lookback = Span::Fixed(Duration::from_hours(48));
        assert_eq!(
            scans(&[entry("AWS/EC2"), long, entry("AWS/S3")]),
            [("AWS/EC2", true), ("AWS/S3", false)]
        );
    }
}
