//! `status`: what the running daemon says of itself, as tables. The daemon decides how each part is and what to do
//! about it; this only sets it out, and tells scripts by the exit code.

mod ask;

use super::config::print;
use super::paint::Paint;
use super::screen;
use super::table::{Cell, Table};
use crate::cli::StatusArgs;
use crate::exit::Failure;
use crate::overview::words::{bytes, count, dollars, percent, span};
use ask::ask;
use serde_json::Value;
use std::time::Duration;

pub(crate) async fn run(args: &StatusArgs) -> Result<(), Failure> {
    let status = ask(args).await?;
    if args.json {
        print(&format!("{status}\n"))?;
    } else {
        print(&render(&status, Paint::for_stdout()))?;
    }
    if needs_a_person(&status) {
        let headline = string(&status, "headline");
        return Err(Failure::needs_a_person(format!(
            "something needs a person: {headline}"
        )));
    }
    Ok(())
}

/// Whether any problem will not pass by itself.
fn needs_a_person(status: &Value) -> bool {
    let passes = |problem: &&Value| problem.get("passes").and_then(Value::as_bool) == Some(true);
    !rows(status, "problems").iter().all(passes)
}

fn render(status: &Value, paint: Paint) -> String {
    let mut text = headline(status, paint);
    for table in [accounts(status), destinations(status), namespaces(status)] {
        if !table.is_empty() {
            text.push('\n');
            text.push_str(&table.render(screen::columns(), paint));
        }
    }
    text
}

fn headline(status: &Value, paint: Paint) -> String {
    let level = string(status, "level");
    let title = paint.level(&level, &string(status, "headline"));
    let mut text = format!("{title}\n{}\n", string(status, "detail"));
    let tables = ["accounts", "destinations"].map(|table| rows(status, table));
    let told: Vec<String> = tables
        .iter()
        .flatten()
        .map(|row| string(row, "last_error"))
        .collect();
    for problem in rows(status, "problems") {
        let what = string(problem, "text");
        // The others stand in the tables, below what has them.
        if !what.is_empty() && !told.contains(&what) {
            let lines = [
                "\n",
                &string(problem, "title"),
                ": ",
                &what,
                "\n→ ",
                &string(problem, "remedy"),
                "\n",
            ];
            text.extend(lines);
        }
    }
    text
}

fn accounts(status: &Value) -> Table {
    let mut table = Table::new(&[
        "ACCOUNT",
        "CLOUD",
        "STATE",
        ">NEWEST",
        ">TARGETS",
        ">SERIES",
        ">POINTS",
        ">LATE",
        ">REVISED",
        ">REQUESTS",
        ">THROTTLED",
        ">QUOTA",
        ">COST",
        ">BUDGET TODAY",
    ]);
    for row in rows(status, "accounts") {
        table.row(vec![
            Cell::plain(string(row, "account")),
            Cell::plain(string(row, "cloud")),
            state(row),
            Cell::plain(seconds(row, "freshness_s")),
            Cell::plain(number(row, "targets")),
            Cell::plain(number(row, "series")),
            Cell::plain(number(row, "points")),
            Cell::plain(number(row, "late")),
            Cell::plain(number(row, "revised")),
            Cell::plain(number(row, "requests")),
            Cell::plain(number(row, "throttled")),
            Cell::plain(share(row, "quota_share")),
            Cell::plain(unsigned(row, "cost_usd_nanos").map(dollars).unwrap_or_default()),
            Cell::plain(spent_today(row).unwrap_or_default()),
        ]);
        explain(&mut table, row);
    }
    table
}

/// Nothing for an account without a budget.
fn spent_today(row: &Value) -> Option<String> {
    let (spent, budget) = (
        unsigned(row, "spent_today_usd_nanos")?,
        unsigned(row, "budget_usd_nanos")?,
    );
    Some(format!("{} of {}", dollars(spent), dollars(budget)))
}

fn destinations(status: &Value) -> Table {
    let mut table = Table::new(&[
        "DESTINATION",
        "STATE",
        ">LAG",
        ">WAITING",
        ">SPOOL",
        ">FULL",
        ">DELIVERED",
        ">REJECTED",
        ">DROPPED",
    ]);
    for row in rows(status, "destinations") {
        table.row(vec![
            Cell::plain(string(row, "destination")),
            state(row),
            Cell::plain(seconds(row, "lag_s")),
            Cell::plain(number(row, "waiting_points")),
            Cell::plain(unsigned(row, "waiting_bytes").map(bytes).unwrap_or_default()),
            Cell::plain(share(row, "spool_share")),
            Cell::plain(number(row, "delivered")),
            Cell::plain(number(row, "rejected")),
            Cell::plain(number(row, "dropped")),
        ]);
        explain(&mut table, row);
    }
    table
}

fn namespaces(status: &Value) -> Table {
    let mut table = Table::new(&[
        "NAMESPACE",
        ">SETTLE",
        "FROM",
        ">LOOKBACK",
        ">SAMPLES",
        ">LATE SHARE",
    ]);
    for row in rows(status, "namespaces") {
        let float = |key: &str, digits: usize| {
            let value = row.get(key).and_then(Value::as_f64);
            Cell::plain(value.map(|v| format!("{v:.digits$}")).unwrap_or_default())
        };
        table.row(vec![
            Cell::plain(string(row, "namespace")),
            Cell::plain(seconds(row, "settle_s")),
            Cell::plain(string(row, "source")),
            Cell::plain(seconds(row, "lookback_s")),
            float("samples", 0),
            float("late_share", 4),
        ]);
    }
    table
}

fn state(row: &Value) -> Cell {
    Cell::painted(string(row, "state"), string(row, "level"))
}

/// The last error and what to do about it, below the row that has it; an error that has passed only says when it was.
fn explain(table: &mut Table, row: &Value) {
    let (error, lasts) = (
        string(row, "last_error"),
        row.get("last_error_lasts").and_then(Value::as_bool) == Some(true),
    );
    if !error.is_empty() {
        let age = unsigned(row, "last_error_s_ago").map(|s| span(Duration::from_secs(s)));
        let when = match (age, lasts) {
            (Some(age), true) => format!("for {age}: "),
            (Some(age), false) => format!("{age} ago: "),
            (None, true) => String::new(),
            (None, false) => "last error: ".to_owned(),
        };
        let id = string(row, "request_id");
        let id = if id.is_empty() {
            id
        } else {
            format!(" (request {id})")
        };
        table.note(format!("{when}{error}{id}"));
    }
    if lasts {
        table.advice(string(row, "remedy"));
    }
}

fn rows<'a>(status: &'a Value, key: &str) -> Vec<&'a Value> {
    let rows = status.get(key).and_then(Value::as_array);
    rows.into_iter().flatten().collect()
}

/// Text of the daemon may hold names from outside; control characters would steer the terminal.
fn string(row: &Value, key: &str) -> String {
    let text = row.get(key).and_then(Value::as_str).unwrap_or_default();
    let harmless = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    text.chars().map(harmless).collect()
}

fn unsigned(row: &Value, key: &str) -> Option<u64> {
    row.get(key).and_then(Value::as_u64)
}

fn number(row: &Value, key: &str) -> String {
    unsigned(row, key).map(count).unwrap_or_default()
}

fn seconds(row: &Value, key: &str) -> String {
    let length = unsigned(row, key).map(|s| span(Duration::from_secs(s)));
    length.unwrap_or_default()
}

fn share(row: &Value, key: &str) -> String {
    let share = row.get(key).and_then(Value::as_f64);
    share.map(percent).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Value {
        serde_json::json!({
            "level": "bad", "headline": "prod: failing", "detail": "2 accounts.",
            "accounts": [
                { "account": "prod", "cloud": "aws", "state": "failing", "level": "bad", "series": 1200,
                  "last_error": "ListMetrics in eu-west-1: \u{1b}[31mno", "last_error_lasts": true,
                  "last_error_s_ago": 240, "remedy": "Allow `cloudwatch:ListMetrics`." },
                { "account": "ml", "cloud": "gcp", "state": "up to date", "level": "good", "freshness_s": 94,
                  "last_error": "it timed out", "last_error_lasts": false, "last_error_s_ago": 60,
                  "remedy": "Nothing." },
            ],
            "destinations": [{ "destination": "gateway", "state": "delivering", "level": "good", "lag_s": 0,
                "waiting_bytes": 0, "delivered": 12345, "last_error": "" }],
            "store": { "full": false },
        })
    }

    #[test]
    fn errors_stand_below_their_row_with_what_to_do_while_they_last() {
        let text = render(&status(), Paint::plain());
        assert!(
            text.starts_with("prod: failing\n2 accounts.\n\nACCOUNT"),
            "{text}"
        );
        assert!(
            text.contains(
                "for 4 min: ListMetrics in eu-west-1: \u{fffd}[31mno\n    → Allow `cloudwatch:ListMetrics`."
            ),
            "{text}"
        );
        assert!(text.contains("60 s ago: it timed out"), "{text}");
        assert!(!text.contains("Nothing."), "{text}");
        assert!(text.contains("12,345"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn what_no_row_has_stands_above_the_tables() {
        let mut status = status();
        status["problems"] = serde_json::json!([
            { "title": "Full", "text": "No room.", "remedy": "Make some." },
            { "title": "ml: waiting for the cloud", "text": "it timed out", "remedy": "Nothing." },
        ]);
        let text = render(&status, Paint::plain());
        assert!(
            text.contains("\nFull: No room.\n→ Make some.\n\nACCOUNT"),
            "{text}"
        );
        assert_eq!(text.matches("it timed out").count(), 1, "{text}");
    }

    #[test]
    fn what_passes_by_itself_needs_nobody() {
        let with = |problems: Value| needs_a_person(&serde_json::json!({ "problems": problems }));
        let (passes, lasts) = (
            serde_json::json!({ "passes": true }),
            serde_json::json!({ "passes": false }),
        );
        assert!(!with(serde_json::json!([])));
        assert!(!with(serde_json::json!([passes])));
        assert!(with(serde_json::json!([passes, lasts])));
    }

    #[test]
    fn an_answer_of_another_version_is_shown_as_far_as_it_goes() {
        assert_eq!(render(&serde_json::json!({}), Paint::plain()), "\n\n");
    }
}
