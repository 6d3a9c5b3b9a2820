//! What to do about a text that is not YAML, where its form tells.

use crate::help::{Edit, Help};

/// Tabs can be told from what else may be wrong.
pub(super) fn help(text: &str, at: usize) -> Help {
    let start = text
        .get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |end| end + 1);
    let line = text.get(start..).unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    if indent.contains('\t') {
        return Help::from("YAML is indented with spaces: replace the tabs of this line").with_one(Edit {
            start,
            end: start + indent.len(),
            text: indent.replace('\t', "  "),
        });
    }
    if text.trim_start().starts_with('[') && text.contains('=') {
        return "this looks like INI or TOML; write YAML: `nephoscope config example` prints a file to start from".into();
    }
    if let Some(help) = open_quote(text, at) {
        return help;
    }
    let around = text.get(at.saturating_sub(1)..).unwrap_or_default();
    let star = if around.starts_with('*') {
        at.saturating_sub(1)
    } else {
        at
    };
    let after = text.get(star..).and_then(|rest| rest.strip_prefix('*'));
    if after.is_some_and(|rest| rest.starts_with([' ', ',', ']', '}', '\n'])) {
        return Help::from("write `\"*\"`: a value that begins with `*` needs quotes").with_one(Edit {
            start: star,
            end: star + 1,
            text: "\"*\"".into(),
        });
    }
    "look at the indentation, quotes and brackets of this line and the one above; a value with `: `, `#`, `*`, `{` or \
     `[` in it needs quotes"
        .into()
}

/// A quote that its line opens and does not close; where brackets are open, only the user knows before which it ends.
fn open_quote(text: &str, at: usize) -> Option<Help> {
    let rest = text.get(at..)?;
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let line = rest.lines().next()?.trim_end();
    if line.matches(quote).count() % 2 == 0 {
        return None;
    }
    let help = Help::from(format!("close the quote: `{quote}…{quote}`"));
    let end = at + line.len();
    Some(if line.contains(['[', ']', '{', '}', '#']) {
        help
    } else {
        help.with_one(Edit {
            start: end,
            end,
            text: quote.to_string(),
        })
    })
}
