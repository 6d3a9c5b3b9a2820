//! `discover`: the inventory, one target a line.

use super::config::print;
use crate::cli::DiscoverArgs;
use crate::exit::Failure;
use crate::wiring;
use futures::StreamExt as _;
use provider_api::Catalogue;
use std::fmt::Write as _;

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
        let mut scopes = provider.discover(provider_api::Reach::of_all(std::time::Duration::from_secs(
            3 * 3_600,
        )));
        while let Some(scope) = scopes.next().await {
            match scope {
                Ok(catalogue) => print(&lines(&account.name, &catalogue, args.json))?,
                Err(error) => {
                    tracing::error!(account = account.name, "{error}");
                    failed += 1;
                }
            }
        }
    }
    match failed {
        0 => Ok(()),
        n => Err(Failure::unavailable(format!(
            "{n} scopes could not be listed; the log above says why"
        ))),
    }
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
