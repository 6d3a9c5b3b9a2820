//! `accounts:`: reads the account files and appends their lists to the main tree. Which files those are is `files.rs`.
//!
//! Every node keeps the file and line it came from, so that a problem is shown where it was written.

mod files;

use std::path::Path;

use serde_json::Value;

use crate::{
    parse,
    problem::Found,
    source::Sources,
    tree::{At, Data, Entry, Node},
};

/// What an account file may hold.
const LISTS: [&str; 4] = ["aws", "azure", "gcp", "destinations"];
/// Reads all account files that `root` names and merges them into it.
pub(crate) fn merge(root: &mut Node, base: &Path, schema: &Value, sources: &mut Sources, found: &mut Found) {
    for file in files::named(root, base, found) {
        if let Some(account) = parse::read(&file, schema, sources, found) {
            append(root, account, found);
        }
    }
}

fn append(root: &mut Node, account: Node, found: &mut Found) {
    let Data::Map(entries) = account.data else {
        let help = "begin with `aws:`, `azure:` or `gcp:` and a list below it".to_owned();
        found.at(
            &At::root(&account),
            "an account file contains lists of accounts",
            Some(help),
        );
        return;
    };
    for entry in entries {
        if LISTS.contains(&entry.key.as_str()) {
            append_list(root, entry, found);
        } else {
            let message = format!("`{}` is not allowed in an account file", entry.shown());
            let help = "an account file contains `aws`, `azure`, `gcp` and `destinations`; move the rest to the main file";
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
