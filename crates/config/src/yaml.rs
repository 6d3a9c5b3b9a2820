//! Values as one writes them in YAML on one line, for remedies and examples.

use serde_json::Value;

/// As it may stand in a block and between brackets.
pub(crate) fn of(value: &Value) -> String {
    match value {
        Value::String(text) => text_of(text),
        Value::Array(items) => format!("[{}]", items.iter().map(of).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let pairs: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", text_of(key), of(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// In quotes where YAML would read it otherwise.
pub(crate) fn text_of(text: &str) -> String {
    let quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    let first = text
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let word = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_./@:+-".contains(c));
    let meaning = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off"
    );
    let units = text.chars().next().is_some_and(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric())
        && text.chars().any(|c| c.is_ascii_alphabetic())
        && text.parse::<f64>().is_err();
    if quoted || units || first && word && !meaning && !text.ends_with(':') {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use serde_json::json;

    #[test]
    fn what_yaml_would_read_otherwise_is_quoted() {
        for (value, written) in [
            (json!("eu-west-1"), "eu-west-1"),
            (json!("http://127.0.0.1:4317"), "http://127.0.0.1:4317"),
            (json!("30s"), "30s"),
            (json!("012"), "\"012\""),
            (json!("1e5"), "\"1e5\""),
            (json!("no"), "\"no\""),
            (json!("Network*"), "\"Network*\""),
            (json!("${cred:NAME}"), "\"${cred:NAME}\""),
            (json!({ "a": ["x", 1] }), "{ a: [x, 1] }"),
        ] {
            assert_eq!(of(&value), written);
        }
    }
}
