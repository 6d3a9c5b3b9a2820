//! Where in the schema a key is one of ours, for keys that stand in the wrong place.

use serde_json::Value;

use crate::{
    form::{forms, kind_of},
    tree::{At, join},
};

/// The table that a place is in.
pub(crate) fn table<'a>(place: &'a At<'_>) -> &'a str {
    place.trail.rsplit_once('.').map_or("", |(table, _)| table)
}

pub(crate) fn quoted_places(places: &str) -> String {
    let places = places.replace(", ", "`, `").replace(" and ", "` and `");
    format!("`{places}`")
}

/// The tables of the file that have this key.
pub(crate) fn holders(root: &Value, schema: &Value, trail: &str, key: &str, found: &mut Vec<String>) {
    for form in forms(root, schema) {
        if let Some(items) = form.get("items") {
            holders(root, items, &format!("{trail}[]"), key, found);
        }
        let properties = form.get("properties").and_then(Value::as_object);
        if !trail.is_empty() && properties.is_some_and(|all| all.contains_key(key)) {
            found.push(trail.to_owned());
        }
        for (name, schema) in properties.into_iter().flatten() {
            holders(root, schema, &join(trail, name), key, found);
        }
    }
}

/// Where below a table this key is one of ours.
pub(crate) fn below<'s>(root: &'s Value, table: &'s Value, key: &str, depth: usize) -> Option<Vec<&'s str>> {
    let depth = depth.checked_sub(1)?;
    let properties = table.get("properties")?.as_object()?;
    let tables = || {
        properties.iter().flat_map(|(name, schema)| {
            let forms = forms(root, schema);
            forms
                .into_iter()
                .filter(|form| kind_of(form) == "object")
                .map(move |form| (name.as_str(), form))
        })
    };
    for (name, form) in tables() {
        let own = form.get("properties").and_then(Value::as_object);
        if let Some((own, _)) = own.and_then(|all| all.get_key_value(key)) {
            return Some(vec![name, own]);
        }
    }
    tables().find_map(|(name, form)| {
        let rest = below(root, form, key, depth)?;
        Some([vec![name], rest].concat())
    })
}
