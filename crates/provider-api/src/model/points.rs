//! Points and their values.

use super::Attributes;
use crate::UnixNanos;

/// An example value inside a histogram point.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The value.
    pub value: f64,
    /// When it was seen.
    pub time: UnixNanos,
    /// The trace it belongs to.
    pub trace_id: Option<[u8; 16]>,
    /// The span it belongs to.
    pub span_id: Option<[u8; 8]>,
    /// Labels that the series itself does not have.
    pub attributes: Attributes,
}

/// Buckets of a histogram point. They belong to the point: a cloud may change them between two points.
#[derive(Clone, Debug, PartialEq)]
pub struct Buckets {
    /// Strictly rising upper bounds; the last bucket has none.
    pub bounds: Vec<f64>,
    /// One more than bounds.
    pub counts: Vec<u64>,
}

/// A distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// How many values; equals the sum of the bucket counts.
    pub count: u64,
    /// Their sum, unless it would be meaningless (negative values in a cumulative point, no finite mean).
    pub sum: Option<f64>,
    /// The buckets.
    pub buckets: Buckets,
    /// Example values.
    pub exemplars: Vec<Exemplar>,
}

/// A point's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A floating-point number; finite.
    Double(f64),
    /// A whole number.
    Int(i64),
    /// A distribution.
    Histogram(Box<Histogram>),
}

/// One point with the cloud's own interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Start of the interval; absent where the value is of an instant.
    pub start: Option<UnixNanos>,
    /// End of the interval.
    pub end: UnixNanos,
    /// The value.
    pub value: Value,
}
