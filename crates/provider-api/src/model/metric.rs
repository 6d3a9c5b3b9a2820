//! What is measured: a metric as its provider describes it, and the hashes by which it is known.

use super::Cloud;
use super::attributes::feed;
use crate::names::{shown, shown_short};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

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

impl Kind {
    /// What stands for the kind in the identities on disk: the words are those of the first version and never change.
    fn identity(self) -> &'static str {
        use Temporality::{Cumulative, Delta};
        match self {
            Self::Gauge => "Gauge",
            Self::Sum {
                temporality: Delta,
                monotonic: false,
            } => "Sum { temporality: Delta, monotonic: false }",
            Self::Sum {
                temporality: Delta,
                monotonic: true,
            } => "Sum { temporality: Delta, monotonic: true }",
            Self::Sum {
                temporality: Cumulative,
                monotonic: false,
            } => "Sum { temporality: Cumulative, monotonic: false }",
            Self::Sum {
                temporality: Cumulative,
                monotonic: true,
            } => "Sum { temporality: Cumulative, monotonic: true }",
            Self::Histogram { temporality: Delta } => "Histogram { temporality: Delta }",
            Self::Histogram {
                temporality: Cumulative,
            } => "Histogram { temporality: Cumulative }",
        }
    }
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

/// How files of format 4 and older have a metric, where it is not as today.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formerly {
    /// The outgoing name.
    pub name: Option<Arc<str>>,
    /// The unit.
    pub unit: Option<Arc<str>>,
}

impl MetricSpec {
    /// The outgoing name without its statistic.
    pub(crate) fn base_name(&self) -> &str {
        match (&self.statistic, self.name.rsplit_once('.')) {
            (Some(_), Some((base, _))) => base,
            _ => &self.name,
        }
    }

    /// What tells a metric from others: the cloud's own name and statistic. Neither our name for it nor its unit counts, so
    /// that better ones leave a series what it is.
    fn identity(&self) -> u128 {
        let (namespace, name) = match self.cloud {
            // Azure tells no upper from lower case, and the configuration may spell a type in any.
            Cloud::Azure => (self.namespace.to_lowercase(), self.cloud_name.to_lowercase()),
            Cloud::Aws | Cloud::Gcp => (self.namespace.to_string(), self.cloud_name.to_string()),
        };
        let statistic = self.statistic.as_deref().unwrap_or_default();
        hash_of([
            self.cloud.as_str(),
            &namespace,
            &name,
            statistic,
            self.kind.identity(),
        ])
    }

    /// What files of format 4 have for it.
    fn of_format_4(&self, namespace: &str, formerly: &Formerly) -> u128 {
        let name = formerly.name.as_deref().unwrap_or(&self.name);
        let unit = formerly.unit.as_deref().unwrap_or(&self.unit);
        hash_of([self.cloud.as_str(), namespace, name, unit, self.kind.identity()])
    }

    fn key(&self) -> u128 {
        let (namespace, statistic) = (&*self.namespace, self.statistic.as_deref().unwrap_or_default());
        let cloud = self.cloud.as_str();
        hash_of([
            cloud,
            namespace,
            &self.cloud_name,
            statistic,
            &self.name,
            &self.unit,
            self.kind.identity(),
        ])
    }
}

fn hash_of<const N: usize>(pieces: [&str; N]) -> u128 {
    let mut hash = Xxh3::new();
    for piece in pieces {
        feed(&mut hash, piece);
    }
    hash.digest128()
}

/// An immutable [`MetricSpec`] with its hashes.
#[derive(Debug)]
pub struct Metric {
    spec: MetricSpec,
    key: u128,
    pub(super) identity: u128,
    place: u128,
    /// What files of format 3 and of format 4 have for its identity.
    pub(super) former: [u128; 2],
}

impl Metric {
    /// Seals a description that has been as it is since the first version.
    pub fn new(spec: MetricSpec) -> Self {
        Self::renamed(spec, &Formerly::default())
    }

    /// Seals a description of which files of older versions have another name or unit.
    pub fn renamed(spec: MetricSpec, formerly: &Formerly) -> Self {
        let namespace = match spec.cloud {
            Cloud::Azure => &spec.namespace.to_lowercase(),
            Cloud::Aws | Cloud::Gcp => &*spec.namespace,
        };
        Self {
            former: [
                spec.of_format_4(&spec.namespace, formerly),
                spec.of_format_4(namespace, formerly),
            ],
            key: spec.key(),
            identity: spec.identity(),
            place: place(&spec),
            spec,
        }
    }

    /// Its description.
    pub fn spec(&self) -> &MetricSpec {
        &self.spec
    }

    /// A stable hash of the whole description but its texts for people, to group by.
    pub fn key(&self) -> u128 {
        self.key
    }

    /// A stable hash of the outgoing name as back ends show it, without the statistic: metrics that are alike in it meet.
    pub(crate) fn place(&self) -> u128 {
        self.place
    }

    /// Whether it is the same metric to its cloud, whatever the statistic.
    pub(crate) fn is_spelled_like(&self, namespace: &str, name: &str) -> bool {
        let spec = &self.spec;
        match spec.cloud {
            Cloud::Azure => same(&spec.namespace, namespace) && same(&spec.cloud_name, name),
            Cloud::Aws | Cloud::Gcp => &*spec.namespace == namespace && &*spec.cloud_name == name,
        }
    }
}

/// With a statistic behind it, no unit makes an end of it.
fn place(spec: &MetricSpec) -> u128 {
    let base = spec.base_name();
    match spec.statistic {
        Some(_) => hash_of([&shown(base)]),
        None => hash_of([&shown_short(base)]),
    }
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}
