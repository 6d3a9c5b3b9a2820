//! From listed metrics to targets: filtered while they are read, joined with tags, everything shared that repeats.

use super::claims::{Claim, claims};
use super::groups::Groups;
use super::identity::{identity, members};
use super::seen::Seen;
use super::target::{AwsTarget, MetricOf};
use crate::config::AwsEntry;
use crate::tags::{Owner, TagIndex};
use crate::{arns, units};
use provider_api::{Attributes, Group, Members, Resource, Scope, Target, TargetId, Texts};
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

/// A target to be, as all metrics of one name have it that the same entries fit.
#[derive(Debug)]
struct Share {
    group: Group,
    members: Members,
    metric: Arc<MetricOf>,
    /// What its entries want of tags, by its place in [`Collector::wishes`].
    wish: usize,
}

/// By the entries that fit a metric, and its name.
type Shares = HashMap<Vec<usize>, HashMap<Arc<str>, Arc<[Share]>>>;

/// Collects the targets of one region.
#[derive(Debug)]
pub(crate) struct Collector<'a> {
    place: Place,
    entries: &'a [AwsEntry],
    groups: Groups,
    /// Nothing when the resources' tags could not be listed: what is chosen by tags has to wait.
    tags: Option<&'a TagIndex>,
    texts: Texts,
    /// The metrics of one resource have the same dimensions.
    dimensions: HashSet<Attributes>,
    shares: Shares,
    wishes: Vec<Wish<'a>>,
    about: HashMap<Arc<str>, HashMap<Attributes, About>>,
    resources: HashMap<(usize, About), Arc<Resource>>,
    resources_by_key: HashMap<u128, Arc<Resource>>,
    known: HashSet<TargetId>,
    targets: Vec<Target>,
    seen: Seen<'a>,
}

/// What entries want of tags, together.
#[derive(Debug, PartialEq, Eq)]
struct Wish<'a> {
    /// Whether they ask for them at all.
    tags: bool,
    copied: Vec<&'a str>,
}

/// What the metrics of one resource have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct About {
    platform: Option<&'static str>,
    owner: Owner,
    /// Written from the dimensions.
    arn: Option<Arc<str>>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(place: Place, entries: &'a [AwsEntry], tags: Option<&'a TagIndex>) -> Self {
        Self {
            groups: Groups::new(&place.scope, entries),
            place,
            entries,
            tags,
            texts: Texts::default(),
            dimensions: HashSet::new(),
            shares: Shares::new(),
            wishes: Vec::new(),
            about: HashMap::new(),
            resources: HashMap::new(),
            resources_by_key: HashMap::new(),
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
        let about = self.about(namespace, &dimensions);
        let mut fitting = Vec::with_capacity(wanting.len());
        for (index, entry) in wanting {
            if let Some(tags) = self.tags.filter(|_| entry.needs_tags()) {
                self.seen.joined(index, about.owner, tags);
            }
            let chosen = |tags: &TagIndex| tags.fits(about.owner, &entry.tags);
            if entry.tags.is_empty() || self.tags.is_some_and(chosen) {
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
        let id = identity(&self.place.scope, namespace, listed, share.group.grain);
        // A list may repeat itself.
        if !self.known.insert(id) {
            return;
        }
        let resource = self.resource(share.wish, about);
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
        let wish = self.wish(&claim.askers);
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

    fn wish(&mut self, askers: &[usize]) -> usize {
        let askers = || askers.iter().filter_map(|i| self.entries.get(*i));
        let mut copied: Vec<&str> = askers()
            .flat_map(|e| e.copy_tags.iter().map(String::as_str))
            .collect();
        copied.sort_unstable();
        copied.dedup();
        let tags = askers().any(AwsEntry::needs_tags);
        let wish = Wish { tags, copied };
        self.wishes
            .iter()
            .position(|known| *known == wish)
            .unwrap_or_else(|| {
                self.wishes.push(wish);
                self.wishes.len() - 1
            })
    }

    fn about(&mut self, namespace: &str, dimensions: &Attributes) -> About {
        if let Some(known) = self.about.get(namespace).and_then(|all| all.get(dimensions)) {
            return known.clone();
        }
        let at = arns::At {
            region: &self.place.scope.0,
            account: self.place.account_number.as_deref(),
        };
        let arn = arns::written(namespace, |name| dimensions.get(name), at);
        let new = About {
            platform: units::platform(namespace),
            owner: self
                .tags
                .map_or(Owner::Nobody, |tags| tags.owner(namespace, dimensions)),
            arn: arn.map(Arc::from),
        };
        let of_namespace = self.about.entry(self.texts.get(namespace)).or_default();
        of_namespace.insert(dimensions.clone(), new.clone());
        new
    }

    fn resource(&mut self, wish: usize, about: &About) -> Arc<Resource> {
        let key = (wish, about.clone());
        if let Some(known) = self.resources.get(&key) {
            return Arc::clone(known);
        }
        let new = self.described(wish, about);
        let by_key = self.resources_by_key.entry(new.key());
        let shared = Arc::clone(by_key.or_insert_with(|| Arc::new(new)));
        self.resources.insert(key, Arc::clone(&shared));
        shared
    }

    /// Account and region identify it, for the dimensions of a series say the rest. What has to be asked for and may be
    /// refused (the account's number, tags) only describes it.
    fn described(&mut self, wish: usize, about: &About) -> Resource {
        let wish = self.wishes.get(wish);
        let owner = about.owner.place().and_then(|o| self.tags?.resource(o));
        let texts = &mut self.texts;
        let mut pair = |key: &str, value: &str| (texts.get(key), texts.get(value));
        let identifying = vec![
            pair("cloud.provider", "aws"),
            pair("cloud.region", &self.place.scope.0),
            pair("nephoscope.account", &self.place.account),
        ];
        let mut describing = Vec::new();
        let number = self.place.account_number.as_deref();
        describing.extend(number.map(|n| pair("cloud.account.id", n)));
        describing.extend(about.platform.map(|p| pair("cloud.platform", p)));
        let mut added = Vec::new();
        if let Some(owner) = owner {
            let arn = pair("cloud.resource_id", &owner.arn);
            // Format 3 told only those of the ARN who asked for tags.
            if let Some(wish) = wish.filter(|wish| wish.tags) {
                describing.push(arn);
                let copied = wish.copied.iter();
                let copied = copied.filter_map(|k| Some(pair(&format!("tag.{k}"), owner.tag(k)?)));
                describing.extend(copied);
            } else {
                added.push(arn);
            }
        }
        added.extend(about.arn.iter().map(|arn| pair("cloud.resource_id", arn)));
        Resource::described(identifying, describing, added)
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
mod tests {
    use super::*;
    use crate::testing::{entry, listed, place};
    use provider_api::Matcher;

    fn collect(entries: &[AwsEntry], tags: &TagIndex, metrics: &[Listed]) -> Vec<Target> {
        let mut collector = Collector::new(place("eu-west-1"), entries, Some(tags));
        for m in metrics {
            collector.offer("AWS/EC2", m);
        }
        collector.finish().0
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
    fn what_two_entries_ask_of_a_metric_is_one_target_that_keeps_its_identity() {
        let with = |statistics: &[&str]| AwsEntry {
            statistics: statistics.iter().map(|&s| s.into()).collect(),
            ..entry("AWS/EC2")
        };
        let metric = [listed("CPUUtilization", &[("InstanceId", "i-1")])];
        let tags = TagIndex::default();
        let one = |entries: &[AwsEntry]| collect(entries, &tags, &metric).pop().expect("a target");
        let before = one(&[with(&["Average", "Maximum"])]);
        let reordered = one(&[with(&["Maximum", "Average"])]);
        let apart = one(&[with(&["Maximum"]), with(&["Average", "Maximum"])]);
        let more = one(&[with(&["Average", "Maximum", "Minimum"])]);
        for other in [&reordered, &apart, &more] {
            assert_eq!(other.id, before.id);
        }
        assert_eq!([reordered.members, apart.members], [before.members; 2]);
        assert_ne!(more.members, before.members);
        assert_eq!(
            (
                apart.series,
                collect(&[with(&["Maximum"]), with(&["Average"])], &tags, &metric).len()
            ),
            (2, 1)
        );
        let text =
            |statistics: &str| format!("eu-west-1|AWS/EC2|CPUUtilization|InstanceId=i-1|60|{statistics}");
        let former = |statistics: &[&str]| -> Vec<TargetId> {
            statistics.iter().map(|s| TargetId::of_text(&text(s))).collect()
        };
        assert_eq!(AwsTarget::formerly(&before), former(&["Average,Maximum"]));
        assert_eq!(
            AwsTarget::formerly(&apart),
            former(&["Maximum", "Average,Maximum"])
        );
    }

    #[test]
    fn dimensions_that_must_be_absent_leave_one_target_of_a_load_balancer() {
        let (balancer, zones) = (("LoadBalancer", "app/web/1"), ["a", "b", "c"]);
        let mut metrics = vec![listed("RequestCount", &[balancer])];
        metrics.extend(zones.map(|z| listed("RequestCount", &[balancer, ("AvailabilityZone", z)])));
        for group in ["targetgroup/a/1", "targetgroup/b/1"] {
            metrics.push(listed("RequestCount", &[balancer, ("TargetGroup", group)]));
            metrics.extend(zones.map(|z| {
                listed(
                    "RequestCount",
                    &[balancer, ("TargetGroup", group), ("AvailabilityZone", z)],
                )
            }));
        }
        assert_eq!(metrics.len(), 12);
        let mut e = entry("AWS/EC2");
        e.dimensions = vec![("LoadBalancer".into(), Matcher::new("*", |_| true))];
        let tags = TagIndex::default();
        for (absent, wanted) in [
            (vec![], 12),
            (vec!["AvailabilityZone"], 3),
            (vec!["AvailabilityZone", "TargetGroup"], 1),
            (vec!["LoadBalancer"], 0),
        ] {
            e.absent = absent.into_iter().map(str::to_owned).collect();
            assert_eq!(collect(&[e.clone()], &tags, &metrics).len(), wanted);
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
