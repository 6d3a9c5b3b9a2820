//! What the commands' texts have in common on a screen: how wide it is, lines that fit it, and a count of what is done
//! while somebody waits.

use console::{Term, measure_text_width};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;

/// Where nobody says how wide it is: a pipe, a file, a terminal of any size.
const COLUMNS: usize = 80;

/// Below this nothing is legible, whatever a terminal says of itself.
const FEWEST_COLUMNS: usize = 40;

/// How often the count is drawn again.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// The columns that there are: the terminal's, else those of `COLUMNS`, else 80.
pub(crate) fn columns() -> usize {
    let terminal = Term::stdout()
        .size_checked()
        .map(|(_, columns)| usize::from(columns));
    let told = || std::env::var_os("COLUMNS")?.to_str()?.parse().ok();
    terminal.or_else(told).unwrap_or(COLUMNS).max(FEWEST_COLUMNS)
}

/// A text in lines that fit, each with an indent; a word that is too long has a line of its own.
pub(crate) fn wrapped(text: &str, first: &str, rest: &str, columns: usize) -> String {
    let (mut lines, mut line, mut is_begun) = (String::new(), first.to_owned(), false);
    for word in text.split_whitespace() {
        if is_begun && measure_text_width(&line) + 1 + measure_text_width(word) > columns {
            lines.extend([line.trim_end(), "\n"]);
            (line, is_begun) = (rest.to_owned(), false);
        }
        if is_begun {
            line.push(' ');
        }
        line.push_str(word);
        is_begun = true;
    }
    lines + line.trim_end() + "\n"
}

/// The first names, and how many more there are, so that it fits `columns`.
pub(crate) fn first_of<'a>(names: impl ExactSizeIterator<Item = &'a str>, columns: usize) -> String {
    let all = names.len();
    let mut text = String::new();
    for (place, name) in names.enumerate() {
        let more = all - place - 1;
        let separator = if place == 0 { "" } else { ", " };
        let room = if more == 0 { 0 } else { " and 1,000 more".len() };
        let wanted = measure_text_width(&text) + separator.len() + measure_text_width(name) + room;
        if place > 0 && wanted > columns {
            let left = crate::overview::words::count(u64::try_from(more + 1).unwrap_or(u64::MAX));
            return format!("{text} and {left} more");
        }
        text.extend([separator, name]);
    }
    text
}

/// Text from outside, without what would steer the terminal.
pub(crate) fn harmless(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// A count on standard error while somebody looks; nothing in a pipe.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// `what` is the work under way: `checking accounts`.
    pub(crate) fn start(what: &'static str, of: usize) -> Self {
        let bar = ProgressBar::new(u64::try_from(of).unwrap_or(u64::MAX));
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        // The template is ours, and a mistake in it would only cost the looks.
        let style = ProgressStyle::with_template("{msg}: {pos} of {len}, {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what);
        bar.enable_steady_tick(DRAWN_EVERY);
        Self(bar)
    }

    pub(crate) fn step(&self) {
        self.0.inc(1);
    }

    /// Takes it off the screen.
    pub(crate) fn end(self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Whole screens, as files of `testdata/screens`.

    use std::path::Path;

    /// The text is the file's, and fits 80 columns; `UPDATE_EXPECT=1` writes the file anew.
    pub(crate) fn same_as(file: &str, text: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/screens")
            .join(file);
        for line in text.lines() {
            assert!(console::measure_text_width(line) <= 80, "too long: {line}");
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, wanted, "UPDATE_EXPECT=1 writes {file} anew");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_long_words_stand_alone() {
        let text = "one two three https://a.very.long.example/of/a/word four";
        assert_eq!(
            wrapped(text, "> ", "  ", 14),
            "> one two\n  three\n  https://a.very.long.example/of/a/word\n  four\n"
        );
        assert_eq!(wrapped("", "", "", 20), "\n");
    }

    #[test]
    fn names_are_as_many_as_fit() {
        let names: Vec<String> = (0..300).map(|n| format!("account-{n:03}")).collect();
        let names = || names.iter().map(String::as_str);
        let text = first_of(names(), 40);
        assert_eq!(text, "account-000, account-001 and 298 more");
        assert_eq!(first_of(names().take(2), 40), "account-000, account-001");
        assert_eq!(first_of(names().take(1), 4), "account-000");
    }

    #[test]
    fn nothing_from_outside_steers_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\nb"), "a\u{fffd}[31m b");
    }
}
