//! Series and points as they leave a provider: already named, in UCUM units, with the cloud's own times.
//!
//! Resource and metric are shared (`Arc`) by all series that have them, so that a million series cost a million
//! attribute lists and not a million copies of a region's name.

mod attributes;
mod points;

pub use attributes::{Attributes, Pairs, Resource};
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

impl MetricSpec {
    fn hash(&self, namespace: &str) -> u128 {
        let mut hash = Xxh3::new();
        for part in [self.cloud.as_str(), namespace, &*self.name, &*self.unit] {
            feed(&mut hash, part);
        }
        feed(&mut hash, self.kind.identity());
        hash.digest128()
    }
}

/// An immutable [`MetricSpec`] with its hash.
#[derive(Debug)]
pub struct Metric {
    spec: MetricSpec,
    hash: u128,
    former_hash: u128,
}

impl Metric {
    /// Seals a description.
    pub fn new(spec: MetricSpec) -> Self {
        let former_hash = spec.hash(&spec.namespace);
        let hash = match spec.cloud {
            // Azure tells no upper from lower case, and the configuration may spell a type in any.
            Cloud::Azure => spec.hash(&spec.namespace.to_lowercase()),
            Cloud::Aws | Cloud::Gcp => former_hash,
        };
        Self {
            spec,
            hash,
            former_hash,
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

/// Stable identity of a series: a hash of what identifies its resource, of metric and attributes. It does not change
/// between runs, nor with what only describes the resource (tags, names for people).
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
        self.id_of(self.resource.identity(), self.metric.hash)
    }

    /// The identity that files of format 3 and older have, where it is another one.
    pub fn former_id(&self) -> Option<SeriesId> {
        let (resource, metric) = (&self.resource, &self.metric);
        let differs = resource.former_identity() != resource.identity() || metric.former_hash != metric.hash;
        differs.then(|| self.id_of(resource.former_identity(), metric.former_hash))
    }

    fn id_of(&self, resource: u128, metric: u128) -> SeriesId {
        let mut hash = Xxh3::new();
        hash.update(&resource.to_le_bytes());
        hash.update(&metric.to_le_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What the ledger knows of a series hangs on these numbers: they are in users' files.
    #[test]
    fn identities_are_pinned() {
        let kinds = [
            Kind::Gauge,
            Kind::Sum {
                temporality: Temporality::Delta,
                monotonic: false,
            },
            Kind::Sum {
                temporality: Temporality::Delta,
                monotonic: true,
            },
            Kind::Sum {
                temporality: Temporality::Cumulative,
                monotonic: false,
            },
            Kind::Sum {
                temporality: Temporality::Cumulative,
                monotonic: true,
            },
            Kind::Histogram {
                temporality: Temporality::Delta,
            },
            Kind::Histogram {
                temporality: Temporality::Cumulative,
            },
        ];
        let pair = |k: &str, v: &str| Attributes::new(vec![(k.into(), v.into())]);
        let ids: Vec<u128> = kinds
            .into_iter()
            .map(|kind| {
                let spec = MetricSpec {
                    cloud: Cloud::Aws,
                    namespace: "AWS/EC2".into(),
                    name: "aws.ec2.cpu_utilization.average".into(),
                    cloud_name: "CPUUtilization".into(),
                    statistic: Some("Average".into()),
                    unit: "%".into(),
                    kind,
                    description: "".into(),
                };
                let series = Series {
                    resource: Arc::new(Resource::new(pair("cloud.region", "eu-west-1"))),
                    metric: Arc::new(Metric::new(spec)),
                    attributes: pair("InstanceId", "i-1"),
                };
                series.id().0
            })
            .collect();
        assert_eq!(
            ids,
            [
                283_417_881_421_634_358_461_333_514_856_997_956_862,
                87_819_746_616_779_009_070_896_410_937_874_101_145,
                237_918_439_224_058_282_606_648_911_531_909_287_868,
                198_680_005_254_006_308_058_840_282_704_724_106_416,
                246_715_523_900_718_538_479_834_320_745_093_049_850,
                250_013_657_514_187_060_722_773_409_625_161_493_019,
                135_935_282_624_167_961_595_019_351_013_832_164_315,
            ]
        );
    }
}
