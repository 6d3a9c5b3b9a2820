//! `check`: every problem of the configuration, then one cheap request per scope.

use super::config::print;
use crate::cli::CheckArgs;
use crate::exit::Failure;
use crate::overview::words::many;
use crate::wiring;
use provider_api::{Check, Outcome};
use std::fmt::Write as _;

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
    for account in wiring::accounts(&config).await {
        let report = match account.connected {
            Ok(provider) => provider.check().await.checks,
            Err(error) => vec![Check::of("-", "connect", &Err::<(), _>(error))],
        };
        for check in report {
            row(&mut table, &account.name, &check);
            worst = worse(worst, check.outcome);
        }
    }
    print(&table)?;
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

fn row(table: &mut String, account: &str, check: &Check) {
    let result = match check.outcome {
        Outcome::Passed => "ok".to_owned(),
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
