//! Google's filter language, and the filters that find all that the configuration may want in few listings. Pure.

use crate::config::GcpEntry;
use provider_api::Matcher;

/// More listings than this cost more than one listing of everything.
const MAX_LISTINGS: usize = 8;

/// What all types that the patterns can match begin with, as few prefixes as there are; one empty prefix is everything.
pub(super) fn prefixes(entries: &[GcpEntry]) -> Vec<String> {
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
    prefixes.into_iter().map(str::to_owned).collect()
}

/// The filter that finds all types with a prefix.
pub(super) fn beginning(prefix: &str) -> String {
    if prefix.is_empty() {
        return String::new();
    }
    format!("metric.type = starts_with({})", quoted(prefix))
}

/// Whether a filter has a condition on `project`, as a word of its own and not within a string or a longer name.
pub(super) fn names_project(filter: &str) -> bool {
    let mut word = String::new();
    let mut chars = filter.chars();
    while let Some(c) = chars.next() {
        if c == '"' || c == '\'' {
            in_string(&mut chars, c);
        } else if c.is_alphanumeric() || c == '_' || c == '.' {
            word.push(c);
            continue;
        }
        if word == "project" {
            return true;
        }
        word.clear();
    }
    false
}

/// Leaves a string behind.
fn in_string(chars: &mut std::str::Chars<'_>, quote: char) {
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            return;
        }
    }
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
    fn prefixes_that_lie_within_others_are_left_out() {
        let all = || Matcher::new("*", |_| true);
        let text = str::to_owned;
        for (types, wanted) in [
            (
                vec![starting("a/b"), starting("a/"), starting("c/")],
                vec![text("a/"), text("c/")],
            ),
            (vec![starting("a/"), all()], vec![String::new()]),
            (vec![], vec![]),
        ] {
            assert_eq!(prefixes(&[GcpEntry { types, ..entry() }]), wanted);
        }
    }

    #[test]
    fn filters_are_quoted() {
        assert_eq!(beginning(""), "");
        assert_eq!(beginning("a\""), r#"metric.type = starts_with("a\"")"#);
    }

    #[test]
    fn a_condition_on_the_project_is_found() {
        for filter in [
            r#"project = "p""#,
            r#"project="p""#,
            r#"resource.labels.zone = "z" AND (project = one_of("p", "q"))"#,
            r#"NOT project = "p" OR metric.labels.a = "b""#,
        ] {
            assert!(names_project(filter), "{filter}");
        }
        for filter in [
            r#"resource.labels.project_id = "p""#,
            r#"metric.labels.project = "p""#,
            r#"metric.labels.a = "project = ""#,
            r#"metric.labels.a = "say \"project = x\"""#,
            r#"my_project = "p""#,
            "",
        ] {
            assert!(!names_project(filter), "{filter}");
        }
    }
}
