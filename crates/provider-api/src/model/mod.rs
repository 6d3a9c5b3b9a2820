//! Series and points as they leave a provider: already named, in UCUM units, with the cloud's own times.
//!
//! Resource and metric are shared (`Arc`) by all series that have them, so that a million series cost a million
//! attribute lists and not a million copies of a region's name.

mod attributes;
mod metric;
mod points;

pub use attributes::{Attributes, Pairs, Resource};
pub use metric::{Formerly, Kind, Metric, MetricSpec, Temporality};
pub use points::{Buckets, Exemplar, Histogram, Point, Value};

use crate::apart::{CLOUD_NAME, NAMESPACE};
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
        self.id_of(self.resource.identity(), self.metric.identity)
    }

    /// The identities that files of format 4 and of format 3 have; they may be alike.
    pub fn former_ids(&self) -> [SeriesId; 2] {
        let (resource, [metric_3, metric_4]) = (&self.resource, self.metric.former);
        [
            self.id_of(resource.identity(), metric_4),
            self.id_of(resource.former_identity(), metric_3),
        ]
    }

    fn id_of(&self, resource: u128, metric: u128) -> SeriesId {
        let mut hash = Xxh3::new();
        hash.update(&resource.to_le_bytes());
        hash.update(&metric.to_le_bytes());
        let spec = self.metric.spec();
        self.attributes.feed_but(&mut hash, |key, value| {
            (key == CLOUD_NAME && value == &*spec.cloud_name)
                || (key == NAMESPACE && value == &*spec.namespace)
        });
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
    use Temporality::{Cumulative, Delta};

    const KINDS: [Kind; 7] = [
        Kind::Gauge,
        sum(Delta, false),
        sum(Delta, true),
        sum(Cumulative, false),
        sum(Cumulative, true),
        Kind::Histogram { temporality: Delta },
        Kind::Histogram {
            temporality: Cumulative,
        },
    ];

    const fn sum(temporality: Temporality, monotonic: bool) -> Kind {
        Kind::Sum {
            temporality,
            monotonic,
        }
    }

    fn pair(k: &str, v: &str) -> Attributes {
        Attributes::new(vec![(k.into(), v.into())])
    }

    fn spec(cloud: Cloud, kind: Kind) -> MetricSpec {
        MetricSpec {
            cloud,
            namespace: "AWS/EC2".into(),
            name: "aws.ec2.cpu_utilization.average".into(),
            cloud_name: "CPUUtilization".into(),
            statistic: Some("Average".into()),
            unit: "%".into(),
            kind,
            description: "".into(),
        }
    }

    fn series(metric: Metric) -> Series {
        Series {
            resource: Arc::new(Resource::new(pair("cloud.region", "eu-west-1"))),
            metric: Arc::new(metric),
            attributes: pair("InstanceId", "i-1"),
        }
    }

    /// What the ledger knows of a series hangs on these numbers: they are in users' files.
    #[test]
    fn identities_are_pinned() {
        let of_kind = |kind| series(Metric::new(spec(Cloud::Aws, kind)));
        let ids = KINDS.map(|kind| of_kind(kind).id().0);
        assert_eq!(
            ids,
            [
                270_814_122_077_974_874_645_369_559_540_486_677_185,
                43_253_141_762_203_671_116_403_295_605_930_088_636,
                147_658_457_113_991_918_480_251_746_110_452_436_849,
                69_052_074_740_313_227_048_516_425_063_558_958_439,
                141_556_079_721_997_216_178_366_149_284_478_065_355,
                330_666_507_043_546_704_753_515_105_316_953_167_854,
                117_498_800_952_098_562_674_904_868_161_215_560_879
            ]
        );
        let former = KINDS.map(|kind| of_kind(kind).former_ids()[0].0);
        assert_eq!(
            former,
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

    #[test]
    fn a_series_is_known_by_the_clouds_name_and_not_by_ours() {
        let of = |change: fn(&mut MetricSpec)| {
            let mut changed = spec(Cloud::Aws, Kind::Gauge);
            change(&mut changed);
            series(Metric::new(changed))
        };
        let first = of(|_| {});
        let ours: [fn(&mut MetricSpec); 3] = [
            |s| s.unit = "1".into(),
            |s| s.name = "aws.ec2.cpu.average".into(),
            |s| s.description = "other".into(),
        ];
        for change in ours {
            assert_eq!(of(change).id(), first.id());
        }
        let the_clouds: [fn(&mut MetricSpec); 4] = [
            |s| s.cloud_name = "cpuUtilization".into(),
            |s| s.namespace = "aws/ec2".into(),
            |s| s.statistic = Some("Maximum".into()),
            |s| s.kind = sum(Delta, true),
        ];
        for change in the_clouds {
            assert_ne!(of(change).id(), first.id());
        }
        // With a file of format 4 all that had one name was one.
        assert_eq!(
            of(|s| s.cloud_name = "cpuUtilization".into()).former_ids(),
            first.former_ids()
        );
    }

    #[test]
    fn a_better_name_or_unit_leaves_what_older_files_have() {
        let first = series(Metric::new(spec(Cloud::Aws, Kind::Gauge)));
        let renamed = MetricSpec {
            name: "aws.ec2.other.average".into(),
            unit: "1".into(),
            ..spec(Cloud::Aws, Kind::Gauge)
        };
        let formerly = Formerly {
            name: Some("aws.ec2.cpu_utilization.average".into()),
            unit: Some("%".into()),
        };
        let renamed = series(Metric::renamed(renamed, &formerly));
        assert_eq!(renamed.former_ids(), first.former_ids());
    }

    #[test]
    fn azure_tells_no_upper_from_lower_case() {
        let of = |name: &str| {
            series(Metric::new(MetricSpec {
                cloud_name: name.into(),
                ..spec(Cloud::Azure, Kind::Gauge)
            }))
        };
        assert_eq!(of("Percentage CPU").id(), of("percentage cpu").id());
    }

    #[test]
    fn what_only_tells_apart_is_no_identity() {
        let plain = series(Metric::new(spec(Cloud::Aws, Kind::Gauge)));
        let with = |key: &str, value: &str| Series {
            attributes: plain.attributes.with(&[(key, value)]),
            ..plain.clone()
        };
        assert_eq!(with("cloud.metric.name", "CPUUtilization").id(), plain.id());
        assert_eq!(with("cloud.metrics.namespace", "AWS/EC2").id(), plain.id());
        assert_ne!(
            with("cloud.metric.name", "a dimension of somebody's").id(),
            plain.id()
        );
    }
}
