//! `/api/v1/events`: the last things that the daemon logged, the oldest first.

use super::asked::{Asked, Params};
use super::error::ApiError;
use super::listing::{Listing, Row};
use super::time::rfc3339;
use crate::events::{self, Event};
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;

const DEFAULT_ROWS: usize = 100;
const MOST_ROWS: usize = 1000;

/// Levels, the worst first.
const LEVELS: [&str; 3] = ["error", "warn", "info"];

/// Something that happened.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EventRow {
    /// Counts from 1 since the start.
    id: u64,
    /// When.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    time: String,
    /// `error`, `warn` or `info`.
    level: String,
    /// The part of the daemon that says so.
    target: String,
    /// What happened.
    message: String,
    /// What belongs to it: account, scope, error and so on.
    fields: BTreeMap<String, String>,
}

impl Row for EventRow {
    const NAME: &'static str = "event";
    const COLUMNS: &'static [&'static str] = &["id", "time", "level", "target", "message", "fields"];
}

/// The answer.
pub(in crate::admin) async fn list(asked: Asked) -> Result<Response, ApiError> {
    let params = asked.params(&["level", "limit", "cursor", "format"])?;
    let limit = params.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let levels = levels(&params)?;
    let later = events::global().since(cursor(&params)?, usize::MAX);
    let mut wanted = later
        .into_iter()
        .map(row)
        .filter(|row| levels.contains(&row.level.as_str()));
    let items: Vec<EventRow> = wanted.by_ref().take(limit).collect();
    let more = wanted.next().is_some();
    let listing = Listing {
        next: items.last().filter(|_| more).map(|last| last.id.to_string()),
        items,
        coverage: None,
    };
    listing.answer(&asked, &params)
}

fn row(event: Event) -> EventRow {
    EventRow {
        id: event.id,
        time: rfc3339(event.at),
        level: event.level.to_ascii_lowercase(),
        target: event.target,
        message: event.message,
        fields: event.fields.into_iter().collect(),
    }
}

/// The level that is asked for and the worse ones.
fn levels(params: &Params) -> Result<&'static [&'static str], ApiError> {
    let Some(text) = params.text("level") else {
        return Ok(&LEVELS);
    };
    let found = LEVELS.iter().position(|level| *level == text);
    found
        .and_then(|at| LEVELS.get(..=at))
        .ok_or_else(|| ApiError::bad(format!("`level={text}`: write {}", LEVELS.join(", "))))
}

/// The `id` of the last event that the caller has.
fn cursor(params: &Params) -> Result<u64, ApiError> {
    let Some(text) = params.text("cursor") else {
        return Ok(0);
    };
    text.parse().map_err(|_| {
        ApiError::bad(format!(
            "`cursor={text}`: write the `id` of the last event that you have"
        ))
    })
}
