//! A warning for configuration files that hold a secret in clear and that others may read. A warning only, as for the
//! files of secrets: who may reach the directory is not known here.

use crate::{
    lookup::Lookup,
    loose,
    source::{Sources, Span},
    tree::{Data, Node},
};
use std::collections::BTreeMap;

/// Keys whose value is a secret.
const SECRET_KEYS: [&str; 4] = ["secret_access_key", "session_token", "secret", "password"];

/// The key below which names are a back end's own.
const HEADERS: &str = "headers";

/// Parts of a header's name that make its value a secret.
const SECRET_HEADERS: [&str; 6] = ["authorization", "token", "key", "secret", "passw", "cookie"];

/// Files that get a line of their own; they may be thousands, made in the same way.
const MOST_NAMED: usize = 5;

/// Says in the log which files hold one, before what they name is put in its place.
pub(crate) fn look(root: &Node, sources: &Sources, lookup: &dyn Lookup) {
    let mut first = BTreeMap::new();
    collect(root, false, &mut first);
    let mut open = first.into_values().filter_map(|(key, span): (&str, Span)| {
        let path = &sources.get(span.file)?.path;
        let mode = loose::mode(path, lookup)?;
        Some((path, sources.line_and_column(span).0, key, mode))
    });
    for (path, line, key, mode) in open.by_ref().take(MOST_NAMED) {
        let file = path.display();
        tracing::warn!(
            %file,
            line,
            mode = format!("{mode:o}"),
            "{file} holds a secret in clear (line {line}, `{key}`), and others may read or change it: `chmod 600 {file}`, or \
             write `${{cred:NAME}}` or `${{file:/path}}` instead, as a service with a user of its own needs"
        );
    }
    let more = open.count();
    if more > 0 {
        tracing::warn!(
            files = more,
            "further configuration files hold secrets in clear that others may read or change"
        );
    }
}

/// The first secret of each file.
fn collect<'n>(node: &'n Node, in_headers: bool, first: &mut BTreeMap<usize, (&'n str, Span)>) {
    match &node.data {
        Data::Map(entries) => {
            for entry in entries {
                if is_secret(&entry.key, in_headers) && in_clear(&entry.value) {
                    first
                        .entry(entry.value.span.file)
                        .or_insert((&entry.key, entry.value.span));
                }
                collect(&entry.value, entry.key == HEADERS, first);
            }
        }
        Data::Seq(items) => items.iter().for_each(|item| collect(item, false, first)),
        Data::Str(_) | Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) => {}
    }
}

fn is_secret(key: &str, in_headers: bool) -> bool {
    let lower = key.to_ascii_lowercase();
    if in_headers {
        SECRET_HEADERS.iter().any(|part| lower.contains(part))
    } else {
        SECRET_KEYS.contains(&key)
    }
}

/// Whether it is there itself, and not only where it is kept.
fn in_clear(value: &Node) -> bool {
    value
        .text()
        .is_some_and(|text| !text.is_empty() && !text.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn a_header_is_secret_by_its_name() {
        for header in ["Authorization", "x-api-key", "DD-API-KEY", "cookie"] {
            assert!(is_secret(header, true), "{header}");
        }
        assert!(!is_secret("X-Scope-OrgID", true));
        assert!(is_secret("secret", false) && !is_secret("client_secret", false));
    }
}
