//! What may be seen of a text: a copy in which everything is overwritten that is not known to be harmless.
//!
//! The copy keeps every byte's place, so that lines and columns stay what they were. Shown are keys, the values that
//! `place.rs` opens, and YAML's own marks. Comments are blanked: a secret is often left in one when it is changed.

mod place;
mod shape;

use std::{collections::BTreeSet, ops::Range, sync::LazyLock};

use regex::Regex;
use serde_json::Value;
use zeroize::Zeroizing;

pub(crate) use self::{
    place::Place,
    shape::{HIDDEN, secret_parts, shown},
};
use crate::source::Span;

/// Shorter parts of a secret give nothing away, and stand in messages by chance.
const SHORTEST_WORD: usize = 4;
/// Words that values begin with and that messages speak of.
const SCHEMES: [&str; 4] = ["http", "https", "grpc", "sha256"];

/// YAML's marks between keys and values.
const MARKS: &str = "-?:,[]{}|>&*!'\"";

/// What says where a secret is kept, and is none itself.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[\w./-]+|cred:[\w.-]+|[A-Z_][A-Z0-9_]*)\}").ok()
});

/// A key or a value.
#[derive(Clone, Debug)]
struct Scalar {
    span: Span,
    /// The stretches of it that may be seen.
    open: Vec<Span>,
}

/// What was understood of a text: every key and value in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    scalars: Vec<Scalar>,
}

impl Seen {
    /// Adds a key or a value that is hidden unless it proves harmless; gives its number.
    pub(crate) fn add(&mut self, span: Span) -> usize {
        self.scalars.push(Scalar { span, open: vec![] });
        self.scalars.len() - 1
    }

    /// Lets all of it be seen.
    pub(crate) fn open(&mut self, number: usize) {
        if let Some(scalar) = self.scalars.get_mut(number) {
            scalar.open = vec![scalar.span];
        }
    }

    /// Lets a value be seen but for its secret parts; true when there are none.
    pub(crate) fn value(&mut self, text: &str, value: &str, span: Span, place: &Place<'_>) -> bool {
        let number = self.add(span);
        let parts = place.secret_parts(value);
        let source = text.get(span.start..span.end).unwrap_or_default();
        let quote = usize::from(source.starts_with(['"', '\'']));
        if source.contains('\n') || parts.iter().any(|part| part.len() == value.len()) {
            // Of a text over several lines the YAML may have been meant otherwise.
        } else if source.get(quote..source.len().saturating_sub(quote)) == Some(value) {
            let from = span.start + quote;
            self.around(
                number,
                parts.iter().map(|part| from + part.start..from + part.end),
            );
        } else if quote > 0 && parts.is_empty() && secret_parts(source).is_empty() {
            self.open(number);
        }
        parts.is_empty()
    }

    fn around(&mut self, number: usize, parts: impl Iterator<Item = Range<usize>>) {
        let Some(scalar) = self.scalars.get_mut(number) else {
            return;
        };
        let mut start = scalar.span.start;
        for part in parts {
            scalar.open.push(Span {
                start,
                end: part.start,
                ..scalar.span
            });
            start = part.end;
        }
        scalar.open.push(Span { start, ..scalar.span });
    }

    /// Hides what could be seen, because it is meant for another place as well.
    pub(crate) fn close(&mut self, span: Span) {
        if let Ok(number) = self
            .scalars
            .binary_search_by_key(&span.start, |scalar| scalar.span.start)
            && let Some(scalar) = self.scalars.get_mut(number)
        {
            scalar.open.clear();
        }
    }

    /// The copy to show. `complete` = the parser came to the end; after the last value of a text that is broken only known
    /// keys are shown.
    pub(crate) fn copy(&self, text: &str, complete: bool, keys: &BTreeSet<String>) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(text.len()));
        for scalar in &self.scalars {
            if scalar.span.start >= out.len() {
                between(
                    text.get(out.len()..scalar.span.start).unwrap_or_default(),
                    &mut out,
                );
                scalar.copy(text, &mut out);
            }
        }
        let rest = text.get(out.len()..).unwrap_or_default();
        if complete {
            between(rest, &mut out);
        } else {
            broken(rest, keys, &mut out);
        }
        out
    }
}

impl Scalar {
    fn copy(&self, text: &str, out: &mut String) {
        for open in &self.open {
            stars(text.get(out.len()..open.start).unwrap_or_default(), out);
            out.push_str(text.get(open.start..open.end).unwrap_or_default());
        }
        stars(text.get(out.len()..self.span.end).unwrap_or_default(), out);
    }
}

/// Every key that the schema knows, wherever it stands.
pub(crate) fn known_keys(schema: &Value) -> BTreeSet<String> {
    let tables = schema
        .get("$defs")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let tables = tables.map(|(_, table)| table).chain([schema]);
    let keys = tables.filter_map(|table| table.get("properties")?.as_object());
    keys.flat_map(|all| all.keys().cloned()).collect()
}

/// A message without a secret, and without the longer words of it, should the message hold a part of it.
pub(crate) fn without(message: &str, secret: &str) -> String {
    let words = secret.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| word.chars().count() >= SHORTEST_WORD && !SCHEMES.contains(word));
    let whole = (!secret.is_empty()).then_some(secret);
    let all = whole.into_iter().chain(words);
    all.fold(message.to_owned(), |text, word| {
        // A remedy may have changed the case.
        let word = regex::RegexBuilder::new(&regex::escape(word))
            .case_insensitive(true)
            .build();
        word.map_or_else(
            |_| HIDDEN.to_owned(),
            |word| word.replace_all(&text, HIDDEN).into_owned(),
        )
    })
}

/// Whether this only says where a secret is kept.
pub(crate) fn is_reference(text: &str) -> bool {
    let found = REFERENCE.as_ref().and_then(|reference| reference.find(text));
    found.is_some_and(|found| found.len() == text.len() && secret_parts(text).is_empty())
}

/// Marks stay, comments and names of anchors and tags go.
fn between(text: &str, out: &mut String) {
    let mut comment = false;
    let mut before = out.chars().next_back().unwrap_or('\n');
    for c in text.chars() {
        if c == '\n' {
            comment = false;
        }
        let begins = c == '#' && !comment && before.is_whitespace();
        match c {
            '#' if begins => out.push('#'),
            _ if c.is_whitespace() => out.push(c),
            _ if comment => blank(c, out),
            _ if MARKS.contains(c) => out.push(c),
            _ => star(c, out),
        }
        comment |= begins;
        before = c;
    }
}

/// What the parser did not reach: known keys, and stars.
fn broken(text: &str, keys: &BTreeSet<String>, out: &mut String) {
    // The first piece goes on in the line of the last value.
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    between(first, out);
    for line in rest.split_inclusive('\n') {
        let key_at = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
        let rest = &line[key_at..];
        let end = rest.find(':').filter(|end| keys.contains(&rest[..*end]));
        let shown = end.map_or(key_at, |end| key_at + end + 1);
        out.push_str(&line[..shown]);
        stars(&line[shown..], out);
    }
}

/// Stars for everything but quotes, blanks and references.
fn stars(text: &str, out: &mut String) {
    let found = REFERENCE.as_ref().map(|reference| reference.find_iter(text));
    let mut from = 0;
    for reference in found
        .into_iter()
        .flatten()
        .filter(|found| is_reference(found.as_str()))
    {
        text[from..reference.start()].chars().for_each(|c| star(c, out));
        out.push_str(reference.as_str());
        from = reference.end();
    }
    text[from..].chars().for_each(|c| star(c, out));
}

/// A sign of as many bytes, so that every other place stays what it was.
fn star(c: char, out: &mut String) {
    match c {
        '"' | '\'' | ' ' | '\n' | '\r' | '\t' => out.push(c),
        _ => out.push(['*', '·', '•', '🞄'][c.len_utf8() - 1]),
    }
}

fn blank(c: char, out: &mut String) {
    // Blanks of two, three and four bytes do not exist for all lengths; two are as good as one in a comment.
    out.extend(std::iter::repeat_n(' ', c.len_utf8()));
}

#[cfg(test)]
mod tests {
    use super::{Seen, between, is_reference, stars};
    use crate::source::Span;
    use std::collections::BTreeSet;

    fn done(act: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        act(&mut out);
        out
    }

    #[test]
    fn only_the_place_of_a_secret_stays_visible() {
        assert_eq!(
            done(|out| stars("\"Bearer ${env:T}xy\"", out)),
            "\"****** ${env:T}**\""
        );
        assert_eq!(done(|out| stars("a${b}ü", out)), "*****·");
        assert!(is_reference("${file:/run/x}") && !is_reference("${hunter2}"));
    }

    #[test]
    fn comments_and_anchors_are_blanked() {
        assert_eq!(
            done(|out| between(" &pass # secret: x\n- !tag ", out)),
            " &**** #          \n- !*** "
        );
    }

    #[test]
    fn nothing_but_known_keys_is_shown_of_what_was_not_parsed() {
        let span = |start, end| Span { file: 0, start, end };
        let mut seen = Seen::default();
        let number = seen.add(span(0, 1));
        seen.open(number);
        let keys = BTreeSet::from(["regions".to_owned()]);
        let shown = seen.copy("a: \"b\n  regions: [x]\n  - pass: y\n", false, &keys);
        assert_eq!(shown.as_str(), "a: \"*\n  regions: ***\n  - ***** *\n");
    }
}
