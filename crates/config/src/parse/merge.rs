//! `<<: *name`: the keys of another mapping, where they are not written out.

use crate::tree::{Data, Entry, Node};

/// YAML's key for "and all that is in there".
pub(super) const MERGE: &str = "<<";

/// The keys of what `<<` names, where they are not written out.
pub(super) fn merged(mut entries: Vec<Entry>) -> Vec<Entry> {
    let Some(at) = entries.iter().position(|entry| entry.key == MERGE) else {
        return entries;
    };
    let mappings = match &entries[at].value.data {
        Data::Map(_) => vec![entries[at].value.clone()],
        Data::Seq(items) if items.iter().all(|item| matches!(item.data, Data::Map(_))) => items.clone(),
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_) | Data::Seq(_) => {
            return entries;
        }
    };
    entries.remove(at);
    for entry in mappings.iter().flat_map(Node::entries) {
        if !entries.iter().any(|own| own.key == entry.key) {
            entries.push(entry.clone());
        }
    }
    entries
}
