//! The tags of resources as the tagging API lists them, and which resource a metric is about, by the table in `arns`.
//!
//! A metric has the right resource or none: only resources of its namespace's own services come into question, and of
//! several that fit none is taken.

use crate::arns::{rows, rows_of_service, service};
use provider_api::{Attributes, Matcher};
use std::collections::{BTreeSet, HashMap};

/// Most pages of one `GetResources` scan, 100 resources each.
pub(crate) const MOST_TAG_PAGES: u64 = 10_000;

/// A resource that has, or had, tags.
#[derive(Debug)]
pub(crate) struct Tagged {
    pub(crate) arn: String,
    tags: Vec<(String, String)>,
}

impl Tagged {
    /// The value of a tag.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// Whose a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// Of no resource that has tags.
    Nobody,
    /// Of the resource at this place.
    One(usize),
    /// Of one of several, nobody knows which.
    Several,
}

impl Owner {
    /// The place of the resource.
    pub(crate) fn place(self) -> Option<usize> {
        match self {
            Self::One(place) => Some(place),
            Self::Nobody | Self::Several => None,
        }
    }
}

/// All tagged resources of a region.
#[derive(Debug, Default)]
pub(crate) struct TagIndex {
    resources: Vec<Tagged>,
    by_arn: HashMap<String, usize>,
    /// By a row of the table and the dimensions that a metric about the resource would have.
    by_row: HashMap<(usize, Vec<String>), Vec<usize>>,
}

impl TagIndex {
    /// A resource that was listed before is known by what was said of it first.
    pub(crate) fn add(&mut self, arn: String, tags: Vec<(String, String)>) {
        if self.by_arn.contains_key(&arn) {
            return;
        }
        let place = self.resources.len();
        for (row, dimensions) in
            rows_of_service(service(&arn)).filter_map(|(index, row)| Some((index, row.dimensions_of(&arn)?)))
        {
            self.by_row.entry((row, dimensions)).or_default().push(place);
        }
        self.by_arn.insert(arn.clone(), place);
        self.resources.push(Tagged { arn, tags });
    }

    pub(crate) fn resource(&self, place: usize) -> Option<&Tagged> {
        self.resources.get(place)
    }

    /// All keys of tags.
    pub(crate) fn keys(&self) -> BTreeSet<&str> {
        let tags = self.resources.iter().flat_map(|tagged| &tagged.tags);
        tags.map(|(key, _)| key.as_str()).collect()
    }

    /// All values of a tag.
    pub(crate) fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.resources.iter().filter_map(move |tagged| tagged.tag(key))
    }

    /// The resource that a metric is about: of the kinds that name most of its dimensions the first of which one is listed.
    pub(crate) fn owner(&self, namespace: &str, dimensions: &Attributes) -> Owner {
        let rows = rows(namespace, |name| dimensions.get(name).is_some());
        for (index, row) in &rows {
            let mut found: Vec<usize> = row
                .read_as(|name| dimensions.get(name))
                .into_iter()
                .filter_map(|read| self.by_row.get(&(*index, read)))
                .flatten()
                .copied()
                .collect();
            found.dedup();
            match found.as_slice() {
                [] => {}
                [one] => return Owner::One(*one),
                _ => return Owner::Several,
            }
        }
        if rows.is_empty() {
            self.named_whole(dimensions)
        } else {
            Owner::Nobody
        }
    }

    /// A service that the table does not know may still give a whole ARN as a dimension.
    fn named_whole(&self, dimensions: &Attributes) -> Owner {
        let named = dimensions.iter().find_map(|(_, value)| self.by_arn.get(value));
        named.map_or(Owner::Nobody, |place| Owner::One(*place))
    }

    /// Whether the owner has all tags that are asked for; without an owner nothing fits but an empty demand.
    pub(crate) fn fits(&self, owner: Owner, wanted: &[(String, Matcher)]) -> bool {
        let tagged = owner.place().and_then(|place| self.resources.get(place));
        wanted
            .iter()
            .all(|(key, m)| tagged.and_then(|t| t.tag(key)).is_some_and(|v| m.matches(v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(arns: &[&str]) -> TagIndex {
        let mut index = TagIndex::default();
        for arn in arns {
            index.add((*arn).to_owned(), Vec::new());
        }
        index
    }

    fn dimensions(pairs: &[(&str, &str)]) -> Attributes {
        Attributes::new(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())
    }

    /// Of services that name things alike.
    const ARNS: [&str; 16] = [
        "arn:aws:ec2:r:1:instance/i-1",
        "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/web/50dc",
        "arn:aws:elasticloadbalancing:r:1:targetgroup/web/77aa",
        "arn:aws:rds:r:1:db:web",
        "arn:aws:lambda:r:1:function:web",
        "arn:aws:sqs:r:1:web",
        "arn:aws:ecs:r:1:cluster/web",
        "arn:aws:eks:r:1:cluster/web",
        "arn:aws:ecs:r:1:service/web/api",
        "arn:aws:kafka:r:1:cluster/stream/0a-1",
        "arn:aws:mq:r:1:broker:orders:b-0a",
        "arn:aws:states:r:1:stateMachine:m",
        "arn:aws:acm:r:1:certificate/0a",
        "arn:aws:wafv2:r:1:regional/webacl/acl/0a",
        "arn:aws:bedrock:r:1:guardrail/g",
        "arn:aws:newservice:r:1:thing/t",
    ];

    fn resource(namespace: &str, pairs: &[(&str, &str)]) -> Option<&'static str> {
        let place = index(&ARNS).owner(namespace, &dimensions(pairs)).place();
        place.and_then(|place| ARNS.get(place)).copied()
    }

    #[test]
    fn a_metric_has_the_right_resource() {
        for (namespace, pairs, wanted) in [
            ("AWS/EC2", vec![("InstanceId", "i-1")], 0),
            (
                "AWS/ApplicationELB",
                vec![("LoadBalancer", "app/web/50dc"), ("AvailabilityZone", "a")],
                1,
            ),
            (
                "AWS/ApplicationELB",
                vec![
                    ("LoadBalancer", "app/web/50dc"),
                    ("TargetGroup", "targetgroup/web/77aa"),
                ],
                2,
            ),
            // The group has no tags, its load balancer has.
            (
                "AWS/ApplicationELB",
                vec![
                    ("LoadBalancer", "app/web/50dc"),
                    ("TargetGroup", "targetgroup/x/0"),
                ],
                1,
            ),
            ("AWS/RDS", vec![("DBInstanceIdentifier", "web")], 3),
            (
                "AWS/Lambda",
                vec![("FunctionName", "web"), ("Resource", "web:live")],
                4,
            ),
            ("AWS/SQS", vec![("QueueName", "web")], 5),
            ("AWS/ECS", vec![("ClusterName", "web")], 6),
            ("ContainerInsights", vec![("ClusterName", "web")], 7),
            ("AWS/ECS", vec![("ClusterName", "web"), ("ServiceName", "api")], 8),
            (
                "AWS/Kafka",
                vec![("Cluster Name", "stream"), ("Broker ID", "1"), ("Topic", "t")],
                9,
            ),
            ("AWS/AmazonMQ", vec![("Broker", "orders-1"), ("Queue", "web")], 10),
            ("AWS/AmazonMQ", vec![("Broker", "orders")], 10),
            ("AWS/States", vec![("StateMachineArn", ARNS[11])], 11),
            ("AWS/CertificateManager", vec![("CertificateArn", ARNS[12])], 12),
            (
                "AWS/WAFV2",
                vec![("WebACL", "acl"), ("Rule", "ALL"), ("Region", "r")],
                13,
            ),
            (
                "AWS/Bedrock/Guardrails",
                vec![("GuardrailArn", ARNS[14]), ("Operation", "x")],
                14,
            ),
            ("AWS/NewService", vec![("ThingArn", ARNS[15])], 15),
        ] {
            assert_eq!(
                resource(namespace, &pairs),
                Some(ARNS[wanted]),
                "{namespace} {pairs:?}"
            );
        }
    }

    #[test]
    fn or_it_has_none() {
        for (namespace, pairs) in [
            ("AWS/EC2", vec![("InstanceId", "i-2")]),
            // A cluster of another service by the same name, and an untagged one of its own.
            ("AWS/DocDB", vec![("DBClusterIdentifier", "web")]),
            ("AWS/Neptune", vec![("DBClusterIdentifier", "web")]),
            ("AWS/RDS", vec![("DBClusterIdentifier", "web")]),
            ("AWS/Kafka", vec![("Cluster Name", "web"), ("Topic", "web")]),
            ("AWS/SNS", vec![("TopicName", "web")]),
            // A service without tags does not take its cluster's.
            ("AWS/ECS", vec![("ClusterName", "web"), ("ServiceName", "other")]),
            ("Shop", vec![("Function", "web")]),
        ] {
            assert_eq!(resource(namespace, &pairs), None, "{namespace} {pairs:?}");
        }
    }

    #[test]
    fn of_several_that_fit_none_is_taken() {
        let twins = index(&[
            "arn:aws:elasticbeanstalk:r:1:environment/shop/prod",
            "arn:aws:elasticbeanstalk:r:1:environment/blog/prod",
            "arn:aws:elasticbeanstalk:r:1:environment/blog/test",
            "arn:aws:mq:r:1:broker:a:b-1",
            "arn:aws:mq:r:1:broker:a-1:b-2",
        ]);
        for (namespace, pair, wanted) in [
            (
                "AWS/ElasticBeanstalk",
                ("EnvironmentName", "prod"),
                Owner::Several,
            ),
            ("AWS/ElasticBeanstalk", ("EnvironmentName", "test"), Owner::One(2)),
            ("AWS/AmazonMQ", ("Broker", "a-1"), Owner::Several),
            ("AWS/AmazonMQ", ("Broker", "a-2"), Owner::One(3)),
        ] {
            assert_eq!(twins.owner(namespace, &dimensions(&[pair])), wanted, "{pair:?}");
        }
    }

    #[test]
    fn a_resource_that_is_listed_twice_is_one() {
        let index = index(&["arn:aws:sqs:r:1:q", "arn:aws:sqs:r:1:q"]);
        assert_eq!(
            index.owner("AWS/SQS", &dimensions(&[("QueueName", "q")])),
            Owner::One(0)
        );
    }

    #[test]
    fn a_tag_is_demanded_of_the_owner() {
        let mut index = TagIndex::default();
        index.add("arn:aws:sqs:r:1:q".into(), vec![("env".into(), "prod".into())]);
        let wanted = |value: &str| vec![("env".to_owned(), Matcher::exactly(value))];
        let one = Owner::One(0);
        assert!(index.fits(one, &wanted("prod")) && !index.fits(one, &wanted("test")));
        for owner in [Owner::Nobody, Owner::Several] {
            assert!(!index.fits(owner, &wanted("prod")) && index.fits(owner, &[]));
        }
        assert_eq!(index.values("env").collect::<Vec<_>>(), ["prod"]);
    }
}
