//! `check`: every problem of the configuration, then one cheap request per scope, then what its patterns match.

use super::config::print;
use super::inventory;
use crate::cli::CheckArgs;
use crate::exit::Failure;
use crate::overview::words::many;
use crate::wiring;
use provider_api::{Check, Outcome};
use std::fmt::Write as _;
use std::time::Duration;

pub(crate) async fn run(args: &CheckArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    let accounts = config.aws.len() + config.azure.len() + config.gcp.len();
    if args.offline {
        return print(&format!(
            "{} is valid: {}\n",
            args.config.config.display(),
            many(accounts, "account")
        ));
    }
    let mut table = format!("{:<20} {:<24} {:<28} RESULT\n", "ACCOUNT", "SCOPE", "TRIED");
    let mut worst = Outcome::Passed;
    let mut good = Vec::new();
    for account in wiring::accounts(&config).await {
        let report = match &account.connected {
            Ok(provider) => provider.check().await.checks,
            Err(_) => vec![Check::of("-", "connect", &account.connected)],
        };
        for check in &report {
            row(&mut table, &account.name, check);
            worst = worse(worst, check.outcome);
        }
        if report.iter().all(|check| check.outcome == Outcome::Passed) {
            good.push(account);
        }
    }
    print(&table)?;
    print(&remarks(good).await)?;
    match worst {
        Outcome::Passed => Ok(()),
        Outcome::Unauthenticated | Outcome::Forbidden => Err(Failure::permission(
            "credentials or permissions are missing; see RESULT above",
        )),
        Outcome::Unavailable => Err(Failure::unavailable(
            "a cloud could not be asked; see RESULT above",
        )),
    }
}

/// What the accounts whose checks passed should know of their entries: patterns that match nothing, and tags.
async fn remarks(accounts: Vec<wiring::Account>) -> String {
    let inventory = inventory::inventory(accounts, Duration::ZERO).await;
    let mut text = String::new();
    for account in &inventory.accounts {
        let name = account.provider.account();
        for remark in account.remarks() {
            // Writing to a String cannot fail.
            writeln!(text, "{name}: {remark}").ok();
        }
    }
    for failed in &inventory.failed {
        writeln!(text, "not listed: {failed}").ok();
    }
    text
}

fn row(table: &mut String, account: &str, check: &Check) {
    let result = match check.outcome {
        Outcome::Passed if check.detail.is_empty() => "ok".to_owned(),
        Outcome::Passed => format!("ok: {}", check.detail),
        Outcome::Unauthenticated => format!("NOT AUTHENTICATED: {}", check.detail),
        Outcome::Forbidden => format!("FORBIDDEN: {}", check.detail),
        Outcome::Unavailable => format!("UNAVAILABLE: {}", check.detail),
    };
    // Writing to a String cannot fail.
    writeln!(
        table,
        "{account:<20} {:<24} {:<28} {result}",
        check.scope, check.what
    )
    .ok();
}

fn worse(a: Outcome, b: Outcome) -> Outcome {
    let rank = |o: Outcome| match o {
        Outcome::Passed => 0,
        Outcome::Unavailable => 1,
        Outcome::Forbidden => 2,
        Outcome::Unauthenticated => 3,
    };
    if rank(b) > rank(a) { b } else { a }
}
