//! `/api/v1/destinations`: what each destination has taken, what waits for it, and what it complains about.

use super::asked::Asked;
use super::error::ApiError;
use super::listing::{Listing, Row, page};
use crate::clock::SystemClock;
use crate::live::Live;
use crate::overview::{self, Overview};
use axum::extract::State as Shared;
use axum::response::Response;
use scheduler::Clock as _;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

const DEFAULT_ROWS: usize = 100;
const MOST_ROWS: usize = 1000;

/// A destination.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct DestinationRow {
    /// The configuration's name.
    pub(crate) destination: String,
    /// How it is, in a few words.
    pub(crate) state: Cow<'static, str>,
    /// How much that matters: `bad`, `warn`, `busy` or `good`.
    pub(crate) level: Cow<'static, str>,
    /// Whether it answers.
    pub(crate) up: bool,
    /// Points taken since the start.
    pub(crate) delivered: u64,
    /// Points refused by partial success.
    pub(crate) rejected: u64,
    /// Points that it will never get: refused for good, or fallen off its queue.
    pub(crate) dropped: u64,
    /// Points that wait for it.
    pub(crate) waiting_points: u64,
    /// Bytes that wait for it.
    pub(crate) waiting_bytes: u64,
    /// How much of its part of the spool is used; 1 is all of it.
    pub(crate) spool_share: f64,
    /// Age of the oldest point that waits for it, in seconds; 0 when none does.
    pub(crate) lag_s: u64,
    /// What went wrong last; empty when nothing has.
    pub(crate) last_error: String,
    /// Whether it still is.
    pub(crate) last_error_lasts: bool,
    /// What to do.
    pub(crate) remedy: Option<String>,
}

impl Row for DestinationRow {
    const NAME: &'static str = "destination";
    const COLUMNS: &'static [&'static str] = &[
        "destination",
        "state",
        "level",
        "up",
        "delivered",
        "rejected",
        "dropped",
        "waiting_points",
        "waiting_bytes",
        "spool_share",
        "lag_s",
        "last_error",
        "last_error_lasts",
        "remedy",
    ];
}

/// The answer.
pub(in crate::admin) async fn list(
    Shared(live): Shared<Arc<Live>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let params = asked.params(&["limit", "cursor", "format"])?;
    let limit = params.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let all = rows(&Overview::of(&live, SystemClock.now()));
    let listing: Listing<DestinationRow> = page(all, |row| &row.destination, &params, limit)?;
    listing.answer(&asked, &params)
}

/// All destinations, in the order of the configuration.
pub(super) fn rows(overview: &Overview) -> Vec<DestinationRow> {
    overview.destinations.iter().map(row).collect()
}

fn row(destination: &overview::DestinationRow) -> DestinationRow {
    DestinationRow {
        destination: destination.name.clone(),
        state: destination.state.label().into(),
        level: destination.state.level().label().into(),
        up: destination.delivery.up,
        delivered: destination.delivery.delivered_points,
        rejected: destination.delivery.rejected_points,
        dropped: destination.dropped(),
        waiting_points: destination.waiting.pending_points,
        waiting_bytes: destination.waiting.pending_bytes,
        spool_share: destination.fill,
        lag_s: destination.lag.as_secs(),
        last_error: destination.delivery.last_error.clone(),
        last_error_lasts: destination.fails(),
        remedy: destination.remedy.clone(),
    }
}
