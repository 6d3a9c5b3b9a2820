//! The labels of a sample as text, and back.

use super::names::label_name;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Labels as they stand between the braces of a sample: `a="1",b="2"`, by name.
pub(super) type Labels = String;

/// Point attributes, then those of the resource that do not say the same. As Prometheus does it, values of attributes whose
/// names become one are joined.
pub(super) fn labels(point: &[KeyValue], resource: &[KeyValue], le: Option<&str>) -> Labels {
    let mut map = merged(point);
    for (name, value) in merged(resource) {
        map.entry(name).or_insert(value);
    }
    if let Some(le) = le {
        map.insert("le".to_owned(), le.into());
    }
    let mut out = String::new();
    for (name, value) in map {
        let comma = if out.is_empty() { "" } else { "," };
        write!(out, "{comma}{name}=\"{}\"", escaped(&value)).unwrap_or_default(); // a String takes everything
    }
    out
}

/// All that we make have text; an empty one is no label to Prometheus.
fn text(a: &KeyValue) -> Option<(&str, &str)> {
    let Any::StringValue(value) = a.value.as_ref()?.value.as_ref()? else {
        return None;
    };
    (!value.is_empty()).then_some((&a.key, value))
}

fn merged(attributes: &[KeyValue]) -> BTreeMap<String, Cow<'_, str>> {
    let mut sorted: Vec<(&str, &str)> = attributes.iter().filter_map(text).collect();
    sorted.sort_unstable();
    let mut map: BTreeMap<String, Cow<'_, str>> = BTreeMap::new();
    for (key, value) in sorted {
        map.entry(label_name(key))
            .and_modify(|before| {
                let joined = before.to_mut();
                joined.push(';');
                joined.push_str(value);
            })
            .or_insert(value.into());
    }
    map
}

/// Backslash, quote and end of line, as both text formats want it.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['\\', '"', '\n']) {
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
            .into()
    } else {
        text.into()
    }
}

/// The value of one label; empty where there is none.
pub(super) fn value_of<'a>(labels: &'a str, name: &str) -> Cow<'a, str> {
    let mut rest = labels;
    while let Some((key, quoted)) = rest.split_once("=\"") {
        let end = closing_quote(quoted);
        let (value, after) = quoted.split_at(end);
        if key == name {
            return unescaped(value);
        }
        rest = after.trim_start_matches('"').trim_start_matches(',');
    }
    "".into()
}

/// Where the first quote without a backslash before it is.
fn closing_quote(text: &str) -> usize {
    let mut escape = false;
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            _ if escape => escape = false,
            b'\\' => escape = true,
            b'"' => return i,
            _ => {}
        }
    }
    text.len()
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some('n')) => {
                out.push('\n');
                chars.next();
            }
            ('\\', Some(next)) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::common::v1::AnyValue;

    fn attribute(key: &str, value: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue {
                value: Some(Any::StringValue(value.to_owned())),
            }),
            ..Default::default()
        }
    }

    #[test]
    fn labels_are_those_of_prometheus() {
        let point = [
            attribute("Load Balancer", "b"),
            attribute("Load.Balancer", "a"),
            attribute("1st", "x"),
            attribute("empty", ""),
        ];
        let resource = [attribute("cloud.region", "eu"), attribute("Load_Balancer", "z")];
        assert_eq!(
            labels(&point, &resource, Some("0.5")),
            "Load_Balancer=\"b;a\",cloud_region=\"eu\",key_1st=\"x\",le=\"0.5\""
        );
    }

    #[test]
    fn a_value_is_found_again() {
        let odd = "say \"no\",b=\"c\"\\\n";
        let text = labels(&[attribute("a", odd), attribute("b", "1")], &[], None);
        assert_eq!(value_of(&text, "a"), odd);
        assert_eq!(value_of(&text, "b"), "1");
        assert_eq!(value_of(&text, "c"), "");
        assert_eq!(value_of("", "c"), "");
    }
}
