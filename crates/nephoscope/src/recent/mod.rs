//! Recent points of the series that are collected, in memory, for the page and the API. It is filled with each fresh
//! point once the store has it, and never asks the store or a cloud.
//!
//! It has a bound in bytes. When that is reached, series that had no point for an hour make room; if there are none, a
//! new series finds no place, which is counted and said: those that are held keep their history.

mod ring;
mod shelf;

pub(crate) use ring::{Number, Sample};
pub(crate) use shelf::{Counts, Held, Key};

use provider_api::{SeriesPoints, UnixNanos};
use shelf::Shelf;
use std::ops::{Bound, ControlFlow};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Series that are looked at before points may come in again: below a millisecond.
const SERIES_PER_LOOK: usize = 2048;

/// Recent points of many series.
#[derive(Debug)]
pub(crate) struct Recent {
    shelf: Mutex<Shelf>,
}

impl Recent {
    /// Holds nothing yet.
    pub(crate) fn new(max_bytes: u64) -> Self {
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        Self {
            shelf: Mutex::new(Shelf::new(max_bytes)),
        }
    }

    /// Takes fresh points.
    pub(crate) fn record(&self, fresh: &[SeriesPoints], now: UnixNanos) {
        let mut shelf = self.shelf();
        for one in fresh {
            shelf.put(one, now);
        }
    }

    /// Shows the series after `from` in the order of their names, until `each` breaks. Points that come meanwhile wait
    /// only for a part of the series.
    pub(crate) fn walk(&self, mut from: Bound<Key>, mut each: impl FnMut(&Key, &Held) -> ControlFlow<()>) {
        loop {
            let shelf = self.shelf();
            let mut last = None;
            for (key, held) in shelf.after(from.as_ref()).take(SERIES_PER_LOOK) {
                if each(key, held).is_break() {
                    return;
                }
                last = Some(key.clone());
            }
            drop(shelf);
            match last {
                Some(key) => from = Bound::Excluded(key),
                None => return,
            }
        }
    }

    /// Takes another number of bytes at most; series without a point for longest make room.
    pub(crate) fn resize(&self, max_bytes: u64) {
        self.shelf()
            .resize(usize::try_from(max_bytes).unwrap_or(usize::MAX));
    }

    /// How full it is.
    pub(crate) fn counts(&self) -> Counts {
        self.shelf().counts()
    }

    /// A panic elsewhere may leave a point out; the shelf is whole.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Series of tests.

    use provider_api::{
        Attributes, Cloud, Kind, Metric, MetricSpec, Point, Resource, Series, SeriesPoints, TargetId,
        UnixNanos, Value,
    };
    use std::sync::Arc;

    /// A time so many seconds after the epoch.
    pub(crate) fn at(seconds: i64) -> UnixNanos {
        UnixNanos::from_seconds(seconds)
    }

    /// Points at these seconds of a series with this name.
    pub(crate) fn points(name: &str, seconds: &[i64]) -> SeriesPoints {
        let pair = |k: &str, v: &str| (Arc::from(k), Arc::from(v));
        let spec = MetricSpec {
            cloud: Cloud::Aws,
            namespace: "AWS/EC2".into(),
            name: name.into(),
            cloud_name: "CPUUtilization".into(),
            statistic: Some("Average".into()),
            unit: "%".into(),
            kind: Kind::Gauge,
            description: "".into(),
        };
        let resource = vec![pair("nephoscope.account", "prod"), pair("cloud.provider", "aws")];
        SeriesPoints {
            target: TargetId(1),
            series: Series {
                resource: Arc::new(Resource::new(Attributes::new(resource))),
                metric: Arc::new(Metric::new(spec)),
                attributes: Attributes::new(vec![pair("InstanceId", "i-1")]),
            },
            points: seconds
                .iter()
                .map(|&second| Point {
                    start: None,
                    end: at(second),
                    value: Value::Double(0.5),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{at, points};
    use super::*;

    #[test]
    fn a_walk_goes_on_over_many_looks_and_from_where_it_is_told() {
        let recent = Recent::new(64 << 20);
        let many: Vec<_> = (0..SERIES_PER_LOOK + 10)
            .map(|i| points(&format!("m{i:05}"), &[1]))
            .collect();
        recent.record(&many, at(1));
        let mut seen = Vec::new();
        recent.walk(Bound::Unbounded, |key, _| {
            seen.push(key.clone());
            ControlFlow::Continue(())
        });
        assert_eq!(seen.len(), many.len());
        let mut next = None;
        recent.walk(Bound::Excluded(seen[3].clone()), |key, _| {
            next = Some(key.clone());
            ControlFlow::Break(())
        });
        assert_eq!(next.as_ref(), seen.get(4));
    }
}
