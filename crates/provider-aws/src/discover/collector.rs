//! From listed metrics to targets: filtered while they are read, joined with tags, everything shared that repeats.

use super::groups::groups;
use super::target::{AwsTarget, MetricOf};
use crate::config::AwsEntry;
use crate::tags::TagIndex;
use crate::units;
use provider_api::{Attributes, Group, Matcher, Members, Resource, Scope, Target, TargetId, Texts};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One metric as `ListMetrics` told of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) dimensions: Vec<(String, String)>,
}

/// What all targets of a region have in common.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    pub(crate) account: Arc<str>,
    pub(crate) account_number: Option<Arc<str>>,
}

/// Collects the targets of one region.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    place: Place,
    entries: &'a [AwsEntry],
    groups: Vec<Group>,
    tags: &'a TagIndex,
    texts: Texts,
    /// The metrics of one resource have the same dimensions.
    dimensions: HashSet<Attributes>,
    metrics: HashMap<(usize, Arc<str>), Arc<MetricOf>>,
    resources: HashMap<(usize, Option<usize>), Arc<Resource>>,
    resources_by_key: HashMap<u128, Arc<Resource>>,
    known: HashSet<TargetId>,
    targets: Vec<Target>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(place: Place, entries: &'a [AwsEntry], tags: &'a TagIndex) -> Self {
        Self {
            groups: groups(&place.scope, entries),
            place,
            entries,
            tags,
            texts: Texts::default(),
            dimensions: HashSet::new(),
            metrics: HashMap::new(),
            resources: HashMap::new(),
            resources_by_key: HashMap::new(),
            known: HashSet::new(),
            targets: Vec::new(),
        }
    }

    /// Offers a listed metric to every entry of its namespace.
    pub(crate) fn offer(&mut self, namespace: &str, listed: &Listed) {
        let entries = self.entries;
        for (index, entry) in entries
            .iter()
            .enumerate()
            .filter(|(_, e)| e.namespace == namespace)
        {
            if wants(entry, listed) {
                self.take(index, entry, listed);
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<Target> {
        self.targets
    }

    fn take(&mut self, index: usize, entry: &AwsEntry, listed: &Listed) {
        let owner = if entry.needs_tags() {
            self.tags
                .owner(units::arn_service(&entry.namespace), &listed.dimensions)
        } else {
            None
        };
        if !self.tags.fits(owner, &entry.tags) {
            return;
        }
        let Some(group) = self.groups.get(index).map(Arc::clone) else {
            return;
        };
        let id = identity(&self.place.scope, entry, listed);
        // Two entries that want the very same get it once, as the first of them says; a list may repeat itself, too.
        if !self.known.insert(id) {
            return;
        }
        let metric = self.metric(index, entry, &listed.name);
        let resource = self.resource(index, entry, owner);
        let series = u32::try_from(metric.statistics.len()).unwrap_or(u32::MAX);
        let dimensions = self.dimensions(listed);
        self.targets.push(Target {
            id,
            members: Members::default(),
            group,
            series,
            detail: Arc::new(AwsTarget {
                metric,
                dimensions,
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

    fn metric(&mut self, index: usize, entry: &AwsEntry, name: &str) -> Arc<MetricOf> {
        let name = self.texts.get(name);
        let namespace = self.texts.get(&entry.namespace);
        let texts = &mut self.texts;
        let known = self.metrics.entry((index, Arc::clone(&name)));
        Arc::clone(known.or_insert_with(|| {
            let statistic = |s: &str| Arc::new(units::metric(&namespace, &name, &texts.get(s)));
            let statistics = entry.statistics().into_iter().map(statistic).collect();
            Arc::new(MetricOf {
                namespace,
                name,
                statistics,
            })
        }))
    }

    fn resource(&mut self, index: usize, entry: &AwsEntry, owner: Option<usize>) -> Arc<Resource> {
        if let Some(known) = self.resources.get(&(index, owner)) {
            return Arc::clone(known);
        }
        let new = Resource::new(self.resource_attributes(entry, owner));
        let shared = Arc::clone(
            self.resources_by_key
                .entry(new.key())
                .or_insert_with(|| Arc::new(new)),
        );
        self.resources.insert((index, owner), Arc::clone(&shared));
        shared
    }

    fn resource_attributes(&mut self, entry: &AwsEntry, owner: Option<usize>) -> Attributes {
        let mut pairs: Vec<(String, String)> = vec![
            ("cloud.provider".into(), "aws".into()),
            ("cloud.region".into(), self.place.scope.to_string()),
            ("nephoscope.account".into(), self.place.account.to_string()),
        ];
        pairs.extend(
            self.place
                .account_number
                .iter()
                .map(|n| ("cloud.account.id".into(), n.to_string())),
        );
        pairs.extend(units::platform(&entry.namespace).map(|p| ("cloud.platform".into(), p.into())));
        if let Some(owner) = owner.and_then(|o| self.tags.resource(o)) {
            pairs.push(("cloud.resource_id".into(), owner.arn.clone()));
            let copied = entry
                .copy_tags
                .iter()
                .filter_map(|k| owner.tag(k).map(|v| (format!("tag.{k}"), v.into())));
            pairs.extend(copied);
        }
        let texts = &mut self.texts;
        Attributes::new(pairs.iter().map(|(k, v)| (texts.get(k), texts.get(v))).collect())
    }
}

/// Whether name and dimensions fit.
fn wants(entry: &AwsEntry, listed: &Listed) -> bool {
    let named = Matcher::any(&entry.names, &listed.name);
    named
        && entry.dimensions.iter().all(|(wanted, matcher)| {
            listed
                .dimensions
                .iter()
                .any(|(k, v)| k == wanted && matcher.matches(v))
        })
}

/// `eu-west-1|AWS/EC2|CPUUtilization|InstanceId=i-1|60|Average`; dimensions in their own order do not matter.
fn identity(scope: &Scope, entry: &AwsEntry, listed: &Listed) -> TargetId {
    let mut dimensions: Vec<String> = listed
        .dimensions
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    dimensions.sort();
    let (dimensions, statistics) = (dimensions.join(","), entry.statistics().join(","));
    let seconds = entry.grain().as_secs();
    TargetId::of_text(&format!(
        "{scope}|{}|{}|{dimensions}|{seconds}|{statistics}",
        entry.namespace, listed.name
    ))
}

/// Targets for the tests of other files.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn synthetic(region: &str, count: usize, statistics: &[&str]) -> Vec<Target> {
    let mut entry = crate::testing::entry("AWS/EC2");
    entry.statistics = statistics.iter().map(|&s| s.to_owned()).collect();
    let entries = [entry];
    let tags = TagIndex::default();
    let mut collector = Collector::new(crate::testing::place(region), &entries, &tags);
    for i in 0..count {
        collector.offer(
            "AWS/EC2",
            &crate::testing::listed("CPUUtilization", &[("InstanceId", &format!("i-{i}"))]),
        );
    }
    collector.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, listed, place};

    fn collect(entries: &[AwsEntry], tags: &TagIndex, metrics: &[Listed]) -> Vec<Target> {
        let mut collector = Collector::new(place("eu-west-1"), entries, tags);
        for m in metrics {
            collector.offer("AWS/EC2", m);
        }
        collector.finish()
    }

    #[test]
    fn filters_by_name_and_dimension_and_lists_nothing_twice() {
        let mut e = entry("AWS/EC2");
        e.names = vec![Matcher::new("CPU*", |s| s.starts_with("CPU"))];
        e.dimensions = vec![("InstanceId".into(), Matcher::new("i-*", |s| s.starts_with("i-")))];
        let wanted = listed("CPUUtilization", &[("InstanceId", "i-1")]);
        let others = [
            listed("NetworkIn", &[("InstanceId", "i-1")]),
            listed("CPUUtilization", &[("InstanceId", "x-1")]),
            listed("CPUUtilization", &[]),
        ];
        let metrics: Vec<Listed> = [wanted.clone(), wanted].into_iter().chain(others).collect();
        let targets = collect(&[e.clone(), e], &TagIndex::default(), &metrics);
        let described: Vec<String> = targets.iter().map(|t| t.detail.describe()).collect();
        assert_eq!(described, ["CPUUtilization InstanceId=i-1"]);
    }

    #[test]
    fn tags_choose_and_are_copied() {
        let mut e = entry("AWS/EC2");
        e.tags = vec![("env".into(), Matcher::exactly("prod"))];
        e.copy_tags = vec!["team".into(), "absent".into()];
        let mut tags = TagIndex::default();
        let arn = "arn:aws:ec2:eu-west-1:1:instance/i-1";
        tags.add(
            arn.into(),
            vec![("env".into(), "prod".into()), ("team".into(), "a".into())],
        );
        let metrics = ["i-1", "i-2"].map(|i| listed("CPUUtilization", &[("InstanceId", i)]));
        let targets = collect(&[e], &tags, &metrics);
        let resources: Vec<_> = targets
            .iter()
            .filter_map(AwsTarget::of)
            .map(|t| &t.resource)
            .collect();
        assert_eq!(resources.len(), 1);
        for (key, wanted) in [
            ("cloud.resource_id", Some(arn)),
            ("tag.team", Some("a")),
            ("tag.absent", None),
            ("cloud.platform", Some("aws_ec2")),
            ("cloud.account.id", Some("123456789012")),
        ] {
            assert_eq!(resources[0].attributes().get(key), wanted, "{key}");
        }
    }

    #[test]
    fn strings_and_resources_are_shared() {
        let metrics = ["a", "b"].map(|n| listed(n, &[("InstanceId", "i-1")]));
        let targets = collect(&[entry("AWS/EC2")], &TagIndex::default(), &metrics);
        let details: Vec<_> = targets.iter().filter_map(AwsTarget::of).collect();
        assert!(Arc::ptr_eq(&details[0].resource, &details[1].resource));
    }
}
