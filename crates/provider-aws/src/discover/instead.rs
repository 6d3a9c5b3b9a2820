//! What exists instead of what a pattern of an entry has been written for in vain.

use crate::tags::TagIndex;
use crate::{arns, slow, units};
use provider_api::{Matcher, nearest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Other values of a dimension; where there are none, other dimensions of the namespace.
pub(super) fn dimension(
    (name, matcher): (&str, &Matcher),
    values: &BTreeSet<String>,
    names: &BTreeSet<String>,
) -> Vec<Arc<str>> {
    if values.is_empty() {
        return nearest(name, names.iter().map(String::as_str));
    }
    let values = nearest(matcher.as_str(), values.iter().map(String::as_str));
    values.iter().map(|value| pair(name, value).into()).collect()
}

/// Other values of a tag; where there are none, other tags.
pub(super) fn tag(tags: &TagIndex, key: &str, matcher: &Matcher) -> Vec<Arc<str>> {
    let values: BTreeSet<&str> = tags.values(key).collect();
    if values.is_empty() {
        return nearest(key, tags.keys());
    }
    let values = nearest(matcher.as_str(), values);
    values.iter().map(|value| pair(key, value).into()).collect()
}

/// Whether a namespace is one of AWS, so that nothing else is meant when it has no metrics.
pub(super) fn is_known(namespace: &str) -> bool {
    known().any(|known| known == namespace)
}

/// Other namespaces: those of AWS, and `others` that exist.
pub(super) fn namespace(wanted: &str, others: &BTreeSet<String>) -> Vec<Arc<str>> {
    if is_known(wanted) {
        return Vec::new();
    }
    let mut names: BTreeSet<&str> = known().collect();
    names.extend(others.iter().map(String::as_str));
    names.remove(wanted);
    nearest(wanted, names)
}

fn known() -> impl Iterator<Item = &'static str> {
    let known = arns::namespaces().chain(slow::namespaces());
    known.chain(units::namespaces())
}

/// A pattern over a key's values as the configuration has it.
pub(super) fn pair(key: &str, value: &str) -> String {
    format!("{key}: {value}")
}
