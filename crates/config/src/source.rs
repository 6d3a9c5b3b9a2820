//! The texts that were read, and places in them.
//!
//! Positions are bytes into a text of which only a copy for showing is kept; `hide/` has overwritten in it whatever may be
//! a secret, so that no message can quote one.

use std::{path::PathBuf, sync::Arc};

/// A stretch of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Index of the source.
    pub(crate) file: usize,
    /// First byte.
    pub(crate) start: usize,
    /// One past the last byte.
    pub(crate) end: usize,
}

/// One text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Where it was read.
    pub(crate) path: PathBuf,
    /// The copy that may be shown.
    pub(crate) shown: Arc<str>,
}

/// All texts of one load.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// The index that the next text gets.
    pub(crate) fn next(&self) -> usize {
        self.list.len()
    }

    /// Adds a text by the copy of it that may be shown, and gives its index.
    pub(crate) fn add(&mut self, path: PathBuf, shown: &str) -> usize {
        self.list.push(Source {
            path,
            shown: shown.into(),
        });
        self.next() - 1
    }

    /// The source with this index.
    pub(crate) fn get(&self, file: usize) -> Option<&Source> {
        self.list.get(file)
    }

    /// Line and column (both from 1, in characters) of a byte.
    pub(crate) fn line_and_column(&self, span: Span) -> (usize, usize) {
        let Some(before) = self.get(span.file).and_then(|s| s.shown.get(..span.start)) else {
            return (1, 1);
        };
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}
