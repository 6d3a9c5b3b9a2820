//! Names and units as they go out.

use crate::GCP;
use crate::discover::host;
use google_cloud_api::model::metric_descriptor::ValueType;
use provider_api::names::{snake, snake_formerly};
use provider_api::{Formerly, Kind, Metric, MetricSpec};
use std::sync::Arc;

/// Ends of hosts that say only that the type is Google's.
const HOST_ENDS: [&str; 2] = [".googleapis.com", ".io"];

/// `compute.googleapis.com/instance/cpu/utilization` → `gcp.compute.instance.cpu.utilization`.
fn metric_name(snake: fn(&str) -> String, metric_type: &str) -> String {
    let host = host(metric_type);
    let path = metric_type.get(host.len()..).unwrap_or_default();
    let service = HOST_ENDS
        .iter()
        .find_map(|end| host.strip_suffix(end))
        .unwrap_or(host);
    let parts = service
        .split('.')
        .chain(path.split('/'))
        .map(snake)
        .filter(|p| !p.is_empty());
    std::iter::once("gcp".to_owned())
        .chain(parts)
        .collect::<Vec<_>>()
        .join(".")
}

/// A metric as it goes out.
pub(crate) fn metric(
    metric_type: &Arc<str>,
    description: &Arc<str>,
    kind: Kind,
    unit: &str,
    value: &ValueType,
) -> Metric {
    let (name, before) = (
        metric_name(snake, metric_type),
        metric_name(snake_formerly, metric_type),
    );
    let (now, then) = (true_unit(unit, value, metric_type), unit_formerly(unit));
    let formerly = Formerly {
        name: (before != name).then(|| before.into()),
        unit: (then != now).then(|| then.into()),
    };
    let spec = MetricSpec {
        cloud: GCP,
        namespace: host(metric_type).into(),
        name: name.into(),
        cloud_name: Arc::clone(metric_type),
        statistic: None,
        unit: now.into(),
        kind,
        description: Arc::clone(description),
    };
    Metric::renamed(spec, &formerly)
}

/// The page's unit, else the descriptor's.
pub(crate) fn unit<'a>(of_page: &'a str, of_descriptor: &'a str) -> &'a str {
    if of_page.is_empty() {
        of_descriptor
    } else {
        of_page
    }
}

/// Words in the names of Google's metrics that are ratios.
const RATIOS: [&str; 3] = ["fraction", "ratio", "utilization"];

/// UCUM, which Google's units are. `1` is "dimensionless" to Google, with which it marks counts, flags and load averages as
/// well; here it is for ratios only.
fn true_unit<'a>(given: &'a str, value: &ValueType, metric_type: &str) -> &'a str {
    let is_ratio = || snake(metric_type).split('_').any(|word| RATIOS.contains(&word));
    match (unit_formerly(given), value) {
        ("1", _) if given != "1" => "1",
        ("1", ValueType::Int64) => "{count}",
        ("1", ValueType::Double | ValueType::Distribution) if is_ratio() => "1",
        ("1", _) => "",
        (other, _) => other,
    }
}

/// What files of format 4 and older have. `10^2.%` is a ratio from 0 to 1 that only screens multiply.
fn unit_formerly(given: &str) -> &str {
    match given {
        "{not_a_unit}" => "",
        "10^2.%" => "1",
        other => other,
    }
}

/// `europe-west1-b` → `europe-west1`; nothing when it is no zone (`europe-west1`, `us`, `global`).
pub(crate) fn region_of_zone(place: &str) -> Option<&str> {
    let (region, letter) = place.rsplit_once('-')?;
    let is_letter = letter.len() == 1 && letter.chars().all(|c| c.is_ascii_lowercase());
    (is_letter && region.contains('-')).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (given, wanted) in [
            (
                "compute.googleapis.com/instance/cpu/utilization",
                "gcp.compute.instance.cpu.utilization",
            ),
            ("custom.googleapis.com/foo", "gcp.custom.foo"),
            ("custom.googleapis.com/Foo.barBaz//x", "gcp.custom.foo_bar_baz.x"),
            (
                "kubernetes.io/container/cpu/core_usage_time",
                "gcp.kubernetes.container.cpu.core_usage_time",
            ),
            ("logging.googleapis.com/user/x", "gcp.logging.user.x"),
            ("networking.gke.io/y", "gcp.networking.gke.y"),
            ("odd", "gcp.odd"),
        ] {
            assert_eq!(metric_name(snake, given), wanted, "{given}");
        }
    }

    #[test]
    fn units() {
        use ValueType::{Bool, Distribution, Double, Int64};
        assert_eq!(unit("By", "s"), "By");
        assert_eq!(unit("", "s"), "s");
        for (given, value, metric_type, wanted) in [
            ("{not_a_unit}", Int64, "custom.googleapis.com/a", ""),
            (
                "10^2.%",
                Double,
                "compute.googleapis.com/instance/cpu/utilization",
                "1",
            ),
            (
                "1",
                Double,
                "cloudsql.googleapis.com/database/cpu/utilization",
                "1",
            ),
            ("1", Double, "custom.googleapis.com/HitRatio", "1"),
            ("1", Double, "agent.googleapis.com/cpu/load_1m", ""),
            (
                "1",
                Int64,
                "pubsub.googleapis.com/subscription/num_undelivered_messages",
                "{count}",
            ),
            ("1", Int64, "custom.googleapis.com/ratio_count", "{count}"),
            ("1", Bool, "compute.googleapis.com/instance/is_up", ""),
            ("1", Distribution, "custom.googleapis.com/sizes", ""),
            (
                "s{CPU}",
                Double,
                "kubernetes.io/container/cpu/core_usage_time",
                "s{CPU}",
            ),
            ("", Double, "custom.googleapis.com/ratio", ""),
        ] {
            assert_eq!(true_unit(given, &value, metric_type), wanted, "{metric_type}");
        }
    }

    #[test]
    fn zones() {
        assert_eq!(region_of_zone("europe-west1-b"), Some("europe-west1"));
        for place in ["europe-west1", "us", "global", "", "a-b", "europe-west1-bb"] {
            assert_eq!(region_of_zone(place), None, "{place}");
        }
    }
}
