//! What there is to poll in one region: one `ListMetrics` scan per namespace, filtered while it is read, joined with
//! the tags of the resources where the configuration asks for tags.
//!
//! A scan that fails makes the region an error, because a catalogue replaces all that was known of its region.

use crate::config::AwsEntry;
use crate::plan::MOST_POINTS;
use crate::tags::TagIndex;
use crate::units;
use provider_api::{Attributes, Detail, Group, GroupSpec, Metric, Resource, Scope, Target, TargetId};
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Most pages of one `ListMetrics` scan, 500 metrics each: five million metrics in one namespace of one region.
pub(crate) const MOST_LIST_PAGES: u64 = 10_000;
/// `RecentlyActive=PT3H` leaves out what has no point in the last three hours, so the first poll and the lookback of
/// every later one must lie within them.
const RECENTLY_ACTIVE: Duration = Duration::from_hours(3);
/// A backfill window leaves room for this many targets in one call.
const TARGETS_IN_LONGEST_WINDOW: u64 = 50;

/// One metric name of one entry, shared by all its targets.
#[derive(Debug)]
pub(crate) struct MetricOf {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    /// The statistics asked for, under AWS's names within.
    pub(crate) statistics: Box<[Arc<Metric>]>,
}

/// One metric with its dimensions, and all its statistics.
#[derive(Debug)]
pub(crate) struct AwsTarget {
    pub(crate) metric: Arc<MetricOf>,
    pub(crate) dimensions: Attributes,
    pub(crate) resource: Arc<Resource>,
}

impl AwsTarget {
    /// Our own knowledge of a target; nothing when it is another provider's.
    pub(crate) fn of(target: &Target) -> Option<&Self> {
        target.detail.as_any().downcast_ref()
    }
}

impl Detail for AwsTarget {
    fn describe(&self) -> String {
        let mut text = self.metric.name.to_string();
        for (name, value) in self.dimensions.iter() {
            let pair = format!(" {name}={value}");
            text.push_str(&pair);
        }
        text
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

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

/// Each text once.
#[derive(Debug, Default)]
struct Interner(HashSet<Arc<str>>);

impl Interner {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// Collects the targets of one region.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    place: Place,
    entries: &'a [AwsEntry],
    groups: Vec<Group>,
    tags: &'a TagIndex,
    texts: Interner,
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
            texts: Interner::default(),
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
        Attributes::new(
            listed
                .dimensions
                .iter()
                .map(|(k, v)| (texts.get(k), texts.get(v)))
                .collect(),
        )
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
    let named = entry.names.is_empty() || entry.names.iter().any(|m| m.fits(&listed.name));
    named
        && entry.dimensions.iter().all(|(wanted, matcher)| {
            listed
                .dimensions
                .iter()
                .any(|(k, v)| k == wanted && matcher.fits(v))
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
    TargetId::of(&format!(
        "{scope}|{}|{}|{dimensions}|{seconds}|{statistics}",
        entry.namespace, listed.name
    ))
}

/// One group per entry, with names that stay unique.
fn groups(scope: &Scope, entries: &[AwsEntry]) -> Vec<Group> {
    let mut named: HashMap<String, usize> = HashMap::new();
    let group = |entry: &AwsEntry| {
        let base = format!("{scope} {} {}s", entry.namespace, entry.grain().as_secs());
        let times = named.entry(base.clone()).and_modify(|n| *n += 1).or_insert(1);
        let name = if *times == 1 {
            base
        } else {
            format!("{base} #{times}")
        };
        Arc::new(spec(scope, entry, name.into()))
    };
    entries.iter().map(group).collect()
}

fn spec(scope: &Scope, entry: &AwsEntry, name: Arc<str>) -> GroupSpec {
    let grain = entry.grain();
    GroupSpec {
        scope: scope.clone(),
        name,
        namespace: entry.namespace.as_str().into(),
        grain,
        on_grain: true,
        every: entry.every,
        settle: entry.settle,
        lookback: entry.lookback,
        initial: entry.initial,
        retention: retention(grain),
        longest_window: longest_window(grain, entry.statistics().len()),
    }
}

/// How long points of a period can be read (API reference of `GetMetricData`).
fn retention(grain: Duration) -> Duration {
    let day = Duration::from_hours(24);
    match grain.as_secs() {
        0..60 => Duration::from_hours(3),
        60..300 => day * 15,
        300..3_600 => day * 63,
        _ => day * 455,
    }
}

/// So many grains that [`TARGETS_IN_LONGEST_WINDOW`] targets fit into one call; at least one.
fn longest_window(grain: Duration, statistics: usize) -> Duration {
    let statistics = u64::try_from(statistics).unwrap_or(u64::MAX).max(1);
    let grains = (MOST_POINTS / TARGETS_IN_LONGEST_WINDOW / statistics).max(1);
    Duration::from_secs(grain.as_secs().saturating_mul(grains)).min(retention(grain))
}

/// Each namespace once, and whether only recently active metrics need be listed for it.
pub(crate) fn scans(entries: &[AwsEntry]) -> Vec<(&str, bool)> {
    let mut scans: Vec<(&str, bool)> = Vec::new();
    for entry in entries {
        let recent = entry.settle + entry.lookback + entry.every <= RECENTLY_ACTIVE;
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

/// Targets for the tests of other files.
#[cfg(test)]
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
    use crate::config::Matcher;
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
    fn groups_have_unique_names_and_limits_of_their_period() {
        let mut coarse = entry("AWS/EC2");
        coarse.period = Some(Duration::from_secs(300));
        let groups = groups(&Scope::new("r"), &[entry("AWS/EC2"), entry("AWS/EC2"), coarse]);
        let names: Vec<&str> = groups.iter().map(|g| &*g.name).collect();
        assert_eq!(names, ["r AWS/EC2 60s", "r AWS/EC2 60s #2", "r AWS/EC2 300s"]);
        assert_eq!(groups[2].retention, Duration::from_hours(24 * 63));
        assert_eq!(groups[0].longest_window, Duration::from_mins(2_016));
    }

    #[test]
    fn only_short_reaches_list_recently_active_metrics() {
        let mut long = entry("AWS/S3");
        long.lookback = Duration::from_hours(48);
        assert_eq!(
            scans(&[entry("AWS/EC2"), long, entry("AWS/S3")]),
            [("AWS/EC2", true), ("AWS/S3", false)]
        );
    }

    #[test]
    fn strings_and_resources_are_shared() {
        let metrics = ["a", "b"].map(|n| listed(n, &[("InstanceId", "i-1")]));
        let targets = collect(&[entry("AWS/EC2")], &TagIndex::default(), &metrics);
        let details: Vec<_> = targets.iter().filter_map(AwsTarget::of).collect();
        assert!(Arc::ptr_eq(&details[0].resource, &details[1].resource));
    }
}
