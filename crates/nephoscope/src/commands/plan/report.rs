//! A plan as a table: a row for each group while there are few accounts, else one for each account, and one sum for those
//! that cost least.

use super::cost::{AccountCost, Budgeted, Costs, Sum, total};
use super::ranges;
use crate::commands::inventory::Inventory;
use crate::commands::paint::Paint;
use crate::commands::screen::{first_of, harmless, wrapped};
use crate::commands::table::{Cell, Table};
use crate::overview::words::{count, dollars, many, span};
use provider_api::Cloud;
use scheduler::Daily;
use std::collections::BTreeMap;
use std::time::Duration;

/// Days of a month.
const MONTH_DAYS: u64 = 30;

/// Accounts whose groups have a row each.
const FEW: usize = 10;

/// Of more accounts, those that have a row each: the dearest.
const DEAREST: usize = 20;

/// Remarks on many accounts that are told.
const MOST_NOTES: usize = 10;

const HEADINGS: [&str; 10] = [
    "ACCOUNT",
    "GROUP",
    "?>TARGETS",
    ">SERIES",
    ">EVERY",
    "?>CALLS/DAY",
    ">USD/MONTH",
    ">FRESH WITHIN",
    "?>EVERY 1m",
    "?>EVERY 10m",
];

const HEADINGS_OF_MANY: [&str; 9] = [
    "ACCOUNT",
    "?CLOUD",
    "?>TARGETS",
    ">SERIES",
    "?>CALLS/DAY",
    ">USD/MONTH",
    ">FRESH WITHIN",
    "?>EVERY 1m",
    "?>EVERY 10m",
];

const LEGEND: &str = "USD at list price in 30 days, free allowances not taken off; listings and tokens are not billed and not counted. FRESH WITHIN: the oldest that the newest point gets, before settle is learnt. EVERY 1m, 10m: USD/MONTH if `every` were that.";

const OF_GOOGLE: &str = "Google bills by series, and its metric types count as one series each until they have been read: what they cost more is in `nephoscope status` after the first polls.";

const AT_LEAST: &str = "≥: not everything could be listed; this is the least that it costs.";

/// What could not be listed first, then the table, then what its columns mean.
pub(super) fn text(costs: &Costs, inventory: &Inventory, columns: usize, paint: Paint) -> String {
    let mut parts = unlisted(inventory, columns, paint);
    let table = if costs.accounts.len() > FEW {
        parts.extend(notes(costs, columns));
        of_many(costs)
    } else {
        of_few(costs)
    };
    parts.push(table.render(columns, paint));
    let google = costs.accounts.iter().any(|account| account.cloud == Cloud::Gcp);
    let mut legend = wrapped(LEGEND, "", "", columns);
    if google {
        legend.push_str(&wrapped(OF_GOOGLE, "", "", columns));
    }
    if !costs.whole() {
        legend.push_str(&wrapped(AT_LEAST, "", "", columns));
    }
    if let Some(ranges) = ranges::line(costs) {
        legend.push_str(&wrapped(&ranges, "", "", columns));
    }
    parts.push(legend);
    parts.join("\n")
}

/// A failure, and the accounts that have it.
struct Unknown<'a> {
    operation: &'static str,
    remedy: String,
    /// The words of the first.
    why: String,
    accounts: Vec<&'a str>,
}

/// Failures of the same kind once, with the accounts that have them.
fn unlisted(inventory: &Inventory, columns: usize, paint: Paint) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str, String), Unknown<'_>> = BTreeMap::new();
    for failed in &inventory.failed {
        let (error, remedy) = (failed.error(), failed.remedy());
        let key = (error.operation(), error.kind().label(), remedy.clone());
        let group = groups.entry(key).or_insert_with(|| Unknown {
            operation: error.operation(),
            remedy,
            why: failed.text(),
            accounts: Vec::new(),
        });
        if !group.accounts.contains(&failed.account.as_str()) {
            group.accounts.push(&failed.account);
        }
    }
    groups.values().map(|group| told(group, columns, paint)).collect()
}

fn told(group: &Unknown<'_>, columns: usize, paint: Paint) -> String {
    let whom = many(group.accounts.len(), "account");
    let heading = format!("unknown: {} failed ({whom})", group.operation);
    let names = first_of(group.accounts.iter().copied(), columns.saturating_sub(4));
    [
        paint.level("bad", &heading) + "\n",
        format!("    {}\n", harmless(&names)),
        wrapped(&harmless(&group.why), "    ", "    ", columns),
        wrapped(&group.remedy, "    → ", "      ", columns),
    ]
    .concat()
}

/// Budgets that are too small, and remarks, each once with the accounts that it is about.
fn notes(costs: &Costs, columns: usize) -> Option<String> {
    let mut notes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for account in &costs.accounts {
        let short = account.budgets.iter().any(|one| one.stretched().is_some());
        let short = short.then_some("budget too small: polls will come less often");
        for note in short
            .into_iter()
            .chain(account.remarks.iter().map(String::as_str))
        {
            notes.entry(note).or_default().push(&account.name);
        }
    }
    let told = notes.iter().take(MOST_NOTES).map(|(note, names)| {
        let heading = format!("{} ({})", harmless(note), many(names.len(), "account"));
        let names = first_of(names.iter().copied(), columns.saturating_sub(4));
        [
            &*wrapped(&heading, "", "    ", columns),
            "    ",
            &*harmless(&names),
            "\n",
        ]
        .concat()
    });
    let mut text: String = told.collect();
    if notes.len() > MOST_NOTES {
        let more = many(notes.len() - MOST_NOTES, "remark");
        text.extend([&*more, " more: see `--account` or `--json`\n"]);
    }
    (!text.is_empty()).then_some(text)
}

/// A row per group, one per account with several, and the sum.
fn of_few(costs: &Costs) -> Table {
    let mut table = Table::new(&HEADINGS);
    for account in &costs.accounts {
        for group in &account.groups {
            let times = [span(group.every), span(group.freshness)];
            table.row(row(&account.name, &group.name, &group.sum, true, times));
        }
        if account.groups.len() != 1 || !account.whole {
            let none = Default::default();
            table.row(row(&account.name, "all", &account.sum, account.whole, none));
        }
        for budget in &account.budgets {
            note(&mut table, budget);
        }
        for remark in &account.remarks {
            table.note(remark.clone());
        }
    }
    if costs.accounts.len() != 1 {
        table.row(row("total", "", &costs.sum, costs.whole(), Default::default()));
    }
    table
}

/// The dearest accounts, the others together, and the sum.
fn of_many(costs: &Costs) -> Table {
    let mut table = Table::new(&HEADINGS_OF_MANY);
    let mut accounts: Vec<&AccountCost> = costs.accounts.iter().collect();
    accounts.sort_by_key(|account| std::cmp::Reverse(account.sum.daily.usd_nanos));
    let (dearest, others) = accounts.split_at(accounts.len().min(DEAREST));
    for account in dearest {
        table.row(row_of_many(&account.name, account.cloud.as_str(), &[account]));
    }
    if !others.is_empty() {
        let name = format!(
            "{} others",
            count(u64::try_from(others.len()).unwrap_or(u64::MAX))
        );
        table.row(row_of_many(&name, "", others));
    }
    let total = format!(
        "total ({})",
        count(u64::try_from(accounts.len()).unwrap_or(u64::MAX))
    );
    table.row(row_of_many(&total, "", &accounts));
    table
}

fn row_of_many(name: &str, cloud: &str, accounts: &[&AccountCost]) -> Vec<Cell> {
    let sum = total(accounts.iter().map(|account| &account.sum));
    let whole = accounts.iter().all(|account| account.whole);
    let groups = accounts.iter().flat_map(|account| &account.groups);
    let freshness: Option<Duration> = groups.map(|group| group.freshness).max();
    let [targets, series, calls, usd, often, seldom] = figures(&sum, whole);
    let fresh = freshness.map(span).unwrap_or_default();
    let cells = [
        harmless(name),
        cloud.to_owned(),
        targets,
        series,
        calls,
        usd,
        fresh,
        often,
        seldom,
    ];
    cells.into_iter().map(Cell::plain).collect()
}

fn note(table: &mut Table, budget: &Budgeted) {
    let of = budget
        .entry
        .as_ref()
        .map_or_else(String::new, |entry| format!(" of {entry}"));
    let (limit, needed) = (dollars(budget.limit), dollars(budget.needed));
    match budget.stretched() {
        None if !budget.whole => table.note(format!(
            "budget{of}: whether {limit} a day is enough is unknown; at least {needed} are needed"
        )),
        None => table.note(format!(
            "budget{of}: {limit} a day is enough, {needed} are needed"
        )),
        Some(times) => {
            let least = if budget.whole { "" } else { "at least " };
            table.note(format!(
                "budget{of}: {limit} a day is too little, {least}{needed} are needed"
            ));
            table.advice(format!(
                "polls will come {least}about {times:.1} times as far apart, and bring the same points later; for more, raise \
                 `usd_per_day`; for less, ask for fewer metrics"
            ));
        }
    }
}

fn row(account: &str, group: &str, sum: &Sum, whole: bool, [every, freshness]: [String; 2]) -> Vec<Cell> {
    let [targets, series, calls, usd, often, seldom] = figures(sum, whole);
    let (account, group) = (harmless(account), harmless(group));
    let cells = [
        account, group, targets, series, every, calls, usd, freshness, often, seldom,
    ];
    cells.into_iter().map(Cell::plain).collect()
}

/// Targets, series, calls a day, and what they cost at the intervals that there are; what is not all says so.
fn figures(sum: &Sum, whole: bool) -> [String; 6] {
    let [often, seldom] = sum.instead.map(usd);
    let all = [
        count(sum.targets),
        count(sum.series),
        count(sum.daily.calls),
        usd(sum.daily),
        often,
        seldom,
    ];
    match (whole, sum.targets) {
        (true, _) => all,
        (false, 0) => all.map(|_| "unknown".to_owned()),
        (false, _) => all.map(|figure| format!("≥ {figure}")),
    }
}

fn usd(daily: Daily) -> String {
    dollars(a_month(daily.usd_nanos))
}

pub(super) fn a_month(usd_nanos: u64) -> u64 {
    usd_nanos.saturating_mul(MONTH_DAYS)
}

#[cfg(test)]
mod tests;
