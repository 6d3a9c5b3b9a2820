//! `${env:NAME}`, `${file:/path}` and `${cred:NAME}` in string values become what they stand for.
//!
//! A name that leads nowhere is a problem at its own place; what it led to is never quoted.

use std::path::Path;

use zeroize::Zeroizing;

use crate::{
    help::{Edit, Help},
    hide::is_reference,
    lookup::Lookup,
    loose,
    problem::Found,
    source::Span,
    tree::{At, Data, Node},
};

/// systemd sets this to the directory of the unit's credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Substitutes in every string value of the tree.
pub(crate) fn all(root: &mut Node, base: &Path, lookup: &dyn Lookup, found: &mut Found) {
    let copy = root.clone();
    Substitution { base, lookup, found }.node(root, &At::root(&copy));
}

/// What can be written.
const KINDS: &str = "write `${env:NAME}`, `${file:/path}` or `${cred:NAME}`";

/// What is wrong with a `${…}` that may be part of a secret; a variable of a shell's with a default is none.
fn unclear(name: &str) -> (String, String) {
    let variable = name.split([':', '-', '=', '?']).next().unwrap_or_default();
    if variable != name && variable.len() > 1 && is_reference(&format!("${{{variable}}}")) {
        let message = format!("`${{{variable}…}}` is not a reference, and defaults are not supported");
        return (message, format!("write `${{env:{variable}}}`, and set it"));
    }
    let help = format!("{KINDS}; where the text itself has `${{`, keep it in a file: `${{file:/path}}`");
    ("this `${…}` is not a reference".into(), help)
}

/// Quotes that word processors make of straight ones; YAML reads them as letters.
fn typographic(text: &str) -> bool {
    let quote = |c: char| "“”„«»‘’‚".contains(c);
    text.starts_with(quote) && text.ends_with(quote) && text.chars().count() > 1
}

/// A variable as shells write it, alone or behind a word: `$TOKEN`, `Bearer $TOKEN`.
fn shell_variable(text: &str) -> Option<&str> {
    let last = text.rsplit(' ').next()?.strip_prefix('$')?;
    let upper = last
        .chars()
        .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    (upper && last.len() > 1 && last.starts_with(|c: char| c.is_ascii_uppercase())).then_some(last)
}

/// A text of which another program would make something else.
fn not_meant(text: &str, extent: Span, secret: bool) -> Option<(String, Help)> {
    if typographic(text) {
        let length = |c: Option<char>| c.map_or(0, char::len_utf8);
        let (first, last) = (length(text.chars().next()), length(text.chars().next_back()));
        let cut = |start, end| Edit {
            start,
            end,
            text: "\"".into(),
        };
        let help = Help::from("write straight quotes: `\"…\"`")
            .with_one(cut(extent.start, extent.start + first))
            .with_one(cut(extent.end.saturating_sub(last), extent.end));
        return Some(("the quotes are typographic, and part of the text".into(), help));
    }
    // Elsewhere it may be meant: `$LATEST` is a version of Lambda's.
    let variable = shell_variable(text).filter(|_| secret)?;
    let words = format!(
        "write `${{env:{variable}}}`; what is meant as it stands goes into a file: `${{file:/path}}`"
    );
    Some((format!("`${variable}` is not replaced"), words.into()))
}

struct Substitution<'a> {
    base: &'a Path,
    lookup: &'a dyn Lookup,
    found: &'a mut Found,
}

impl Substitution<'_> {
    fn node(&mut self, node: &mut Node, at: &At<'_>) {
        match &mut node.data {
            Data::Map(entries) => {
                for entry in entries {
                    self.node(&mut entry.value, &at.key(&entry.key));
                }
            }
            Data::Seq(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.node(item, &at.item(index));
                }
            }
            Data::Str(text) if text.contains("${") => {
                if let Some(replaced) = self.text(text, at) {
                    *text = replaced;
                    // What came from outside is quoted no more than a secret is.
                    node.secret = true;
                }
            }
            Data::Str(text) => {
                if let Some((message, help)) = not_meant(text, node.extent, node.secret) {
                    self.found.span(at.span, at.path.clone(), message, help);
                }
            }
            Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) => {}
        }
    }

    fn text(&mut self, text: &str, at: &At<'_>) -> Option<Zeroizing<String>> {
        let mut out = Zeroizing::new(String::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                self.found
                    .at(at, "`${` is not closed", Some("close it: `${env:NAME}`".into()));
                return None;
            };
            out.push_str(before);
            match self.resolve(name) {
                Ok(value) => out.push_str(&value),
                Err((message, help)) => {
                    // Of a secret that is kept elsewhere, where it is kept may be said.
                    self.found.span(at.span, at.path.clone(), message, Some(help));
                    return None;
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    fn resolve(&self, name: &str) -> Result<Zeroizing<String>, (String, String)> {
        if !is_reference(&format!("${{{name}}}")) {
            return Err(unclear(name));
        }
        match name.split_once(':') {
            Some(("env", variable)) => self.lookup.env(variable).map(Zeroizing::new).ok_or_else(|| {
                let help = format!("set it where the daemon starts: `Environment={variable}=…` in the unit, or `export {variable}=…`");
                (format!("the environment variable `{variable}` is not set"), help)
            }),
            Some(("file", path)) => self.file(&self.base.join(path), || {
                format!("create the file, readable for the daemon's user only: `install -m 600 /dev/stdin {path}`")
            }),
            Some(("cred", credential)) => self.credential(credential),
            _ => {
                let message = format!("`${{{name}}}` is not a reference");
                Err((message, KINDS.to_owned()))
            }
        }
    }

    fn credential(&self, name: &str) -> Result<Zeroizing<String>, (String, String)> {
        let help = || format!("add `LoadCredential={name}:/etc/nephoscope/credentials/{name}` to the unit");
        let Some(directory) = self.lookup.env(CREDENTIALS_DIRECTORY) else {
            let message = format!(
                "the credential `{name}` cannot be read: ${CREDENTIALS_DIRECTORY} is not set, as it is under systemd"
            );
            let by_hand = "by hand: `export CREDENTIALS_DIRECTORY=/etc/nephoscope/credentials`";
            return Err((message, format!("{};\n{by_hand}", help())));
        };
        self.file(&Path::new(&directory).join(name), help)
    }

    fn file(&self, path: &Path, help: impl Fn() -> String) -> Result<Zeroizing<String>, (String, String)> {
        let text = self.lookup.read(path);
        let text = text.map_err(|error| {
            (
                format!("the secret file {} cannot be read: {error}", path.display()),
                help(),
            )
        })?;
        loose::look(path, self.lookup);
        // Editors end a file with a newline; no secret does.
        Ok(text.trim_end_matches(['\n', '\r']).to_owned().into())
    }
}
