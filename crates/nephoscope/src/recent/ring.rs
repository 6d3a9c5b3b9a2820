//! The recent points of one series: 16 bytes each, oldest first, the oldest making room for the newest. It knows
//! nothing of the memory that all series share.

use provider_api::{Histogram, Point, UnixNanos, Value};
use std::collections::VecDeque;
use std::mem::size_of;

/// Bytes of one point.
pub(crate) const POINT_BYTES: usize = size_of::<Raw>();

/// Points that a new series gets room for; what is polled every five minutes has an hour in them.
const FIRST_POINTS: usize = 12;

/// Most points of one series: the last six hours of minutes, which is what a chart shows.
pub(crate) const MOST_POINTS: usize = 384;

/// What the 64 bits of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Double,
    Int,
    /// Mean and count, as `f32` each: a chart needs seven digits of them.
    Histogram,
}

#[derive(Clone, Copy, Debug)]
struct Raw {
    end: i64,
    bits: u64,
}

/// A point as it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// End of the interval.
    pub(crate) end: UnixNanos,
    /// The value; of a distribution the mean.
    pub(crate) value: Number,
    /// Of a distribution how many values it has.
    pub(crate) count: Option<f32>,
}

/// A value as it is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Double(f64),
    Int(i64),
    /// A distribution without a mean.
    None,
}

/// The points of one series.
#[derive(Debug)]
pub(crate) struct Ring {
    shape: Shape,
    points: VecDeque<Raw>,
}

impl Ring {
    /// Room for the first points.
    pub(crate) fn new() -> Self {
        let mut points = VecDeque::new();
        points.reserve_exact(FIRST_POINTS);
        Self {
            shape: Shape::Double,
            points,
        }
    }

    /// Points that there is room for.
    pub(crate) fn room(&self) -> usize {
        self.points.capacity()
    }

    /// Points that it would have room for after [`Self::grow`]; nothing when it is as large as one may be.
    pub(crate) fn next_room(&self) -> Option<usize> {
        let next = (self.room() * 2).min(MOST_POINTS);
        (next > self.room()).then_some(next)
    }

    /// Whether the next point takes the place of the oldest.
    pub(crate) fn is_full(&self) -> bool {
        self.points.len() >= self.room()
    }

    /// Makes room for more points.
    pub(crate) fn grow(&mut self) {
        if let Some(next) = self.next_room() {
            self.points.reserve_exact(next.saturating_sub(self.points.len()));
        }
    }

    /// Puts a point at its time; one with the same end is replaced, one older than all that a full ring holds left out.
    pub(crate) fn put(&mut self, point: &Point) {
        let (shape, bits) = pack(&point.value);
        if shape != self.shape {
            // The cloud has changed what the series is; its past cannot be read any more.
            self.points.clear();
            self.shape = shape;
        }
        let raw = Raw {
            end: point.end.0,
            bits,
        };
        let full = self.is_full();
        let at = self.points.partition_point(|held| held.end < raw.end);
        match self.points.get_mut(at) {
            Some(held) if held.end == raw.end => *held = raw,
            _ if !full => self.points.insert(at, raw),
            _ if at > 0 => {
                self.points.pop_front();
                self.points.insert(at - 1, raw);
            }
            _ => {}
        }
    }

    /// All points, oldest first.
    pub(crate) fn samples(&self) -> impl DoubleEndedIterator<Item = Sample> + ExactSizeIterator {
        let shape = self.shape;
        self.points.iter().map(move |raw| raw.sample(shape))
    }
}

impl Raw {
    fn sample(self, shape: Shape) -> Sample {
        let (value, count) = match shape {
            Shape::Double => (Number::Double(f64::from_bits(self.bits)), None),
            Shape::Int => (Number::Int(i64::from_ne_bytes(self.bits.to_ne_bytes())), None),
            Shape::Histogram => unpack(self.bits),
        };
        Sample {
            end: UnixNanos(self.end),
            value,
            count,
        }
    }
}

fn pack(value: &Value) -> (Shape, u64) {
    match value {
        Value::Double(value) => (Shape::Double, value.to_bits()),
        Value::Int(value) => (Shape::Int, u64::from_ne_bytes(value.to_ne_bytes())),
        Value::Histogram(histogram) => {
            let (mean, count) = summary(histogram);
            let bits = u64::from(mean.to_bits()) << 32 | u64::from(count.to_bits());
            (Shape::Histogram, bits)
        }
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "seven digits are kept of what a chart shows"
)]
fn summary(histogram: &Histogram) -> (f32, f32) {
    let count = histogram.count as f64;
    let mean = match histogram.sum {
        Some(sum) if histogram.count > 0 => sum / count,
        Some(_) | None => f64::NAN,
    };
    (mean as f32, count as f32)
}

fn unpack(bits: u64) -> (Number, Option<f32>) {
    let half = |bits: u64| f32::from_bits(u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0));
    let mean = half(bits >> 32);
    let value = if mean.is_finite() {
        Number::Double(f64::from(mean))
    } else {
        Number::None
    };
    (value, Some(half(bits)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::Buckets;

    fn point(end: i64, value: Value) -> Point {
        Point {
            start: None,
            end: UnixNanos(end),
            value,
        }
    }

    fn ends(ring: &Ring) -> Vec<i64> {
        ring.samples().map(|sample| sample.end.0).collect()
    }

    #[test]
    fn late_points_find_their_place_and_corrections_replace() {
        let mut ring = Ring::new();
        for (end, value) in [(10, 1.0), (30, 3.0), (20, 2.0), (30, 4.0)] {
            ring.put(&point(end, Value::Double(value)));
        }
        assert_eq!(ends(&ring), [10, 20, 30]);
        assert_eq!(ring.samples().next_back().unwrap().value, Number::Double(4.0));
    }

    #[test]
    fn a_full_ring_forgets_its_oldest_and_takes_nothing_older() {
        let mut ring = Ring::new();
        let room = i64::try_from(ring.room()).unwrap();
        for end in 1..=room + 2 {
            ring.put(&point(end * 10, Value::Int(end)));
        }
        assert_eq!(ends(&ring).first(), Some(&30));
        ring.put(&point(5, Value::Int(0)));
        assert_eq!(ends(&ring).first(), Some(&30));
        ring.put(&point(35, Value::Int(0)));
        assert_eq!(ends(&ring)[..2], [35, 40]);
        assert_eq!(ring.samples().len(), ring.room());
    }

    #[test]
    fn it_grows_up_to_its_most() {
        let mut ring = Ring::new();
        while ring.next_room().is_some() {
            ring.grow();
        }
        assert_eq!(ring.room(), MOST_POINTS);
    }

    #[test]
    fn a_distribution_shows_mean_and_count() {
        let histogram = |sum| {
            Value::Histogram(Box::new(Histogram {
                count: 4,
                sum,
                buckets: Buckets {
                    bounds: vec![1.0],
                    counts: vec![1, 3],
                },
                exemplars: Vec::new(),
            }))
        };
        let mut ring = Ring::new();
        ring.put(&point(1, histogram(Some(10.0))));
        ring.put(&point(2, histogram(None)));
        let shown: Vec<_> = ring.samples().map(|s| (s.value, s.count)).collect();
        let wanted = [(Number::Double(2.5), Some(4.0)), (Number::None, Some(4.0))];
        assert_eq!(shown, wanted);
    }
}
