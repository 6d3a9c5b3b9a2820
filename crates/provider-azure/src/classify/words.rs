//! What the body of a refusal says. It has four forms: wrapped, bare, Entra's, and HTML from a gateway.

use serde_json::Value;

/// As much of a body as an error text repeats, in characters.
const LONGEST_WORDS_CHARS: usize = 600;

/// What an error body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// `ResourceNotFound`, `invalid_client`, …; may be empty.
    pub(crate) code: String,
    /// The text.
    pub(crate) message: String,
}

/// Reads an error body: `error` when it is an object, else the top object; a string in `error` is Entra's.
pub(crate) fn parse(body: &[u8]) -> Option<Words> {
    let top: Value = serde_json::from_slice(body).ok()?;
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = match top.get("error") {
        Some(Value::String(code)) => Words {
            code: code.clone(),
            message: text(&top, "error_description"),
        },
        Some(inner @ Value::Object(_)) => with_details(inner, text(inner, "code"), text(inner, "message")),
        _ => Words {
            code: text(&top, "code"),
            message: text(&top, "message"),
        },
    };
    (!words.code.is_empty() || !words.message.is_empty()).then_some(words)
}

/// Resource Graph says what is wrong only in its details.
fn with_details(error: &Value, code: String, mut message: String) -> Words {
    let details = error
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for detail in details.filter_map(|d| d.get("message").and_then(Value::as_str)) {
        message.push_str("; ");
        message.push_str(detail);
    }
    Words { code, message }
}

/// A body that is not an error of Azure's.
pub(super) fn raw(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        "no body".to_owned()
    } else {
        format!("not JSON: {}", cut(text.trim()))
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(LONGEST_WORDS_CHARS).collect()
}
