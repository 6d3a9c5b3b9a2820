//! Targets and resources of listed metrics.

use super::*;
use crate::testing::{entry, listed, place};
use provider_api::{Matcher, Resource, Series, SeriesId};

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
    let text = |statistics: &str| format!("eu-west-1|AWS/EC2|CPUUtilization|InstanceId=i-1|60|{statistics}");
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

/// The identity that a series has on disk, and the one that format 3 has for it.
fn ids(target: &Target) -> (SeriesId, SeriesId) {
    let detail = AwsTarget::of(target).expect("ours");
    let series = Series {
        resource: Arc::clone(&detail.resource),
        metric: Arc::clone(&detail.metric.statistics[0]),
        attributes: detail.dimensions.clone(),
    };
    (series.id(), series.former_ids()[1])
}

/// As format 3 had it: everything that it knew of the resource identified the series.
fn as_format_3_had_it(target: &Target, told: &[(&str, &str)]) -> SeriesId {
    let detail = AwsTarget::of(target).expect("ours");
    let known = [
        ("cloud.account.id", "123456789012"),
        ("cloud.platform", "aws_ec2"),
        ("cloud.provider", "aws"),
        ("cloud.region", "eu-west-1"),
        ("nephoscope.account", "prod"),
    ];
    let pairs = known.iter().chain(told).map(|(k, v)| ((*k).into(), (*v).into()));
    let series = Series {
        resource: Arc::new(Resource::new(Attributes::new(pairs.collect()))),
        metric: Arc::clone(&detail.metric.statistics[0]),
        attributes: detail.dimensions.clone(),
    };
    series.former_ids()[1]
}

#[test]
fn a_series_stays_the_same_whatever_is_told_of_its_resource() {
    let arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1";
    let metric = [listed("CPUUtilization", &[("InstanceId", "i-1")])];
    let tagged = |team: &str| {
        let mut tags = TagIndex::default();
        tags.add(arn.into(), vec![("team".into(), team.into())]);
        tags
    };
    let copying = AwsEntry {
        copy_tags: vec!["team".into()],
        ..entry("AWS/EC2")
    };
    let one = |entry: &AwsEntry, tags: &TagIndex| {
        let targets = collect(std::slice::from_ref(entry), tags, &metric);
        targets.into_iter().next().expect("a target")
    };
    let plain = one(&entry("AWS/EC2"), &TagIndex::default());
    let (a, b) = (one(&copying, &tagged("a")), one(&copying, &tagged("b")));
    for target in [&plain, &a, &b] {
        assert_eq!(ids(target).0, ids(&plain).0);
        let resource = &AwsTarget::of(target).expect("ours").resource;
        assert_eq!(resource.attributes().get("cloud.resource_id"), Some(arn));
    }
    assert_eq!(ids(&plain).1, as_format_3_had_it(&plain, &[]), "its ARN is new");
    for (target, team) in [(&a, "a"), (&b, "b")] {
        let told = [("cloud.resource_id", arn), ("tag.team", team)];
        assert_eq!(ids(target).1, as_format_3_had_it(target, &told));
    }
}

#[test]
fn what_may_be_one_of_several_resources_has_the_tags_of_none() {
    let mut tags = TagIndex::default();
    for shop in ["a", "b"] {
        let arn = format!("arn:aws:elasticbeanstalk:eu-west-1:1:environment/{shop}/prod");
        tags.add(arn, vec![("env".into(), shop.into())]);
    }
    let mut wanted = entry("AWS/ElasticBeanstalk");
    wanted.copy_tags = vec!["env".into()];
    let entries = [wanted];
    let mut collector = Collector::new(place("eu-west-1"), &entries, Some(&tags));
    let metric = listed("EnvironmentHealth", &[("EnvironmentName", "prod")]);
    collector.offer("AWS/ElasticBeanstalk", &metric);
    let (targets, seen) = collector.finish();
    let resource = &AwsTarget::of(&targets[0]).expect("ours").resource;
    assert_eq!(resource.attributes().get("tag.env"), None);
    let joined = seen.all_joined();
    assert_eq!(
        (joined[0].metrics, joined[0].found, joined[0].ambiguous),
        (1, 0, 1)
    );
}
