//! `plan`: what the configuration asks for, how often, how fresh it is then, and what that costs; nothing is polled.
//!
//! What there is comes from the clouds' own listings, which are free; the calls are those that the daemon would make.

mod cost;
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
use std::time::Duration;

pub(crate) async fn run(args: &PlanArgs) -> Result<(), Failure> {
    let config = wiring::load(&args.config.config, &config_file::System)?;
    let config = only(config, &args.accounts)?;
    let inventory = inventory::inventory(wiring::accounts(&config).await, Duration::ZERO).await;
    let costs = Costs::of(&inventory, SystemClock.now());
    print(&if args.json {
        report::json(&costs, &inventory)
    } else {
        report::table(&costs, screen::columns(), Paint::for_stdout())
    })?;
    whole(&inventory)
}

/// A plan that leaves something out is shown, and is a failure all the same: its sum is too small.
fn whole(inventory: &Inventory) -> Result<(), Failure> {
    if inventory.failed.is_empty() {
        return Ok(());
    }
    Err(Failure::unavailable(format!(
        "the plan lacks what could not be listed ({}): {}",
        many(inventory.failed.len(), "failure"),
        inventory.failures()
    )))
}
