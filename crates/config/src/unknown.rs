//! A key that is not one of ours here: a slip, one of another place, another program's word, or nothing we know.

use serde_json::{Map, Value};

use crate::{
    example,
    foreign::{self, Answer},
    form::{accepts, choices, forms, kind_of, near_unknown},
    help::{Edit, Help},
    hide, meant,
    problem::Found,
    tables::{below, holders, quoted_places, table},
    tree::{At, Data, Entry, join},
    yaml,
};

/// Places of a key that are named.
const MAX_PLACES: usize = 3;
/// How far below a table a key is looked for that stands in the table itself.
const MAX_DEPTH: usize = 3;

/// Says what to do about the key at `place`, in the table `form`.
pub(crate) fn report(root: &Value, form: &Value, entry: &Entry, place: &At<'_>, found: &mut Found) {
    let properties = form.get("properties").and_then(Value::as_object);
    let message = if entry.hidden {
        "unknown key".to_owned()
    } else {
        format!("unknown key `{}`", entry.key)
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
        let known = self
            .foreign()
            .or_else(|| self.wrapped())
            .or_else(|| self.of_file());
        known.unwrap_or_else(|| self.slip())
    }

    /// Another program's word.
    fn foreign(&self) -> Option<Help> {
        let key = &self.entry.key;
        match foreign::answer(table(self.place), key)? {
            Answer::Below(path) => {
                let path: Vec<&str> = path.split('.').collect();
                Some(self.moved(&path, format!("`{key}` is `{}` here", path.join("."))))
            }
            Answer::Elsewhere(place) => Some(self.elsewhere(place)),
            Answer::Nothing(why) => Some(self.removed(&format!("remove it: {why}"))),
            Answer::Here(word) => {
                self.schema(&[word])?;
                Some(self.renamed(word, format!("`{key}` is `{word}` here")))
            }
        }
    }

    /// One of our keys in the wrong place, or nearly one.
    fn slip(&self) -> Help {
        let key = &self.entry.key;
        if let Some(path) = below(self.root, self.form, key, MAX_DEPTH) {
            let words = format!("`{key}` belongs below `{}`", path[..path.len() - 1].join("."));
            return self.moved(&path, words);
        }
        let mut tables = vec![];
        holders(self.root, self.root, "", key, &mut tables);
        let own = format!("{}.", table(self.place));
        tables.sort_by_key(|other| !other.starts_with(&own));
        let within = tables.first().is_some_and(|first| first.starts_with(&own));
        let keys = self.properties.into_iter().flat_map(|all| all.keys());
        let possible = choices(key, &keys.map(String::as_str).collect::<Vec<_>>());
        if let Some(near) = near_unknown(self.properties, key).filter(|_| !within) {
            return self.renamed(near, possible);
        }
        if tables.is_empty() {
            return self.removed(&format!("remove it; {possible}"));
        }
        tables.truncate(MAX_PLACES);
        let places = tables.join("` or `");
        self.removed(&format!(
            "`{key}` belongs in `{places}`: move it there, or indent it"
        ))
    }

    /// A key around the whole configuration, as in the values of a chart.
    fn wrapped(&self) -> Option<Help> {
        let inner = self.entry.value.entries();
        let ours = inner
            .iter()
            .any(|entry| self.properties.is_some_and(|all| all.contains_key(&entry.key)));
        let root = table(self.place).is_empty();
        (root && ours).then(|| "remove the key, and move what is below it to the top of the file".into())
    }

    /// `…_file` of a secret.
    fn of_file(&self) -> Option<Help> {
        let stem = self
            .entry
            .key
            .strip_suffix("_file")
            .or_else(|| self.entry.key.strip_suffix("File"))?;
        let properties = self.properties?;
        let (key, schema) = properties.get_key_value(stem).or_else(|| {
            let near = near_unknown(self.properties, stem)?;
            properties.get_key_value(near)
        })?;
        forms(self.root, schema)
            .iter()
            .find(|form| form.get("writeOnly").is_some())?;
        let shape = format!("{key}: \"${{file:/run/secrets/name}}\"");
        let words = format!("write `{shape}`: a secret can be read from a file in any place");
        Some(if self.there(key) {
            self.removed(&words)
        } else {
            self.wholly(&shape, words)
        })
    }

    /// In another table of the file, of which an example helps.
    fn elsewhere(&self, place: &str) -> Help {
        let key = self.entry.shown();
        let table = table(self.place);
        if table.is_empty() {
            // The list that is meant, in place of what cannot be read.
            let list = place.split(['[', ',']).next().unwrap_or_default();
            let example = self
                .schema(&[list])
                .and_then(|(schema, _)| example::of(self.root, schema));
            let words = format!("`{key}` is {} here", quoted_places(place));
            let example = example.filter(|_| !self.there(list) && place.contains("[]"));
            let Some(example) = example else {
                return self.removed(&format!("{words}: move it there, and remove it here"));
            };
            let shape = format!("{list}: {example}");
            return self.wholly(&shape, format!("{words}: write `{shape}`"));
        }
        let path: Vec<&str> = place
            .strip_prefix(table)
            .map_or(vec![], |rest| rest.trim_start_matches('.').split('.').collect());
        let shape = path.split_first().filter(|_| self.schema(&path).is_some());
        let shape = shape.map(|(first, _)| format!(", like `{first}: {}`", self.example_of(&path)));
        self.removed(&format!(
            "`{key}` belongs in `{place}`: move it there{}",
            shape.unwrap_or_default()
        ))
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
            let words = format!("`{key}` is here already: remove `{}`", self.entry.shown());
            return self.removed(&words);
        }
        let Some(schema) = self.properties.and_then(|all| all.get(key)) else {
            return self.removed(&words);
        };
        let forms = forms(self.root, schema);
        if forms.iter().any(|form| accepts(kind_of(form), &self.entry.value)) {
            return self.with_value(key, schema, words);
        }
        let example = example::of(self.root, schema).unwrap_or_default();
        let shape = format!("{key}: {example}");
        let items = forms.iter().find_map(|form| form.get("items"));
        match items.and_then(|items| self.in_list(key, items)) {
            Some(text) => self.wholly(&text, format!("{words}; it is a list: `{shape}`")),
            None => self.wholly(&shape, format!("{words}: write `{shape}`")),
        }
    }

    /// The key's new name, with the value that was meant.
    fn with_value(&self, key: &str, schema: &Value, words: String) -> Help {
        let text = self
            .entry
            .value
            .text()
            .filter(|text| hide::secret_parts(text).is_empty());
        let meant = text.map(|text| meant::at(self.root, schema, &self.trail(key), text));
        match meant.filter(|meant| Some(meant.as_str()) != text) {
            Some(meant) => {
                let shape = format!("{key}: {}", yaml::text_of(&meant));
                self.wholly(&shape, format!("{words}: write `{shape}`"))
            }
            None => Help::rename(self.entry, key, words),
        }
    }

    /// The key's new name, with its one value in a list; nothing where lists hold no texts or the value may be a secret.
    fn in_list(&self, key: &str, items: &Value) -> Option<String> {
        let text = self.entry.value.text().unwrap_or(&self.entry.value.written);
        let texts = forms(self.root, items)
            .iter()
            .any(|form| kind_of(form) == "string");
        if !texts || text.is_empty() || !hide::secret_parts(text).is_empty() {
            return None;
        }
        let trail = format!("{}[]", self.trail(key));
        let meant = |text: &str| Value::from(meant::at(self.root, items, &trail, text.trim()));
        let list = Value::from(text.split(',').map(meant).collect::<Vec<_>>());
        Some(format!("{key}: {}", yaml::of(&list)))
    }

    fn trail(&self, key: &str) -> String {
        join(table(self.place), key)
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

/// What the key was meant to be in this table, when it is another name for one of its keys that is not there already.
pub(crate) fn meant<'s>(form: &'s Value, entry: &Entry, place: &At<'_>) -> Option<&'s str> {
    let properties = form.get("properties").and_then(Value::as_object)?;
    let stem = entry
        .key
        .strip_suffix("_file")
        .and_then(|stem| properties.get_key_value(stem));
    if let Some((stem, _)) = stem {
        return Some(stem);
    }
    let word = match foreign::answer(table(place), &entry.key) {
        Some(Answer::Here(word)) => properties.get_key_value(word).map(|(word, _)| word.as_str()),
        Some(Answer::Elsewhere(place)) => {
            let list = place.split(['[', ',']).next().unwrap_or_default();
            properties.get_key_value(list).map(|(list, _)| list.as_str())
        }
        Some(Answer::Below(_) | Answer::Nothing(_)) => None,
        None => near_unknown(Some(properties), &entry.key),
    };
    word.filter(|word| place.parent.is_none_or(|parent| parent.entry(word).is_none()))
}
