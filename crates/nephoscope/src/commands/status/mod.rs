//! `status`: what the running daemon says of itself, as tables.

use super::config::print;
use crate::cli::StatusArgs;
use crate::exit::Failure;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What stands in a cell without a value.
const NOTHING: &str = "-";

/// Tables, each with its columns: heading and key.
const TABLES: [(&str, &[(&str, &str)]); 3] = [
    (
        "accounts",
        &[
            ("ACCOUNT", "account"),
            ("CLOUD", "cloud"),
            ("READY", "ready"),
            ("TARGETS", "targets"),
            ("POINTS", "points"),
            ("LATE", "late"),
            ("REVISED", "revised"),
            ("AGE S", "freshness_s"),
            ("LAST ERROR", "last_error"),
        ],
    ),
    (
        "namespaces",
        &[
            ("NAMESPACE", "namespace"),
            ("SETTLE S", "settle_s"),
            ("FROM", "source"),
            ("LOOKBACK S", "lookback_s"),
            ("SAMPLES", "samples"),
            ("LATE SHARE", "late_share"),
        ],
    ),
    (
        "destinations",
        &[
            ("DESTINATION", "destination"),
            ("UP", "up"),
            ("DELIVERED", "delivered"),
            ("REJECTED", "rejected"),
            ("DROPPED", "dropped"),
            ("WAITING", "waiting_points"),
            ("LAG S", "lag_s"),
            ("LAST ERROR", "last_error"),
        ],
    ),
];

pub(crate) async fn run(args: &StatusArgs) -> Result<(), Failure> {
    let url = format!("{}/api/v1/status", args.url.trim_end_matches('/'));
    let status = ask(&url).await.map_err(|error| {
        let why = crate::wiring::with_causes(&error);
        Failure::unavailable(format!(
            "asking {url}: {why}; is the daemon running, and is this its `listen` address? (--url)"
        ))
    })?;
    if args.json {
        return print(&format!("{status}\n"));
    }
    let tables = TABLES.iter().filter_map(|(key, columns)| {
        let rows = status.get(key)?.as_array()?;
        (!rows.is_empty()).then(|| table(rows, columns))
    });
    print(&tables.collect::<Vec<_>>().join("\n"))
}

async fn ask(url: &str) -> Result<Value, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    client.get(url).send().await?.error_for_status()?.json().await
}

/// Columns as wide as their widest cell; the last one as it is.
fn table(rows: &[Value], columns: &[(&str, &str)]) -> String {
    let mut lines: Vec<Vec<String>> =
        vec![columns.iter().map(|(heading, _)| (*heading).to_owned()).collect()];
    lines.extend(
        rows.iter()
            .map(|row| columns.iter().map(|(_, key)| cell(row.get(key))).collect()),
    );
    let width = |column| {
        lines
            .iter()
            .filter_map(|l| l.get(column))
            .map(|c: &String| c.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        // Writing to a String cannot fail.
        writeln!(text, "{}", padded.collect::<Vec<_>>().join("  ").trim_end()).ok();
    }
    text
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => NOTHING.to_owned(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(Value::String(text)) if text.is_empty() => NOTHING.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_f64() => {
            format!("{:.4}", number.as_f64().unwrap_or_default())
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [
            serde_json::json!({ "account": "prod", "ready": true, "last_error": null }),
            serde_json::json!({ "account": "payments", "ready": false, "last_error": "HTTP 403" }),
        ];
        let columns = [
            ("ACCOUNT", "account"),
            ("READY", "ready"),
            ("LAST ERROR", "last_error"),
        ];
        let wanted = "ACCOUNT   READY  LAST ERROR\nprod      yes    -\npayments  no     HTTP 403\n";
        assert_eq!(table(&rows, &columns), wanted);
    }
}
