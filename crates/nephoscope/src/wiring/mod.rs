//! From the configuration to running parts: one file per cloud, and the destinations. A fourth cloud is one file here
//! and one line in [`accounts`].

mod aws;
mod azure;
pub(crate) mod destinations;
mod gcp;

use crate::exit::Failure;
use config_file::{AutoOr, Config, Lookup, Pattern};
use gate::{Gate, GateConfig, Quota};
use provider_api::{AccountId, Cloud, Matcher, MetricsProvider, ProviderError, Span};
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What `lookback: auto` starts from, until it is known how late points are.
const LOOKBACK_START: Duration = Duration::from_secs(300);

/// Columns to wrap a configuration problem at; a common terminal's.
const PROBLEM_WIDTH: usize = 100;

/// An account, connected or not.
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) discover_every: Duration,
    pub(crate) gate: Gate,
    pub(crate) connected: Result<Arc<dyn MetricsProvider>, ProviderError>,
}

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

/// Every configured account. One that cannot be connected does not keep the others from running.
pub(crate) async fn accounts(config: &Config) -> Vec<Account> {
    let mut all = Vec::new();
    for account in &config.aws {
        let gate = gate(Cloud::Aws, &account.name, provider_aws::AwsProvider::quotas());
        let connected = aws::connect(account, gate.clone()).await;
        all.push(Account {
            name: account.name.clone(),
            discover_every: account.poll.discover_every,
            gate,
            connected,
        });
    }
    for account in &config.azure {
        let gate = gate(Cloud::Azure, &account.name, provider_azure::quotas());
        let connected = azure::connect(account, gate.clone());
        all.push(Account {
            name: account.name.clone(),
            discover_every: account.poll.discover_every,
            gate,
            connected,
        });
    }
    for account in &config.gcp {
        let gate = gate(Cloud::Gcp, &account.name, provider_gcp::quotas());
        let connected = gcp::connect(account, gate.clone()).await;
        all.push(Account {
            name: account.name.clone(),
            discover_every: account.poll.discover_every,
            gate,
            connected,
        });
    }
    all
}

fn gate(cloud: Cloud, name: &str, quotas: Vec<(&'static str, Quota)>) -> Gate {
    Gate::new(
        cloud,
        account_id(name),
        GateConfig {
            quotas,
            ..GateConfig::default()
        },
    )
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

/// What went wrong before a request could be made.
fn not_connected(cloud: Cloud, message: String) -> ProviderError {
    let scope = provider_api::Scope::new("-");
    ProviderError::new(
        cloud,
        "connect",
        scope,
        provider_api::ErrorKind::Permanent,
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
