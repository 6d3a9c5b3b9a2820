//! Which resource a metric is about: ARNs and tags as the tagging API lists them, joined to the values of dimensions.
//!
//! `CloudWatch` does not say which resource a metric belongs to. The join is a rule and not a table: the resource part of
//! an ARN, the same without its first segment, or its last segment equals the value of a dimension.

use provider_api::Matcher;
use std::collections::HashMap;

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

    /// `ec2` of `arn:aws:ec2:…`.
    fn service(&self) -> &str {
        self.arn.split(':').nth(2).unwrap_or_default()
    }

    /// `db` of `arn:aws:rds:…:db:orders`, without dashes.
    fn kind(&self) -> String {
        let part = resource_part(&self.arn);
        part.split(['/', ':']).next().unwrap_or_default().replace('-', "")
    }
}

/// All tagged resources of a region, by what a dimension may call them.
#[derive(Debug, Default)]
pub(crate) struct TagIndex {
    resources: Vec<Tagged>,
    by_name: HashMap<String, Vec<usize>>,
}

impl TagIndex {
    pub(crate) fn add(&mut self, arn: String, tags: Vec<(String, String)>) {
        let index = self.resources.len();
        for name in names(&arn) {
            self.by_name.entry(name.to_owned()).or_default().push(index);
        }
        self.resources.push(Tagged { arn, tags });
    }

    pub(crate) fn resource(&self, index: usize) -> Option<&Tagged> {
        self.resources.get(index)
    }

    /// The resource that these dimensions are about. Of several, the one whose ARN names most of the values, then the
    /// one whose type the dimension's name repeats (`DBClusterIdentifier` and `cluster`), then the first ARN.
    pub(crate) fn owner(&self, service: Option<&str>, dimensions: &[(String, String)]) -> Option<usize> {
        let mut best: Option<(usize, usize, std::cmp::Reverse<&str>, usize)> = None;
        for (name, value) in dimensions {
            for &index in self.by_name.get(value).into_iter().flatten() {
                let Some(tagged) = self.resources.get(index) else {
                    continue;
                };
                if service.is_some_and(|s| s != tagged.service()) {
                    continue;
                }
                let named = dimensions
                    .iter()
                    .filter(|(_, v)| tagged.arn.contains(v.as_str()))
                    .count();
                let kind = tagged.kind();
                let kin = if name.to_ascii_lowercase().contains(&kind) {
                    kind.len()
                } else {
                    0
                };
                best = best.max(Some((named, kin, std::cmp::Reverse(tagged.arn.as_str()), index)));
            }
        }
        best.map(|(_, _, _, index)| index)
    }

    /// Whether the owner has all tags that are asked for; without an owner nothing fits but an empty demand.
    pub(crate) fn fits(&self, owner: Option<usize>, wanted: &[(String, Matcher)]) -> bool {
        let tagged = owner.and_then(|o| self.resources.get(o));
        wanted
            .iter()
            .all(|(key, m)| tagged.and_then(|t| t.tag(key)).is_some_and(|v| m.matches(v)))
    }
}

/// What follows the fifth colon.
fn resource_part(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or(arn)
}

/// `loadbalancer/app/web/50dc` → itself, `app/web/50dc`, `50dc`.
fn names(arn: &str) -> Vec<&str> {
    let whole = resource_part(arn);
    let rest = whole.split_once(['/', ':']).map_or(whole, |(_, rest)| rest);
    let last = whole.rsplit(['/', ':']).next().unwrap_or(whole);
    let mut names = vec![whole, rest, last];
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(arns: &[&str], service: Option<&str>, dimensions: &[(&str, &str)]) -> Option<String> {
        let mut index = TagIndex::default();
        for arn in arns {
            index.add((*arn).to_owned(), Vec::new());
        }
        let dimensions: Vec<_> = dimensions
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        index
            .owner(service, &dimensions)
            .and_then(|i| index.resource(i))
            .map(|t| t.arn.clone())
    }

    #[test]
    fn arns_are_found_by_dimension_values() {
        let arns = [
            "arn:aws:ec2:r:1:instance/i-1",
            "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/web/50dc",
            "arn:aws:elasticloadbalancing:r:1:targetgroup/web/77aa",
            "arn:aws:rds:r:1:cluster:web",
            "arn:aws:rds:r:1:db:web",
            "arn:aws:lambda:r:1:function:web",
            "arn:aws:sqs:r:1:queue-1",
            "arn:aws:ecs:r:1:cluster/c1",
            "arn:aws:ecs:r:1:service/c1/api",
        ];
        for (service, dimensions, wanted) in [
            (Some("ec2"), vec![("InstanceId", "i-1")], Some(arns[0])),
            (Some("ec2"), vec![("InstanceId", "i-2")], None),
            (None, vec![("LoadBalancer", "app/web/50dc")], Some(arns[1])),
            (None, vec![("TargetGroup", "targetgroup/web/77aa")], Some(arns[2])),
            (Some("rds"), vec![("DBClusterIdentifier", "web")], Some(arns[3])),
            (Some("rds"), vec![("DBInstanceIdentifier", "web")], Some(arns[4])),
            (Some("lambda"), vec![("FunctionName", "web")], Some(arns[5])),
            (Some("sqs"), vec![("QueueName", "queue-1")], Some(arns[6])),
            (Some("ecs"), vec![("ClusterName", "c1")], Some(arns[7])),
            (
                Some("ecs"),
                vec![("ClusterName", "c1"), ("ServiceName", "api")],
                Some(arns[8]),
            ),
        ] {
            assert_eq!(
                owner(&arns, service, &dimensions).as_deref(),
                wanted,
                "{dimensions:?}"
            );
        }
    }

    #[test]
    fn a_tag_is_demanded_of_the_owner() {
        let mut index = TagIndex::default();
        index.add("arn:aws:sqs:r:1:q".into(), vec![("env".into(), "prod".into())]);
        let wanted = |value: &str| vec![("env".to_owned(), Matcher::exactly(value))];
        assert!(index.fits(Some(0), &wanted("prod")) && !index.fits(Some(0), &wanted("test")));
        assert!(!index.fits(None, &wanted("prod")) && index.fits(None, &[]));
    }
}
