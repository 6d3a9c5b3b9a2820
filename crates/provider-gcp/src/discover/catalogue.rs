//! From descriptors to targets: what of the found types the configuration wants, with as many series as were seen.

use super::groups::group;
use super::target::GcpTarget;
use crate::census::Census;
use crate::config::{GcpConfig, GcpEntry};
use google_cloud_api::model::MetricDescriptor;
use google_cloud_api::model::metric_descriptor::ValueType;
use provider_api::{Catalogue, Group, Members, Scope, SkipReason, Skipped, Target, TargetId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Pure: what of the found types the configuration wants, and how it is polled.
pub(super) fn catalogue(
    census: &Census,
    config: &GcpConfig,
    project: &str,
    found: impl IntoIterator<Item = MetricDescriptor>,
) -> Catalogue {
    let mut catalogue = Catalogue::empty(Scope::new(project), Duration::ZERO);
    let mut groups = HashMap::new();
    for descriptor in found {
        let wanted: Vec<_> = wanted_by(&config.entries, &descriptor.r#type).collect();
        if !wanted.is_empty() && !is_number(&descriptor.value_type) {
            let metric = Arc::from(descriptor.r#type.as_str());
            catalogue.skipped.push(Skipped {
                reason: SkipReason::NoNumber,
                metric,
                points: 0,
            });
            continue;
        }
        for (index, entry) in wanted {
            let spec = group(&catalogue.scope, index, entry, &descriptor);
            let group = groups
                .entry(spec.name.clone())
                .or_insert_with(|| Arc::new(spec))
                .clone();
            catalogue
                .targets
                .push(target(census, group, project, entry, &descriptor));
        }
    }
    catalogue
}

/// The entries that want a type. Of entries with the same filter the first one has it: the others would ask for the
/// same series again.
fn wanted_by<'a>(entries: &'a [GcpEntry], metric_type: &str) -> impl Iterator<Item = (usize, &'a GcpEntry)> {
    let mut filters = HashSet::new();
    let matching = |e: &&GcpEntry| e.types.iter().any(|m| m.matches(metric_type));
    let mut wanted = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if matching(&entry) && filters.insert(entry.filter.as_deref()) {
            wanted.push((index, entry));
        }
    }
    wanted.into_iter()
}

/// An unknown type of value may be a number: the points will tell.
fn is_number(value_type: &ValueType) -> bool {
    !matches!(value_type, ValueType::String | ValueType::Money)
}

fn target(
    census: &Census,
    group: Group,
    project: &str,
    entry: &GcpEntry,
    descriptor: &MetricDescriptor,
) -> Target {
    let filter = entry.filter.as_deref();
    let id = TargetId::of_text(&format!(
        "{project}|{}|{}",
        descriptor.r#type,
        filter.unwrap_or_default()
    ));
    let description = [&descriptor.description, &descriptor.display_name]
        .into_iter()
        .find(|d| !d.is_empty());
    let seen = census.of(id);
    let series = seen.get();
    let detail = GcpTarget {
        project: project.into(),
        metric_type: descriptor.r#type.as_str().into(),
        filter: filter.map(Arc::from),
        unit: descriptor.unit.as_str().into(),
        description: description.map(String::as_str).unwrap_or_default().into(),
        seen,
    };
    Target {
        id,
        members: Members::default(),
        group,
        series,
        detail: Arc::new(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::groups::DAY;
    use crate::testing::{descriptor, entry, starting};
    use provider_api::{AccountId, Matcher, Span};
    use std::time::Duration;

    #[test]
    fn descriptors_become_targets_groups_and_skips() {
        let mut config = GcpConfig::new(AccountId("ml".into()), vec![]);
        let everything = || vec![Matcher::new("*", |_| true)];
        config.entries = vec![
            GcpEntry {
                types: vec![starting("compute.")],
                ..entry()
            },
            GcpEntry {
                types: everything(),
                ..entry()
            },
            GcpEntry {
                types: everything(),
                filter: Some("x = \"y\"".to_owned()),
                ..entry()
            },
        ];
        let found = [
            descriptor("compute.googleapis.com/a", "DOUBLE", Some(("60s", "240s"))),
            descriptor("custom.googleapis.com/b", "INT64", None),
            descriptor("compute.googleapis.com/slow", "INT64", Some(("300s", "600s"))),
            descriptor("compute.googleapis.com/words", "STRING", None),
        ];
        let catalogue = catalogue(&Census::default(), &config, "p", found);
        let listed: Vec<_> = catalogue
            .targets
            .iter()
            .map(|t| (t.detail.describe(), t.group.name.to_string()))
            .collect();
        let listed: Vec<_> = listed.iter().map(|(d, n)| (d.as_str(), n.as_str())).collect();
        assert_eq!(
            listed,
            [
                ("compute.googleapis.com/a", "p compute.googleapis.com 60s"),
                (
                    "compute.googleapis.com/a x = \"y\"",
                    "p compute.googleapis.com 60s #3"
                ),
                ("custom.googleapis.com/b", "p custom.googleapis.com 60s #2"),
                (
                    "custom.googleapis.com/b x = \"y\"",
                    "p custom.googleapis.com 60s #3"
                ),
                (
                    "compute.googleapis.com/slow",
                    "p compute.googleapis.com 300s settle 600s"
                ),
                (
                    "compute.googleapis.com/slow x = \"y\"",
                    "p compute.googleapis.com 300s settle 600s #3"
                ),
            ]
        );
        let ids: HashSet<_> = catalogue.targets.iter().map(|t| t.id).collect();
        assert_eq!(ids.len(), 6);
        assert_eq!(catalogue.skipped.len(), 1);
        assert_eq!(catalogue.targets[2].group.retention, DAY * 730);
        assert_eq!(
            catalogue.targets[0].group.settle,
            Span::Auto(Duration::from_secs(240))
        );
    }
}
