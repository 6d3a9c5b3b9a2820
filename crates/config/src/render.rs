//! How problems look: with the lines they are in, or told in sentences for a screen reader.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, NarratableReportHandler,
    SourceCode,
};

use crate::problem::{Problem, Problems};

/// How to show problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// With the source lines, an arrow below the place, and colours when `color`.
    Graphical {
        /// ANSI colours.
        color: bool,
        /// Columns to wrap at.
        width: usize,
    },
    /// Sentences only, for logs and screen readers.
    Narrated,
}

impl Problems {
    /// The whole report: every problem, then their number.
    pub fn render(&self, look: Look) -> String {
        let mut out = String::new();
        for problem in &self.list {
            out.push_str(&problem.render(look));
            out.push('\n');
        }
        let noun = if self.list.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        let total = format!("{} {noun} in the configuration.\n", self.list.len());
        out.push_str(&total);
        out
    }
}

impl Problem {
    /// This problem alone.
    pub fn render(&self, look: Look) -> String {
        let report = Report::new(self);
        let mut out = String::new();
        let written = match look {
            Look::Graphical { color, width } => {
                let theme = if color {
                    GraphicalTheme::unicode()
                } else {
                    GraphicalTheme::unicode_nocolor()
                };
                let handler = GraphicalReportHandler::new_themed(theme)
                    .with_width(width)
                    .with_links(false);
                handler
                    .without_syntax_highlighting()
                    .render_report(&mut out, &report)
            }
            Look::Narrated => NarratableReportHandler::new().render_report(&mut out, &report),
        };
        // A place that the renderer cannot show (an empty file) still has its words.
        if written.is_err() {
            format!("{self}\n")
        } else {
            out
        }
    }
}

/// A problem in miette's terms.
#[derive(Debug)]
struct Report<'a> {
    problem: &'a Problem,
    source: NamedSource<String>,
}

impl<'a> Report<'a> {
    fn new(problem: &'a Problem) -> Self {
        let name = problem.file.display().to_string();
        Self {
            problem,
            source: NamedSource::new(name, problem.text.to_string()),
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Report<'_> {}

impl Diagnostic for Report<'_> {
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem
            .help
            .as_ref()
            .map(|help| -> Box<dyn fmt::Display + 'b> { Box::new(help) })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        if self.problem.text.is_empty() {
            None
        } else {
            Some(&self.source)
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, length) = self.problem.bytes;
        let label = (!self.problem.path.is_empty()).then(|| self.problem.path.clone());
        Some(Box::new(std::iter::once(LabeledSpan::new(label, start, length))))
    }
}
