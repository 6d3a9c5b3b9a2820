//! A value that would work, from the schema.

use serde_json::Value;

use crate::{
    form::{forms, kind_of, words},
    yaml,
};

/// As YAML on one line.
pub(crate) fn of(root: &Value, schema: &Value) -> Option<String> {
    let own = schema.get("examples").and_then(|list| list.get(0));
    let forms = forms(root, schema);
    let example = own.or_else(|| forms.iter().find_map(|form| form.get("examples")?.get(0)));
    if let Some(example) = example {
        return Some(yaml::of(example));
    }
    let form = forms.first()?;
    let word = words(form).first().map(|word| (*word).to_owned());
    word.or_else(|| match kind_of(form) {
        "array" => of(root, form.get("items")?).map(|item| format!("[{item}]")),
        "object" => Some(object(root, form)),
        "boolean" => Some("true".into()),
        "integer" | "number" => Some("20".into()),
        _ => None,
    })
}

fn object(root: &Value, form: &Value) -> String {
    let properties = form.get("properties").and_then(Value::as_object);
    let required = form.get("required").and_then(Value::as_array);
    let names: Vec<&str> = match required {
        Some(required) => required.iter().filter_map(Value::as_str).collect(),
        None => properties
            .and_then(|all| all.keys().next())
            .map(String::as_str)
            .into_iter()
            .collect(),
    };
    let pairs: Vec<String> = names
        .iter()
        .filter_map(|name| Some(format!("{name}: {}", of(root, properties?.get(*name)?)?)))
        .collect();
    if pairs.is_empty() {
        free(root, form)
    } else {
        format!("{{ {} }}", pairs.join(", "))
    }
}

/// A mapping with names of the user's choice.
fn free(root: &Value, form: &Value) -> String {
    let values = form.get("additionalProperties").filter(|other| other.is_object());
    match values.and_then(|values| of(root, values)) {
        Some(value) => format!("{{ name: {value} }}"),
        None => "{}".into(),
    }
}
