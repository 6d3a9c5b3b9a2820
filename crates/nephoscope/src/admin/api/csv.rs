//! Rows as CSV (RFC 4180) with a header line.
//!
//! A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises: names come from
//! clouds, where anybody may choose them, and the file is opened by somebody else. Numbers are left as they are.

use serde_json::Value;

/// What a formula may begin with.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The table.
pub(super) fn table(columns: &[&str], rows: &[Value]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(columns)?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| cell(row.get(column))))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// Lists and objects stay JSON.
fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) if text.starts_with(FORMULA) => format!("'{text}"),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quotes_what_needs_it_and_defuses_formulas() {
        let rows = [
            json!({ "a": "x,\"y\"", "b": -1.5, "c": { "k": "v" } }),
            json!({ "a": "=HYPERLINK(1)", "b": null, "c": true }),
        ];
        let text = String::from_utf8(table(&["a", "b", "c"], &rows).unwrap()).unwrap();
        let wanted = "a,b,c\r\n\"x,\"\"y\"\"\",-1.5,\"{\"\"k\"\":\"\"v\"\"}\"\r\n'=HYPERLINK(1),,true\r\n";
        assert_eq!(text, wanted);
    }
}
