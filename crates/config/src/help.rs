//! What would work: the words, and the changes of the text that the words speak of, made together so that they agree.
//!
//! A change puts something new around a value or in place of it. Where it would repeat a secret, there is none.

use crate::{
    source::Span,
    tree::{At, Data, Entry, Node},
};

/// A change of one file's text.
#[derive(Clone, PartialEq, Eq)]
pub struct Edit {
    /// The first byte that is replaced.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// What stands there afterwards; its further lines are indented as far as the first.
    pub text: String,
}

impl std::fmt::Debug for Edit {
    /// The place alone: the text may repeat what the user wrote.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edit({}..{})", self.start, self.end)
    }
}

/// What would work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Help {
    pub(crate) words: Option<String>,
    /// Changes that do what the words say; none where only the user knows, or where the file is not at fault.
    pub(crate) edits: Vec<Edit>,
}

impl From<Option<String>> for Help {
    fn from(words: Option<String>) -> Self {
        Self { words, edits: vec![] }
    }
}

impl From<String> for Help {
    fn from(words: String) -> Self {
        Some(words).into()
    }
}

impl From<&str> for Help {
    fn from(words: &str) -> Self {
        Some(words.to_owned()).into()
    }
}

impl Help {
    /// Another value in this place.
    pub(crate) fn write(at: &At<'_>, value: &str) -> Self {
        let words = match at.key {
            Some(key) => format!("write `{key}: {value}`"),
            None => format!("write `{value}`"),
        };
        Self::from(words).with(replaced(at, value))
    }

    /// Another value in this place, which is named by the words alone.
    pub(crate) fn instead(at: &At<'_>, value: &str, words: impl Into<String>) -> Self {
        Self::from(words.into()).with(replaced(at, value))
    }

    /// The same value within something.
    pub(crate) fn around(at: &At<'_>, before: &str, after: &str, words: impl Into<String>) -> Self {
        let Some(node) = at.node else {
            return words.into().into();
        };
        let put = |at: usize, text: &str| Edit {
            start: at,
            end: at,
            text: text.to_owned(),
        };
        let edits = [put(node.extent.start, before), put(node.extent.end, after)];
        edits.into_iter().fold(words.into().into(), Self::with_one)
    }

    /// A new key in this mapping.
    pub(crate) fn add(at: &At<'_>, key: &str, value: &str) -> Self {
        let help = Self::from(format!("add `{key}: {value}`"));
        help.with(at.node.and_then(|node| added(node, key, value)))
    }

    /// Away with this key or item.
    pub(crate) fn remove(at: &At<'_>, words: impl Into<String>) -> Self {
        Self::from(words.into()).with(removed(at))
    }

    /// Another name for this key.
    pub(crate) fn rename(entry: &Entry, key: &str, words: impl Into<String>) -> Self {
        Self::from(words.into()).with_one(Edit {
            start: entry.key_span.start,
            end: entry.key_span.end,
            text: key.to_owned(),
        })
    }

    /// One more change.
    pub(crate) fn with(self, edit: Option<Edit>) -> Self {
        match edit {
            Some(edit) => self.with_one(edit),
            None => self,
        }
    }

    pub(crate) fn with_one(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }

    /// More words.
    pub(crate) fn and(mut self, more: impl AsRef<str>) -> Self {
        if let Some(words) = &mut self.words {
            words.push_str(more.as_ref());
        }
        self
    }
}

fn replaced(at: &At<'_>, value: &str) -> Option<Edit> {
    let node = at.node?;
    // What was written over several lines below its key goes on the key's line.
    let (start, text) = match at.key_end {
        Some(end) => (end, format!(": {value}")),
        None => (node.extent.start, value.to_owned()),
    };
    Some(Edit {
        start,
        end: node.extent.end,
        text,
    })
}

fn added(node: &Node, key: &str, value: &str) -> Option<Edit> {
    let put = |at: usize, text: String| {
        Some(Edit {
            start: at,
            end: at,
            text,
        })
    };
    match &node.data {
        Data::Map(entries) => match entries.first() {
            Some(first) if node.extent.start < first.key_span.start => {
                put(first.key_span.start, format!("{key}: {value}, "))
            }
            Some(first) => put(first.key_span.start, format!("{key}: {value}\n")),
            None if node.extent.end > node.extent.start => Some(Edit {
                start: node.extent.start,
                end: node.extent.end,
                text: format!("{{ {key}: {value} }}"),
            }),
            None => put(0, format!("{key}: {value}\n")),
        },
        Data::Null => put(node.extent.end, format!(" {{ {key}: {value} }}")),
        Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_) | Data::Seq(_) => None,
    }
}

/// From the end of the one before, or up to the beginning of the next.
fn removed(at: &At<'_>) -> Option<Edit> {
    let (parent, index) = (at.parent?, at.index?);
    let places: Vec<Span> = match &parent.data {
        Data::Map(entries) => entries.iter().map(Entry::extent).collect(),
        Data::Seq(items) => items.iter().map(|item| item.extent).collect(),
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_) => return None,
    };
    let own = places.get(index)?;
    let edit = |start, end, text: &str| {
        Some(Edit {
            start,
            end,
            text: text.to_owned(),
        })
    };
    match (
        index.checked_sub(1).and_then(|before| places.get(before)),
        places.get(index + 1),
    ) {
        (Some(before), _) => edit(before.end, own.end, ""),
        (None, Some(next)) => edit(own.start, next.start, ""),
        (None, None) if matches!(parent.data, Data::Map(_)) => {
            edit(parent.extent.start, parent.extent.end, "{}")
        }
        (None, None) => edit(parent.extent.start, parent.extent.end, "[]"),
    }
}

/// The text after these changes, which must not overlap.
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut out = String::new();
    let mut from = 0;
    for edit in edits {
        out.push_str(text.get(from..edit.start).unwrap_or_default());
        let line = text.get(..edit.start).and_then(|before| before.rfind('\n'));
        let column = text
            .get(line.map_or(0, |at| at + 1)..edit.start)
            .map_or(0, |s| s.chars().count());
        out.push_str(&edit.text.replace('\n', &format!("\n{}", " ".repeat(column))));
        from = from.max(edit.end);
    }
    out + text.get(from..).unwrap_or_default()
}
