//! Finds the tables of keys in the schema, and where in the file each of them stands.

use serde_json::Value;
use std::collections::BTreeMap;

/// One table of keys.
pub(crate) struct Table<'s> {
    /// Where it may stand, the plainest place first: `defaults.poll`, `aws[].poll`.
    pub(crate) places: Vec<String>,
    pub(crate) schema: &'s Value,
}

impl Table<'_> {
    pub(crate) fn title(&self) -> &str {
        &self.places[0]
    }
}

/// All tables below the root, by the reference that names each, in the order of the file.
pub(crate) fn of(root: &Value) -> Vec<(String, Table<'_>)> {
    let mut found = BTreeMap::new();
    visit(root, root, "", &mut found);
    let mut tables: Vec<_> = found.into_iter().collect();
    for (_, table) in &mut tables {
        // A place without lists on the way is the plainest: `defaults.poll` before `aws[].poll`.
        table.places.sort_by_key(|place| {
            (
                place.matches("[]").count(),
                place.matches('.').count(),
                place.clone(),
            )
        });
    }
    tables.sort_by(|(_, a), (_, b)| a.title().cmp(b.title()));
    tables
}

fn visit<'s>(root: &'s Value, table: &'s Value, place: &str, found: &mut BTreeMap<String, Table<'s>>) {
    for (key, property) in properties(table) {
        let place = if place.is_empty() {
            key.clone()
        } else {
            format!("{place}.{key}")
        };
        for (reference, suffix) in references(root, property) {
            let schema = follow(root, &reference);
            if properties(schema).next().is_none() {
                continue;
            }
            let place = format!("{place}{suffix}");
            let entry = found.entry(reference).or_insert_with(|| Table {
                places: vec![],
                schema,
            });
            entry.places.push(place.clone());
            visit(root, schema, &place, found);
        }
    }
}

/// The keys of a table.
pub(crate) fn properties(table: &Value) -> impl Iterator<Item = (&String, &Value)> {
    table
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// What a reference names.
pub(crate) fn follow<'s>(root: &'s Value, reference: &str) -> &'s Value {
    root.pointer(reference.trim_start_matches('#')).unwrap()
}

/// The alternatives of a schema without `null`; one when there is no choice.
pub(crate) fn alternatives(schema: &Value) -> Vec<&Value> {
    let list = ["anyOf", "oneOf"]
        .iter()
        .find_map(|key| schema.get(key)?.as_array());
    let null = |form: &&Value| form.get("type").is_some_and(|kind| kind == "null");
    list.map_or_else(
        || vec![schema],
        |forms| forms.iter().filter(|form| !null(form)).collect(),
    )
}

/// The definitions that a value may follow, and `[]` where it is a list of them.
fn references(root: &Value, schema: &Value) -> Vec<(String, &'static str)> {
    let mut found = vec![];
    for form in alternatives(schema) {
        let (form, suffix) = form.get("items").map_or((form, ""), |items| (items, "[]"));
        let Some(reference) = form.get("$ref").and_then(Value::as_str) else {
            continue;
        };
        let target = follow(root, reference);
        let choice = alternatives(target);
        if choice.len() > 1 {
            found.extend(references(root, target));
        } else {
            found.push((reference.to_owned(), suffix));
        }
    }
    found
}
