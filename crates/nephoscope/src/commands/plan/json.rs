//! A plan for programs.

use super::cost::{AccountCost, Budgeted, Costs, GroupCost, INSTEAD, Sum};
use super::ranges;
use super::report::a_month;
use crate::commands::inventory::Inventory;
use scheduler::Daily;
use serde_json::{Value, json};

/// The same for programs; `failed` is what could not be listed.
pub(super) fn of(costs: &Costs, inventory: &Inventory) -> String {
    let accounts: Vec<Value> = costs.accounts.iter().map(account).collect();
    let failed: Vec<String> = inventory.failed.iter().map(ToString::to_string).collect();
    let all = json!({ "accounts": accounts, "total": sums(&costs.sum), "complete": costs.whole(), "failed": failed });
    format!("{all:#}\n")
}

fn account(account: &AccountCost) -> Value {
    let groups: Vec<Value> = account.groups.iter().map(group).collect();
    json!({
        "account": account.name, "cloud": account.cloud.as_str(), "groups": groups, "total": sums(&account.sum),
        "complete": account.whole, "remarks": account.remarks,
        "budgets": account.budgets.iter().map(budget).collect::<Vec<_>>(),
    })
}

fn budget(budget: &Budgeted) -> Value {
    json!({
        "entry": budget.entry, "usd_nanos_per_day": budget.limit, "needed_usd_nanos_per_day": budget.needed,
        "enough": enough(budget),
    })
}

/// Null where it is not known.
fn enough(budget: &Budgeted) -> Option<bool> {
    match budget.stretched() {
        Some(_) => Some(false),
        None => budget.whole.then_some(true),
    }
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
