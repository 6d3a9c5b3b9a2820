//! A plan as a table and as JSON.

use super::cost::{AccountCost, Budgeted, Costs, GroupCost, INSTEAD, Sum};
use super::ranges;
use crate::commands::inventory::Inventory;
use crate::commands::paint::Paint;
use crate::commands::table::{Cell, Table};
use crate::overview::words::{count, dollars, span};
use provider_api::Cloud;
use scheduler::Daily;
use serde_json::{Value, json};

/// Days of a month.
const MONTH_DAYS: u64 = 30;

const HEADINGS: [&str; 10] = [
    "ACCOUNT",
    "GROUP",
    ">TARGETS",
    ">SERIES",
    ">EVERY",
    ">CALLS/DAY",
    ">USD/MONTH",
    ">FRESH WITHIN",
    ">EVERY 1m",
    ">EVERY 10m",
];

/// A row per group, one per account with several, and the sum.
pub(super) fn table(costs: &Costs, columns: usize, paint: Paint) -> String {
    let mut table = Table::new(&HEADINGS);
    for account in &costs.accounts {
        for group in &account.groups {
            table.row(row(
                &account.name,
                &group.name,
                &group.sum,
                [span(group.every), span(group.freshness)],
            ));
        }
        if account.groups.len() != 1 {
            table.row(row(&account.name, "all", &account.sum, Default::default()));
        }
        for budget in &account.budgets {
            note(&mut table, budget);
        }
        for remark in &account.remarks {
            table.note(remark.clone());
        }
    }
    if costs.accounts.len() != 1 {
        table.row(row("total", "", &costs.sum, Default::default()));
    }
    let mut text = table.render(columns, paint);
    text.push_str(
        "\nUSD at list price in 30 days, free allowances not taken off; listings and tokens are not billed and not counted.\n\
         FRESH WITHIN: the oldest that a group's newest point gets, before settle is learnt.\n\
         EVERY 1m, 10m: USD/MONTH if `every` were that.\n",
    );
    if costs.accounts.iter().any(|account| account.cloud == Cloud::Gcp) {
        text.push_str(
            "Google bills by series, and its metric types count as one series each until they have been read: what they cost \
             more is in `nephoscope status` after the first polls.\n",
        );
    }
    text.push_str(&ranges::line(costs));
    text
}

fn note(table: &mut Table, budget: &Budgeted) {
    let of = budget
        .entry
        .as_ref()
        .map_or_else(String::new, |entry| format!(" of {entry}"));
    let (limit, needed) = (dollars(budget.limit), dollars(budget.needed));
    match budget.stretched() {
        None => table.note(format!(
            "budget{of}: {limit} a day is enough, {needed} are needed"
        )),
        Some(times) => {
            table.note(format!(
                "budget{of}: {limit} a day is too little, {needed} are needed"
            ));
            table.advice(format!(
                "polls will come about {times:.1} times as far apart, and bring the same points later; for more, raise \
                 `usd_per_day`; for less, ask for fewer metrics"
            ));
        }
    }
}

fn row(account: &str, group: &str, sum: &Sum, [every, freshness]: [String; 2]) -> Vec<Cell> {
    let instead = sum.instead.iter().map(|daily| usd(*daily));
    let cells = [
        account.to_owned(),
        group.to_owned(),
        count(sum.targets),
        count(sum.series),
        every,
        count(sum.daily.calls),
        usd(sum.daily),
        freshness,
    ];
    cells.into_iter().chain(instead).map(Cell::plain).collect()
}

fn usd(daily: Daily) -> String {
    dollars(a_month(daily.usd_nanos))
}

fn a_month(usd_nanos: u64) -> u64 {
    usd_nanos.saturating_mul(MONTH_DAYS)
}

/// The same for programs; `failed` is what could not be listed.
pub(super) fn json(costs: &Costs, inventory: &Inventory) -> String {
    let accounts: Vec<Value> = costs.accounts.iter().map(account).collect();
    let failed: Vec<String> = inventory.failed.iter().map(ToString::to_string).collect();
    let all = json!({ "accounts": accounts, "total": sums(&costs.sum), "failed": failed });
    format!("{all:#}\n")
}

fn account(account: &AccountCost) -> Value {
    let groups: Vec<Value> = account.groups.iter().map(group).collect();
    json!({
        "account": account.name, "cloud": account.cloud.as_str(), "groups": groups, "total": sums(&account.sum),
        "remarks": account.remarks,
        "budgets": account.budgets.iter().map(budget).collect::<Vec<_>>(),
    })
}

fn budget(budget: &Budgeted) -> Value {
    json!({
        "entry": budget.entry, "usd_nanos_per_day": budget.limit, "needed_usd_nanos_per_day": budget.needed,
    })
}

fn group(group: &GroupCost) -> Value {
    let mut value = sums(&group.sum);
    let own = json!({
        "group": group.name,
        "every_s": group.every.as_secs(),
        "period_s": group.period.as_secs(),
        "freshness_s": group.freshness.as_secs(),
        "range_s": ranges::range(group.freshness).as_secs(),
    });
    if let (Value::Object(value), Value::Object(own)) = (&mut value, own) {
        value.extend(own);
    }
    value
}

fn sums(sum: &Sum) -> Value {
    let instead = INSTEAD.iter().zip(&sum.instead);
    let instead: serde_json::Map<String, Value> = instead
        .map(|((name, _), one)| ((*name).to_owned(), daily(*one)))
        .collect();
    let mut value = daily(sum.daily);
    let own = json!({ "targets": sum.targets, "series": sum.series, "instead": instead });
    if let (Value::Object(value), Value::Object(own)) = (&mut value, own) {
        value.extend(own);
    }
    value
}

/// Money as whole billionths of a dollar, as everywhere else.
fn daily(daily: Daily) -> Value {
    json!({ "calls_per_day": daily.calls, "usd_nanos_per_month": a_month(daily.usd_nanos) })
}
