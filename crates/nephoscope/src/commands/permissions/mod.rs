//! `permissions`: the least that each cloud has to allow for this very configuration, as documents to hand to whoever
//! grants it. Nothing is asked of a cloud; `check` tries what has been granted.

mod aws;
mod azure;
mod gcp;

use super::config::print;
use crate::cli::ConfigArg;
use crate::exit::Failure;
use crate::wiring::{self, Configured};

pub(crate) fn run(args: &ConfigArg) -> Result<(), Failure> {
    let config = wiring::load(&args.config, &config_file::System)?;
    let parts: Vec<String> = Configured::all(&config).iter().map(of).collect();
    print(&parts.join("\n"))
}

fn of(account: &Configured) -> String {
    match account {
        Configured::Aws(account) => aws::needed(account),
        Configured::Azure(account) => azure::needed(account),
        Configured::Gcp(account) => gcp::needed(account),
    }
}
