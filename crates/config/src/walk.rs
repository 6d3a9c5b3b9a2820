//! Checks the tree against the JSON Schema, and turns what is valid of it into JSON.
//!
//! All problems are collected: what is invalid is left out (or, in a list, replaced by an empty
//! value, so that positions keep their meaning), and the checks after this one still run.

use serde_json::{Map, Value, json};

use crate::{
    form::{
        accepts, allowed, choices, forms, found_words, json_of, kind_of, kind_words, near_unknown, plain,
        quoted, scalar_text, unit_example, unknown, words,
    },
    problem::Found,
    tree::{At, Data, Entry, Node, join},
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
        self.value(self.root, root, &At::root(root), found)
            .unwrap_or_else(|| json!({}))
    }

    fn value(&self, schema: &'s Value, node: &Node, at: &At<'_>, found: &mut Found) -> Option<Value> {
        let forms = self.forms(schema);
        let kinds = forms.iter().map(|form| kind_of(form)).collect::<Vec<_>>();
        let form = forms.iter().zip(&kinds).find(|(_, kind)| accepts(kind, node));
        let Some((form, kind)) = form else {
            self.wrong_kind(schema, &forms, node, at, found);
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
            match schema.or_else(|| form.get("additionalProperties").filter(|other| other.is_object())) {
                Some(schema) => {
                    if let Some(value) = self.value(schema, &entry.value, &place, found) {
                        out.insert(entry.key.clone(), value);
                    }
                }
                None => unknown(properties, entry, &place, found),
            }
        }
        self.required(form, properties, entries, at, found);
        Value::Object(out)
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
            let meant = |entry: &Entry| near_unknown(properties, &entry.key) == Some(name);
            if entries.iter().any(|entry| entry.key == name || meant(entry)) {
                continue;
            }
            let schema = properties.and_then(|all| all.get(name));
            let example = schema
                .and_then(|schema| self.example(schema))
                .unwrap_or_else(|| "…".to_owned());
            let place = At {
                path: join(&at.path, name),
                ..at.clone()
            };
            found.at(
                &place,
                format!("`{name}` is missing here"),
                Some(format!("add `{name}: {example}`")),
            );
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
        let value = json_of(node);
        let free = forms
            .iter()
            .any(|form| kind_of(form) == "string" && words(form).is_empty());
        if let Some(text) = node
            .text()
            .filter(|text| !free && !allowed.is_empty() && !allowed.contains(text))
        {
            let message = format!(
                "{} is not one of the values that this key takes",
                quoted(node, text)
            );
            found.at(at, message, Some(choices(text, &allowed)));
            return None;
        }
        let minimum = forms.iter().find_map(|form| form.get("minimum")?.as_f64());
        if let (Some(minimum), Some(number)) = (minimum, value.as_f64())
            && number < minimum
        {
            found.at(
                at,
                format!("{number} is less than {minimum}"),
                Some(format!("write {minimum} or more")),
            );
            return None;
        }
        let small = forms
            .iter()
            .any(|form| form.get("format").is_some_and(|name| name == "uint32"));
        if small && value.as_u64().is_none_or(|number| number > u64::from(u32::MAX)) {
            found.at(
                at,
                format!("{value} is more than {}", u32::MAX),
                Some("write a smaller number".into()),
            );
            return None;
        }
        Some(value)
    }

    fn wrong_kind(
        &self,
        schema: &'s Value,
        forms: &[&'s Value],
        node: &Node,
        at: &At<'_>,
        found: &mut Found,
    ) {
        let kinds: Vec<_> = forms.iter().map(|form| kind_words(kind_of(form))).collect();
        let mut kinds_once = kinds.clone();
        kinds_once.dedup();
        let expected = kinds_once.join(" or ");
        let (message, help) = match &node.data {
            Data::Null => (
                "this key has no value".to_owned(),
                self.help_for(schema, at, "remove the line, or write"),
            ),
            Data::Int(_) | Data::Float(_) | Data::Bool(_) if expected.contains("text") => {
                let shown = scalar_text(node);
                if let Some(unit) = forms.iter().find_map(|form| unit_example(form, &shown)) {
                    found.at(at, format!("`{shown}` has no unit"), Some(unit));
                    return;
                }
                (
                    format!("expected {expected}, found {} {shown}", found_words(node)),
                    format!("put it in quotes: \"{shown}\""),
                )
            }
            Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) | Data::Seq(_) | Data::Map(_) => (
                format!("expected {expected}, found {}", found_words(node)),
                self.help_for(schema, at, "write"),
            ),
        };
        found.at(at, message, Some(help));
    }

    fn help_for(&self, schema: &'s Value, at: &At<'_>, verb: &str) -> String {
        let key = at.path.rsplit('.').next().unwrap_or_default();
        match self.example(schema) {
            Some(example) if key.ends_with(']') => format!("{verb} `{example}`"),
            Some(example) => format!("{verb} `{key}: {example}`"),
            None => format!("{verb} a value"),
        }
    }

    /// A value that would work, as YAML on one line.
    fn example(&self, schema: &'s Value) -> Option<String> {
        let own = schema.get("examples").and_then(|list| list.get(0));
        let forms = self.forms(schema);
        let example = own.or_else(|| forms.iter().find_map(|form| form.get("examples")?.get(0)));
        if let Some(example) = example {
            return Some(plain(example));
        }
        let form = forms.first()?;
        let word = words(form).first().map(|word| (*word).to_owned());
        word.or_else(|| match kind_of(form) {
            "array" => self.example(form.get("items")?).map(|item| format!("[{item}]")),
            "object" => Some(self.example_object(form)),
            "boolean" => Some("true".into()),
            "integer" | "number" => Some("20".into()),
            _ => None,
        })
    }

    fn example_object(&self, form: &'s Value) -> String {
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
            .filter_map(|name| Some(format!("{name}: {}", self.example(properties?.get(*name)?)?)))
            .collect();
        if pairs.is_empty() {
            "{}".into()
        } else {
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}
