//! Accounts: a row each while they are few, else a row for each state.

use super::tables::{explain, seconds};
use crate::admin::AccountRow;
use crate::commands::screen::harmless;
use crate::commands::table::{Cell, Table};
use crate::overview::words::{count, dollars, percent};
use indexmap::IndexMap;

/// Accounts that have a row each.
pub(super) const FEW: usize = 20;

/// A row each, with what is wrong below it.
pub(super) fn rows(accounts: &[AccountRow]) -> Table {
    let mut table = Table::new(&[
        "ACCOUNT",
        "?CLOUD",
        "STATE",
        ">NEWEST",
        "?>TARGETS",
        ">SERIES",
        ">POINTS",
        "?>LATE",
        "?>REVISED",
        "?>REQUESTS",
        "?>THROTTLED",
        "?>QUOTA",
        "?>COST",
        "?>BUDGET TODAY",
    ]);
    for row in accounts {
        table.row(vec![
            Cell::plain(harmless(&row.account)),
            Cell::plain(row.cloud.to_string()),
            Cell::painted(harmless(&row.state), row.level.to_string()),
            Cell::plain(row.freshness_s.map(seconds).unwrap_or_default()),
            Cell::plain(listed(row, u64::try_from(row.targets).unwrap_or(u64::MAX))),
            Cell::plain(listed(row, row.series)),
            Cell::plain(count(row.points)),
            Cell::plain(count(row.late)),
            Cell::plain(count(row.revised)),
            Cell::plain(count(row.requests)),
            Cell::plain(count(row.throttled)),
            Cell::plain(row.quota_share.map(percent).unwrap_or_default()),
            Cell::plain(dollars(row.cost_usd_nanos)),
            Cell::plain(spent_today(row).unwrap_or_default()),
        ]);
        let lasts = row.last_error_lasts == Some(true);
        if let Some(error) = &row.last_error {
            let error = with_request(error, row.request_id.as_deref());
            explain(&mut table, &error, row.last_error_s_ago, lasts);
        }
        if lasts {
            table.advice(harmless(row.remedy.as_deref().unwrap_or_default()));
        }
    }
    table
}

/// What was never listed is not nothing.
fn listed(row: &AccountRow, n: u64) -> String {
    if row.ready || n > 0 {
        count(n)
    } else {
        "unknown".to_owned()
    }
}

fn with_request(error: &str, id: Option<&str>) -> String {
    id.map_or_else(|| error.to_owned(), |id| format!("{error} (request {id})"))
}

/// Nothing for an account without a budget.
fn spent_today(row: &AccountRow) -> Option<String> {
    let (spent, budget) = (row.spent_today_usd_nanos?, row.budget_usd_nanos?);
    Some(format!("{} of {}", dollars(spent), dollars(budget)))
}

/// What the accounts of one state have together.
#[derive(Debug, Default)]
struct Sum {
    level: String,
    accounts: u64,
    /// The newest point of the one that is furthest behind.
    oldest_s: Option<u64>,
    series: u64,
    points: u64,
    requests: u64,
    throttled: u64,
    usd_nanos: u64,
    /// Whether something of it is not known.
    at_least: bool,
}

impl Sum {
    fn add(&mut self, row: &AccountRow) {
        self.accounts += 1;
        self.oldest_s = self.oldest_s.max(row.freshness_s);
        self.series += row.series;
        self.points += row.points;
        self.requests += row.requests;
        self.throttled += row.throttled;
        self.usd_nanos += row.cost_usd_nanos;
        self.at_least |= !row.ready;
    }

    fn cells(&self, state: String) -> Vec<Cell> {
        let series = count(self.series);
        let series = match (self.at_least, self.series) {
            (true, 0) => "unknown".to_owned(),
            (true, _) => format!("≥ {series}"),
            (false, _) => series,
        };
        let figures = [
            count(self.accounts),
            self.oldest_s.map(seconds).unwrap_or_default(),
            series,
            count(self.points),
            count(self.requests),
            count(self.throttled),
            dollars(self.usd_nanos),
        ];
        let state = Cell::painted(state, self.level.clone());
        [state].into_iter().chain(figures.map(Cell::plain)).collect()
    }
}

/// A row for each state, the worst first as the daemon has them, and the sum. What was never listed is not counted as
/// nothing.
pub(super) fn sums(accounts: &[AccountRow]) -> Table {
    let mut table = Table::new(&[
        "STATE",
        ">ACCOUNTS",
        ">OLDEST",
        ">SERIES",
        ">POINTS",
        "?>REQUESTS",
        "?>THROTTLED",
        ">COST",
    ]);
    let (mut by_state, mut total) = (IndexMap::<&str, Sum>::new(), Sum::default());
    for row in accounts {
        let sum = by_state.entry(&row.state).or_default();
        sum.level = row.level.to_string();
        sum.add(row);
        total.add(row);
    }
    for (state, sum) in &by_state {
        table.row(sum.cells(harmless(state)));
    }
    table.row(total.cells("total".to_owned()));
    table
}
