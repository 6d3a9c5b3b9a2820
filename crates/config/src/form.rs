//! Small questions about one form of a schema, and the words for what does not fit it.

use serde_json::{Map, Value, json};

use crate::{
    nearest::nearest,
    tree::{Data, Node},
};

/// Most alternatives that a help line lists.
const MAX_LISTED: usize = 24;

/// The schema's alternatives, references followed, `null` left out.
pub(crate) fn forms<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    let schema = follow(root, schema);
    let alternatives = ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    let all = match alternatives {
        Some(list) => list.iter().flat_map(|form| forms(root, form)).collect(),
        None => vec![schema],
    };
    all.into_iter().filter(|form| kind_of(form) != "null").collect()
}

fn follow<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let name = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|path| path.strip_prefix('#'));
    name.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

/// The known key that an unknown one was meant to be.
pub(crate) fn near_unknown<'s>(properties: Option<&'s Map<String, Value>>, key: &str) -> Option<&'s str> {
    let properties = properties.filter(|all| !all.contains_key(key))?;
    nearest(key, properties.keys().map(String::as_str))
}

pub(crate) fn choices(word: &str, names: &[&str]) -> String {
    let listed: Vec<&str> = names.iter().take(MAX_LISTED).copied().collect();
    let list = listed.join(", ");
    match nearest(word, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Possible here: {list}"),
        None => format!("possible here: {list}"),
    }
}

/// The schema's type, without `null`.
pub(crate) fn kind_of(form: &Value) -> &str {
    match form.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        _ if form.get("const").is_some() || form.get("enum").is_some() => "string",
        _ => "object",
    }
}

pub(crate) fn accepts(kind: &str, node: &Node) -> bool {
    match &node.data {
        Data::Null | Data::Map(_) => kind == "object",
        Data::Seq(_) => kind == "array",
        Data::Str(_) => kind == "string",
        Data::Bool(_) => kind == "boolean",
        Data::Int(_) => matches!(kind, "integer" | "number"),
        Data::Float(_) => kind == "number",
    }
}

/// The fixed words of a form.
pub(crate) fn words(form: &Value) -> Vec<&str> {
    let list = form.get("enum").and_then(Value::as_array).into_iter().flatten();
    list.chain(form.get("const")).filter_map(Value::as_str).collect()
}

pub(crate) fn allowed<'s>(forms: &[&'s Value]) -> Vec<&'s str> {
    forms.iter().flat_map(|form| words(form)).collect()
}

pub(crate) fn kind_words(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "array" => "a list",
        "object" => "keys with values",
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "a number",
    }
}

pub(crate) fn found_words(node: &Node) -> &'static str {
    match &node.data {
        Data::Null => "nothing",
        Data::Bool(_) => "the truth value",
        Data::Int(_) | Data::Float(_) => "the number",
        Data::Str(_) => "text",
        Data::Seq(_) => "a list",
        Data::Map(_) => "keys with values",
    }
}

pub(crate) fn quoted(node: &Node, text: &str) -> String {
    if node.secret {
        "this value".into()
    } else {
        format!("`{text}`")
    }
}

pub(crate) fn json_of(node: &Node) -> Value {
    match &node.data {
        Data::Bool(value) => json!(value),
        Data::Int(value) => json!(value),
        Data::Float(value) => json!(value),
        Data::Str(value) => json!(value.as_str()),
        Data::Null | Data::Seq(_) | Data::Map(_) => Value::Null,
    }
}
