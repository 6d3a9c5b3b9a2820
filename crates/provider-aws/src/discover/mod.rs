//! What there is to poll in one region: one `ListMetrics` scan per namespace, filtered while it is read, joined with
//! the tags of the resources where the configuration asks for tags.
//!
//! A scan that fails leaves the other namespaces alone; the region is an error only when nothing of it could be listed.

mod claims;
mod collector;
mod groups;
mod identity;
mod instead;
mod kept;
mod resources;
mod scans;
mod seen;
mod survey;
mod tagged;
mod target;

pub(crate) use collector::Listed;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use collector::synthetic;
pub(crate) use kept::Kept;
pub(crate) use resources::Place;
pub(crate) use scans::{Scan, scans};
pub(crate) use target::AwsTarget;

use crate::client::{LIST_METRICS, RegionClient};
use crate::tags::TagIndex;
use crate::{AwsProvider, broken};
use collector::Collector;
use provider_api::{Catalogue, Matched, Pages, ProviderError};
use seen::Seen;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Most pages of one `ListMetrics` scan, 500 metrics each: five million metrics in one namespace of one region.
const MOST_LIST_PAGES: u64 = 10_000;
/// Pages of all metrics to look through for what a namespace that has none may have been meant to be.
const MOST_PAGES_FOR_NAMESPACES: usize = 20;
static NO_NAMESPACES: BTreeSet<String> = BTreeSet::new();
/// How long a new metric may be missing in a listing (API reference of `ListMetrics`).
const LAG: Duration = Duration::from_mins(15);

impl AwsProvider {
    /// `reach` is how long ago the oldest point that will be asked for may have ended.
    pub(crate) async fn catalogue(
        &self,
        region: &RegionClient,
        reach: Duration,
        account_number: Option<Arc<str>>,
    ) -> Result<Catalogue, ProviderError> {
        let place = Place {
            scope: region.scope.clone(),
            account: Arc::clone(&self.config.account.0),
            account_number,
        };
        let tagged = self.tagged(region).await;
        let mut collector = Collector::new(place, &self.config.entries, tagged.index.as_deref());
        let mut failed = Vec::new();
        let scans = scans(&self.config.entries, reach);
        for scan in &scans {
            if let Err(error) = self
                .scan(region, *scan, |m| collector.offer(scan.namespace, m))
                .await
            {
                failed.push((scan.namespace, error));
            }
        }
        if failed.len() == scans.len()
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        let well: Vec<Scan<'_>> = scans
            .into_iter()
            .filter(|scan| failed.iter().all(|(namespace, _)| *namespace != scan.namespace))
            .collect();
        let matched = self
            .matched(region, &well, &collector, tagged.index.as_deref())
            .await;
        let failed = failed
            .into_iter()
            .map(|(namespace, error)| (namespace, Arc::new(error)));
        let unlisted = failed
            .chain(tagged.waiting)
            .flat_map(|(namespace, error)| collector.unlisted(namespace, &error))
            .collect();
        let (targets, seen) = collector.finish();
        Ok(Catalogue {
            targets,
            skipped: seen.unreadable(),
            unlisted,
            matched,
            joined: seen.all_joined(),
            ..Catalogue::empty(region.scope.clone(), LAG)
        })
    }

    async fn scan(
        &self,
        region: &RegionClient,
        scan: Scan<'_>,
        mut offer: impl FnMut(&Listed),
    ) -> Result<(), ProviderError> {
        let mut pages = Pages::at_most(MOST_LIST_PAGES);
        let mut token = None;
        loop {
            let page = region.list(&self.gate, scan, token).await?;
            page.metrics.iter().for_each(&mut offer);
            token = pages
                .follow(page.token.as_deref(), !page.metrics.is_empty())
                .map_err(|why| broken(region, LIST_METRICS, why))?;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// What each pattern fits. For an entry that got nothing it is looked further: for what is published rarely, and for
    /// namespaces by another name.
    async fn matched(
        &self,
        region: &RegionClient,
        scans: &[Scan<'_>],
        collector: &Collector<'_>,
        tags: Option<&TagIndex>,
    ) -> Vec<Matched> {
        let met = collector.seen();
        let mut all = Vec::new();
        let mut others = None;
        for scan in scans {
            let without = met.without(scan.namespace);
            let rare = if without.is_empty() || !scan.recent {
                None
            } else {
                self.rare(region, scan.namespace).await
            };
            let exists = rare.as_ref().unwrap_or(met).exists(scan.namespace);
            if !exists && !instead::is_known(scan.namespace) && others.is_none() {
                others = Some(self.namespaces(region).await);
            }
            let others = others.as_deref().unwrap_or(&NO_NAMESPACES);
            for index in met.entries_of(scan.namespace) {
                let rare = rare.as_ref().filter(|_| without.contains(&index));
                all.extend(rare.unwrap_or(met).matched(index, tags, others));
                all.extend(rare.unwrap_or(met).period(index, rare.is_none()));
            }
        }
        all.sort_by_key(|matched| matched.entry);
        all
    }

    /// What a namespace had within two weeks. Nothing when that cannot be listed: it is a help and no more.
    async fn rare(&self, region: &RegionClient, namespace: &str) -> Option<Seen<'_>> {
        let mut seen = Seen::new(&self.config.entries);
        let scan = Scan {
            namespace,
            recent: false,
        };
        let listed = self
            .scan(region, scan, |metric| seen.look(namespace, metric))
            .await;
        listed.is_ok().then_some(seen)
    }

    /// Namespaces that have had metrics lately, as far as a few pages go; asked for once.
    async fn namespaces(&self, region: &RegionClient) -> Arc<BTreeSet<String>> {
        if let Some(known) = self.names.known(&region.scope) {
            return known;
        }
        let mut all = BTreeSet::new();
        let mut token = None;
        for _ in 0..MOST_PAGES_FOR_NAMESPACES {
            let Ok((more, next)) = region.namespaces(&self.gate, token).await else {
                return Arc::new(all);
            };
            all.extend(more);
            token = next;
            if token.is_none() {
                break;
            }
        }
        self.names.keep(&region.scope, all)
    }
}
