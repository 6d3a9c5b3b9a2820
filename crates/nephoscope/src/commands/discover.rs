//! `discover`: the inventory, one target a line.

use super::config::print;
use crate::cli::DiscoverArgs;
use crate::exit::Failure;
use crate::wiring;
use futures::StreamExt as _;
use provider_api::{Catalogue, MetricsProvider, Reach, Survey, Surveyed};
use scheduler::Matches;
use std::fmt::Write as _;
use std::time::Duration;

pub(crate) async fn run(args: &DiscoverArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    let mut failed = 0;
    for account in wiring::accounts(&config).await {
        let provider = match account.connected {
            Ok(provider) => provider,
            Err(error) => {
                tracing::error!(account = account.name, "{error}");
                failed += 1;
                continue;
            }
        };
        if args.all {
            failed += survey(&account.name, provider.as_ref(), args.json).await?;
            continue;
        }
        let (mut matches, before) = (Matches::default(), failed);
        let mut scopes = provider.discover(Reach::of_all(Duration::ZERO));
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => {
                    print(&lines(&account.name, &catalogue, args.json))?;
                    matches.add(&catalogue);
                    for part in &catalogue.unlisted {
                        tracing::error!(account = account.name, "{}: {}", part.namespace, part.error);
                        failed += 1;
                    }
                }
                Err(error) => {
                    tracing::error!(account = account.name, "{error}");
                    failed += 1;
                }
            }
        }
        drop(scopes);
        for met in provider.apart().untold() {
            tracing::warn!(account = account.name, "account {}: {met}", account.name);
        }
        if failed == before {
            for unmatched in matches.unmatched() {
                tracing::warn!(account = account.name, "account {}: {unmatched}", account.name);
            }
        }
    }
    match failed {
        0 => Ok(()),
        n => Err(Failure::unavailable(format!(
            "{n} scopes or parts of them could not be listed; the log above says why"
        ))),
    }
}

/// Everything that an account has; returns how many scopes could not be listed.
async fn survey(account: &str, provider: &dyn MetricsProvider, json: bool) -> Result<usize, Failure> {
    let Survey { unit, found, failed } = provider.survey().await;
    let mut text = String::new();
    for Surveyed {
        scope,
        kind,
        count,
        entry,
    } in &found
    {
        let line = if json {
            let object = serde_json::json!({
                "account": account, "scope": &*scope.0, "kind": &**kind, "count": count, "of": unit, "entry": entry,
            });
            object.to_string()
        } else {
            format!("{account}  {scope}  {count} {unit}  {entry}")
        };
        // Writing to a String cannot fail.
        writeln!(text, "{line}").ok();
    }
    print(&text)?;
    for error in &failed {
        tracing::error!(account, "{error}");
    }
    Ok(failed.len())
}

fn lines(account: &str, catalogue: &Catalogue, json: bool) -> String {
    let mut text = String::new();
    for target in &catalogue.targets {
        let (group, what) = (&target.group.name, target.detail.describe());
        let line = if json {
            let object = serde_json::json!({
                "account": account, "scope": &*catalogue.scope.0, "group": &**group, "target": what,
                "series": target.series, "period_s": target.group.grain.as_secs(),
            });
            object.to_string()
        } else {
            format!("{account}  {group}  {what}")
        };
        // Writing to a String cannot fail.
        writeln!(text, "{line}").ok();
    }
    text
}
