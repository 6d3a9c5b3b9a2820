//! What the rules of [`crate::rules`] do to Google: what a request asks for, refusals in Google's own words, and series and
//! descriptors that fail or are written oddly within an answer that is otherwise in order.

use serde_json::{Value, json};

use super::errors::ApiError;
use super::{LIST, Shared, filter, resources};
use crate::rules::{Asked, Cloud, Odd, Part, PartFault};

/// What is asked for. A query names one metric type; a list of descriptors may name what they begin with.
pub(super) fn asked(operation: &str, project: &str, raw: &str) -> Asked {
    let parameters = url::form_urlencoded::parse(raw.as_bytes());
    let text = parameters.into_iter().find(|(name, _)| name == "filter");
    let text = text.map(|(_, text)| text.into_owned()).unwrap_or_default();
    let named = filter::parse(&text)
        .ok()
        .and_then(|expr| expr.single_metric_type().map(str::to_owned));
    Asked {
        cloud: Cloud::Gcp,
        operation: operation.to_owned(),
        scope: project.to_owned(),
        host: String::new(),
        parts: named.map(|name| part(String::new(), &name)).into_iter().collect(),
    }
}

fn part(id: String, metric_type: &str) -> Part {
    let kind = metric_type.split('/').next().unwrap_or_default();
    Part {
        id,
        kind: kind.to_owned(),
        metric: metric_type.to_owned(),
    }
}

/// A refusal with this status.
pub(super) fn refusal(status: u16, operation: &str, project: &str) -> ApiError {
    match status {
        401 => ApiError::unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        403 => ApiError::denied(permission(operation), project),
        404 => ApiError::not_found("Requested entity was not found."),
        429 => throttled(project, 1),
        500..=502 => ApiError::internal(),
        503.. => ApiError::unavailable(),
        _ => ApiError::invalid("filter", "The request is not valid."),
    }
}

fn permission(operation: &str) -> &'static str {
    if operation == LIST {
        "monitoring.timeSeries.list"
    } else {
        "monitoring.metricDescriptors.list"
    }
}

/// The quota of a project is used up for so many seconds.
pub(super) fn throttled(project: &str, retry_after_s: u32) -> ApiError {
    let number = resources::project(project).map_or("0", |project| project.number);
    ApiError::exhausted(number, super::QUERIES_PER_MINUTE).after(retry_after_s)
}

/// The answer with those of its elements changed that are hit.
pub(super) fn elements(shared: &Shared, asked: &Asked, answer: &mut Value) {
    if !shared.faults.has_rules() {
        return;
    }
    let list = if asked.operation == LIST {
        "timeSeries"
    } else {
        "metricDescriptors"
    };
    let Some(Value::Array(elements)) = answer.get_mut(list) else {
        return;
    };
    let old = std::mem::take(elements);
    let mut failed = None;
    for mut element in old {
        match shared
            .faults
            .element(asked, &part_of(&element), &shared.world.clock)
        {
            None => elements.push(element),
            Some(PartFault::Odd(odd)) => {
                if odd == Odd::NullElement {
                    elements.push(Value::Null);
                }
                spoil(&mut element, odd);
                elements.push(element);
            }
            Some(PartFault::Forbidden) => failed = Some((7, "Some time series may not be read.")),
            Some(PartFault::Failed | PartFault::Partial) => {
                failed = Some((14, "Some shards did not answer in time."));
            }
        }
    }
    if let Some((code, message)) = failed {
        answer["executionErrors"] = json!([{"code": code, "message": message, "details": []}]);
    }
}

fn part_of(element: &Value) -> Part {
    let metric_type = element.pointer("/metric/type").or_else(|| element.get("type"));
    let labels = element.pointer("/resource/labels").and_then(Value::as_object);
    let pairs: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    part(
        pairs.join(","),
        metric_type.and_then(Value::as_str).unwrap_or_default(),
    )
}

fn spoil(element: &mut Value, odd: Odd) {
    let is_series = element.get("metric").is_some();
    match odd {
        Odd::NullList if is_series => element["points"] = Value::Null,
        Odd::NullList => element["labels"] = Value::Null,
        Odd::NullField => element["unit"] = Value::Null,
        Odd::NullElement => {}
        Odd::Nameless => {
            if let Some(fields) = element.as_object_mut() {
                fields.remove(if is_series { "metric" } else { "type" });
            }
        }
        Odd::Number if is_series => element["metric"]["labels"]["number"] = json!(7),
        Odd::Number => element["displayName"] = json!(7),
    }
}
