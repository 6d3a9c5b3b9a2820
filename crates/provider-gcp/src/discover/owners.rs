//! Which entries read a metric type, and which part of it each: a series belongs to the first entry that matches it, so
//! each entry asks for what the filters before it do not take. Pure.

use super::filters::{names_project, quoted};
use crate::config::GcpEntry;
use provider_api::{Members, TargetId};

/// No aggregation: series are read as they are.
const RAW: &str = "";

/// What one entry reads of a type.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) index: usize,
    pub(super) entry: &'a GcpEntry,
    /// The filters of the entries before.
    taken: Vec<&'a str>,
    /// Whether it stands for the type in the ledger; the others are told apart by their filters.
    plain: bool,
}

/// The parts of a type, in the order of the entries. One without a filter takes all that is left, and a filter that comes
/// again finds nothing left.
pub(super) fn parts<'a>(entries: &'a [GcpEntry], metric_type: &str) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    let matching = |e: &&GcpEntry| e.types.iter().any(|m| m.matches(metric_type));
    for (index, entry) in entries.iter().enumerate() {
        let own = own(entry);
        if !matching(&entry) || own.is_some_and(|own| taken.contains(&own)) {
            continue;
        }
        parts.push(Part {
            index,
            entry,
            taken: taken.clone(),
            plain: false,
        });
        match own {
            Some(filter) => taken.push(filter),
            None => break,
        }
    }
    // Of the texts, not of the places: entries may change places in the file.
    if let Some(first) = parts.iter_mut().min_by_key(|part| own(part.entry)) {
        first.plain = true;
    }
    parts
}

impl Part<'_> {
    /// What its points are. With one entry a type the filter is no part of it: it may be edited.
    pub(super) fn id(&self, project: &str, metric_type: &str) -> TargetId {
        let filter = own(self.entry).filter(|_| !self.plain);
        TargetId::of([project, metric_type, RAW].into_iter().chain(filter))
    }

    /// What is asked of it.
    pub(super) fn members(&self) -> Members {
        let mut taken = self.taken.clone();
        taken.sort_unstable();
        Members::of([own(self.entry).unwrap_or_default()].into_iter().chain(taken))
    }

    /// The same in Google's filter language: one type, of the project itself and not of its metrics scope unless the filter
    /// says so, and without what the entries before it take.
    pub(super) fn query(&self, project: &str, metric_type: &str) -> String {
        let own = own(self.entry);
        let mut terms = vec![format!("metric.type = {}", quoted(metric_type))];
        if !own.is_some_and(names_project) {
            terms.push(format!("project = {}", quoted(project)));
        }
        terms.extend(own.map(|own| format!("({own})")));
        terms.extend(self.taken.iter().map(|taken| format!("NOT ({taken})")));
        terms.join(" AND ")
    }
}

fn own(entry: &GcpEntry) -> Option<&str> {
    let filter = entry.filter.as_deref().map(str::trim);
    filter.filter(|filter| !filter.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, starting};

    fn of(prefix: &'static str, filter: Option<&str>) -> GcpEntry {
        GcpEntry {
            types: vec![starting(prefix)],
            filter: filter.map(str::to_owned),
            ..entry()
        }
    }

    const TYPE: &str = "a.googleapis.com/x";
    const WEST: &str = r#"resource.labels.zone = "w""#;
    const EAST: &str = r#"resource.labels.zone = "e" OR project = "q""#;

    fn queries(entries: &[GcpEntry]) -> Vec<String> {
        let parts = parts(entries, TYPE);
        parts.iter().map(|part| part.query("p", TYPE)).collect()
    }

    #[test]
    fn the_first_entry_that_matches_wins() {
        let entries = [
            of("b", None),
            of("a", Some(WEST)),
            of("a", Some(EAST)),
            of("a", None),
        ];
        assert_eq!(
            queries(&entries),
            [
                r#"metric.type = "a.googleapis.com/x" AND project = "p" AND (resource.labels.zone = "w")"#,
                r#"metric.type = "a.googleapis.com/x" AND (resource.labels.zone = "e" OR project = "q") AND NOT (resource.labels.zone = "w")"#,
                r#"metric.type = "a.googleapis.com/x" AND project = "p" AND NOT (resource.labels.zone = "w") AND NOT (resource.labels.zone = "e" OR project = "q")"#,
            ]
        );
        let nothing_left = [of("a", None), of("a", Some(WEST)), of("a", None)];
        assert_eq!(
            queries(&nothing_left),
            [r#"metric.type = "a.googleapis.com/x" AND project = "p""#]
        );
        let again = [
            of("a", Some(WEST)),
            of("a.", Some(" resource.labels.zone = \"w\" ")),
        ];
        assert_eq!(parts(&again, TYPE).len(), 1);
    }

    #[test]
    fn identities_hang_on_what_points_are_and_not_on_the_file() {
        let ids = |entries: &[GcpEntry]| -> Vec<u64> {
            let parts = parts(entries, TYPE);
            parts.iter().map(|part| part.id("p", TYPE).0).collect()
        };
        // In users' files.
        let plain = 10_642_767_620_000_876_368;
        assert_eq!(ids(&[of("a", None)]), [plain]);
        assert_eq!(
            ids(&[of("a", Some(WEST))]),
            [plain],
            "the filter of the only entry may change"
        );
        let two = ids(&[of("a", Some(WEST)), of("a", None)]);
        assert_eq!(two[1], plain, "the rest is what was there before");
        let swapped = ids(&[of("a", Some(WEST)), of("a", Some(EAST))]);
        let mut back = ids(&[of("b", None), of("a", Some(EAST)), of("a", Some(WEST))]);
        back.reverse();
        assert_eq!(swapped, back);
        assert_ne!(swapped[0], swapped[1]);
    }

    #[test]
    fn what_is_asked_changes_with_the_filters() {
        let members = |entries: &[GcpEntry]| -> Vec<u64> {
            let parts = parts(entries, TYPE);
            parts.iter().map(|part| part.members().0).collect()
        };
        let alone = members(&[of("a", None)]);
        assert_eq!(alone, [14_374_147_212_387_527_897]);
        let behind = members(&[of("a", Some(WEST)), of("a", None)]);
        assert_ne!(behind[1], alone[0]);
        assert_ne!(behind[0], behind[1]);
        assert_eq!(
            members(&[of("a", Some(WEST)), of("a", Some(EAST)), of("a", None)])[2],
            members(&[of("a", Some(EAST)), of("a", Some(WEST)), of("a", None)])[2],
        );
    }
}
