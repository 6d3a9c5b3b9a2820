//! `/api/v1/series`: the series whose recent points are held, in the order of their names.

use super::asked::{Asked, Params, hex};
use super::error::ApiError;
use super::filter::{self, Filter};
use super::listing::{Coverage, Listing, Row};
use super::time::rfc3339;
use crate::live::Live;
use crate::recent::{Held, Key, Number, Sample};
use axum::extract::State as Shared;
use axum::response::Response;
use provider_api::{Attributes, Kind, SeriesId, Temporality};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

const DEFAULT_ROWS: usize = 100;
const MOST_ROWS: usize = 1000;

/// Bytes of a series' identity at the start of a cursor.
const ID_BYTES: usize = size_of::<u128>();

/// A series.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SeriesRow {
    /// Identity, 32 hexadecimal digits; the same after a restart.
    id: String,
    /// The name that goes out.
    name: String,
    /// The account's name in the configuration.
    account: String,
    /// `aws`, `azure` or `gcp`.
    cloud: &'static str,
    /// The cloud's grouping, such as `AWS/EC2`.
    namespace: String,
    /// The cloud's own name of the metric.
    cloud_name: String,
    /// The cloud's statistic, where it has such.
    statistic: Option<String>,
    /// UCUM; empty when the cloud does not say.
    unit: String,
    /// `gauge`, `sum` or `histogram`.
    kind: &'static str,
    /// `delta` or `cumulative`; null for a gauge.
    temporality: Option<&'static str>,
    /// Dimensions or labels of the points.
    attributes: BTreeMap<String, String>,
    /// What the points are about.
    resource: BTreeMap<String, String>,
    /// Recent points held.
    points: usize,
    /// End of the oldest of them.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    oldest: Option<String>,
    /// End of the newest of them.
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    newest: Option<String>,
    /// Value of the newest; of a distribution the mean, null when there is none.
    #[cfg_attr(test, schemars(with = "Option<f64>"))]
    value: serde_json::Value,
}

impl Row for SeriesRow {
    const NAME: &'static str = "series";
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "account",
        "cloud",
        "namespace",
        "cloud_name",
        "statistic",
        "unit",
        "kind",
        "temporality",
        "attributes",
        "resource",
        "points",
        "oldest",
        "newest",
        "value",
    ];
}

/// The answer.
pub(in crate::admin) async fn list(
    Shared(live): Shared<Arc<Live>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    let params = asked.params(&[&filter::PARAMS[..], &["limit", "cursor", "format"]].concat())?;
    let limit = params.limit(DEFAULT_ROWS, MOST_ROWS)?;
    let filter = Filter::new(&params)?;
    let from = cursor(&params)?.map_or(Bound::Unbounded, Bound::Excluded);
    let (mut items, mut last, mut next) = (Vec::new(), None, None);
    live.recent.walk(from, |key, held| {
        if !filter.wants(key.id, &held.series) {
            return ControlFlow::Continue(());
        }
        if items.len() == limit {
            next = last.take();
            return ControlFlow::Break(());
        }
        items.push(row(key, held));
        last = Some(key.clone());
        ControlFlow::Continue(())
    });
    let listing = Listing {
        items,
        next: next.map(|key| write_cursor(&key, &[])),
        coverage: Some(coverage(&live)),
    };
    listing.answer(&asked, &params)
}

/// How much can be shown at all.
pub(super) fn coverage(live: &Live) -> Coverage {
    let counts = live.recent.counts();
    Coverage {
        held_series: counts.held,
        known_series: live.store.usage().series.max(counts.held),
        bytes: counts.bytes,
        max_bytes: counts.max_bytes,
    }
}

fn row(key: &Key, held: &Held) -> SeriesRow {
    let spec = held.series.metric.spec();
    let (kind, temporality) = kind(spec.kind);
    let samples = || held.ring.samples();
    let end = |sample: Option<Sample>| sample.map(|sample| rfc3339(sample.end));
    SeriesRow {
        id: show_id(key.id),
        name: spec.name.to_string(),
        account: account(held),
        cloud: spec.cloud.as_str(),
        namespace: spec.namespace.to_string(),
        cloud_name: spec.cloud_name.to_string(),
        statistic: spec.statistic.as_ref().map(ToString::to_string),
        unit: spec.unit.to_string(),
        kind,
        temporality,
        attributes: map(&held.series.attributes),
        resource: map(held.series.resource.attributes()),
        points: samples().len(),
        oldest: end(samples().next()),
        newest: end(samples().next_back()),
        value: samples()
            .next_back()
            .map_or(serde_json::Value::Null, |s| number(s.value)),
    }
}

/// The configuration's name of the account.
pub(super) fn account(held: &Held) -> String {
    let name = held.series.resource.attributes().get(filter::ACCOUNT);
    name.unwrap_or("").to_owned()
}

/// An identity as it is written.
pub(super) fn show_id(id: SeriesId) -> String {
    format!("{:032x}", id.0)
}

/// A value as JSON has it.
pub(super) fn number(value: Number) -> serde_json::Value {
    match value {
        Number::Double(value) => value.into(),
        Number::Int(value) => value.into(),
        Number::None => serde_json::Value::Null,
    }
}

fn map(attributes: &Attributes) -> BTreeMap<String, String> {
    let pairs = attributes.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    pairs.collect()
}

fn kind(kind: Kind) -> (&'static str, Option<&'static str>) {
    let word = |temporality| match temporality {
        Temporality::Delta => "delta",
        Temporality::Cumulative => "cumulative",
    };
    match kind {
        Kind::Gauge => ("gauge", None),
        Kind::Sum { temporality, .. } => ("sum", Some(word(temporality))),
        Kind::Histogram { temporality } => ("histogram", Some(word(temporality))),
    }
}

/// The series that the page before ended with.
fn cursor(params: &Params) -> Result<Option<Key>, ApiError> {
    let Some(bytes) = params.cursor()? else {
        return Ok(None);
    };
    read_cursor(&bytes).map(Some)
}

/// Identity, then name; a name with odd bytes only begins the page somewhere else.
pub(super) fn read_cursor(bytes: &[u8]) -> Result<Key, ApiError> {
    let Some((id, name)) = bytes.split_first_chunk::<ID_BYTES>() else {
        return Err(ApiError::bad("`cursor` is too short to be one of ours"));
    };
    Ok(Key {
        name: String::from_utf8_lossy(name).into(),
        id: SeriesId(u128::from_be_bytes(*id)),
    })
}

/// `before` comes first, for who has more to remember.
pub(super) fn write_cursor(key: &Key, before: &[u8]) -> String {
    hex(&[before, &key.id.0.to_be_bytes(), key.name.as_bytes()].concat())
}
