//! From listed metrics to targets: filtered while they are read, joined with tags, everything shared that repeats.

use super::claims::{Claim, claims};
use super::groups::Groups;
use super::identity::{identity, members};
use super::resources::{About, Place, Resources};
use super::seen::Seen;
use super::target::{AwsTarget, MetricOf};
use crate::config::AwsEntry;
use crate::tags::TagIndex;
use crate::units;
use provider_api::{Attributes, Group, Members, ProviderError, Target, TargetId, Texts, Unlisted};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One metric as `ListMetrics` told of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

/// A target to be, as all metrics of one name have it that the same entries fit.
#[derive(Debug)]
struct Share {
    group: Group,
    members: Members,
    metric: Arc<MetricOf>,
    /// What its entries want of tags, by its place in [`Resources`].
    wish: usize,
}

/// By the entries that fit a metric, and its name.
type Shares = HashMap<Vec<usize>, HashMap<Arc<str>, Arc<[Share]>>>;

/// Collects the targets of one region.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    entries: &'a [AwsEntry],
    groups: Groups,
    resources: Resources<'a>,
    texts: Texts,
    /// The metrics of one resource have the same dimensions.
    dimensions: HashSet<Attributes>,
    shares: Shares,
    known: HashSet<TargetId>,
    targets: Vec<Target>,
    seen: Seen<'a>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(place: Place, entries: &'a [AwsEntry], tags: Option<&'a TagIndex>) -> Self {
        Self {
            groups: Groups::new(&place.scope, entries),
            resources: Resources::new(place, tags),
            entries,
            texts: Texts::default(),
            dimensions: HashSet::new(),
            shares: Shares::new(),
            known: HashSet::new(),
            targets: Vec::new(),
            seen: Seen::new(entries),
        }
    }

    /// Offers a listed metric to the entries of its namespace.
    pub(crate) fn offer(&mut self, namespace: &str, listed: &Listed) {
        if !self.seen.listed(namespace, listed) {
            return;
        }
        let of_it = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.namespace == namespace);
        let wanting: Vec<(usize, &AwsEntry)> = of_it.filter(|(i, _)| self.seen.wants(*i, listed)).collect();
        if wanting.is_empty() {
            return;
        }
        let dimensions = self.dimensions(listed);
        let about = self.resources.about(namespace, &dimensions, &mut self.texts);
        let mut fitting = Vec::with_capacity(wanting.len());
        for (index, entry) in wanting {
            if let Some(tags) = self.resources.tags.filter(|_| entry.needs_tags()) {
                self.seen.joined(index, about.owner, tags);
            }
            let chosen = |tags: &TagIndex| tags.fits(about.owner, &entry.tags);
            if entry.tags.is_empty() || self.resources.tags.is_some_and(chosen) {
                fitting.push(index);
            }
        }
        if !fitting.is_empty() {
            for share in self.shares(namespace, fitting, &listed.name).iter() {
                self.take(namespace, share, &about, listed, &dimensions);
            }
        }
    }

    /// The targets, and what was seen on the way.
    pub(super) fn finish(self) -> (Vec<Target>, Seen<'a>) {
        (self.targets, self.seen)
    }

    /// What a namespace that cannot be listed leaves as it was.
    pub(super) fn unlisted(&self, namespace: &str, error: &Arc<ProviderError>) -> Vec<Unlisted> {
        let groups = self.groups.namespaces(&self.seen.entries_of(namespace));
        let part = |namespace| Unlisted {
            namespace,
            error: Arc::clone(error),
        };
        groups.into_iter().map(part).collect()
    }

    /// What has been seen so far.
    pub(super) fn seen(&self) -> &Seen<'a> {
        &self.seen
    }

    fn take(
        &mut self,
        namespace: &str,
        share: &Share,
        about: &About,
        listed: &Listed,
        dimensions: &Attributes,
    ) {
        let id = identity(&self.resources.place.scope, namespace, listed, share.group.grain);
        // A list may repeat itself.
        if !self.known.insert(id) {
            return;
        }
        let resource = self.resources.of(share.wish, about, &mut self.texts);
        self.targets.push(Target {
            id,
            members: share.members,
            group: Arc::clone(&share.group),
            series: u32::try_from(share.metric.statistics.len()).unwrap_or(u32::MAX),
            detail: Arc::new(AwsTarget {
                metric: Arc::clone(&share.metric),
                dimensions: dimensions.clone(),
                resource,
            }),
        });
    }

    fn dimensions(&mut self, listed: &Listed) -> Attributes {
        let texts = &mut self.texts;
        let pairs = listed
            .dimensions
            .iter()
            .map(|(k, v)| (texts.get(k), texts.get(v)));
        let new = Attributes::new(pairs.collect());
        if let Some(known) = self.dimensions.get(&new) {
            return known.clone();
        }
        self.dimensions.insert(new.clone());
        new
    }

    fn shares(&mut self, namespace: &str, fitting: Vec<usize>, name: &str) -> Arc<[Share]> {
        if let Some(known) = self.shares.get(&fitting).and_then(|named| named.get(name)) {
            return Arc::clone(known);
        }
        let claims = claims(self.entries, &fitting, name);
        let made: Vec<Share> = claims
            .into_iter()
            .filter_map(|claim| self.share(namespace, name, claim))
            .collect();
        let (name, made) = (self.texts.get(name), Arc::from(made));
        let named = self.shares.entry(fitting).or_default();
        Arc::clone(named.entry(name).or_insert(made))
    }

    fn share(&mut self, namespace: &str, name: &str, claim: Claim<'_>) -> Option<Share> {
        let group = Arc::clone(self.groups.of(claim.entry, claim.grain)?);
        let askers: Vec<&AwsEntry> = claim.askers.iter().filter_map(|i| self.entries.get(*i)).collect();
        let wish = self.resources.wish(&askers);
        let (namespace, name) = (self.texts.get(namespace), self.texts.get(name));
        let texts = &mut self.texts;
        let statistic = |s: &&str| Arc::new(units::metric(&namespace, &name, &texts.get(s)));
        Some(Share {
            group,
            members: members(&claim.statistics),
            wish,
            metric: Arc::new(MetricOf {
                statistics: claim.statistics.iter().map(statistic).collect(),
                namespace,
                name,
                former: claim.former.into(),
            }),
        })
    }
}

/// Targets for the tests of other files.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn synthetic(region: &str, count: usize, statistics: &[&str]) -> Vec<Target> {
    let mut entry = crate::testing::entry("AWS/EC2");
    entry.statistics = statistics.iter().map(|&s| s.to_owned()).collect();
    let entries = [entry];
    let tags = TagIndex::default();
    let mut collector = Collector::new(crate::testing::place(region), &entries, Some(&tags));
    for i in 0..count {
        collector.offer(
            "AWS/EC2",
            &crate::testing::listed("CPUUtilization", &[("InstanceId", &format!("i-{i}"))]),
        );
    }
    collector.finish().0
}

#[cfg(test)]
mod tests;
