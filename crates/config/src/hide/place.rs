//! What the schema says of a place: whether its value may be shown, and whether a key is one of ours.
//!
//! Nothing is shown unless this file knows the place. So a misspelt key, a key in the wrong place or a whole file of another
//! program shows no value; what else may give a secret away is `shape.rs`.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use super::shape::secret_parts;
use crate::{
    form::{forms, kind_of},
    nearest::nearest,
};

/// Below these keys only what is proved to be no secret is shown.
const GUARDED: [&str; 6] = ["credentials", "headers", "tls", "mtls", "auth", "tokens"];
/// Longest name of a key that is shown although it is not ours.
const LONGEST_NAME: usize = 48;

static UUID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$").ok());
static ACCESS_KEY_ID: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^A[KS][A-Z0-9]{10,126}$").ok());
static FILE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^([/.~][\w./@ -]*|[\w./@-]+\.(pem|crt|cer|key|json|der|p12|pfx))$").ok());
static WORD: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\w.@-]{1,64}$").ok());
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[A-Za-z_<][\w.<:/-]*$").ok());

fn fits(regex: Option<&Regex>, text: &str) -> bool {
    regex.is_some_and(|regex| regex.is_match(text))
}

/// A place in the file, as the schema knows it.
#[derive(Clone, Debug)]
pub(crate) struct Place<'s> {
    root: &'s Value,
    /// What may stand here; nothing = the place is unknown.
    forms: Vec<&'s Value>,
    guarded: bool,
    /// Below a key that is not ours.
    closed: bool,
    /// The nearest key.
    key: String,
}

impl<'s> Place<'s> {
    /// The whole document.
    pub(crate) fn root(schema: &'s Value) -> Self {
        Self {
            root: schema,
            forms: forms(schema, schema),
            guarded: false,
            closed: false,
            key: String::new(),
        }
    }

    /// The place below a key. Below one that is misspelt our keys are known, and no value is shown.
    pub(crate) fn key(&self, key: &str) -> Self {
        let named = self.below(key);
        let near = named.is_empty().then(|| nearest(key, self.names())).flatten();
        let lower = key.to_ascii_lowercase();
        Self {
            root: self.root,
            closed: self.closed || named.is_empty(),
            forms: near.map_or(named, |near| self.below(near)),
            guarded: self.guarded || GUARDED.contains(&lower.as_str()),
            key: key.to_owned(),
        }
    }

    fn below(&self, key: &str) -> Vec<&'s Value> {
        let schemas = self.forms.iter().filter_map(|form| {
            let own = form.get("properties").and_then(|all| all.get(key));
            own.or_else(|| form.get("additionalProperties").filter(|other| other.is_object()))
        });
        schemas.flat_map(|schema| forms(self.root, schema)).collect()
    }

    /// The keys that may stand here.
    fn names(&self) -> Vec<&'s str> {
        let tables = self
            .forms
            .iter()
            .filter_map(|form| form.get("properties")?.as_object());
        tables.flat_map(|all| all.keys()).map(String::as_str).collect()
    }

    /// The place of a list's items.
    pub(crate) fn item(&self) -> Self {
        let items = self.forms.iter().filter_map(|form| form.get("items"));
        Self {
            forms: items.flat_map(|schema| forms(self.root, schema)).collect(),
            ..self.clone()
        }
    }

    /// The bytes of a value here that nobody may see.
    pub(crate) fn secret_parts(&self, text: &str) -> Vec<Range<usize>> {
        if text.is_empty() {
            return vec![];
        }
        if self.is_open(text) {
            return secret_parts(text);
        }
        std::iter::once(0..text.len()).collect()
    }

    fn is_open(&self, text: &str) -> bool {
        if self.closed {
            return false;
        }
        // One value where a list of them belongs is a slip, and the same value.
        let items = self.forms.iter().filter_map(|form| form.get("items"));
        let items = items.flat_map(|schema| forms(self.root, schema));
        let all: Vec<&Value> = self.forms.iter().copied().chain(items).collect();
        let scalar = |form: &&Value| !matches!(kind_of(form), "object" | "array");
        let secret = |form: &&Value| form.get("writeOnly").is_some();
        all.iter().any(scalar) && !all.iter().any(secret) && (!self.guarded || proven(&self.key, text))
    }

    /// Whether a key's name may be shown here; `value` = it has one.
    pub(crate) fn shows_key(&self, key: &str, value: bool) -> bool {
        let names = self.names();
        let plain = fits(NAME.as_ref(), key) && key.len() <= LONGEST_NAME && secret_parts(key).is_empty();
        let ours = names.contains(&key) || plain && nearest(key, names.iter().copied()).is_some();
        let free = self
            .forms
            .iter()
            .any(|form| form.get("additionalProperties").is_some_and(Value::is_object));
        if free {
            return ours
                || if self.guarded {
                    plain && value
                } else {
                    secret_parts(key).is_empty()
                };
        }
        // A text without a value that stands where a key belongs is a value that lost its key.
        let spoken = plain && value && !names.is_empty();
        let digits = key.chars().any(|c| c.is_ascii_digit());
        ours || spoken && !(self.guarded && digits) || plain && crate::foreign::is_word(key)
    }
}

/// Whether a text below a guarded key has the form of what the key holds, and no secret has that form.
fn proven(key: &str, text: &str) -> bool {
    match key {
        "arn" => text.starts_with("arn:"),
        "client_id" | "object_id" => fits(UUID.as_ref(), text),
        "resource_id" => text.starts_with("/subscriptions/"),
        "service_account_file" | "ca_file" | "cert_file" | "key_file" => fits(FILE.as_ref(), text),
        "impersonate" => text.contains('@') && fits(WORD.as_ref(), text),
        "profile" | "session_name" | "name" | "scopes" | "anonymous" => fits(WORD.as_ref(), text),
        "access_key_id" => fits(ACCESS_KEY_ID.as_ref(), text),
        _ => false,
    }
}
