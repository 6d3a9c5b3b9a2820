//! What answers have in common: their headers, and the failures.

use serde_json::{Value, json};

pub(super) fn failure(says: &str) -> Value {
    json!({
        "description": says,
        "headers": headers(),
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } },
    })
}

/// What every answer has.
const HEADERS: [&str; 4] = [
    "X-Request-Id",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
];

pub(super) fn headers() -> Value {
    let one = |name: &str| {
        (
            name.to_owned(),
            json!({ "$ref": format!("#/components/headers/{name}") }),
        )
    };
    Value::Object(HEADERS.map(one).into_iter().collect())
}

pub(super) fn described_headers() -> Value {
    let text = |says: &str| json!({ "description": says, "schema": { "type": "string" } });
    let number = |says: &str| json!({ "description": says, "schema": { "type": "integer", "minimum": 0 } });
    json!({
        "X-Request-Id": text("The request's name, which the daemon's log has as well."),
        "RateLimit-Limit": number("Requests at once after a pause."),
        "RateLimit-Remaining": number("Requests that are left of them."),
        "RateLimit-Reset": number("Seconds until all of them are there again."),
    })
}

/// By status; those of every path, and those that some have.
pub(super) const FAILURES: [(&str, &str); 14] = [
    ("400", "A parameter or the body cannot be understood."),
    ("401", "A token or a certificate is needed, or is not known."),
    ("403", "The address, the page or the caller may not do this."),
    ("404", "There is no such thing."),
    ("405", "This cannot be done here."),
    ("406", "Nothing that `Accept` lists can be given."),
    ("408", "The body came too slowly."),
    ("409", "The account is not connected."),
    ("413", "The body is too large."),
    ("415", "The body is not JSON."),
    (
        "422",
        "The new configuration is not taken; the message holds every problem of it.",
    ),
    ("429", "This address asks too often."),
    ("500", "A fault of ours."),
    ("503", "A part of the daemon hangs."),
];
/// Those of every path.
pub(super) const OF_EVERY_PATH: [&str; 3] = ["403", "429", "500"];
