//! `check`: every problem of the configuration, then what each account may do, then what its patterns match, and whether
//! each destination takes what it is going to be sent.
//!
//! `accounts` asks the clouds, `destinations` the back ends, `report` is what came of it, `groups` puts equal failures
//! together, `text` and `json` are its two forms.

mod accounts;
mod destinations;
mod groups;
mod json;
mod report;
mod text;

use super::config::print;
use super::only::only;
use super::paint::Paint;
use super::screen;
use crate::cli::CheckArgs;
use crate::exit::Failure;
use crate::overview::words::many;
use crate::wiring;
use config_file::Config;
use report::Report;

pub(crate) async fn run(args: &CheckArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    let config = only(config, &args.accounts)?;
    if args.offline {
        let accounts = config.aws.len() + config.azure.len() + config.gcp.len();
        return print(&format!(
            "{} is valid: {}\n",
            args.config.config.display(),
            many(accounts, "account")
        ));
    }
    let report = checked(&config).await;
    print(&if args.json {
        json::of(&report)
    } else {
        text::of(&report, screen::columns(), Paint::for_stdout())
    })?;
    report.outcome().exit()
}

/// All that can be proved by asking.
async fn checked(config: &Config) -> Report {
    let mut report = Report::default();
    let (accounts, destinations) = tokio::join!(accounts::check(config), destinations::check(config));
    report.add(accounts);
    report.add(destinations);
    report
}
