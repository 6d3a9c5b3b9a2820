//! `accounts:` globs: finds the account files and appends their lists to the main tree.
//!
//! Every node keeps the file and line it came from, so that a problem is shown where it was written.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use serde_json::Value;

use crate::{
    parse,
    problem::Found,
    source::Sources,
    tree::{At, Data, Entry, Node},
};

/// What an account file may hold.
const LISTS: [&str; 4] = ["aws", "azure", "gcp", "destinations"];
/// How deep `**` looks.
const MAX_DEPTH: usize = 8;
/// More account files than this is a glob that caught the wrong directory.
const MAX_FILES: usize = 10_000;

/// Reads all account files that `root` names and merges them into it.
pub(crate) fn merge(root: &mut Node, base: &Path, schema: &Value, sources: &mut Sources, found: &mut Found) {
    for file in files(root, base, found) {
        if let Some(account) = parse::read(&file, schema, sources, found) {
            append(root, account, found);
        }
    }
}

fn files(root: &Node, base: &Path, found: &mut Found) -> Vec<PathBuf> {
    let at = At::root(root).key("accounts");
    let Some(Node {
        data: Data::Seq(items),
        ..
    }) = at.node
    else {
        return vec![];
    };
    let mut files = vec![];
    for (index, item) in items.iter().enumerate() {
        if let Some(pattern) = item.text() {
            files.extend(matching(pattern, base, &at.item(index), found));
        }
    }
    files.sort();
    files.dedup();
    files.truncate(MAX_FILES);
    files
}

fn matching(pattern: &str, base: &Path, at: &At<'_>, found: &mut Found) -> Vec<PathBuf> {
    let full = base.join(pattern);
    let glob = GlobBuilder::new(&full.to_string_lossy())
        .literal_separator(true)
        .build();
    let glob = match glob {
        Ok(glob) => glob.compile_matcher(),
        Err(error) => {
            let message = format!("`{pattern}` is not a glob: {}", error.kind());
            found.at(
                at,
                message,
                Some("write a path with `*`, like `accounts.d/*.yaml`".into()),
            );
            return vec![];
        }
    };
    let mut files = vec![];
    walk(&fixed(&full), &glob, 0, &mut files);
    if files.is_empty() && !pattern.contains(['*', '?', '[', '{']) {
        let message = format!("there is no account file {}", full.display());
        found.at(
            at,
            message,
            Some("create it, or name the directory with a glob: `accounts.d/*.yaml`".into()),
        );
    }
    files
}

/// The directory above the first component with a glob in it.
fn fixed(full: &Path) -> PathBuf {
    let parents: Vec<Component<'_>> = full.components().collect();
    let parents = parents.split_last().map_or(&[][..], |(_, parents)| parents);
    let plain = parents
        .iter()
        .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']));
    let dir: PathBuf = plain.collect();
    if dir.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        dir
    }
}

fn walk(dir: &Path, glob: &GlobMatcher, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let plain = path.strip_prefix(".").unwrap_or(&path);
        if path.is_dir() && depth < MAX_DEPTH {
            walk(&path, glob, depth + 1, files);
        } else if files.len() < MAX_FILES && (glob.is_match(&path) || glob.is_match(plain)) {
            files.push(plain.to_owned());
        }
    }
}

fn append(root: &mut Node, account: Node, found: &mut Found) {
    let Data::Map(entries) = account.data else {
        let help = "begin with `aws:`, `azure:` or `gcp:` and a list below it".to_owned();
        found.at(
            &At::root(&account),
            "an account file holds lists of accounts",
            Some(help),
        );
        return;
    };
    for entry in entries {
        if LISTS.contains(&entry.key.as_str()) {
            append_list(root, entry, found);
        } else {
            let message = format!("`{}` cannot stand in an account file", entry.shown());
            let help = "an account file holds `aws`, `azure`, `gcp` and `destinations`; move the rest to the main file";
            found.span(
                entry.key_span,
                entry.shown().to_owned(),
                message,
                Some(help.into()),
            );
        }
    }
}

fn append_list(root: &mut Node, entry: Entry, found: &mut Found) {
    let items = match entry.value.data {
        Data::Seq(items) => items,
        Data::Null => return,
        Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_) | Data::Map(_) => {
            let message = format!("`{}` is a list", entry.key);
            found.span(
                entry.key_span,
                entry.key,
                message,
                Some("begin each account with `- name: …`".into()),
            );
            return;
        }
    };
    let Data::Map(entries) = &mut root.data else {
        return;
    };
    let list = entries.iter_mut().find(|other| other.key == entry.key);
    match list.map(|other| &mut other.value.data) {
        Some(Data::Seq(list)) => list.extend(items),
        Some(data @ Data::Null) => *data = Data::Seq(items),
        Some(_) => {}
        None => entries.push(Entry {
            value: Node {
                data: Data::Seq(items),
                ..entry.value
            },
            ..entry
        }),
    }
}
