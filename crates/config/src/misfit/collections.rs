//! Lists and mappings: one value where a list belongs, a mapping where a list of them does, and the other way round.

use serde_json::Value;

use super::Misfit;
use crate::{
    form::{accepts, forms, kind_of},
    help::Help,
    hide, meant,
    tree::{Data, Node},
    yaml,
};

impl Misfit<'_> {
    pub(super) fn in_list(&self, text: &str) -> Help {
        let items = self.items();
        if self.node.secret || items.is_none() {
            let key = self.at.key.unwrap_or("key");
            return Help::around(self.at, "[", "]", format!("write `{key}: […]`, a list"));
        }
        let trail = format!("{}[]", self.at.trail);
        let meant = |text: &str| {
            let text = text.trim();
            items.map_or_else(
                || text.to_owned(),
                |items| meant::at(self.root, items, &trail, text),
            )
        };
        let texts = text.split(',').map(|text| Value::from(meant(text)));
        Help::write(self.at, &yaml::of(&texts.collect::<Vec<_>>().into()))
    }

    pub(super) fn forms(&self) -> Vec<&Value> {
        forms(self.root, self.schema)
    }

    /// What a list holds here, when that are texts.
    pub(super) fn items(&self) -> Option<&Value> {
        let items = self.forms().into_iter().find_map(|form| form.get("items"))?;
        let text = |form: &&Value| kind_of(form) == "string";
        forms(self.root, items).iter().any(text).then_some(items)
    }

    /// A value where keys belong: it is meant for the only key that has to be there.
    pub(super) fn in_mapping(&self) -> Help {
        let forms = self.forms();
        let needs = |form: &&&Value| form.get("required").is_some();
        if matches!(self.node.data, Data::Bool(true)) && !forms.iter().any(|form| needs(&form)) {
            return Help::write(self.at, "{}");
        }
        let only = forms.iter().find_map(|form| {
            let required = form.get("required").and_then(Value::as_array);
            let properties = form.get("properties")?.as_object()?;
            match required.map(Vec::as_slice) {
                Some([only]) => Some((only.as_str()?, properties.get(only.as_str()?)?)),
                None if properties.len() == 1 => properties
                    .iter()
                    .next()
                    .map(|(key, schema)| (key.as_str(), schema)),
                Some(_) | None => None,
            }
        });
        let fits = |schema| {
            self::forms(self.root, schema)
                .iter()
                .any(|form| accepts(kind_of(form), self.node))
        };
        match only.filter(|(_, schema)| fits(schema)) {
            Some((only, _)) => {
                let key = self.at.key.map_or(String::new(), |key| format!("{key}: "));
                let words = format!("write `{key}{{ {only}: … }}` around it");
                Help::around(self.at, &format!("{{ {only}: "), " }", words)
            }
            None => self.example(),
        }
    }

    /// A list where something else belongs: one value, or names with values.
    pub(super) fn list(&self, items: &[Node]) -> Help {
        if let ([one], false) = (items, self.takes("object")) {
            return match one.text().filter(|_| !one.secret) {
                Some(text) => Help::write(self.at, &yaml::text_of(text)),
                None => self.example(),
            };
        }
        let maps = self.forms();
        let values = maps.iter().filter_map(|form| form.get("additionalProperties"));
        let mut values = values
            .filter(|values| values.is_object())
            .flat_map(|schema| self::forms(self.root, schema));
        let free = values.next().is_some_and(|form| form.get("writeOnly").is_none());
        let pairs: Option<Vec<(&str, &str)>> = items.iter().map(pair).collect();
        let pairs = pairs.filter(|pairs| {
            free && !pairs.is_empty() && pairs.iter().all(|(name, value)| is_open(name, value))
        });
        let (Some(pairs), Some(key)) = (pairs, self.at.key) else {
            return self.example();
        };
        let with = |value: &dyn Fn(&str) -> String| {
            let pairs = pairs
                .iter()
                .map(|(name, text)| format!("{}: {}", yaml::text_of(name), value(text)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        };
        // The values stand in no place of ours, so they are not shown.
        let words = format!("write `{key}: {}`", with(&|_| "…".to_owned()));
        Help::instead(self.at, &with(&yaml::text_of), words)
    }

    /// Keys where a list belongs: a list of these, or of their names.
    pub(super) fn mapping(&self) -> Help {
        if !self.takes("array") {
            return self.example();
        }
        let forms = self.forms();
        let items = forms.iter().find_map(|form| form.get("items"));
        let of_mappings = items.is_some_and(|items| {
            self::forms(self.root, items)
                .iter()
                .any(|form| kind_of(form) == "object")
        });
        let flow = self.node.extent.start < self.node.span.start;
        if of_mappings && flow {
            let key = self.at.key.unwrap_or("key");
            return Help::around(
                self.at,
                "[",
                "]",
                format!("write `{key}: [{{ … }}]`: one item of a list"),
            );
        }
        if of_mappings {
            let all_mappings = self
                .node
                .entries()
                .iter()
                .all(|entry| matches!(entry.value.data, Data::Map(_)));
            return if all_mappings {
                "write a list in which each has its name: `- name: …`, and what is below the name beside it"
                    .into()
            } else {
                "begin the first line below the key with `- `, and indent the others by two".into()
            };
        }
        let names = self.node.entries().iter().filter(|entry| !entry.hidden);
        let names: Vec<Value> = names.map(|entry| Value::from(entry.key.as_str())).collect();
        if names.is_empty() {
            self.example()
        } else {
            Help::write(self.at, &yaml::of(&Value::from(names)))
        }
    }
}

/// A name and a value, as other programs list them: `{ name: a, value: b }`, `a=b`, `a: b`, or the name alone.
fn pair(item: &Node) -> Option<(&str, &str)> {
    if let Some(text) = item.text() {
        return Some(
            text.split_once('=')
                .or_else(|| text.split_once(':'))
                .unwrap_or((text, "*")),
        );
    }
    let entries = item.entries();
    let of = |names: [&str; 3]| {
        entries
            .iter()
            .find(|entry| names.contains(&entry.key.to_lowercase().as_str()))
    };
    match (
        of(["name", "key", "tag"]),
        of(["value", "values", "pattern"]),
        entries,
    ) {
        (Some(name), Some(value), [_, _]) => Some((name.value.text()?, value.value.text()?)),
        (None, None, [only]) => Some((only.key.as_str(), only.value.text()?)),
        _ => None,
    }
}

/// Whether a pair may stand in a remedy.
fn is_open(name: &str, value: &str) -> bool {
    hide::secret_parts(name).is_empty() && hide::secret_parts(value).is_empty() && !name.is_empty()
}
