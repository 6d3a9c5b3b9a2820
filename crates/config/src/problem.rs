//! What is wrong with a configuration: the list a user reads, and the collector that fills it.
//!
//! How a problem looks on a screen is `render.rs`.

use std::{fmt, path::PathBuf, sync::Arc};

use crate::{
    help::{Edit, Help},
    hide::without,
    source::{Source, Sources, Span},
    tree::At,
};

/// One thing that is wrong, where, and what would work.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The file it is in.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The place in the configuration, like `aws.prod.metrics[0].period`; empty for the whole file.
    pub path: String,
    /// What is wrong and why.
    pub message: String,
    /// What would work.
    pub help: Option<String>,
    /// Changes of the file that do what `help` says; none where only the user knows what is right, or where something else
    /// than the file has to change. [`crate::apply`] makes them.
    pub edits: Vec<Edit>,
    /// Bytes of the file that are meant: first, and how many.
    pub(crate) bytes: (usize, usize),
    /// The file's text as it may be shown.
    pub(crate) text: Arc<str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file.display(),
            self.line,
            self.column,
            self.message
        )
    }
}

/// All problems of one load, in the order of files and lines; never empty when returned as an error.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The problems.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            let newline = if i == 0 { "" } else { "\n" };
            write!(f, "{newline}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A problem before its source is known by name.
#[derive(Debug)]
struct Raw {
    span: Span,
    path: String,
    message: String,
    help: Help,
}

/// Collects problems while a configuration is read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    list: Vec<Raw>,
}

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a problem at a place of the tree; what may not be seen there is not quoted.
    pub(crate) fn at(&mut self, at: &At<'_>, message: impl Into<String>, help: impl Into<Help>) {
        let secret = at.node.filter(|node| node.secret);
        let secret = secret.map(|node| node.text().unwrap_or(&node.written));
        let hidden = |text: String| match secret {
            Some(secret) => without(&text, secret),
            None => text,
        };
        let mut help = help.into();
        if help
            .edits
            .iter()
            .any(|edit| hidden(edit.text.clone()) != edit.text)
        {
            help.edits.clear();
        }
        help.words = help.words.map(hidden);
        self.span(at.span, at.path.clone(), hidden(message.into()), help);
    }

    /// Adds a problem at a stretch of text.
    pub(crate) fn span(
        &mut self,
        span: Span,
        path: String,
        message: impl Into<String>,
        help: impl Into<Help>,
    ) {
        self.list.push(Raw {
            span,
            path,
            message: message.into(),
            help: help.into(),
        });
    }

    /// Whether something at `path` or below it has already been reported: one mistake, one message.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.list.iter().any(|raw| {
            raw.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    /// The list for the user.
    pub(crate) fn finish(mut self, sources: &Sources) -> Problems {
        self.list.sort_by_key(|raw| (raw.span.file, raw.span.start));
        Problems {
            list: self.list.into_iter().map(|raw| raw.with(sources)).collect(),
        }
    }
}

impl Raw {
    fn with(self, sources: &Sources) -> Problem {
        let (line, column) = sources.line_and_column(self.span);
        let empty = Source {
            path: PathBuf::new(),
            shown: "".into(),
        };
        let source = sources.get(self.span.file).unwrap_or(&empty);
        Problem {
            file: source.path.clone(),
            line,
            column,
            path: self.path,
            message: self.message,
            help: self.help.words,
            edits: self.help.edits,
            bytes: (self.span.start, self.span.end.saturating_sub(self.span.start)),
            text: Arc::clone(&source.shown),
        }
    }
}
