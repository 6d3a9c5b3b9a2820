//! Which keys are secret, so that no message quotes the line they stand in.
//!
//! Misspelt keys count too: a mistake in the key must not show the secret beside it.

use crate::{nearest::nearest, source::Span};

/// Keys whose value, or all values below them, are secret.
const SECRET_KEYS: [&str; 5] = [
    "secret_access_key",
    "session_token",
    "secret",
    "headers",
    "password",
];
/// Parts of a key that make it secret whatever the rest is.
const SECRET_PARTS: [&str; 6] = ["secret", "token", "passw", "headers", "authorization", "hash"];
/// Keys that look like the ones above and hold no secret themselves.
const OPEN_KEYS: [&str; 5] = [
    "client_secret",
    "session_name",
    "access_key_id",
    "promote",
    "tokens",
];
/// Words that make a line of a file that is not YAML look secret.
const SECRET_WORDS: [&str; 7] = [
    "secret",
    "token",
    "passw",
    "header",
    "authorization",
    "bearer",
    "key",
];

/// Whether the value of this key, or all values below it, are secret.
pub(crate) fn is_secret(key: &str) -> bool {
    let lower = key.to_lowercase();
    !OPEN_KEYS.contains(&key)
        && (SECRET_PARTS.iter().any(|part| lower.contains(part))
            || (key.len() >= SECRET_KEYS[2].len() - 1 && nearest(key, SECRET_KEYS).is_some()))
}

/// What looks secret in a text that is not YAML: the rest of each such line after its first colon.
pub(crate) fn lines(text: &str, file: usize) -> Vec<Span> {
    let mut start = 0;
    let mut spans = vec![];
    for line in text.split_inclusive('\n') {
        let lower = line.to_ascii_lowercase();
        let word = SECRET_WORDS.iter().filter_map(|word| lower.find(word)).min();
        if let Some(colon) = word.and_then(|at| Some(at + lower[at..].find(':')?)) {
            let end = start + line.trim_end().len();
            spans.push(Span {
                file,
                start: (start + colon + 1).min(end),
                end,
            });
        }
        start += line.len();
    }
    spans
}

/// The text with stars for everything except `${…}`, which only says where a secret is kept, and quotes.
pub(crate) fn stars(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let end = rest[at..].find('}').map_or(rest.len(), |length| at + length + 1);
        out.push_str(&starred(&rest[..at]));
        out.push_str(&rest[at..end]);
        rest = &rest[end..];
    }
    out + &starred(rest)
}

/// Byte for byte, so that every other position stays what it was.
fn starred(text: &str) -> String {
    let star = |byte: u8| {
        if b"\n\"' ".contains(&byte) {
            char::from(byte)
        } else {
            '*'
        }
    };
    text.bytes().map(star).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_secret, lines, stars};

    #[test]
    fn misspelt_secret_keys_are_secret() {
        for key in [
            "secret",
            "secret_acces_key",
            "session_toke",
            "sercet",
            "headers",
            "Password",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "name",
            "client_secret",
            "client_id",
            "regions",
            "static",
            "key_file",
            "session_name",
            "endpoint",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }

    #[test]
    fn only_the_place_of_a_secret_stays_visible() {
        assert_eq!(stars("\"Bearer ${env:T}xy\""), "\"****** ${env:T}**\"");
        assert_eq!(lines("a: 1\nsecret: x\n", 0)[0].start, 12);
    }
}
