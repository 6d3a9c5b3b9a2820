//! What a value was meant to be, by its place: other programs' spellings of statistics, ids, clouds and addresses.
//!
//! So that a remedy that moves or wraps a value leaves one that works.

use serde_json::Value;

use crate::{
    check::{aws, azure, regions},
    form::{allowed, forms},
    guess,
    nearest::nearest,
    values::{parse_duration, parse_size},
};

/// The value to write at a place like `aws[].metrics[].statistics[]` for this text.
pub(crate) fn at(root: &Value, schema: &Value, trail: &str, text: &str) -> String {
    let by_place = match trail {
        "listen" => text.parse::<u16>().ok().map(|port| format!("127.0.0.1:{port}")),
        "aws[].regions[]" => regions::meant_region(text).map(str::to_owned),
        "aws[].metrics[].statistics[]" => Some(aws::meant_statistic(text)),
        "azure[].metrics[].aggregations[]" => Some(azure::meant_aggregation(text).to_owned()),
        "azure[].subscriptions[]" => Some(azure::meant_id(text).to_owned()),
        "azure[].cloud" => Some(azure::meant_cloud(text).to_owned()),
        _ if trail.rsplit('.').next() == Some("arn") && !text.starts_with("arn:") => {
            Some("arn:aws:iam::123456789012:role/metrics".to_owned())
        }
        _ => None,
    };
    by_place
        .or_else(|| by_schema(root, schema, text))
        .unwrap_or_else(|| text.to_owned())
}

fn by_schema(root: &Value, schema: &Value, text: &str) -> Option<String> {
    let forms = forms(root, schema);
    let words = allowed(&forms);
    let format = forms.iter().find_map(|form| form.get("format")?.as_str());
    match format {
        Some("duration") if text == "auto" || parse_duration(text).is_some() => None,
        Some("duration") => guess::duration(text),
        Some("size") if parse_size(text).is_some() => None,
        Some("size") => guess::size(text),
        _ if words.is_empty() || words.contains(&text) => None,
        _ => nearest(text, words.iter().copied())
            .or(words.first().copied())
            .map(str::to_owned),
    }
}
