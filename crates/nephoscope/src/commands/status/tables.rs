//! Destinations and namespaces, and how an error is told below a row.

use crate::admin::{DestinationRow, NamespaceRow};
use crate::commands::screen::harmless;
use crate::commands::table::{Cell, Table};
use crate::overview::words::{bytes, count, many, percent, span};
use std::time::Duration;

/// Namespaces that are shown; `--json` has all of them.
const MOST_NAMESPACES: usize = 20;

pub(super) fn destinations(destinations: &[DestinationRow]) -> Table {
    let mut table = Table::new(&[
        "DESTINATION",
        "STATE",
        ">LAG",
        ">WAITING",
        "?>SPOOL",
        "?>FULL",
        ">DELIVERED",
        ">REJECTED",
        ">DROPPED",
    ]);
    for row in destinations {
        table.row(vec![
            Cell::plain(harmless(&row.destination)),
            Cell::painted(row.state.to_string(), row.level.to_string()),
            Cell::plain(seconds(row.lag_s)),
            Cell::plain(count(row.waiting_points)),
            Cell::plain(bytes(row.waiting_bytes)),
            Cell::plain(percent(row.spool_share)),
            Cell::plain(count(row.delivered)),
            Cell::plain(count(row.rejected)),
            Cell::plain(count(row.dropped)),
        ]);
        if !row.last_error.is_empty() {
            explain(&mut table, &row.last_error, None, row.last_error_lasts);
        }
        if row.last_error_lasts {
            table.advice(harmless(row.remedy.as_deref().unwrap_or_default()));
        }
    }
    table
}

pub(super) fn namespaces(namespaces: &[NamespaceRow]) -> Table {
    let mut table = Table::new(&[
        "NAMESPACE",
        ">SETTLE",
        "FROM",
        ">LOOKBACK",
        "?>SAMPLES",
        ">LATE SHARE",
    ]);
    for row in namespaces.iter().take(MOST_NAMESPACES) {
        table.row(vec![
            Cell::plain(harmless(&row.namespace)),
            Cell::plain(seconds(row.settle_s)),
            Cell::plain(row.source.to_string()),
            Cell::plain(seconds(row.lookback_s)),
            Cell::plain(format!("{:.0}", row.samples)),
            Cell::plain(format!("{:.4}", row.late_share)),
        ]);
    }
    if namespaces.len() > MOST_NAMESPACES {
        let more = many(namespaces.len() - MOST_NAMESPACES, "namespace");
        table.note(format!("{more} more: see `--json`"));
    }
    table
}

/// The last error below the row that has it; one that has passed only says when it was.
pub(super) fn explain(table: &mut Table, error: &str, s_ago: Option<u64>, lasts: bool) {
    let when = match (s_ago.map(seconds), lasts) {
        (Some(age), true) => format!("for {age}: "),
        (Some(age), false) => format!("{age} ago: "),
        (None, true) => String::new(),
        (None, false) => "last error: ".to_owned(),
    };
    table.note(format!("{when}{}", harmless(error)));
}

pub(super) fn seconds(s: u64) -> String {
    span(Duration::from_secs(s))
}
