//! `plan`: what the configuration asks for, how often, how fresh it is then, and what that costs; nothing is polled.
//!
//! What there is comes from the clouds' own listings, which are free; the calls are those that the daemon would make.

mod cost;
mod json;
mod ranges;
mod report;

use super::config::print;
use super::inventory::{self, Inventory};
use super::only::only;
use super::paint::Paint;
use super::screen;
use crate::cli::PlanArgs;
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::overview::words::many;
use crate::wiring;
use cost::Costs;
use scheduler::Clock as _;

pub(crate) async fn run(args: &PlanArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    let config = only(config, &args.accounts)?;
    let inventory = inventory::at_once(&config).await;
    let costs = Costs::of(&inventory, SystemClock.now());
    print(&if args.json {
        json::of(&costs, &inventory)
    } else {
        report::text(&costs, &inventory, screen::columns(), Paint::for_stdout())
    })?;
    whole(&inventory)
}

/// A plan that leaves something out is shown, and is a failure all the same: its sum is too small.
fn whole(inventory: &Inventory) -> Result<(), Failure> {
    if inventory.failed.is_empty() {
        return Ok(());
    }
    let mut accounts: Vec<&str> = inventory.failed.iter().map(|one| one.account.as_str()).collect();
    accounts.dedup();
    Err(Failure::unavailable(format!(
        "the plan lacks what could not be listed: {} of {}",
        many(inventory.failed.len(), "failure"),
        many(accounts.len(), "account")
    )))
}
