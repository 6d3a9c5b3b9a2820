//! What a value was meant to be, by its place: other programs' spellings of statistics, ids, clouds and addresses.
//!
//! So that a remedy that moves or wraps a value leaves one that works.

use serde_json::Value;

use crate::{
    check::{aws, azure::AGGREGATIONS, regions},
    form::{allowed, forms},
    guess,
    nearest::nearest,
    values::{parse_duration, parse_size},
};

/// Letters of an id of Azure's.
const UUID_LENGTH: usize = 36;

/// The value to write at a place like `aws[].metrics[].statistics[]` for this text.
pub(crate) fn at(root: &Value, schema: &Value, trail: &str, text: &str) -> String {
    let by_place = match trail {
        "listen" => text.parse::<u16>().ok().map(|port| format!("127.0.0.1:{port}")),
        "aws[].regions[]" => regions::meant_region(text).map(str::to_owned),
        "aws[].metrics[].statistics[]" => Some(aws::meant_statistic(text)),
        "azure[].metrics[].aggregations[]" => Some(azure_aggregation(text).to_owned()),
        "azure[].subscriptions[]" => Some(azure_id(text).to_owned()),
        "azure[].cloud" => Some(azure_cloud(text).to_owned()),
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

/// The id alone, of whatever has it at its end.
pub(crate) fn azure_id(text: &str) -> &str {
    let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_id = last.len() == UUID_LENGTH && last.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if is_id {
        last
    } else {
        "00000000-0000-0000-0000-000000000000"
    }
}

/// The aggregation that is called so by other programs, or nearly.
pub(crate) fn azure_aggregation(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "avg" | "mean" => "Average",
        "sum" => "Total",
        "min" => "Minimum",
        "max" => "Maximum",
        lower => nearest(lower, AGGREGATIONS).unwrap_or("Average"),
    }
}

/// The cloud that is called so by Azure's own tools.
pub(crate) fn azure_cloud(name: &str) -> &'static str {
    let lower = name.to_ascii_lowercase();
    match () {
        () if lower.contains("gov") => "usgov",
        () if lower.contains("china") => "china",
        () => "public",
    }
}

/// The type of a resource whose whole id was written, or an example.
pub(crate) fn azure_type(text: &str) -> String {
    let mut parts = text
        .split("/providers/")
        .nth(1)
        .into_iter()
        .flat_map(|rest| rest.split('/'));
    match (parts.next(), parts.next()) {
        (Some(provider), Some(kind)) if provider.contains('.') => {
            let further = parts.skip(1).step_by(2);
            further.fold(format!("{provider}/{kind}"), |all, kind| format!("{all}/{kind}"))
        }
        _ => "Microsoft.Compute/virtualMachines".to_owned(),
    }
}
