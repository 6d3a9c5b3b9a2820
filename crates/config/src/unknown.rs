//! A key that is not one of ours here: a slip, one of another place, another program's word, or nothing we know.

use serde_json::{Map, Value};

use crate::{
    example,
    foreign::{self, Answer},
    form::{accepts, choices, forms, kind_of, near_unknown},
    help::{Edit, Help},
    problem::Found,
    tree::{At, Data, Entry},
};

/// How far below a table a key is looked for that stands in the table itself.
const MAX_DEPTH: usize = 3;

/// Says what to do about the key at `place`, in the table `form`.
pub(crate) fn report(root: &Value, form: &Value, entry: &Entry, place: &At<'_>, found: &mut Found) {
    let properties = form.get("properties").and_then(Value::as_object);
    let message = if entry.hidden {
        "an unknown key stands here".to_owned()
    } else {
        format!("there is no key `{}` here", entry.key)
    };
    let key = Key {
        root,
        form,
        properties,
        entry,
        place,
    };
    found.span(entry.key_span, place.path.clone(), message, key.help());
}

struct Key<'a> {
    root: &'a Value,
    form: &'a Value,
    properties: Option<&'a Map<String, Value>>,
    entry: &'a Entry,
    place: &'a At<'a>,
}

impl Key<'_> {
    fn help(&self) -> Help {
        let table = self.place.trail.rsplit_once('.').map_or("", |(table, _)| table);
        match foreign::answer(table, &self.entry.key) {
            Some(Answer::Here(word)) if self.properties.is_some_and(|all| all.contains_key(word)) => {
                return self.renamed(word, format!("`{}` is `{word}` here", self.entry.key));
            }
            Some(Answer::Below(path)) => {
                let path: Vec<&str> = path.split('.').collect();
                return self.moved(
                    &path,
                    format!("`{}` is `{}` here", self.entry.key, path.join(".")),
                );
            }
            Some(Answer::Elsewhere(path)) => {
                return self.removed(&format!(
                    "`{}` is `{path}` here: remove it, and write that",
                    self.entry.key
                ));
            }
            Some(Answer::Nothing(why)) => return self.removed(&format!("remove it: {why}")),
            Some(Answer::Here(_)) | None => {}
        }
        let names: Vec<&str> = self
            .properties
            .into_iter()
            .flat_map(|all| all.keys())
            .map(String::as_str)
            .collect();
        let possible = choices(&self.entry.key, &names);
        if let Some(near) =
            near_unknown(self.properties, &self.entry.key).filter(|_| self.entry.shown() == self.entry.key)
        {
            return self.renamed(near, possible);
        }
        match below(self.root, self.form, &self.entry.key, MAX_DEPTH) {
            Some(path) => {
                let words = format!(
                    "`{}` belongs below `{}`",
                    self.entry.key,
                    path[..path.len() - 1].join(".")
                );
                self.moved(&path, words)
            }
            None => self.removed(&format!("remove it; {possible}")),
        }
    }

    fn there(&self, key: &str) -> bool {
        self.place
            .parent
            .is_some_and(|parent| parent.entry(key).is_some())
    }

    fn removed(&self, words: &str) -> Help {
        Help::remove(self.place, words)
    }

    fn renamed(&self, key: &str, words: String) -> Help {
        if self.there(key) {
            return self.removed(&format!(
                "`{key}` is here already: remove `{}`",
                self.entry.shown()
            ));
        }
        let schema = self.properties.and_then(|all| all.get(key));
        let forms = schema.map(|schema| forms(self.root, schema)).unwrap_or_default();
        if forms.iter().any(|form| accepts(kind_of(form), &self.entry.value)) {
            return Help::rename(self.entry, key, words);
        }
        let list = forms.iter().any(|form| kind_of(form) == "array");
        let example = schema
            .and_then(|schema| example::of(self.root, schema))
            .unwrap_or_default();
        let scalar = !matches!(self.entry.value.data, Data::Null | Data::Seq(_) | Data::Map(_));
        if list && scalar {
            let words = format!(
                "{words}; it is a list: `{key}: [{}]`",
                example.trim_matches(['[', ']'])
            );
            let help = Help::around(self.place, "[", "]", words);
            return Help::rename(self.entry, key, "")
                .edits
                .into_iter()
                .fold(help, Help::with_one);
        }
        self.wholly(
            &format!("{key}: {example}"),
            format!("{words}: write `{key}: {example}`"),
        )
    }

    /// To a place below, with the keys between; what stands there already stays.
    fn moved(&self, path: &[&str], words: String) -> Help {
        let Some((first, rest)) = path.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return self.renamed(path.first().copied().unwrap_or_default(), words);
        };
        let Some((schema, inner)) = self.schema(path) else {
            return self.removed(&words);
        };
        let example = example::of(self.root, schema).unwrap_or_default();
        let open = format!("{{ {}: ", rest.join(": { "));
        let close = " }".repeat(rest.len());
        let shape = format!("{first}: {open}{example}{close}");
        if self.there(first) {
            return self.removed(&format!(
                "{words}: remove it here, and write it below the `{first}` that is here, like `{shape}`"
            ));
        }
        let words = format!("{words}: write `{shape}`");
        let flat = !matches!(self.entry.value.data, Data::Map(_) | Data::Seq(_) | Data::Null)
            || self.entry.value.extent.start < self.entry.value.span.start;
        let fits = forms(self.root, schema)
            .iter()
            .any(|form| accepts(kind_of(form), &self.entry.value));
        if flat && fits && !inner {
            let start = Edit {
                start: self.entry.key_span.start,
                end: self.entry.key_span.end,
                text: format!("{first}: {}", open.trim_end().trim_end_matches(':')),
            };
            return Help::around(self.place, "", &close, words).with_one(start);
        }
        self.wholly(&format!("{first}: {}", self.example_of(path)), words)
    }

    /// What the path leads to, and whether something else has to be beside it.
    fn schema(&self, path: &[&str]) -> Option<(&Value, bool)> {
        let mut table = self.form;
        let mut inner = false;
        let mut schema = table;
        for key in path {
            schema = table.get("properties")?.get(*key)?;
            inner |= table
                .get("required")
                .is_some_and(|all| all.as_array().is_some_and(|all| all.len() > 1))
                && table != self.form;
            table = forms(self.root, schema).first().copied().unwrap_or(schema);
        }
        Some((schema, inner))
    }

    /// A complete example of what the first key of the path holds, with the path in it.
    fn example_of(&self, path: &[&str]) -> String {
        let Some((key, rest)) = path.split_last() else {
            return String::new();
        };
        let mut value = self
            .schema(path)
            .and_then(|(schema, _)| example::of(self.root, schema))
            .unwrap_or_default();
        let mut key = *key;
        for depth in (1..=rest.len()).rev() {
            let table = self
                .schema(&path[..depth])
                .map(|(schema, _)| forms(self.root, schema));
            let table = table
                .and_then(|forms| forms.first().copied())
                .unwrap_or(&Value::Null);
            let required = table
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let others = required.filter_map(Value::as_str).filter(|other| *other != key);
            let others = others.filter_map(|other| {
                let schema = table.get("properties")?.get(other)?;
                Some(format!("{other}: {}", example::of(self.root, schema)?))
            });
            let pairs: Vec<String> = others.chain([format!("{key}: {value}")]).collect();
            value = format!("{{ {} }}", pairs.join(", "));
            key = path[depth - 1];
        }
        value
    }

    fn wholly(&self, text: &str, words: String) -> Help {
        let extent = self.entry.extent();
        Help::from(words).with_one(Edit {
            start: extent.start,
            end: extent.end,
            text: text.to_owned(),
        })
    }
}

/// Where below a table this key is one of ours.
fn below<'s>(root: &'s Value, table: &'s Value, key: &str, depth: usize) -> Option<Vec<&'s str>> {
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
