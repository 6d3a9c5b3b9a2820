//! The texts that were read, and places in them.
//!
//! Positions are bytes into a text of which a copy is kept for showing; in that copy the values of
//! secret keys are overwritten, so that no message can quote one.

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
    /// The text with its secrets overwritten.
    pub(crate) shown: Arc<str>,
}

/// All texts of one load.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text and gives its index.
    pub(crate) fn add(&mut self, path: PathBuf, text: &str) -> usize {
        self.list.push(Source {
            path,
            shown: text.into(),
        });
        self.list.len() - 1
    }

    /// The source with this index.
    pub(crate) fn get(&self, file: usize) -> Option<&Source> {
        self.list.get(file)
    }

    /// Overwrites the given stretches with stars of the same length.
    pub(crate) fn hide(&mut self, spans: &[Span]) {
        for span in spans {
            if let Some(source) = self.list.get_mut(span.file) {
                source.shown = starred(&source.shown, span.start, span.end).into();
            }
        }
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

fn starred(text: &str, start: usize, end: usize) -> String {
    let (Some(before), Some(hidden), Some(after)) =
        (text.get(..start), text.get(start..end), text.get(end..))
    else {
        return text.to_owned();
    };
    let stars = crate::hide::stars(hidden);
    format!("{before}{stars}{after}")
}
