//! The report for programs: every row, and the sums.

use super::groups::tallies;
use super::report::{Report, Row, Subject};
use serde_json::{Map, Value, json};

/// One object: `rows` in the order of the configuration, and `summary` with the numbers of accounts and destinations.
pub(super) fn of(report: &Report) -> String {
    let rows: Vec<Value> = report.rows.iter().map(row).collect();
    let summary: Map<String, Value> = tallies(report)
        .into_iter()
        .map(|(noun, tally)| {
            let failing: Map<String, Value> = tally
                .failing
                .iter()
                .map(|(outcome, n)| (outcome.label().to_owned(), (*n).into()))
                .collect();
            let value = json!({ "total": tally.all, "failing": tally.failing(), "by_outcome": failing });
            (format!("{noun}s"), value)
        })
        .collect();
    let all = json!({ "outcome": report.outcome().label(), "summary": summary, "rows": rows });
    format!("{all:#}\n")
}

fn row(row: &Row) -> Value {
    let mut value = match &row.subject {
        Subject::Account { name, cloud } => json!({ "account": name, "cloud": cloud.as_str() }),
        Subject::Destination { name } => json!({ "destination": name }),
    };
    let own = json!({
        "scope": row.scope, "tried": row.tried, "outcome": row.outcome.label(), "detail": row.detail,
        "remedy": row.remedy,
    });
    if let (Value::Object(value), Value::Object(own)) = (&mut value, own) {
        value.extend(own);
    }
    value
}
