//! Series and points as they leave a provider: already named, in UCUM units, with the cloud's own times.
//!
//! Resource and metric are shared (`Arc`) by all series that have them, so that a million series cost a million
//! attribute lists and not a million copies of a region's name.

use crate::UnixNanos;
use std::fmt;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The clouds we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cloud {
    /// Amazon `CloudWatch`.
    Aws,
    /// Azure Monitor.
    Azure,
    /// Google Cloud Monitoring.
    Gcp,
}

impl Cloud {
    /// `cloud.provider` of the semantic conventions, and the first part of a metric's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Sorted key-value pairs without duplicate keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attributes(Box<[(Arc<str>, Arc<str>)]>);

impl Attributes {
    /// Sorts by key; of two values for one key the first given stays.
    pub fn new(mut pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|a, b| a.0 == b.0);
        Self(pairs.into_boxed_slice())
    }

    /// The pairs in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v.as_ref()))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(k, _)| k.as_ref().cmp(key))
            .ok()
            .and_then(|i| self.0.get(i))
            .map(|(_, v)| v.as_ref())
    }

    /// How many pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn feed(&self, hash: &mut Xxh3) {
        for (k, v) in self.iter() {
            feed(hash, k);
            feed(hash, v);
        }
    }
}

/// Length first, so that ("ab","c") and ("a","bc") differ.
fn feed(hash: &mut Xxh3, text: &str) {
    hash.update(&text.len().to_le_bytes());
    hash.update(text.as_bytes());
}

/// What the points are about: the attributes of an OTLP resource.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    attributes: Attributes,
    hash: u128,
}

impl Resource {
    /// A resource with these attributes (`cloud.provider`, `cloud.account.id`, `cloud.region`, …).
    pub fn new(attributes: Attributes) -> Self {
        let mut hash = Xxh3::new();
        attributes.feed(&mut hash);
        Self {
            hash: hash.digest128(),
            attributes,
        }
    }

    /// Its attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// A stable hash of the attributes, to group by.
    pub fn key(&self) -> u128 {
        self.hash
    }
}

/// Whether points are per interval or totals since a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// What happened in the interval.
    Delta,
    /// What happened since the start time.
    Cumulative,
}

/// The OTLP shape of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value that was so at a time.
    Gauge,
    /// A sum over an interval.
    Sum {
        /// Delta or cumulative.
        temporality: Temporality,
        /// Never falls between resets.
        monotonic: bool,
    },
    /// A distribution over an interval.
    Histogram {
        /// Delta or cumulative.
        temporality: Temporality,
    },
}

/// A metric as its provider describes it; see [`Metric`].
#[derive(Clone, Debug)]
pub struct MetricSpec {
    /// Which cloud.
    pub cloud: Cloud,
    /// The cloud's grouping (`AWS/EC2`, `Microsoft.Compute/virtualMachines`, `compute.googleapis.com`).
    pub namespace: Arc<str>,
    /// The outgoing name (`aws.ec2.cpu_utilization.average`).
    pub name: Arc<str>,
    /// The cloud's own spelling (`CPUUtilization`).
    pub cloud_name: Arc<str>,
    /// The cloud's statistic or aggregation (`Average`), where it has such.
    pub statistic: Option<Arc<str>>,
    /// UCUM; empty when the cloud does not say.
    pub unit: Arc<str>,
    /// OTLP shape.
    pub kind: Kind,
    /// For people.
    pub description: Arc<str>,
}

/// An immutable [`MetricSpec`] with its hash.
#[derive(Debug)]
pub struct Metric {
    spec: MetricSpec,
    hash: u128,
}

impl Metric {
    /// Seals a description.
    pub fn new(spec: MetricSpec) -> Self {
        let mut hash = Xxh3::new();
        for part in [spec.cloud.as_str(), &*spec.namespace, &*spec.name, &*spec.unit] {
            feed(&mut hash, part);
        }
        feed(&mut hash, &format!("{:?}", spec.kind));
        Self {
            hash: hash.digest128(),
            spec,
        }
    }

    /// Its description.
    pub fn spec(&self) -> &MetricSpec {
        &self.spec
    }

    /// A stable hash of cloud, namespace, name, unit and kind, to group by.
    pub fn key(&self) -> u128 {
        self.hash
    }
}

/// Stable identity of a series: a hash of resource, metric and attributes that does not change between runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u128);

/// One line on a chart.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it is about.
    pub resource: Arc<Resource>,
    /// What is measured.
    pub metric: Arc<Metric>,
    /// Dimensions or labels, under the cloud's own names.
    pub attributes: Attributes,
}

impl Series {
    /// The identity.
    pub fn id(&self) -> SeriesId {
        let mut hash = Xxh3::new();
        hash.update(&self.resource.hash.to_le_bytes());
        hash.update(&self.metric.hash.to_le_bytes());
        self.attributes.feed(&mut hash);
        SeriesId(hash.digest128())
    }
}

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

/// Points of one series, oldest first, no two with the same end.
#[derive(Clone, Debug)]
pub struct SeriesPoints {
    /// The target it was asked for.
    pub target: crate::TargetId,
    /// Whose points.
    pub series: Series,
    /// The points.
    pub points: Vec<Point>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attrs(pairs: &[(&str, &str)]) -> Attributes {
        Attributes::new(
            pairs
                .iter()
                .map(|(k, v)| (Arc::from(*k), Arc::from(*v)))
                .collect(),
        )
    }

    #[test]
    fn identity_does_not_depend_on_the_order_of_attributes() {
        let a = Resource::new(attrs(&[("a", "1"), ("b", "2")]));
        let b = Resource::new(attrs(&[("b", "2"), ("a", "1")]));
        assert_eq!(a.key(), b.key());
        assert_ne!(a.key(), Resource::new(attrs(&[("a", "12"), ("b", "")])).key());
        assert_eq!(a.attributes().get("b"), Some("2"));
    }
}
