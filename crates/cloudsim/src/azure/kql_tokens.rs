//! The words, strings and signs of a Resource Graph query. What they mean is `kql.rs` and `kql_expression.rs`.

/// The smallest piece of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

impl Token {
    /// True for this bare word, any case.
    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own.eq_ignore_ascii_case(word))
    }
}

/// Longer signs first.
const SIGNS: [&str; 12] = ["=~", "!~", "==", "!=", "|", "(", ")", "[", "]", ",", "=", "~"];

/// All tokens of a query.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' || first == '"' {
            let (text, after) = quoted(&rest[1..], first).ok_or("ParserFailure: string without end")?;
            tokens.push(Token::Text(text));
            rest = after;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || "_.-!$".contains(c)))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("ParserFailure at {rest}"));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, next)) = chars.next() {
        if next == '\\' {
            word.push(chars.next()?.1);
        } else if next == quote {
            return Some((word, &text[at + 1..]));
        } else {
            word.push(next);
        }
    }
    None
}
