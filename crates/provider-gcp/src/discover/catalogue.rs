//! From metric descriptors to targets. Pure.

use super::Found;
use super::groups::group;
use super::owners::{Part, parts};
use super::target::GcpTarget;
use crate::census::Census;
use crate::config::GcpConfig;
use google_cloud_api::model::MetricDescriptor;
use google_cloud_api::model::metric_descriptor::ValueType;
use provider_api::{Catalogue, Group, Scope, SkipReason, Skipped, Target, TargetId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A new type can be listed and read up to ten minutes after it was made, and is active when its first points are visible.
/// A longer window costs nothing here, where series are paid for and not points.
const LAG: Duration = Duration::from_secs(30 * 60);

/// What of the found types the configuration wants, and how it is polled.
pub(super) fn catalogue<'a>(
    census: &Census,
    config: &GcpConfig,
    project: &str,
    found: impl IntoIterator<Item = &'a Found>,
) -> Catalogue {
    let mut catalogue = Catalogue::empty(Scope::new(project), LAG);
    let mut groups = HashMap::new();
    for Found { descriptor, active } in found {
        let parts = parts(&config.entries, &descriptor.r#type);
        if !parts.is_empty() && !is_number(&descriptor.value_type) {
            let metric = Arc::from(descriptor.r#type.as_str());
            catalogue.skipped.push(Skipped {
                reason: SkipReason::NoNumber,
                metric,
                points: 0,
            });
            continue;
        }
        for part in parts {
            let spec = group(&catalogue.scope, part.index, part.entry, descriptor);
            let group = groups
                .entry(spec.name.clone())
                .or_insert_with(|| Arc::new(spec))
                .clone();
            let target = target(census, group, project, &part, (descriptor, *active));
            catalogue.targets.push(target);
        }
    }
    catalogue
}

/// What files of format 3 know a target by.
pub(crate) fn formerly(detail: &GcpTarget) -> TargetId {
    let filter = detail.filter.as_deref().unwrap_or_default();
    TargetId::of_text(&format!("{}|{}|{filter}", detail.project, detail.metric_type))
}

/// An unknown type of value may be a number: the points will tell.
fn is_number(value_type: &ValueType) -> bool {
    !matches!(value_type, ValueType::String | ValueType::Money)
}

fn target(
    census: &Census,
    group: Group,
    project: &str,
    part: &Part<'_>,
    (descriptor, active): (&MetricDescriptor, bool),
) -> Target {
    let id = part.id(project, &descriptor.r#type);
    let description = [&descriptor.description, &descriptor.display_name]
        .into_iter()
        .find(|d| !d.is_empty());
    let seen = census.of(id);
    let series = seen.get();
    let detail = GcpTarget {
        project: project.into(),
        metric_type: descriptor.r#type.as_str().into(),
        filter: part.entry.filter.as_deref().map(Arc::from),
        query: part.query(project, &descriptor.r#type).into(),
        active,
        unit: descriptor.unit.as_str().into(),
        description: description.map(String::as_str).unwrap_or_default().into(),
        seen,
    };
    Target {
        id,
        members: part.members(),
        group,
        series,
        detail: Arc::new(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::GcpEntry;
    use crate::discover::groups::DAY;
    use crate::testing::{descriptor, entry, starting};
    use provider_api::{AccountId, Matcher, Span};
    use std::collections::HashSet;

    fn found(descriptors: impl IntoIterator<Item = MetricDescriptor>) -> Vec<Found> {
        let active = |descriptor| Found {
            descriptor,
            active: true,
        };
        descriptors.into_iter().map(active).collect()
    }

    fn config(entries: Vec<GcpEntry>) -> GcpConfig {
        let mut config = GcpConfig::new(AccountId("ml".into()), vec![]);
        config.entries = entries;
        config
    }

    #[test]
    fn descriptors_become_targets_groups_and_skips() {
        let everything = || vec![Matcher::new("*", |_| true)];
        let config = config(vec![
            GcpEntry {
                types: vec![starting("compute.")],
                filter: Some("x = \"y\"".to_owned()),
                ..entry()
            },
            GcpEntry {
                types: everything(),
                ..entry()
            },
            GcpEntry {
                types: everything(),
                filter: Some("never".to_owned()),
                ..entry()
            },
        ]);
        let found = found([
            descriptor("compute.googleapis.com/a", "DOUBLE", Some(("60s", "240s"))),
            descriptor("custom.googleapis.com/b", "INT64", None),
            descriptor("compute.googleapis.com/slow", "INT64", Some(("300s", "600s"))),
            descriptor("compute.googleapis.com/words", "STRING", None),
        ]);
        let catalogue = catalogue(&Census::default(), &config, "p", &found);
        let listed: Vec<_> = catalogue
            .targets
            .iter()
            .map(|t| (t.detail.describe(), t.group.name.to_string()))
            .collect();
        let listed: Vec<_> = listed.iter().map(|(d, n)| (d.as_str(), n.as_str())).collect();
        assert_eq!(
            listed,
            [
                (
                    "compute.googleapis.com/a x = \"y\"",
                    "p compute.googleapis.com 60s"
                ),
                ("compute.googleapis.com/a", "p compute.googleapis.com 60s #2"),
                ("custom.googleapis.com/b", "p custom.googleapis.com 60s #2"),
                (
                    "compute.googleapis.com/slow x = \"y\"",
                    "p compute.googleapis.com 300s settle 600s"
                ),
                (
                    "compute.googleapis.com/slow",
                    "p compute.googleapis.com 300s settle 600s #2"
                ),
            ]
        );
        let ids: HashSet<_> = catalogue.targets.iter().map(|t| t.id).collect();
        assert_eq!(ids.len(), 5);
        assert_eq!(catalogue.skipped.len(), 1);
        assert_eq!(catalogue.targets[2].group.retention, DAY * 730);
        assert_eq!(
            catalogue.targets[0].group.settle,
            Span::Auto(Duration::from_secs(240))
        );
    }

    #[test]
    fn a_type_with_a_point_a_day_is_looked_back_over_a_day() {
        let config = config(vec![GcpEntry {
            types: vec![starting("")],
            ..entry()
        }]);
        let daily = descriptor("bigquery.googleapis.com/a", "INT64", Some(("86400s", "10800s")));
        let catalogue = catalogue(&Census::default(), &config, "p", &found([daily]));
        assert_eq!(catalogue.targets[0].group.initial, DAY);
    }

    /// Format 3 hashed project, type and filter between bars.
    #[test]
    fn targets_of_format_3_are_known() {
        for (filter, wanted) in [
            (None, "p|a.googleapis.com/x|"),
            (Some("x = 1"), "p|a.googleapis.com/x|x = 1"),
        ] {
            let config = config(vec![GcpEntry {
                types: vec![starting("a")],
                filter: filter.map(str::to_owned),
                ..entry()
            }]);
            let one = found([descriptor("a.googleapis.com/x", "INT64", None)]);
            let catalogue = catalogue(&Census::default(), &config, "p", &one);
            let detail = crate::plan::of(&catalogue.targets[0]).expect("ours");
            assert_eq!(formerly(detail), TargetId::of_text(wanted));
        }
    }
}
