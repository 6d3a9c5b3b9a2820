//! What the patterns of the configuration fit in a project, and what may have been meant by those that fit nothing. Pure.

use crate::config::GcpEntry;
use provider_api::{MOST_NEAREST, Matched, nearest};
use std::sync::Arc;

/// What each pattern fits of the types found.
pub(super) fn matched(entries: &[GcpEntry], found: &[&str]) -> Vec<Matched> {
    let of_entry = |(entry, configured): (usize, &GcpEntry)| -> Vec<Matched> {
        let of_pattern = |pattern: &provider_api::Matcher| Matched {
            entry,
            key: "types",
            pattern: pattern.as_str().into(),
            count: count(found.iter().filter(|name| pattern.matches(name))),
            nearest: Vec::new(),
        };
        configured.types.iter().map(of_pattern).collect()
    };
    entries.iter().enumerate().flat_map(of_entry).collect()
}

/// Names for those that fit nothing, of all types there are.
pub(super) fn name_nearest(matched: &mut [Matched], all: &[&str]) {
    for one in matched.iter_mut().filter(|one| one.count == 0) {
        one.nearest = below(&one.pattern, all);
        one.nearest.extend(nearest(&one.pattern, all.iter().copied()));
        one.nearest.truncate(MOST_NEAREST);
    }
}

/// A type is read by its whole name: `compute.googleapis.com/instance` is none, but what lies below it are.
fn below(pattern: &str, all: &[&str]) -> Vec<Arc<str>> {
    let below = format!("{}/", pattern.trim_end_matches('/'));
    let some = all.iter().any(|name| name.starts_with(&below));
    some.then(|| format!("{below}*").into()).into_iter().collect()
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    items.fold(0, |count, _| count + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, starting};
    use provider_api::Matcher;

    #[test]
    fn patterns_that_fit_nothing_are_named_with_what_exists() {
        let all = [
            "compute.googleapis.com/instance/cpu/utilization",
            "compute.googleapis.com/instance/uptime",
            "storage.googleapis.com/api/request_count",
        ];
        let entries = [
            GcpEntry {
                types: vec![
                    starting("compute."),
                    Matcher::exactly("compute.googleapis.com/instance"),
                ],
                ..entry()
            },
            GcpEntry {
                types: vec![
                    Matcher::exactly("storage.googleapis.com/api/request_counts"),
                    Matcher::exactly("qqqq"),
                ],
                ..entry()
            },
        ];
        let mut found = matched(&entries, &all);
        name_nearest(&mut found, &all);
        let said: Vec<_> = found
            .iter()
            .map(|one| (one.entry, one.count, one.nearest.first().map(|name| &**name)))
            .collect();
        assert_eq!(
            said,
            [
                (0, 2, None),
                (0, 0, Some("compute.googleapis.com/instance/*")),
                (1, 0, Some("storage.googleapis.com/api/request_count")),
                (1, 0, None),
            ]
        );
    }
}
