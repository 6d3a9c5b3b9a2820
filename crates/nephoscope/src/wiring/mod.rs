//! From the configuration to running parts: one file per cloud, and the destinations. A fourth cloud is one file here
//! and a name in [`accounts`].

pub(crate) mod accounts;
mod aws;
mod azure;
mod budget;
pub(crate) mod destinations;
mod gcp;

use crate::exit::Failure;
use config_file::{AutoOr, Config, Lookup, Pattern};
use provider_api::{AccountId, Cloud, Matcher, ProviderError, Span};
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

pub(crate) use accounts::{Account, Common, Configured};

/// What `lookback: auto` starts from, until it is known how late points are.
const LOOKBACK_START: Duration = Duration::from_secs(300);

/// Columns to wrap a configuration problem at; a common terminal's.
const PROBLEM_WIDTH: usize = 100;

/// Reads the configuration; the failure's text holds every problem of it.
pub(crate) fn load(path: &Path, lookup: &dyn Lookup) -> Result<Config, Failure> {
    let look = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        config_file::Look::Graphical {
            color: true,
            width: PROBLEM_WIDTH,
        }
    } else {
        config_file::Look::Graphical {
            color: false,
            width: PROBLEM_WIDTH,
        }
    };
    config_file::load(path, lookup).map_err(|problems| Failure::usage(problems.render(look)))
}

/// Every configured account, for one command: nothing is held back by a budget, which is the daemon's. One that cannot be connected does not keep the others from running.
pub(crate) async fn accounts(config: &Config) -> Vec<Account> {
    let all = accounts::connect(Configured::all(config), |_| None, &Common::default()).await;
    all.into_iter().map(|(_, account)| account).collect()
}

/// Every problem on a line of its own, with what would work.
pub(crate) fn in_lines(problems: &config_file::Problems) -> String {
    let line = |problem: &config_file::Problem| match &problem.help {
        Some(help) => format!("{problem}; {}", help.replace('\n', " ")),
        None => problem.to_string(),
    };
    let lines: Vec<String> = problems.list.iter().map(line).collect();
    lines.join("\n")
}

fn account_id(name: &str) -> AccountId {
    AccountId(name.into())
}

/// A pattern of the configuration as a provider wants it.
fn matcher(pattern: &Pattern) -> Matcher {
    let tested = pattern.clone();
    Matcher::new(pattern.as_str(), move |name: &str| tested.matches(name))
        .with_prefix(literal_start(pattern.as_str()))
}

/// What every match of a glob begins with; nothing for a regular expression.
fn literal_start(written: &str) -> &str {
    if written.starts_with('~') {
        return "";
    }
    written.split(['*', '?', '[', '{', '\\']).next().unwrap_or("")
}

/// A fixed duration, or one that is learnt from `start` onwards.
fn span(given: AutoOr, start: Duration) -> Span {
    match given {
        AutoOr::Fixed(duration) => Span::Fixed(duration),
        AutoOr::Auto => Span::Auto(start),
    }
}

/// A file that may hold a key.
fn read(cloud: Cloud, path: &Path) -> Result<Zeroizing<String>, ProviderError> {
    let failed = |error| not_connected(cloud, format!("reading {}: {error}", path.display()));
    config_file::System.read(path).map_err(failed)
}

/// The certificate authorities of a file, if one is named.
fn authorities(cloud: Cloud, path: Option<&Path>) -> Result<Option<String>, ProviderError> {
    let text = path.map(|path| read(cloud, path)).transpose()?;
    Ok(text.map(|text| text.as_str().to_owned()))
}

/// What went wrong with the credentials before a request could be made.
fn not_connected(cloud: Cloud, message: String) -> ProviderError {
    let scope = provider_api::Scope::new("-");
    ProviderError::new(
        cloud,
        "connect",
        scope,
        provider_api::ErrorKind::Unauthenticated,
        message,
    )
}

/// An error with all that lay below it, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
