//! What may be asked: everything that fits what is written here is understood.

use crate::admin::federate::MOST_SELECTORS;
use serde_json::{Value, json};

const CURSOR: &str = "Where the page before ended: its `next`.";

/// What a parameter may be. Everything that fits is understood.
pub(super) fn parameter(name: &str) -> Value {
    let text = |pattern: &str| json!({ "type": "string", "maxLength": 200, "pattern": pattern });
    let cursor = |pattern: &str| json!({ "type": "string", "maxLength": 4000, "pattern": pattern });
    let any = || json!({ "type": "string", "maxLength": 200 });
    let (schema, says) = match name {
        "account" => (any(), "Only of this account, by the configuration's name."),
        "cloud" => (
            json!({ "type": "string", "enum": ["aws", "azure", "gcp"] }),
            "Only of this cloud.",
        ),
        "name" => (
            any(),
            "Only metrics with this in their name or in the cloud's own; with `*` and `?` the whole name.",
        ),
        "attribute" => (
            json!({ "type": "array", "maxItems": 5, "items": { "type": "string", "maxLength": 500, "pattern": "^[^=]+=" } }),
            "Only series with this attribute of their own or of their resource, such as `cloud.region=eu-west-1`; may be given several times.",
        ),
        // PromQL has no pattern that says it; these are understood.
        "match[]" => (
            json!({ "type": "array", "maxItems": MOST_SELECTORS, "items": { "type": "string", "maxLength": 200, "pattern": "^[a-zA-Z_]{1,30}$" } }),
            "Only series that a selector of PromQL takes, such as `{__name__=~\"aws_.*\",cloud_region=\"eu-west-1\"}`; of several, what one of them takes.",
        ),
        "series" => (text("^[0-9a-f]{32}$"), "Only the series with this `id`."),
        "from" | "to" => (
            json!({ "anyOf": [
                { "type": "string", "format": "date-time" },
                { "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX },
                { "type": "string", "maxLength": 200, "pattern": "^([0-9]{1,6}(ms|s|m|h|d))+$" },
            ] }),
            if name == "from" {
                "Only points that end then or later: a time, seconds since 1970, or an age such as `6h`."
            } else {
                "Only points that end then or earlier."
            },
        ),
        "limit" => (
            json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 }),
            "Most rows of a page.",
        ),
        "points_limit" => (
            json!({ "type": "integer", "minimum": 1, "maximum": 10_000, "default": 1000 }),
            "Most rows of a page.",
        ),
        "level" => (
            json!({ "type": "string", "enum": ["error", "warn", "info"] }),
            "Only events of this level and the worse ones.",
        ),
        "event_cursor" => (
            json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX }),
            "The `id` of the last event that the caller has.",
        ),
        "cursor" => (cursor("^([0-9a-f]{2})+$"), CURSOR),
        "series_cursor" => (cursor("^[0-9a-f]{32}([0-9a-f]{2})*$"), CURSOR),
        "points_cursor" => (cursor("^[0-9a-f]{48}([0-9a-f]{2})*$"), CURSOR),
        "format" => (
            json!({ "type": "string", "enum": ["json", "csv", "xml"] }),
            "The form of the answer; goes before `Accept`.",
        ),
        _ => panic!("nobody has described the parameter {name}"),
    };
    json!({ "name": name.split_once('_').map_or(name, |(_, plain)| plain), "in": "query", "description": says, "schema": schema })
}
