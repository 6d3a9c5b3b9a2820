//! A tree of values that remembers where everything stood, and places in it.
//!
//! `parse.rs` builds it from YAML; nothing here knows what a key means.

use saphyr_parser::ScalarStyle;
use zeroize::Zeroizing;

use std::fmt;

use crate::{hide::HIDDEN, source::Span};

/// One value and where it stood.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// What a message points at: a scalar itself, the first thing in a list or a mapping.
    pub(crate) span: Span,
    /// All of it, brackets included.
    pub(crate) extent: Span,
    /// A number or a truth value as it was written; empty for anything else.
    pub(crate) written: Zeroizing<String>,
    pub(crate) data: Data,
    /// May not be seen, or not all of it: never quoted.
    pub(crate) secret: bool,
}

/// What a value is.
#[derive(Clone)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Wiped when it goes: it may be a secret.
    Str(Zeroizing<String>),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

impl fmt::Debug for Data {
    /// The kind alone: any text may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Float(_) => "Float",
            Self::Str(_) => "Str",
            Self::Seq(_) => "Seq",
            Self::Map(_) => "Map",
        })
    }
}

/// One `key: value`.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    /// The key itself may be a secret that a slip made a key of.
    pub(crate) hidden: bool,
    pub(crate) value: Node,
}

impl Entry {
    /// The key and its value.
    pub(crate) fn extent(&self) -> Span {
        Span {
            start: self.key_span.start,
            end: self.value.extent.end.max(self.key_span.end),
            file: self.key_span.file,
        }
    }

    /// The key as messages have it.
    pub(crate) fn shown(&self) -> &str {
        if self.hidden { HIDDEN } else { &self.key }
    }
}

impl Node {
    /// The entry under `key`.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        if let Data::Map(entries) = &self.data {
            entries
        } else {
            &[]
        }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Data::Str(text) = &self.data {
            Some(text)
        } else {
            None
        }
    }
}

/// A place in the tree, whether or not something stands there.
#[derive(Clone, Debug)]
pub(crate) struct At<'n> {
    pub(crate) node: Option<&'n Node>,
    /// The place itself, or the nearest thing around it that exists.
    pub(crate) span: Span,
    /// As shown to the user, like `aws.prod.metrics[0]`.
    pub(crate) path: String,
    /// As the schema has it, like `aws[].metrics[].period`.
    pub(crate) trail: String,
    /// What it is in.
    pub(crate) parent: Option<&'n Node>,
    /// Which of the things in there it is.
    pub(crate) index: Option<usize>,
    /// Its key, unless it is an item of a list, and where that ends.
    pub(crate) key: Option<&'n str>,
    pub(crate) key_end: Option<usize>,
}

impl<'n> At<'n> {
    /// The whole document.
    pub(crate) fn root(node: &'n Node) -> Self {
        Self {
            node: Some(node),
            span: node.span,
            path: String::new(),
            trail: String::new(),
            parent: None,
            index: None,
            key: None,
            key_end: None,
        }
    }

    /// The place under `key`.
    pub(crate) fn key(&self, key: &str) -> Self {
        let entries = self.node.map_or(&[][..], Node::entries);
        let index = entries.iter().position(|entry| entry.key == key);
        let entry = index.and_then(|index| entries.get(index));
        let path = join(&self.path, entry.map_or(key, Entry::shown));
        let scalar = |entry: &Entry| !matches!(entry.value.data, Data::Null | Data::Seq(_) | Data::Map(_));
        let span = entry.map(|entry| {
            if scalar(entry) {
                entry.value.span
            } else {
                entry.key_span
            }
        });
        Self {
            node: entry.map(|entry| &entry.value),
            span: span.unwrap_or(self.span),
            path,
            trail: join(&self.trail, key),
            parent: self.node,
            index,
            key: entry.map(Entry::shown),
            key_end: entry.map(|entry| entry.key_span.end),
        }
    }

    /// The item at `index`; named by its `name` where it has one.
    pub(crate) fn item(&self, index: usize) -> Self {
        let item = match self.node.map(|node| &node.data) {
            Some(Data::Seq(items)) => items.get(index),
            _ => None,
        };
        let name = item
            .and_then(|item| item.entry("name"))
            .filter(|entry| !entry.value.secret)
            .and_then(|entry| entry.value.text());
        let path = match name {
            Some(name) => format!("{}.{name}", self.path),
            None => format!("{}[{index}]", self.path),
        };
        Self {
            node: item,
            span: item.map_or(self.span, |item| item.span),
            path,
            trail: format!("{}[]", self.trail),
            parent: self.node,
            index: Some(index),
            key: None,
            key_end: None,
        }
    }
}

/// A key below a path.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// How many nodes there are in it, itself included.
pub(crate) fn size(node: &Node) -> usize {
    match &node.data {
        Data::Seq(items) => 1 + items.iter().map(size).sum::<usize>(),
        Data::Map(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_) => 1,
    }
}

/// What a scalar means (YAML core schema; quoted = text).
pub(crate) fn scalar(text: &str, style: ScalarStyle) -> Data {
    if style != ScalarStyle::Plain {
        return Data::Str(text.to_owned().into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Data::Null,
        "true" | "True" | "TRUE" => Data::Bool(true),
        "false" | "False" | "FALSE" => Data::Bool(false),
        _ => number(text).unwrap_or_else(|| Data::Str(text.to_owned().into())),
    }
}

fn number(text: &str) -> Option<Data> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let integer = text.parse().ok().map(Data::Int);
    integer.or_else(|| {
        text.parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Data::Float)
    })
}
