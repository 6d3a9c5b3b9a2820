//! What each path answers and what may be asked of it.

use crate::admin::api::accounts::AccountRow;
use crate::admin::api::actions::{Nothing, PollAnswer, PollWish, ReloadAnswer};
use crate::admin::api::destinations::DestinationRow;
use crate::admin::api::events::EventRow;
use crate::admin::api::listing::{Listing, Row};
use crate::admin::api::points::PointRow;
use crate::admin::api::series::SeriesRow;
use crate::admin::api::status::Status;
use crate::admin::health::Readiness;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// What a path answers and what may be asked of it.
pub(super) struct Entry {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [&'static str],
    pub(super) body: Option<Value>,
    /// Answers that are no failures.
    pub(super) answers: Vec<(&'static str, &'static str, Value)>,
    /// Failures of this path beside those of every path.
    pub(super) failures: &'static [&'static str],
}

fn json_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    json!({ "application/json": { "schema": schemas.subschema_for::<T>() } })
}

/// Rows: JSON by its schema, the other two as text.
fn rows<R: Row + JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    json!({
        "application/json": { "schema": schemas.subschema_for::<Listing<R>>() },
        "text/csv": { "schema": { "type": "string" } },
        "application/xml": { "schema": { "type": "string" } },
    })
}

fn text(media: &str) -> Value {
    json!({ media: { "schema": { "type": "string" } } })
}

/// The two formats of scrapers.
fn texts() -> Value {
    json!({
        "text/plain": { "schema": { "type": "string" } },
        "application/openmetrics-text": { "schema": { "type": "string" } },
    })
}

fn shows(path: &'static str, summary: &'static str, content: Value) -> Entry {
    Entry {
        path,
        method: "get",
        summary,
        parameters: &[],
        body: None,
        answers: vec![("200", "What was asked for.", content)],
        failures: &[],
    }
}

pub(super) const ROWS: &[&str] = &["400", "406"];

pub(super) fn entries(schemas: &mut SchemaGenerator) -> Vec<Entry> {
    let mut all = probes(schemas);
    all.extend(pages());
    all.extend(api(schemas));
    all.extend(actions(schemas));
    all
}

/// What machines ask that have no token, under the names that they know.
fn probes(schemas: &mut SchemaGenerator) -> Vec<Entry> {
    let alive = |path| Entry {
        failures: &["503"],
        ..shows(
            path,
            "Whether the process is alive: its scheduler has just taken a turn. Needs no token.",
            text("text/plain"),
        )
    };
    let mut ready = |path| Entry {
        answers: vec![
            (
                "200",
                "Enough accounts give points (`api.ready`), there is room for them, and a destination takes them.",
                json_of::<Readiness>(schemas),
            ),
            (
                "503",
                "Not so; with a token the body says why.",
                json_of::<Readiness>(schemas),
            ),
        ],
        ..shows(
            path,
            "Whether it is ready. Needs no token; to whoever may read it says what each account and destination has to say.",
            Value::Null,
        )
    };
    let mut all = vec![ready("/readyz"), ready("/-/ready")];
    all.extend(["/healthz", "/livez", "/-/healthy"].map(alive));
    all
}

fn pages() -> Vec<Entry> {
    vec![
        shows("/", "The page of status.", text("text/html")),
        shows("/metrics", "The daemon's own metrics, for Prometheus.", texts()),
        Entry {
            parameters: &["match[]"],
            failures: &["400"],
            ..shows(
                "/federate",
                "The newest point of every series, if a destination is `prometheus`.",
                texts(),
            )
        },
    ]
}

fn api(schemas: &mut SchemaGenerator) -> Vec<Entry> {
    let listing = |path, summary, parameters, content| Entry {
        parameters,
        failures: ROWS,
        ..shows(path, summary, content)
    };
    let object = |path, summary, content| Entry {
        failures: ROWS,
        ..shows(path, summary, content)
    };
    vec![
        object(
            "/api/v1/openapi.json",
            "This document.",
            json!({ "application/json": { "schema": { "type": "object" } } }),
        ),
        object(
            "/api/v1/status",
            "Everything at once, for `nephoscope status`.",
            json_of::<Status>(schemas),
        ),
        listing(
            "/api/v1/accounts",
            "What each account has done, and why it does not work if it does not.",
            &["account", "cloud", "limit", "cursor", "format"],
            rows::<AccountRow>(schemas),
        ),
        listing(
            "/api/v1/destinations",
            "What each destination has taken and what waits for it.",
            &["limit", "cursor", "format"],
            rows::<DestinationRow>(schemas),
        ),
        listing(
            "/api/v1/series",
            "Series whose recent points are held, by name.",
            &[
                "account",
                "cloud",
                "name",
                "attribute",
                "series",
                "limit",
                "series_cursor",
                "format",
            ],
            rows::<SeriesRow>(schemas),
        ),
        listing(
            "/api/v1/points",
            "Recent points, series by series, each oldest first.",
            &[
                "account",
                "cloud",
                "name",
                "attribute",
                "series",
                "from",
                "to",
                "points_limit",
                "points_cursor",
                "format",
            ],
            rows::<PointRow>(schemas),
        ),
        listing(
            "/api/v1/events",
            "What the daemon logged last, the oldest first.",
            &["level", "limit", "event_cursor", "format"],
            rows::<EventRow>(schemas),
        ),
    ]
}

fn actions(schemas: &mut SchemaGenerator) -> Vec<Entry> {
    let post = |path, summary, body, answer| Entry {
        path,
        method: "post",
        summary,
        parameters: &[],
        body: Some(body),
        answers: vec![answer],
        failures: &[],
    };
    vec![
        Entry {
            failures: &["400", "408", "413", "415", "422"],
            ..post(
                "/api/v1/reload",
                "Takes up the configuration file as it is now, as SIGHUP does; answers when that is done.",
                understood::<Nothing>(),
                ("200", "What has changed.", json_of::<ReloadAnswer>(schemas)),
            )
        },
        Entry {
            failures: &["400", "404", "408", "409", "413", "415"],
            ..post(
                "/api/v1/poll",
                "Makes an account, or all of them, due at once; answers before they have been polled.",
                understood::<PollWish>(),
                ("202", "How much is polled now.", json_of::<PollAnswer>(schemas)),
            )
        },
    ]
}

/// What a body may be: members with a default may be left out.
fn understood<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.remove("$schema");
    schema.to_value()
}
