//! The daemon's configuration: as written (YAML), everything that is wrong with it, and as checked.
//!
//! [`load`] reads the file and the account files it names, reports *all* problems at once, each with
//! its file, line, column and a value that would work, and otherwise returns a [`Config`] in which
//! every duration, size, address, pattern and default is already resolved. This crate opens no
//! socket and starts nothing; what a cloud thinks of the credentials is the provider's business.

mod accounts;
mod check;
mod clear;
mod config;
mod example;
mod foreign;
mod form;
mod guess;
mod help;
mod hide;
mod lookup;
mod loose;
mod meant;
mod misfit;
mod nearest;
mod parse;
mod problem;
mod profile;
mod render;
mod secret;
mod source;
mod substitute;
mod tables;
mod tree;
mod unknown;
mod values;
mod walk;
pub mod written;
mod yaml;

use serde::Deserialize as _;
use std::{path::Path, sync::LazyLock};
use zeroize::Zeroize as _;

pub use crate::config::{
    Api, AssumeRole, AutoOr, AwsAccount, AwsBase, AwsCredentials, AwsEndpoints, AwsMetrics, AzureAccount,
    AzureCertificate, AzureCloud, AzureCredentials, AzureIdentity, AzureMetrics, Clients, Config,
    CustomAzureCloud, Destination, DestinationKind, GcpAccount, GcpBase, GcpCredentials, GcpMetrics, Otlp,
    OtlpPath, Poll, RateLimit, ReadyAccounts, ServerTls, StaticKeys, Telemetry, Tls, Token as ApiToken,
};
pub use crate::help::{Edit, apply};
pub use crate::lookup::{Lookup, System};
pub use crate::problem::{Problem, Problems};
pub use crate::profile::{Habits, Profile};
pub use crate::render::Look;
pub use crate::secret::Secret;
pub use crate::values::{Pattern, parse_duration, parse_size};
pub use crate::written::api::Scope as ApiScope;
pub use crate::written::destination::{Compression, Deltas, FileFormat, OnFull, Order, Protocol, Revisions};
pub use zeroize::Zeroizing;

/// A commented, complete configuration; it loads wherever the secrets it names exist.
pub const EXAMPLE: &str = include_str!("../../../config/nephoscope.yaml");

/// Reads, checks and resolves the configuration at `path`.
///
/// # Errors
/// Every problem of the file and of the account files it names, in the order of files and lines.
pub fn load(path: &Path, lookup: &dyn Lookup) -> Result<Config, Problems> {
    let mut sources = source::Sources::default();
    let mut found = problem::Found::default();
    let config = read(path, lookup, &mut sources, &mut found);
    match config {
        Some(config) if found.is_empty() => Ok(config),
        _ => Err(found.finish(&sources)),
    }
}

fn read(
    path: &Path,
    lookup: &dyn Lookup,
    sources: &mut source::Sources,
    found: &mut problem::Found,
) -> Option<Config> {
    let base = path.parent().unwrap_or_else(|| Path::new("")).to_owned();
    let schema = &*SCHEMA;
    let mut root = parse::read(path, schema, sources, found)?;
    accounts::merge(&mut root, &base, schema, sources, found);
    clear::look(&root, sources, lookup);
    substitute::all(&mut root, &base, lookup, found);
    let mut json = walk::Walker::new(schema).document(&root, found);
    let file = written::File::deserialize(&json);
    wipe(&mut json);
    match file {
        Ok(file) => Some(check::file(&file, &root, &base, lookup, found)),
        Err(error) => {
            // The schema and the types disagree only by a mistake of ours; serde's words may quote any value.
            let kind = error.classify();
            let message = format!("the configuration does not have the form of its schema ({kind:?})");
            let help = "this is a bug in Nephoscope: report the keys of the file, without their values";
            found.at(&tree::At::root(&root), message, Some(help.into()));
            None
        }
    }
}

/// Leaves no text behind: any may be a secret.
fn wipe(json: &mut serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What a file may hold; made once.
static SCHEMA: LazyLock<serde_json::Value> =
    LazyLock::new(|| schemars::schema_for!(written::File).to_value());

/// The JSON Schema of the main file, for editors and for `nephoscope config schema`.
pub fn schema() -> serde_json::Value {
    SCHEMA.clone()
}
