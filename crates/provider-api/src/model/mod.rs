//! Series and points as they leave a provider: already named, in UCUM units, with the cloud's own times.
//!
//! Resource and metric are shared (`Arc`) by all series that have them, so that a million series cost a million
//! attribute lists and not a million copies of a region's name.

mod attributes;
mod points;

pub use attributes::{Attributes, Resource};
pub use points::{Buckets, Exemplar, Histogram, Point, Value};

use attributes::feed;
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
        hash.update(&self.resource.key().to_le_bytes());
        hash.update(&self.metric.hash.to_le_bytes());
        self.attributes.feed(&mut hash);
        SeriesId(hash.digest128())
    }
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
