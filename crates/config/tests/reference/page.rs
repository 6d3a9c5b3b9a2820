//! Lays the schema out as a page: a section for each table of keys, a row for each key.

use super::tables::{self, Table, properties};
use super::words;
use serde_json::Value;
use std::fmt::Write as _;

const HEAD: &str = "\
# Configuration

<!-- Written from the schema by `UPDATE_EXPECT=1 cargo test -p config-file`; change the words in crates/config/src/written. -->

One YAML file, `/etc/nephoscope/nephoscope.yaml` unless `--config` names another. `nephoscope config example` prints a
commented one, `nephoscope config schema` the JSON Schema for editors, and `nephoscope check --offline` says everything that
is wrong with yours, with its line and a value that would work. A key that is not listed here is an error. The lines shown with
an error have stars for every value that may be a secret, and no comments.

- **duration**: `30s`, `5m`, `1h30m`, `1d`. **size**: `512MiB`, `2GiB`, `1GB`.
- **pattern**: a name, or one with `*`, `?`, `[…]`, `{a,b}`; after `~` a regular expression. It must match the whole name.
- **secret**: text that is never shown again. `${env:NAME}`, `${file:/path}` and `${cred:NAME}` (a file below systemd's
  `$CREDENTIALS_DIRECTORY`) are replaced in every text; the last two keep a secret out of the file.
- YAML's `&name`, `*name` and `<<: *name` work as usual.
- `aws[]` is an element of the list `aws`.
";

/// The whole page.
pub(crate) fn of(root: &Value) -> String {
    let tables = tables::of(root);
    let link = |reference: &str| {
        let (_, table) = tables.iter().find(|(name, _)| name == reference)?;
        Some(format!("[{}](#{})", table.title(), anchor(table.title())))
    };
    let mut page = HEAD.to_owned();
    page.push_str("\n## The file\n");
    rows(root, root, &link, &mut page);
    for (_, table) in &tables {
        section(root, table, &link, &mut page);
    }
    page
}

fn section(root: &Value, table: &Table<'_>, link: &dyn Fn(&str) -> Option<String>, page: &mut String) {
    writeln!(page, "\n## `{}`\n", table.title()).unwrap();
    if let Some(text) = table.schema.get("description").and_then(Value::as_str) {
        writeln!(page, "{}", text.replace('\n', " ")).unwrap();
    }
    let others = &table.places[1..];
    if !others.is_empty() {
        let others: Vec<_> = others.iter().map(|place| format!("`{place}`")).collect();
        writeln!(page, "\nAlso as {}.", others.join(", ")).unwrap();
    }
    rows(root, table.schema, link, page);
}

fn rows(root: &Value, table: &Value, link: &dyn Fn(&str) -> Option<String>, page: &mut String) {
    page.push_str("\n| key | type | default | example | meaning |\n|---|---|---|---|---|\n");
    let required = |key: &str| {
        let keys = table.get("required").and_then(Value::as_array);
        keys.is_some_and(|keys| keys.iter().any(|k| k == key))
    };
    let mut keys: Vec<_> = properties(table).collect();
    keys.sort_by_key(|(key, _)| !required(key));
    for (key, schema) in keys {
        let default = if required(key) {
            Some("**required**".to_owned())
        } else {
            words::default(schema)
        };
        let example = words::example(root, schema).map(|text| format!("`{}`", text.replace('|', "\\|")));
        let kind = words::kind(root, schema, link);
        let meaning = words::meaning(root, schema);
        let (default, example) = (default.unwrap_or_default(), example.unwrap_or_default());
        writeln!(page, "| `{key}` | {kind} | {default} | {example} | {meaning} |").unwrap();
    }
}

/// As GitHub makes it of a heading in backticks.
fn anchor(title: &str) -> String {
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        .collect()
}
