//! From as written to as checked: what the schema cannot say, each problem at its own place.
//!
//! A check that fails reports and goes on with a stand-in value; [`crate::load`] gives the result
//! away only when nothing was reported.

mod api;
pub(crate) mod aws;
pub(crate) mod azure;
mod destination;
mod gcp;
mod poll;
pub(crate) mod regions;
mod telemetry;
mod texts;

use std::{collections::HashMap, net::SocketAddr, path::Path};

use crate::{
    config::Config,
    help::Help,
    lookup::Lookup,
    problem::Found,
    tree::{At, Data, Entry, Node},
    unknown,
    values::Pattern,
    written::{File, PatternText},
    yaml,
};

const DEFAULT_STATE_DIR: &str = "/var/lib/nephoscope";
const DEFAULT_SPOOL_MAX_BYTES: u64 = 2 << 30;
const DEFAULT_LISTEN: &str = "127.0.0.1:9464";

/// What every check needs.
pub(crate) struct Checker<'a> {
    pub(crate) base: &'a Path,
    pub(crate) lookup: &'a dyn Lookup,
    pub(crate) found: &'a mut Found,
}

/// Checks the whole file.
pub(crate) fn file(file: &File, root: &Node, base: &Path, lookup: &dyn Lookup, found: &mut Found) -> Config {
    let at = At::root(root);
    let mut checker = Checker { base, lookup, found };
    checker.names(file, &at);
    checker.something_to_do(file, &at);
    checker.projects_once(&file.gcp, &at.key("gcp"));
    checker.config(file, &at)
}

impl Checker<'_> {
    fn config(&mut self, file: &File, at: &At<'_>) -> Config {
        let built_in = poll::built_in();
        let poll = self.poll(&file.defaults.poll, &built_in, &at.key("defaults").key("poll"));
        let azure_poll = poll::of_azure(&file.defaults.poll, &poll);
        let usd = self.budget(file.defaults.budget.as_ref(), &at.key("defaults"));
        let state = at.key("state");
        let listen = self.listen(
            file.listen.as_deref().unwrap_or(DEFAULT_LISTEN),
            &at.key("listen"),
        );
        Config {
            state_dir: file.state.dir.clone().unwrap_or_else(|| DEFAULT_STATE_DIR.into()),
            spool_max_bytes: self.size(
                file.state.spool_max.as_ref(),
                DEFAULT_SPOOL_MAX_BYTES,
                &state.key("spool_max"),
            ),
            listen,
            api: self.api(&file.api, listen, at),
            telemetry: self.telemetry(file, &at.key("telemetry")),
            destinations: self.each(&file.destinations, &at.key("destinations"), Checker::destination),
            aws: self.each(&file.aws, &at.key("aws"), |checker, item, at| {
                checker.aws(item, &poll, usd, at)
            }),
            azure: self.each(&file.azure, &at.key("azure"), |checker, item, at| {
                checker.azure(item, &azure_poll, usd, at)
            }),
            gcp: self.each(&file.gcp, &at.key("gcp"), |checker, item, at| {
                checker.gcp(item, &poll, usd, at)
            }),
        }
    }

    /// Reports, unless this place is already known to be wrong.
    pub(crate) fn problem(&mut self, at: &At<'_>, message: impl Into<String>, help: impl Into<Help>) {
        if !self.found.covers(&at.path) {
            self.found.at(at, message, help);
        }
    }

    /// Checks every item of a list at its own place.
    pub(crate) fn each<T, U>(
        &mut self,
        items: &[T],
        at: &At<'_>,
        mut check: impl FnMut(&mut Self, &T, &At<'_>) -> U,
    ) -> Vec<U> {
        items
            .iter()
            .enumerate()
            .map(|(index, item)| check(self, item, &at.item(index)))
            .collect()
    }

    pub(crate) fn patterns(&mut self, texts: &[PatternText], at: &At<'_>) -> Vec<Pattern> {
        self.each(texts, at, Checker::pattern)
            .into_iter()
            .flatten()
            .collect()
    }

    pub(crate) fn pattern(&mut self, text: &PatternText, at: &At<'_>) -> Option<Pattern> {
        if let Some(expression) = expression(&text.0, at) {
            let (value, words) = match expression.as_str() {
                ".*" | ".+" => ("*".to_owned(), "write `*`, which takes every name".to_owned()),
                _ => (
                    format!("~{expression}"),
                    format!("write `~{expression}`: `~` makes it an expression, always for the whole name"),
                ),
            };
            let shown = &text.0;
            let message = format!("`{shown}` looks like a regular expression, but is a glob here");
            self.problem(at, message, Help::instead(at, &yaml::text_of(&value), words));
        }
        Pattern::new(&text.0)
            .map_err(|error| {
                let (kind, value, words) = if text.0.starts_with('~') {
                    (
                        "regular expression",
                        "~CPU.*",
                        "write an expression for the whole name, like `~CPU.*`, or a glob without `~`",
                    )
                } else {
                    (
                        "glob",
                        "Network*",
                        "write `Network*`, `{In,Out}*` or the exact name; a literal `[` is `[[]`",
                    )
                };
                let help = Help::instead(at, &yaml::text_of(value), words);
                self.problem(at, format!("`{}` is not a {kind}: {error}", text.0), help);
            })
            .ok()
    }

    fn listen(&mut self, text: &str, at: &At<'_>) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).unwrap_or(9464);
            let words = format!("write a numeric address and a port: `127.0.0.1:{port}`, or `0.0.0.0:{port}` for every interface");
            let help = Help::instead(at, &format!("127.0.0.1:{port}"), words);
            self.problem(at, format!("`{text}` is not a numeric address with a port"), help);
            SocketAddr::from(([127, 0, 0, 1], port))
        })
    }

    /// Names must be unique: they label metrics and key the ledger.
    fn names(&mut self, file: &File, at: &At<'_>) {
        let mut accounts = HashMap::new();
        for (list, names) in [
            (
                "aws",
                file.aws.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
            ),
            ("azure", file.azure.iter().map(|a| a.name.as_str()).collect()),
            ("gcp", file.gcp.iter().map(|a| a.name.as_str()).collect()),
        ] {
            self.unique("account", &names, &at.key(list), &mut accounts);
        }
        let destinations: Vec<_> = file.destinations.iter().map(|d| d.name.as_str()).collect();
        self.unique(
            "destination",
            &destinations,
            &at.key("destinations"),
            &mut HashMap::new(),
        );
    }

    fn unique(&mut self, what: &str, names: &[&str], at: &At<'_>, seen: &mut HashMap<String, String>) {
        for (index, name) in names.iter().enumerate() {
            let place = at.item(index).key("name");
            if place.node.is_none() {
                // That it is missing is said already.
                continue;
            }
            if name.trim().is_empty() {
                let free = free("prod", |name| seen.contains_key(name) || names.contains(&name));
                let help = Help::write(&place, &free);
                self.problem(&place, format!("the {what} name is empty"), help);
            } else if let Some(first) = seen.insert((*name).to_owned(), at.path.clone()) {
                let message = format!("duplicate {what} name `{name}`, first used in `{first}`");
                let free = free(name, |name| seen.contains_key(name) || names.contains(&name));
                let help = Help::write(&place, &yaml::text_of(&free)).and("; names must be unique");
                // Both places have the same path, so the first must not cover the second.
                self.found.at(&place, message, help);
            }
        }
    }

    fn something_to_do(&mut self, file: &File, at: &At<'_>) {
        let root = at.node.map_or(&[][..], Node::entries);
        let mapping = at
            .node
            .is_some_and(|node| matches!(node.data, Data::Map(_) | Data::Null));
        if !mapping || root.iter().any(is_wrapper) {
            return;
        }
        let schema = crate::schema();
        let named: Vec<&str> = root
            .iter()
            .filter_map(|entry| unknown::meant(&schema, entry, &at.key(&entry.key)))
            .collect();
        let accounts = named
            .iter()
            .any(|key| ["aws", "azure", "gcp", "accounts"].contains(key));
        if file.aws.is_empty()
            && file.azure.is_empty()
            && file.gcp.is_empty()
            && self.found_nothing_in(at)
            && !accounts
        {
            let value = "[{ name: prod, regions: [eu-west-1], metrics: [{ namespace: AWS/EC2 }] }]";
            let help = top(at, "aws", value).and(
                ", or `azure:` or `gcp:`, here or in a file that `accounts:` names; `nephoscope config example` shows each",
            );
            self.found.at(at, "no account is configured", help);
        }
        if file.destinations.is_empty()
            && !self.found.covers("destinations")
            && !named.contains(&"destinations")
        {
            let value = "[{ name: gateway, otlp: { endpoint: http://127.0.0.1:4317 } }]";
            let help = top(at, "destinations", value);
            self.found.at(at, "no destination is configured", help);
        }
    }

    fn found_nothing_in(&self, at: &At<'_>) -> bool {
        ["aws", "azure", "gcp", "accounts"]
            .iter()
            .all(|list| !self.found.covers(&at.key(list).path))
    }
}

/// Whether a whole configuration stands below a key.
fn is_wrapper(entry: &Entry) -> bool {
    let lists = ["aws", "azure", "gcp", "destinations"];
    entry
        .value
        .entries()
        .iter()
        .any(|inner| lists.contains(&inner.key.as_str()))
}

/// A list of the file, added or filled.
fn top(root: &At<'_>, key: &str, value: &str) -> Help {
    let at = root.key(key);
    if at.node.is_some() {
        Help::write(&at, value)
    } else {
        Help::add(root, key, value)
    }
}

/// A name like this one that nobody has.
fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) && !name.is_empty() {
        return name.to_owned();
    }
    let mut names = (2..).map(|number: u32| format!("{name}-{number}"));
    names.find(|name| !taken(name)).unwrap_or_default()
}

/// The regular expression that somebody wrote without a `~`, for the whole name.
fn expression(text: &str, at: &At<'_>) -> Option<String> {
    if text.starts_with('~') {
        return None;
    }
    let slashes = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let bare = slashes.unwrap_or(text);
    let (begins, ends) = (bare.strip_prefix('^'), bare.strip_suffix('$'));
    let inner = bare.trim_start_matches('^').trim_end_matches('$');
    // A dot and a star alone may be a glob: `jvm.*` takes `jvm.memory`.
    let signs = [".+", "(?", "\\d", "\\w"];
    // A value of a tag or a dimension may have any sign in it; a name does not.
    let value = at.trail.contains(".tags.") || at.trail.contains(".dimensions.");
    let more: &[&str] = if value { &[] } else { &["\\.", "|", "]+", "]*"] };
    let mut signs = signs.iter().chain(more);
    let is = inner != text || text == ".*" || signs.any(|sign| text.contains(sign));
    if !is || inner.is_empty() || regex::Regex::new(inner).is_err() {
        return None;
    }
    Some(match (begins, ends) {
        (Some(_), None) => format!("{}.*", inner.trim_end_matches(".*")),
        (None, Some(_)) => format!(".*{}", inner.trim_start_matches(".*")),
        (Some(_), Some(_)) | (None, None) => inner.to_owned(),
    })
}
