//! The watched part of one call's answer, collected until each target is complete.

use super::Seen;
use provider_api::{SeriesId, SeriesPoints, TargetId, Value};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What has been seen so far, by target.
#[derive(Debug, Default)]
pub struct Sightings(HashMap<TargetId, HashMap<SeriesId, Seen>>);

impl Sightings {
    /// For these targets.
    pub fn of(watched: Vec<TargetId>) -> Self {
        Self(watched.into_iter().map(|id| (id, HashMap::new())).collect())
    }

    /// Points that arrived.
    pub fn see(&mut self, arrived: &[SeriesPoints]) {
        for one in arrived {
            if let Some(target) = self.0.get_mut(&one.target) {
                let points = one.points.iter().map(|point| (point.end, print(&point.value)));
                target.entry(one.series.id()).or_default().extend(points);
            }
        }
    }

    /// All that was seen of a target, now that it is complete; nothing if it is not watched.
    pub fn complete(&mut self, target: TargetId) -> Option<HashMap<SeriesId, Seen>> {
        self.0.remove(&target)
    }
}

/// Tells values apart. Examples are not part of a value.
fn print(value: &Value) -> u64 {
    let mut hash = DefaultHasher::new();
    match value {
        Value::Double(number) => number.to_bits().hash(&mut hash),
        Value::Int(number) => number.hash(&mut hash),
        Value::Histogram(histogram) => {
            histogram.count.hash(&mut hash);
            histogram.sum.map(f64::to_bits).hash(&mut hash);
            histogram.buckets.counts.hash(&mut hash);
        }
    }
    hash.finish()
}
