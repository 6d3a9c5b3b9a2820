//! Where a scalar ends.

use saphyr_parser::ScalarStyle;

/// How long a scalar is: what the parser says may take in the comment behind it.
pub(super) fn length(style: ScalarStyle, text: &str) -> usize {
    let quote = match style {
        ScalarStyle::SingleQuoted => '\'',
        ScalarStyle::DoubleQuoted => '"',
        ScalarStyle::Plain => {
            let comment = text.find(" #").or_else(|| text.find("\t#"));
            return text[..comment.unwrap_or(text.len())].trim_end().len();
        }
        ScalarStyle::Literal | ScalarStyle::Folded => return text.trim_end().len(),
    };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\\' if quote == '"' && !escaped => escaped = true,
            _ if c == quote && !escaped => {
                // In single quotes, two of them are one of the text.
                if quote == '"' || !text[at + 1..].starts_with('\'') {
                    return at + 1;
                }
                escaped = true;
            }
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::length;
    use saphyr_parser::ScalarStyle::{DoubleQuoted, Plain, SingleQuoted};

    #[test]
    fn a_comment_behind_a_value_is_none_of_it() {
        for (style, text, value) in [
            (Plain, "a b  # c", "a b"),
            (Plain, "a#b ", "a#b"),
            (SingleQuoted, "'it''s' # c", "'it''s'"),
            (DoubleQuoted, r#""a \" b" # "c""#, r#""a \" b""#),
        ] {
            assert_eq!(length(style, text), value.len(), "{text}");
        }
    }
}
