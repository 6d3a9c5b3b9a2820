//! `status`: what the running daemon says of itself, as tables. The daemon decides how each part is and what to do
//! about it; this only sets it out, and tells scripts by the exit code.
//!
//! `ask` gets the answer, `accounts` and `tables` lay it out.

mod accounts;
mod ask;
mod tables;

use super::config::print;
use super::only::Wanted;
use super::paint::Paint;
use super::screen::{self, first_of, harmless, wrapped};
use crate::admin::{ProblemRow, Status};
use crate::cli::StatusArgs;
use crate::exit::Failure;
use crate::overview::words::{many, span};
use ask::ask;
use std::time::Duration;

/// Problems that are spelled out; `--json` has all of them.
const MOST_PROBLEMS: usize = 8;

pub(crate) async fn run(args: &StatusArgs) -> Result<(), Failure> {
    let (text, status) = ask(args).await?;
    let names: Vec<&str> = status.accounts.iter().map(|row| row.account.as_str()).collect();
    let wanted = Wanted::new(&args.accounts, &names)?;
    if args.json {
        print(&format!("{text}\n"))?;
    } else {
        let shown = only(status.clone(), &wanted);
        print(&render(&shown, screen::columns(), Paint::for_stdout()))?;
    }
    if needs_a_person(&status) {
        return Err(Failure::needs_a_person(format!(
            "action required: {}",
            harmless(&status.headline)
        )));
    }
    Ok(())
}

/// What is about these accounts: of the rest only the headline.
fn only(mut status: Status, wanted: &Wanted) -> Status {
    if !wanted.all() {
        status.accounts.retain(|row| wanted.fits(&row.account));
        status.problems.clear();
        status.namespaces.clear();
        status.destinations.clear();
    }
    status
}

/// Whether any problem will not pass by itself.
fn needs_a_person(status: &Status) -> bool {
    !status.problems.iter().all(|problem| problem.passes)
}

fn render(status: &Status, columns: usize, paint: Paint) -> String {
    let is_many = status.accounts.len() > accounts::FEW;
    let mut parts = vec![headline(status, columns, paint)];
    parts.extend(problems(status, is_many, columns, paint));
    let accounts = if is_many {
        accounts::sums(&status.accounts)
    } else {
        accounts::rows(&status.accounts)
    };
    let destinations = tables::destinations(&status.destinations);
    let namespaces = tables::namespaces(&status.namespaces);
    for table in [accounts, destinations, namespaces] {
        if !table.is_empty() {
            parts.push(table.render(columns, paint));
        }
    }
    if is_many {
        parts.push("(`--account NAME` shows the rows of an account, `--json` all of them)\n".to_owned());
    }
    parts.join("\n")
}

fn headline(status: &Status, columns: usize, paint: Paint) -> String {
    let title = wrapped(&harmless(&status.headline), "", "  ", columns);
    let detail = wrapped(&harmless(&status.detail), "", "", columns);
    paint.level(&status.level, title.trim_end()) + "\n" + &detail
}

/// What stands in no table: of a few accounts, their errors stand below their rows.
fn problems(status: &Status, is_many: bool, columns: usize, paint: Paint) -> Vec<String> {
    let of_accounts = status.accounts.iter().filter_map(|row| row.last_error.as_deref());
    let of_destinations = status.destinations.iter().map(|row| row.last_error.as_str());
    let mut told: Vec<&str> = of_destinations.collect();
    if !is_many {
        told.extend(of_accounts);
    }
    let wanted = |problem: &&ProblemRow| !problem.text.is_empty() && !told.contains(&problem.text.as_str());
    let all: Vec<&ProblemRow> = status.problems.iter().filter(wanted).collect();
    let mut parts: Vec<String> = all
        .iter()
        .take(MOST_PROBLEMS)
        .map(|one| problem(one, columns, paint))
        .collect();
    if all.len() > MOST_PROBLEMS {
        parts.push(format!(
            "{} more: see `--json`\n",
            many(all.len() - MOST_PROBLEMS, "problem")
        ));
    }
    parts
}

fn problem(problem: &ProblemRow, columns: usize, paint: Paint) -> String {
    let since = problem
        .since_s
        .map(|s| format!(" (for {})", span(Duration::from_secs(s))));
    let title = harmless(&problem.title) + &since.unwrap_or_default();
    let title = wrapped(&title, "", "  ", columns);
    let mut text = paint.level(&problem.level, title.trim_end()) + "\n";
    if problem.accounts.len() > 1 {
        let names = first_of(problem.accounts.iter().map(String::as_str), columns - 20);
        let more = match problem.more {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        text.push_str(&wrapped(&harmless(&(names + &more)), "    ", "    ", columns));
    }
    text.push_str(&wrapped(&harmless(&problem.text), "    ", "    ", columns));
    text.push_str(&wrapped(&harmless(&problem.remedy), "    → ", "      ", columns));
    text
}

#[cfg(test)]
mod tests;
