//! What a target is, apart from how it is asked for: its identity, and the one that files of format 3 have for it.
//!
//! Both are in users' files. A test pins each.

use super::collector::Listed;
use provider_api::{Attributes, Members, Scope, TargetId};
use std::time::Duration;

/// Region, namespace, metric, each dimension with its value in the order of their names, period in seconds.
pub(super) fn identity(scope: &Scope, namespace: &str, listed: &Listed, grain: Duration) -> TargetId {
    let mut dimensions: Vec<(&str, &str)> = listed
        .dimensions
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    dimensions.sort_unstable();
    let seconds = grain.as_secs().to_string();
    let pairs = dimensions.into_iter().flat_map(|(name, value)| [name, value]);
    let pieces = [&*scope.0, namespace, &listed.name].into_iter().chain(pairs);
    TargetId::of(pieces.chain([seconds.as_str()]))
}

/// Statistics are what is asked, in no order.
pub(super) fn members(statistics: &[&str]) -> Members {
    let mut sorted = statistics.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    Members::of(sorted)
}

/// As format 3 has it: `eu-west-1|AWS/EC2|CPUUtilization|InstanceId=i-1|60|Average,Sum`, statistics as they stand in the
/// configuration.
pub(super) fn former(
    scope: &Scope,
    namespace: &str,
    name: &str,
    dimensions: &Attributes,
    grain: Duration,
    statistics: &str,
) -> TargetId {
    let mut pairs: Vec<String> = dimensions.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.sort();
    let (pairs, seconds) = (pairs.join(","), grain.as_secs());
    TargetId::of_text(&format!(
        "{scope}|{namespace}|{name}|{pairs}|{seconds}|{statistics}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::listed;

    const MINUTE: Duration = Duration::from_secs(60);

    fn id(dimensions: &[(&str, &str)], grain: Duration) -> TargetId {
        let metric = listed("CPUUtilization", dimensions);
        identity(&Scope::new("eu-west-1"), "AWS/EC2", &metric, grain)
    }

    #[test]
    fn identities_are_pinned() {
        assert_eq!(
            id(&[("InstanceId", "i-1")], MINUTE),
            TargetId(2_162_935_393_340_231_013)
        );
        assert_eq!(
            members(&["Average", "Maximum"]),
            Members(17_830_205_711_540_815_174)
        );
        let dimensions = Attributes::new(vec![("InstanceId".into(), "i-1".into())]);
        let scope = Scope::new("eu-west-1");
        let of = |statistics| {
            former(
                &scope,
                "AWS/EC2",
                "CPUUtilization",
                &dimensions,
                MINUTE,
                statistics,
            )
        };
        assert_eq!(of("Average,Maximum"), TargetId(3_154_944_576_643_838_848));
        assert_eq!(
            of("Average"),
            TargetId::of_text("eu-west-1|AWS/EC2|CPUUtilization|InstanceId=i-1|60|Average")
        );
    }

    #[test]
    fn what_is_something_else_has_another_identity_and_order_is_nothing() {
        let all = [
            id(&[], MINUTE),
            id(&[("A", "1,B=2")], MINUTE),
            id(&[("A", "1"), ("B", "2")], MINUTE),
            id(&[("A", "2"), ("B", "1")], MINUTE),
            id(&[("A1", ""), ("B", "2")], MINUTE),
            id(&[("A", "1B"), ("2", "")], MINUTE),
            id(&[("A", "1"), ("B", "2")], MINUTE * 5),
            id(&[("A", "1"), ("B", "2"), ("60", "")], MINUTE),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(id(&[("B", "2"), ("A", "1")], MINUTE), all[2]);
        assert_eq!(members(&["Sum", "Average"]), members(&["Average", "Sum", "Sum"]));
        assert_ne!(members(&["Sum"]), members(&["Average"]));
    }
}
