//! Cuts the text of a monitoring filter into words, quoted strings and signs. What they mean is `filter.rs`.

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: &[&str] = &["!=", ">=", "<=", "=", ">", "<", ":", "(", ")", ",", "-"];

/// Cuts a filter into tokens; the error is the sentence for the 400.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let (value, tail) = quoted(&rest[1..])?;
            // A quoted key belongs to the selector before it: metadata.user_labels."a/b".
            match out.last_mut() {
                Some(Token::Word(word)) if word.ends_with('.') => word.push_str(&value),
                _ => out.push(Token::Text(value)),
            }
            rest = tail;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            out.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_'))
                .unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("unexpected character {first:?} in the filter"));
            }
            out.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                Some((_, other)) => value.extend(['\\', other]),
                None => break,
            },
            _ => value.push(c),
        }
    }
    Err("a quoted string does not end".to_owned())
}
