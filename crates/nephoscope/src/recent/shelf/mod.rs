//! Which series are held, in the order of their names, within a number of bytes. Pure: the time comes from outside.

mod cost;

use super::ring::Ring;
use cost::{beyond_reserve, metric_bytes, own_bytes, resource_bytes};
use provider_api::{Metric, Resource, Series, SeriesId, SeriesPoints, UnixNanos};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

/// How long a series without a new point keeps its place when another one wants it. Without this a full shelf would
/// hand every place on within one poll, and no series would ever have a history.
const UNUSED_AFTER: Duration = Duration::from_secs(3600);

/// How often a full shelf is searched for series that nobody uses; each search looks at all of them.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Where a series stands: by its metric's name, then by its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The metric's name.
    pub(crate) name: Arc<str>,
    /// The identity.
    pub(crate) id: SeriesId,
}

/// A series with its points.
#[derive(Debug)]
pub(crate) struct Held {
    /// Whose points.
    pub(crate) series: Series,
    /// The points.
    pub(crate) ring: Ring,
    used: UnixNanos,
}

/// How full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Series held.
    pub(crate) held: usize,
    /// Bytes that they take, counted rather too high.
    pub(crate) bytes: usize,
    /// Most bytes that they may take.
    pub(crate) max_bytes: usize,
    /// How often points came of a series that found no place.
    pub(crate) left_out: u64,
}

/// All series that are held.
#[derive(Debug)]
pub(crate) struct Shelf {
    series: BTreeMap<Key, Held>,
    resources: HashMap<u128, (Arc<Resource>, usize)>,
    metrics: HashMap<u128, (Arc<Metric>, usize)>,
    bytes: usize,
    max_bytes: usize,
    left_out: u64,
    swept: UnixNanos,
}

impl Shelf {
    /// Holds nothing yet.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            series: BTreeMap::new(),
            resources: HashMap::new(),
            metrics: HashMap::new(),
            bytes: 0,
            max_bytes,
            left_out: 0,
            swept: UnixNanos::default(),
        }
    }

    /// How full it is.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            held: self.series.len(),
            bytes: self.bytes,
            max_bytes: self.max_bytes,
            left_out: self.left_out,
        }
    }

    /// Takes another number of bytes at most.
    pub(crate) fn resize(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
        if self.bytes <= max_bytes {
            return;
        }
        let mut by_use: Vec<(UnixNanos, Key)> = self
            .series
            .iter()
            .map(|(key, held)| (held.used, key.clone()))
            .collect();
        by_use.sort();
        for (_, key) in by_use {
            if self.bytes <= max_bytes {
                return;
            }
            self.remove(&key);
        }
    }

    /// Takes the points of one series.
    pub(crate) fn put(&mut self, fresh: &SeriesPoints, now: UnixNanos) {
        let key = Key {
            name: Arc::clone(&fresh.series.metric.spec().name),
            id: fresh.series.id(),
        };
        if !self.series.contains_key(&key) && !self.admit(&key, &fresh.series, now) {
            self.left_out += 1;
            return;
        }
        let spare = self.max_bytes.saturating_sub(self.bytes);
        if let Some(held) = self.series.get_mut(&key) {
            held.used = now;
            self.bytes += held.put(fresh, spare);
        }
    }

    /// Series after `from`, in order.
    pub(crate) fn after<'a>(&'a self, from: Bound<&Key>) -> impl Iterator<Item = (&'a Key, &'a Held)> {
        self.series.range((from, Bound::Unbounded))
    }

    /// Gives a new series a place, if there is one or can be.
    fn admit(&mut self, key: &Key, series: &Series, now: UnixNanos) -> bool {
        let own = own_bytes(series);
        let needed = own + self.shared_bytes(series);
        if self.bytes + needed > self.max_bytes {
            self.sweep(now);
        }
        if self.bytes + needed > self.max_bytes {
            return false;
        }
        let series = Series {
            resource: self.share_resource(&series.resource),
            metric: self.share_metric(&series.metric),
            attributes: series.attributes.clone(),
        };
        self.bytes += own;
        let held = Held {
            series,
            ring: Ring::new(),
            used: now,
        };
        self.series.insert(key.clone(), held);
        true
    }

    /// Lets go of series that have had no point for long.
    fn sweep(&mut self, now: UnixNanos) {
        if now.since(self.swept) < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        let unused = self
            .series
            .iter()
            .filter(|(_, held)| now.since(held.used) > UNUSED_AFTER);
        let unused: Vec<Key> = unused.map(|(key, _)| key.clone()).collect();
        for key in unused {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        let Some(held) = self.series.remove(key) else {
            return;
        };
        let points = beyond_reserve(held.ring.room());
        let mut freed = own_bytes(&held.series) + points;
        let (resource, metric) = (held.series.resource.key(), held.series.metric.key());
        if release(&mut self.resources, resource) {
            freed += resource_bytes(&held.series.resource);
        }
        if release(&mut self.metrics, metric) {
            freed += metric_bytes(&held.series.metric);
        }
        self.bytes = self.bytes.saturating_sub(freed);
    }

    /// What a series takes of what others may share, if none does yet.
    fn shared_bytes(&self, series: &Series) -> usize {
        let resource = self.resources.contains_key(&series.resource.key());
        let metric = self.metrics.contains_key(&series.metric.key());
        let resource = if resource {
            0
        } else {
            resource_bytes(&series.resource)
        };
        let metric = if metric { 0 } else { metric_bytes(&series.metric) };
        resource + metric
    }

    /// Equal resources of different polls become one.
    fn share_resource(&mut self, resource: &Arc<Resource>) -> Arc<Resource> {
        let bytes = &mut self.bytes;
        let (shared, users) = self.resources.entry(resource.key()).or_insert_with(|| {
            *bytes += resource_bytes(resource);
            (Arc::clone(resource), 0)
        });
        *users += 1;
        Arc::clone(shared)
    }

    fn share_metric(&mut self, metric: &Arc<Metric>) -> Arc<Metric> {
        let bytes = &mut self.bytes;
        let (shared, users) = self.metrics.entry(metric.key()).or_insert_with(|| {
            *bytes += metric_bytes(metric);
            (Arc::clone(metric), 0)
        });
        *users += 1;
        Arc::clone(shared)
    }
}

impl Held {
    /// Takes points, growing while `spare` bytes allow; gives the bytes that it grew by.
    fn put(&mut self, fresh: &SeriesPoints, spare: usize) -> usize {
        let mut grown = 0;
        for point in &fresh.points {
            if self.ring.is_full()
                && let Some(next) = self.ring.next_room()
            {
                let more = beyond_reserve(next) - beyond_reserve(self.ring.room());
                if grown + more <= spare {
                    self.ring.grow();
                    grown += more;
                }
            }
            self.ring.put(point);
        }
        grown
    }
}

/// One user less; whether it was the last.
fn release<T>(shared: &mut HashMap<u128, (T, usize)>, key: u128) -> bool {
    let Some((_, users)) = shared.get_mut(&key) else {
        return false;
    };
    *users -= 1;
    let last = *users == 0;
    if last {
        shared.remove(&key);
    }
    last
}

#[cfg(test)]
mod tests;
