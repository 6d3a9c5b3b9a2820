//! How many bytes a held series is counted with. Names may be shared with others who hold them, so this is rather too
//! much.

use super::{Held, Key};
use crate::recent::ring::POINT_BYTES;
use provider_api::{Metric, Resource, Series, SeriesId};
use std::mem::size_of;
use std::sync::Arc;

/// Points that a series is counted with from the start, so that those that are held have a history worth a chart
/// before others are let in.
pub(super) const RESERVED_POINTS: usize = 48;

/// Bytes of a series beside its names and points: its place in both maps, with their slack.
const SERIES_BYTES: usize = 2 * (size_of::<Held>() + size_of::<Key>() + size_of::<SeriesId>());

/// Bytes of a name beside its letters: the pair that points at it, and its counters.
const NAME_BYTES: usize = size_of::<(Arc<str>, Arc<str>)>() + 4 * size_of::<usize>();

/// What a series takes that no other shares; its names may be others' as well, so this is rather too much.
pub(super) fn own_bytes(series: &Series) -> usize {
    let names = series
        .attributes
        .iter()
        .map(|(k, v)| NAME_BYTES + k.len() + v.len());
    SERIES_BYTES + RESERVED_POINTS * POINT_BYTES + names.sum::<usize>()
}

pub(super) fn resource_bytes(resource: &Resource) -> usize {
    let names = resource
        .attributes()
        .iter()
        .map(|(k, v)| NAME_BYTES + k.len() + v.len());
    2 * size_of::<Resource>() + names.sum::<usize>()
}

pub(super) fn metric_bytes(metric: &Metric) -> usize {
    let spec = metric.spec();
    let texts = [
        &spec.namespace,
        &spec.name,
        &spec.cloud_name,
        &spec.unit,
        &spec.description,
    ];
    2 * size_of::<Metric>() + texts.iter().map(|text| NAME_BYTES + text.len()).sum::<usize>()
}

/// What room for so many points takes beyond what every series is counted with.
pub(super) fn beyond_reserve(points: usize) -> usize {
    points.saturating_sub(RESERVED_POINTS) * POINT_BYTES
}
