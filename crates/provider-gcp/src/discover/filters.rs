//! Google's filter language, and the filters that find all that the configuration may want in few listings. Pure.

use crate::config::GcpEntry;
use provider_api::Matcher;

/// More listings than this cost more than one listing of everything.
const MAX_LISTINGS: usize = 8;

/// The server-side filters that together find all that the patterns can match; one empty filter finds everything.
pub(super) fn listings(entries: &[GcpEntry]) -> Vec<String> {
    let patterns: Vec<&Matcher> = entries.iter().flat_map(|e| &e.types).collect();
    let everything = vec![String::new()];
    let Some(mut prefixes) = patterns.iter().map(|m| m.prefix()).collect::<Option<Vec<&str>>>() else {
        return everything;
    };
    prefixes.sort_unstable();
    // Sorted, a prefix stands before all that begin with it.
    prefixes.dedup_by(|later, earlier| later.starts_with(*earlier));
    if prefixes.len() > MAX_LISTINGS {
        return everything;
    }
    prefixes
        .iter()
        .map(|p| format!("metric.type = starts_with({})", quoted(p)))
        .collect()
}

/// A string of Google's filter language.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, starting};

    #[test]
    fn prefixes_become_filters() {
        let all = || Matcher::new("*", |_| true);
        let text = |p: &str| format!("metric.type = starts_with(\"{p}\")");
        for (types, wanted) in [
            (
                vec![starting("a/b"), starting("a/"), starting("c/")],
                vec![text("a/"), text("c/")],
            ),
            (vec![starting("a/"), all()], vec![String::new()]),
            (vec![starting("a\"")], vec![text("a\\\"")]),
            (vec![], vec![]),
        ] {
            assert_eq!(listings(&[GcpEntry { types, ..entry() }]), wanted);
        }
    }
}
