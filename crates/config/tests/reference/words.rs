//! What the schema says of one key, in words: type, default, example, meaning.

use super::tables::{alternatives, follow};
use serde_json::Value;

/// Between a description and what holds without the key.
const DEFAULT: &str = "Default: ";

/// The type of a value; `link` names the section of a table by its reference.
pub(crate) fn kind(root: &Value, schema: &Value, link: &dyn Fn(&str) -> Option<String>) -> String {
    let forms = alternatives(schema);
    if forms.len() > 1 {
        let mut kinds: Vec<_> = forms.iter().map(|form| kind(root, form, link)).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    let form = forms[0];
    if let Some(reference) = form.get("$ref").and_then(Value::as_str) {
        return link(reference).unwrap_or_else(|| named(root, reference, link));
    }
    if let Some(word) = form.get("const").and_then(Value::as_str) {
        return format!("`{word}`");
    }
    if let Some(words) = form.get("enum").and_then(Value::as_array) {
        return words
            .iter()
            .map(|word| format!("`{}`", plain(word)))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    simple(root, form, link)
}

/// A definition that is no table: what its name or its form says.
fn named(root: &Value, reference: &str, link: &dyn Fn(&str) -> Option<String>) -> String {
    match reference.rsplit('/').next().unwrap_or_default() {
        "DurationText" => "duration".to_owned(),
        "AutoText" => "`auto` or duration".to_owned(),
        "SizeText" => "size".to_owned(),
        "PatternText" => "pattern".to_owned(),
        "Secret" => "secret".to_owned(),
        "Empty" => "`{}`".to_owned(),
        _ => kind(root, follow(root, reference), link),
    }
}

fn simple(root: &Value, form: &Value, link: &dyn Fn(&str) -> Option<String>) -> String {
    // `[string, null]` is an optional text.
    let of = form.get("type").map(|kind| plain(kind.get(0).unwrap_or(kind)));
    match of.as_deref() {
        Some("array") => format!("list of {}", kind(root, &form["items"], link)),
        Some("object") => match form.get("additionalProperties").filter(|other| other.is_object()) {
            Some(values) => format!("map of {}", kind(root, values, link)),
            None => "`{}`".to_owned(),
        },
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("string") => "text".to_owned(),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

/// What holds without the key.
pub(crate) fn default(schema: &Value) -> Option<String> {
    let (_, after) = description(schema)?.split_once(DEFAULT)?;
    let end = after.find(". ").unwrap_or(after.len());
    Some(after[..end].trim_end_matches('.').to_owned())
}

/// What the key means, without the default, and what each of its words means.
pub(crate) fn meaning(root: &Value, schema: &Value) -> String {
    let text = description(schema).unwrap_or_default();
    let mut meaning = match text.split_once(DEFAULT) {
        Some((before, after)) => {
            let rest = after.find(". ").map_or("", |end| &after[end + 2..]);
            format!("{before}{rest}").trim().to_owned()
        }
        None => text.to_owned(),
    };
    for form in alternatives(schema) {
        let target = form
            .get("$ref")
            .and_then(Value::as_str)
            .map(|reference| follow(root, reference));
        if let Some(target) = target {
            if meaning.is_empty() {
                description(target).unwrap_or_default().clone_into(&mut meaning);
            }
            meaning.push_str(&choices(root, target));
        }
    }
    meaning.replace('\n', " ").replace('|', "\\|")
}

fn choices(root: &Value, schema: &Value) -> String {
    let mut out = String::new();
    for form in alternatives(schema) {
        match (
            form.get("const").and_then(Value::as_str),
            form.get("$ref").and_then(Value::as_str),
        ) {
            (Some(word), _) => {
                let text = description(form).unwrap_or_default();
                out.extend([" `", word, "`: ", text]);
            }
            (None, Some(reference)) => out.push_str(&choices(root, follow(root, reference))),
            (None, None) => {}
        }
    }
    out
}

/// The first example of the key or of what it refers to, as one would write it.
pub(crate) fn example(root: &Value, schema: &Value) -> Option<String> {
    if let Some(example) = schema.pointer("/examples/0") {
        return Some(yaml(example));
    }
    let form = *alternatives(schema).first()?;
    if let Some(items) = form.get("items") {
        return example(root, items).map(|one| format!("[{one}]"));
    }
    let target = follow(root, form.get("$ref")?.as_str()?);
    example(root, target)
}

fn yaml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(in_list).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", in_list(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => plain(value),
    }
}

/// Inside brackets some letters mean something to YAML.
fn in_list(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(['*', ':', ',', '{', '[', ' ', '~', '#']) => format!("{text:?}"),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => yaml(value),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn description(schema: &Value) -> Option<&str> {
    schema.get("description").and_then(Value::as_str)
}
