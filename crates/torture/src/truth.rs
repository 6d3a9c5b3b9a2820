//! Everything that the clouds publish, in the form in which it must arrive, and which series of the truth a series that
//! arrived is.

use crate::clouds::{AZURE_TYPES, Clouds, GCP_BUILT_IN, GCP_CUSTOM, NAMESPACES, STATISTICS};
use crate::tally;
use cloudsim::gcp::{GcpTruth, GcpValue};
use export::receiver::FlatPoint;
use provider_api::names::snake;
use std::collections::{BTreeMap, HashMap};

const NANOS: i64 = 1_000_000_000;
/// All buckets of AWS and Azure are a minute long here.
const PERIOD_S: i64 = 60;

/// What is known of one true point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct True {
    /// Hash of start and final value.
    pub(crate) value: u64,
    /// The same of the preliminary value, where it is another one.
    pub(crate) preliminary: Option<u64>,
    pub(crate) visible_unix_s: i64,
    /// It became visible later than its neighbours do.
    pub(crate) is_late: bool,
    /// When a point of this kind is normally taken at the latest.
    pub(crate) due_unix_s: i64,
}

/// The truth of a span of time.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    names: Vec<String>,
    by_name: HashMap<String, usize>,
    /// Google's series by metric type: labels do not say by themselves which attribute they become.
    google: HashMap<String, Vec<(usize, GcpTruth)>>,
    pub(crate) points: HashMap<(usize, u64), True>,
}

/// How long after its end the daemon may leave a point of a kind, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Where `settle` is told.
    pub(crate) fixed_s: i64,
    /// Where it is learnt.
    pub(crate) learnt_s: i64,
}

impl Truth {
    /// All points that end in `(from, to]`.
    pub(crate) fn new(clouds: &Clouds, (from_s, to_s): (i64, i64), patience: Patience) -> Self {
        let mut truth = Self::default();
        truth.add_aws(clouds, (from_s, to_s), patience.fixed_s);
        truth.add_azure(clouds, (from_s, to_s), patience.fixed_s);
        truth.add_google(clouds, (from_s, to_s), patience);
        truth
    }

    /// The name of a series, for people.
    pub(crate) fn name(&self, series: usize) -> &str {
        self.names.get(series).map_or("", String::as_str)
    }

    /// The true series that a point is of.
    pub(crate) fn series_of(&self, point: &FlatPoint) -> Option<usize> {
        let resource = |key: &str| point.resource.get(key).cloned().unwrap_or_default();
        let name = match resource("cloud.provider").as_str() {
            "aws" => series_name("aws", &resource("cloud.region"), &point.metric, &point.attributes),
            "azure" => {
                let id = resource("cloud.resource_id").to_lowercase();
                series_name("azure", &id, &point.metric, &point.attributes)
            }
            _ => return self.google_series_of(point),
        };
        self.by_name.get(&name).copied()
    }

    fn google_series_of(&self, point: &FlatPoint) -> Option<usize> {
        let candidates = self.google.get(point.metadata.get("cloud.metric.name")?)?;
        let mut same = candidates.iter().filter(|(_, truth)| is_of(point, truth));
        same.next()
            .map(|(series, _)| *series)
            .filter(|_| same.next().is_none())
    }

    fn add_aws(&mut self, clouds: &Clouds, (from_s, to_s): (i64, i64), patience_s: i64) {
        for stat in STATISTICS {
            let points = clouds.aws.truth();
            let points = points.points(from_s, to_s - PERIOD_S + 1, stat, PERIOD_S);
            for t in points.filter(|t| NAMESPACES.contains(&t.namespace)) {
                let service = snake(t.namespace.trim_start_matches("AWS/"));
                let metric = format!("aws.{service}.{}.{}", snake(t.metric), snake(stat));
                let dimensions = t.dimensions.into_iter().collect();
                let series = self.index(series_name("aws", t.region, &metric, &dimensions));
                let bucket = Bucket {
                    start_s: t.bucket_start_unix_s,
                    visible_unix_s: t.visible_unix_s,
                    value: t.value,
                    preliminary: t.preliminary,
                };
                self.add_bucket(series, &bucket, patience_s);
            }
        }
    }

    fn add_azure(&mut self, clouds: &Clouds, (from_s, to_s): (i64, i64), patience_s: i64) {
        let points = clouds
            .azure
            .truth()
            .points(from_s, to_s - PERIOD_S + 1, PERIOD_S, "primary");
        let wanted = |kind: &str| AZURE_TYPES.iter().any(|w| w.eq_ignore_ascii_case(kind));
        for t in points.into_iter().filter(|t| wanted(&t.resource_type)) {
            let parts = t.resource_type.trim_start_matches("Microsoft.").split(['/', '.']);
            let parts: Vec<String> = parts.map(snake).collect();
            let aggregation = t.aggregation.to_lowercase();
            let metric = format!("azure.{}.{}.{aggregation}", parts.join("."), snake(&t.metric));
            let id = t.resource_id.to_lowercase();
            let series = self.index(series_name("azure", &id, &metric, &BTreeMap::new()));
            let bucket = Bucket {
                start_s: t.bucket_start_unix_s,
                visible_unix_s: t.visible_unix_s,
                value: t.value,
                preliminary: t.preliminary,
            };
            self.add_bucket(series, &bucket, patience_s);
        }
    }

    fn add_google(&mut self, clouds: &Clouds, (from_s, to_s): (i64, i64), patience: Patience) {
        let all = clouds.gcp.truth().points(from_s, to_s);
        let usual = usual_delays(&all);
        for t in all {
            let is_custom = t.metric_type.starts_with(GCP_CUSTOM);
            let is_built_in = GCP_BUILT_IN.iter().any(|host| t.metric_type.starts_with(host));
            if (!is_custom && !is_built_in) || matches!(t.value, GcpValue::String(_)) {
                continue;
            }
            let patience_s = if is_custom {
                patience.fixed_s
            } else {
                patience.learnt_s
            };
            let is_late = usual
                .get(&t.metric_type)
                .is_some_and(|usual_s| t.visible_after_s > *usual_s);
            self.add_google_point(t, is_late, patience_s);
        }
    }

    fn add_google_point(&mut self, t: GcpTruth, is_late: bool, patience_s: i64) {
        let series = self.index(google_name(&t));
        let start_ns = unsigned(t.start_ns.unwrap_or(0));
        let end_s = t.end_ns.div_euclid(NANOS);
        let point = True {
            value: google_hash(start_ns, &t.value),
            preliminary: t.preliminary.as_ref().map(|value| google_hash(start_ns, value)),
            visible_unix_s: end_s + t.visible_after_s,
            is_late,
            due_unix_s: end_s + patience_s,
        };
        self.points.insert((series, unsigned(t.end_ns)), point);
        let known = self.google.entry(t.metric_type.clone()).or_default();
        if !known.iter().any(|(index, _)| *index == series) {
            known.push((series, t));
        }
    }

    fn add_bucket(&mut self, series: usize, bucket: &Bucket, patience_s: i64) {
        let start_ns = unsigned(bucket.start_s * NANOS);
        let end_s = bucket.start_s + PERIOD_S;
        let point = True {
            value: tally::double(start_ns, bucket.value),
            preliminary: bucket.preliminary.map(|value| tally::double(start_ns, value)),
            visible_unix_s: bucket.visible_unix_s,
            is_late: bucket.visible_unix_s > end_s,
            due_unix_s: end_s + patience_s,
        };
        self.points.insert((series, unsigned(end_s * NANOS)), point);
    }

    fn index(&mut self, name: String) -> usize {
        let next = self.names.len();
        *self.by_name.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }
}

struct Bucket {
    start_s: i64,
    visible_unix_s: i64,
    value: f64,
    preliminary: Option<f64>,
}

fn series_name(cloud: &str, place: &str, metric: &str, attributes: &BTreeMap<String, String>) -> String {
    format!("{cloud} {place} {metric} {attributes:?}")
}

fn google_name(t: &GcpTruth) -> String {
    format!(
        "gcp {} {} {:?} {:?}",
        t.project, t.metric_type, t.metric_labels, t.resource_labels
    )
}

/// How long after its end a point of each type is normally visible, in seconds: the least of all its points.
fn usual_delays(all: &[GcpTruth]) -> HashMap<String, i64> {
    let mut usual: HashMap<String, i64> = HashMap::new();
    for t in all {
        usual
            .entry(t.metric_type.clone())
            .and_modify(|least_s| *least_s = t.visible_after_s.min(*least_s))
            .or_insert(t.visible_after_s);
    }
    usual
}

/// Every label of the truth is on the point or its resource.
fn is_of(p: &FlatPoint, t: &GcpTruth) -> bool {
    let on_point = |k: &str, v: &String| p.attributes.get(k) == Some(v);
    let metric = t.metric_labels.iter().all(|(k, v)| on_point(k, v));
    let resource = t.resource_labels.iter().all(|(k, v)| {
        on_point(k, v) || on_point(&format!("resource.{k}"), v) || p.resource.values().any(|given| given == v)
    });
    metric && resource && p.resource.get("cloud.account.id") == Some(&t.project)
}

fn google_hash(start_ns: u64, value: &GcpValue) -> u64 {
    match value {
        GcpValue::Bool(flag) => tally::int(start_ns, i64::from(*flag)),
        GcpValue::Int(number) => tally::int(start_ns, *number),
        GcpValue::Double(number) => tally::double(start_ns, *number),
        // Nothing of this kind arrives: texts were left out.
        GcpValue::String(_) => 0,
        GcpValue::Distribution(d) => {
            let counts: Vec<u64> = d.bucket_counts.iter().map(|n| unsigned(*n)).collect();
            tally::histogram(start_ns, unsigned(d.count), &d.bounds, &counts)
        }
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
