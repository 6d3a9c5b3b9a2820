//! Names and units as they go out.

use crate::discover::host;
use provider_api::names::snake;

/// Ends of hosts that say only that the type is Google's.
const HOST_ENDS: [&str; 2] = [".googleapis.com", ".io"];

/// `compute.googleapis.com/instance/cpu/utilization` → `gcp.compute.instance.cpu.utilization`.
pub(crate) fn metric_name(metric_type: &str) -> String {
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

/// UCUM already. The page's unit, else the descriptor's; `10^2.%` is a ratio from 0 to 1 that only screens multiply.
pub(crate) fn unit<'a>(of_page: &'a str, of_descriptor: &'a str) -> &'a str {
    let given = if of_page.is_empty() {
        of_descriptor
    } else {
        of_page
    };
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
            assert_eq!(metric_name(given), wanted, "{given}");
        }
    }

    #[test]
    fn units() {
        assert_eq!(unit("By", "s"), "By");
        assert_eq!(unit("", "s"), "s");
        assert_eq!(unit("{not_a_unit}", "s"), "");
        assert_eq!(unit("10^2.%", ""), "1");
    }

    #[test]
    fn zones() {
        assert_eq!(region_of_zone("europe-west1-b"), Some("europe-west1"));
        for place in ["europe-west1", "us", "global", "", "a-b", "europe-west1-bb"] {
            assert_eq!(region_of_zone(place), None, "{place}");
        }
    }
}
