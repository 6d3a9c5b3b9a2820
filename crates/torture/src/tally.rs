//! What a destination has taken, kept small: the series once, then twenty-odd bytes for each point, and one record for
//! each batch.

use export::receiver::{FlatPoint, FlatValue};
use std::collections::HashMap;
use std::fmt::Debug;
use tokio::time::Instant;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// What became of the acknowledgement of a batch, as far as the destination has a hand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    /// Sent; a kill or a cut may still have lost it.
    Sent,
    /// Kept from the daemon, or given so late that it may no longer have waited.
    Withheld,
}

/// A batch that was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Hash of the uncompressed body.
    pub(crate) body: u64,
    pub(crate) at: Instant,
    pub(crate) acknowledgement: Acknowledgement,
}

/// A point that was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Index into [`Tally::series`].
    pub(crate) series: usize,
    /// End of the point, Unix nanoseconds.
    pub(crate) time_ns: u64,
    /// Hash of start and value.
    pub(crate) value: u64,
    /// Index into [`Tally::batches`].
    pub(crate) batch: usize,
}

/// Everything that a destination has taken.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The first point of each series, which stands for its identity.
    pub(crate) series: Vec<FlatPoint>,
    pub(crate) points: Vec<Point>,
    pub(crate) batches: Vec<Taken>,
    by_identity: HashMap<u64, usize>,
}

impl Tally {
    pub(crate) fn take(&mut self, body: &[u8], points: &[FlatPoint], acknowledgement: Acknowledgement) {
        let batch = self.batches.len();
        self.batches.push(Taken {
            body: xxh3_64(body),
            at: Instant::now(),
            acknowledgement,
        });
        for point in points {
            let series = self.series_of(point);
            self.points.push(Point {
                series,
                time_ns: point.time,
                value: value_of(point),
                batch,
            });
        }
    }

    fn series_of(&mut self, point: &FlatPoint) -> usize {
        let next = self.series.len();
        let index = *self.by_identity.entry(identity(point)).or_insert(next);
        if index == next {
            self.series.push(point.clone());
        }
        index
    }
}

fn identity(p: &FlatPoint) -> u64 {
    let above = (&p.resource, &p.scope_name, &p.scope_attributes);
    let metric = (
        &p.metric,
        &p.unit,
        p.kind,
        p.temporality,
        p.monotonic,
        &p.metadata,
    );
    hash_of(&(above, metric, &p.attributes))
}

fn hash_of(what: &impl Debug) -> u64 {
    xxh3_64(format!("{what:?}").as_bytes())
}

fn value_of(p: &FlatPoint) -> u64 {
    match &p.value {
        FlatValue::Double(v) => double(p.start, *v),
        FlatValue::Int(v) => int(p.start, *v),
        FlatValue::Histogram {
            count,
            bounds,
            counts,
            ..
        } => histogram(p.start, *count, bounds, counts),
    }
}

/// The hash of a double and its start.
pub(crate) fn double(start_ns: u64, value: f64) -> u64 {
    hashed(1, start_ns, &[value.to_bits()])
}

/// The hash of a whole number and its start.
pub(crate) fn int(start_ns: u64, value: i64) -> u64 {
    hashed(2, start_ns, &[value.cast_unsigned()])
}

/// The hash of a histogram and its start.
pub(crate) fn histogram(start_ns: u64, count: u64, bounds: &[f64], counts: &[u64]) -> u64 {
    let bounds = bounds.iter().map(|bound| bound.to_bits());
    let words: Vec<u64> = std::iter::once(count)
        .chain(bounds)
        .chain(counts.iter().copied())
        .collect();
    hashed(3, start_ns, &words)
}

fn hashed(kind: u64, start_ns: u64, words: &[u64]) -> u64 {
    let mut hash = Xxh3::new();
    for word in [kind, start_ns].iter().chain(words) {
        hash.update(&word.to_le_bytes());
    }
    hash.digest()
}
