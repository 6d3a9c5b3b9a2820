//! Rows as XML: `<items><series><name>…</name></series></items>`. Members of an object whose names the cloud chose are
//! `<entry name="…">`, members of a list `<item>`; what is null is left out.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use serde_json::Value;
use std::io;

type Out = Writer<Vec<u8>>;

/// The document.
pub(super) fn document(name: &str, columns: &[&str], rows: &[Value]) -> io::Result<Vec<u8>> {
    let mut out = Writer::new(Vec::new());
    out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    within(&mut out, BytesStart::new("items"), |out| {
        rows.iter().try_for_each(|row| {
            within(out, BytesStart::new(name), |out| {
                let members = columns
                    .iter()
                    .filter_map(|column| Some((column, row.get(column)?)));
                members
                    .filter(|(_, value)| !value.is_null())
                    .try_for_each(|(column, value)| element(out, BytesStart::new(*column), value))
            })
        })
    })?;
    Ok(out.into_inner())
}

fn within<'a>(
    out: &mut Out,
    start: BytesStart<'a>,
    body: impl FnOnce(&mut Out) -> io::Result<()>,
) -> io::Result<()> {
    let end: BytesEnd<'a> = start.to_end().into_owned();
    out.write_event(Event::Start(start))?;
    body(out)?;
    out.write_event(Event::End(end))
}

fn element(out: &mut Out, start: BytesStart<'_>, value: &Value) -> io::Result<()> {
    within(out, start, |out| match value {
        Value::Null => Ok(()),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            let name = allowed(name);
            element(
                out,
                BytesStart::new("entry").with_attributes([("name", name.as_str())]),
                value,
            )
        }),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| element(out, BytesStart::new("item"), item)),
        Value::String(text) => out.write_event(Event::Text(BytesText::new(&allowed(text)))),
        Value::Bool(_) | Value::Number(_) => out.write_event(Event::Text(BytesText::new(&value.to_string()))),
    })
}

/// XML 1.0 cannot say most control characters, not even escaped.
fn allowed(text: &str) -> String {
    let allowed =
        |c: char| c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}') || matches!(c, '\t' | '\n' | '\r');
    text.chars()
        .map(|c| {
            if allowed(c) {
                c
            } else {
                char::REPLACEMENT_CHARACTER
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn escapes_texts_and_names() {
        let rows = [json!({ "a": "<&>\u{1}", "b": null, "c": { "x\"y": [1, true] } })];
        let text = String::from_utf8(document("row", &["a", "b", "c"], &rows).unwrap()).unwrap();
        let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><items><row><a>&lt;&amp;&gt;\u{fffd}</a>\
                      <c><entry name=\"x&quot;y\"><item>1</item><item>true</item></entry></c></row></items>";
        assert_eq!(text, wanted);
    }
}
