//! Checks the tree against the JSON Schema, and turns what is valid of it into JSON.
//!
//! All problems are collected: what is invalid is left out (or, in a list, replaced by an empty
//! value, so that positions keep their meaning), and the checks after this one still run.

use serde_json::{Map, Value, json};

use crate::{
    example,
    form::{accepts, allowed, choices, forms, json_of, kind_of, quoted, words},
    help::Help,
    meant, misfit,
    nearest::nearest,
    problem::Found,
    tree::{At, Data, Entry, Node, join},
    unknown,
};

/// A schema, and the walk over a tree beside it.
#[derive(Debug)]
pub(crate) struct Walker<'s> {
    root: &'s Value,
}

impl<'s> Walker<'s> {
    pub(crate) fn new(root: &'s Value) -> Self {
        Self { root }
    }

    /// The valid part of the whole document.
    pub(crate) fn document(&self, root: &Node, found: &mut Found) -> Value {
        if !matches!(root.data, Data::Map(_) | Data::Null) {
            let message = "the file contains no keys";
            let help = "write YAML that begins with `destinations:`; `nephoscope config example` prints a file to start from";
            found.span(root.span, String::new(), message, help);
            return json!({});
        }
        self.value(self.root, root, &At::root(root), found)
            .unwrap_or_else(|| json!({}))
    }

    fn value(&self, schema: &'s Value, node: &Node, at: &At<'_>, found: &mut Found) -> Option<Value> {
        let forms = self.forms(schema);
        let kinds = forms.iter().map(|form| kind_of(form)).collect::<Vec<_>>();
        let form = forms.iter().zip(&kinds).find(|(_, kind)| accepts(kind, node));
        let Some((form, kind)) = form else {
            misfit::report(self.root, schema, &forms, at, found);
            self.below_misfit(&forms, node, at, found);
            return None;
        };
        match (&node.data, *kind) {
            (Data::Null, "object") => Some(self.object(form, &[], at, found)),
            (Data::Map(entries), _) => Some(self.object(form, entries, at, found)),
            (Data::Seq(items), _) => Some(self.array(form, items, at, found)),
            (Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) | Data::Str(_), _) => {
                Self::scalar(&forms, node, at, found)
            }
        }
    }

    fn forms(&self, schema: &'s Value) -> Vec<&'s Value> {
        forms(self.root, schema)
    }

    fn object(&self, form: &'s Value, entries: &[Entry], at: &At<'_>, found: &mut Found) -> Value {
        let properties = form.get("properties").and_then(Value::as_object);
        let mut out = Map::new();
        for entry in entries {
            let place = at.key(&entry.key);
            let schema = properties.and_then(|all| all.get(&entry.key));
            let free = || form.get("additionalProperties").filter(|other| other.is_object());
            let Some(schema) = schema.or_else(free) else {
                unknown::report(self.root, form, entry, &place, found);
                self.below_unknown(form, entry, &place, found);
                continue;
            };
            if let Some(value) = self.value(schema, &entry.value, &place, found) {
                out.insert(entry.key.clone(), value);
            }
        }
        self.required(form, properties, entries, at, found);
        Value::Object(out)
    }

    /// What is wrong in a mapping that only lacks the list around it is said with it, not after it.
    fn below_misfit(&self, forms: &[&'s Value], node: &Node, at: &At<'_>, found: &mut Found) {
        let items = forms.iter().find_map(|form| form.get("items"));
        let mapping = matches!(node.data, Data::Map(_));
        let known = |form: &&Value| {
            let keys = form.get("properties").and_then(Value::as_object);
            keys.is_some_and(|keys| node.entries().iter().any(|entry| keys.contains_key(&entry.key)))
        };
        let fits = |items: &&Value| self.forms(items).iter().any(known);
        if let Some(items) = items.filter(|items| mapping && fits(items)) {
            let item = At {
                trail: format!("{}[]", at.trail),
                ..at.clone()
            };
            drop(self.value(items, node, &item, found));
        }
    }

    /// What is wrong below a key that only has another name is said with it, not after it.
    fn below_unknown(&self, form: &'s Value, entry: &Entry, place: &At<'_>, found: &mut Found) {
        let meant = unknown::meant(form, entry, place);
        let schema = meant.and_then(|word| form.get("properties")?.get(word));
        let accepted = schema.filter(|schema| {
            let collection = matches!(entry.value.data, Data::Seq(_) | Data::Map(_));
            collection
                && self
                    .forms(schema)
                    .iter()
                    .any(|form| accepts(kind_of(form), &entry.value))
        });
        if let (Some(schema), Some(word)) = (accepted, meant) {
            let place = At {
                trail: join(place.trail.rsplit_once('.').map_or("", |(table, _)| table), word),
                ..place.clone()
            };
            // The value itself is not taken: its key has to be written first.
            drop(self.value(schema, &entry.value, &place, found));
        }
    }

    fn required(
        &self,
        form: &'s Value,
        properties: Option<&'s Map<String, Value>>,
        entries: &[Entry],
        at: &At<'_>,
        found: &mut Found,
    ) {
        let required = form
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        for name in required.filter_map(Value::as_str) {
            let meant = |entry: &Entry| unknown::meant(form, entry, &at.key(&entry.key)) == Some(name);
            if entries.iter().any(|entry| entry.key == name || meant(entry)) {
                continue;
            }
            let schema = properties.and_then(|all| all.get(name));
            let example = schema
                .and_then(|schema| example::of(self.root, schema))
                .unwrap_or_else(|| "…".to_owned());
            let place = At {
                path: join(&at.path, name),
                ..at.clone()
            };
            let help = Help::add(at, name, &example);
            found.at(&place, format!("required key `{name}` is missing"), help);
        }
    }

    fn array(&self, form: &'s Value, items: &[Node], at: &At<'_>, found: &mut Found) -> Value {
        let Some(schema) = form.get("items") else {
            return json!([]);
        };
        let values = items.iter().enumerate().map(|(index, item)| {
            self.value(schema, item, &at.item(index), found)
                .unwrap_or_else(|| self.filler(schema))
        });
        Value::Array(values.collect())
    }

    /// Stands for an invalid item; its problem is already told.
    fn filler(&self, schema: &'s Value) -> Value {
        let forms = self.forms(schema);
        if forms.first().is_some_and(|form| kind_of(form) == "object") {
            return json!({});
        }
        json!(allowed(&forms).first().unwrap_or(&""))
    }

    fn scalar(forms: &[&'s Value], node: &Node, at: &At<'_>, found: &mut Found) -> Option<Value> {
        let allowed = allowed(forms);
        let free = forms
            .iter()
            .any(|form| kind_of(form) == "string" && words(form).is_empty());
        let wrong = |text: &&str| !free && !allowed.is_empty() && !allowed.contains(text);
        if let Some(text) = node.text().filter(wrong) {
            other_word(text, &allowed, node, at, found);
            return None;
        }
        let value = json_of(node);
        match bounds(forms, &value, at) {
            Some((message, help)) => {
                found.at(at, message, help);
                None
            }
            None => Some(value),
        }
    }
}

/// A word that is none of the fixed ones.
fn other_word(text: &str, allowed: &[&str], node: &Node, at: &At<'_>, found: &mut Found) {
    let near = nearest(text, allowed.iter().copied());
    let cloud = (at.trail == "azure[].cloud").then(|| meant::azure_cloud(text));
    let value = near.or(cloud).or(allowed.first().copied()).unwrap_or_default();
    let words = match near {
        Some(_) => choices(text, allowed),
        None => format!("write `{value}`; {}", choices(text, allowed)),
    };
    let message = format!(
        "{} is not one of the values that this key takes",
        quoted(node, text)
    );
    found.at(at, message, Help::instead(at, value, words));
}

/// What is wrong with a number that is too small or too large.
fn bounds(forms: &[&Value], value: &Value, at: &At<'_>) -> Option<(String, Help)> {
    let minimum = forms.iter().find_map(|form| form.get("minimum")?.as_f64());
    if let (Some(minimum), Some(number)) = (minimum, value.as_f64())
        && number < minimum
    {
        let help = Help::instead(at, &format!("{minimum}"), format!("write {minimum} or more"));
        return Some((format!("{number} is less than {minimum}"), help));
    }
    let small = forms
        .iter()
        .any(|form| form.get("format").is_some_and(|name| name == "uint32"));
    let fits = value.as_u64().is_some_and(|number| u32::try_from(number).is_ok());
    (small && !fits).then(|| {
        let help = Help::instead(at, "1000", "write a smaller number");
        (format!("{value} is more than {}", u32::MAX), help)
    })
}
