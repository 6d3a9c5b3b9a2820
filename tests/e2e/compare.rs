//! Every point that the simulators say there is, against every point that arrived.

use crate::setup::{AZURE_TYPES, GCP_HOSTS, NAMESPACES, NANOS, STATISTICS, Setup};
use cloudsim::gcp::{GcpTruth, GcpValue, Kind};
use export::receiver::{FlatPoint, FlatValue};
use provider_api::names::snake;
use std::collections::HashMap;

/// A point as it must arrive, for the clouds that stamp buckets.
pub struct Wanted {
    start_s: i64,
    value: f64,
    sum: bool,
    /// The cloud's own word for the unit.
    unit: String,
}

type Key = (String, String, Vec<(String, String)>, i64);

pub fn wanted_aws(setup: &Setup) -> HashMap<Key, Wanted> {
    let mut wanted = HashMap::new();
    for stat in STATISTICS {
        for t in setup
            .clouds
            .aws
            .truth()
            .points(setup.window.from, setup.window.to, stat, 60)
        {
            if !NAMESPACES.contains(&t.namespace) {
                continue;
            }
            let service = snake(t.namespace.trim_start_matches("AWS/"));
            let name = format!("aws.{service}.{}.{}", snake(t.metric), snake(stat));
            let mut dimensions = t.dimensions.clone();
            dimensions.sort();
            let point = Wanted {
                start_s: t.bucket_start_unix_s,
                value: t.value,
                sum: stat == "Sum",
                unit: t.unit.to_owned(),
            };
            wanted.insert(
                (t.region.to_string(), name, dimensions, t.bucket_start_unix_s + 60),
                point,
            );
        }
    }
    wanted
}

pub fn wanted_azure(setup: &Setup) -> HashMap<Key, Wanted> {
    let mut wanted = HashMap::new();
    for t in setup
        .clouds
        .azure
        .truth()
        .points(setup.window.from, setup.window.to, 60, "primary")
    {
        if !AZURE_TYPES
            .iter()
            .any(|w| w.eq_ignore_ascii_case(&t.resource_type))
        {
            continue;
        }
        let parts: Vec<String> = t
            .resource_type
            .trim_start_matches("Microsoft.")
            .split(['/', '.'])
            .map(snake)
            .collect();
        let aggregation = t.aggregation.to_lowercase();
        let name = format!("azure.{}.{}.{aggregation}", parts.join("."), snake(&t.metric));
        let sum = aggregation == "total" || aggregation == "count";
        let point = Wanted {
            start_s: t.bucket_start_unix_s,
            value: t.value,
            sum,
            unit: t.unit,
        };
        wanted.insert(
            (
                t.resource_id.to_lowercase(),
                name,
                Vec::new(),
                t.bucket_start_unix_s + 60,
            ),
            point,
        );
    }
    wanted
}

/// Every wanted point arrived once with its value, start, kind and temporality, and nothing else did.
pub fn same(cloud: &str, wanted: HashMap<Key, Wanted>, arrived: &[FlatPoint], place: &str) {
    let mut wanted = wanted;
    assert!(
        wanted.len() > 100,
        "{cloud}: only {} points to compare",
        wanted.len()
    );
    let compared = wanted.len();
    for p in arrived
        .iter()
        .filter(|p| p.resource.get("cloud.provider").is_some_and(|c| c == cloud))
    {
        let end = i64::try_from(p.time).unwrap() / NANOS;
        let place = p.resource.get(place).map(|v| {
            if cloud == "azure" {
                v.to_lowercase()
            } else {
                v.clone()
            }
        });
        let attributes: Vec<(String, String)> = p.attributes.clone().into_iter().collect();
        let key = (place.unwrap_or_default(), p.metric.clone(), attributes, end);
        let want = wanted
            .remove(&key)
            .unwrap_or_else(|| panic!("{cloud}: not wanted, or twice: {p:?}"));
        assert_eq!(i64::try_from(p.start).unwrap(), want.start_s * NANOS, "{p:?}");
        assert!(
            matches!(&p.value, FlatValue::Double(v) if v.to_bits() == want.value.to_bits()),
            "{p:?} is not {}",
            want.value
        );
        let kind = if want.sum {
            ("sum", Some("delta"))
        } else {
            ("gauge", None)
        };
        assert_eq!((p.kind, p.temporality), kind, "{p:?}");
        assert!(
            fits(&want.unit, &p.unit),
            "the cloud's unit is {}: {p:?}",
            want.unit
        );
    }
    assert!(
        wanted.is_empty(),
        "{cloud}: {} of {compared} missing, e.g. {:?}",
        wanted.len(),
        wanted.keys().next()
    );
    println!("{cloud}: {compared} points compared");
}

pub fn wanted_gcp(setup: &Setup) -> Vec<GcpTruth> {
    let mut all = setup
        .clouds
        .gcp
        .truth()
        .points(setup.window.from, setup.window.to);
    all.retain(|t| {
        GCP_HOSTS
            .iter()
            .any(|h| t.metric_type.starts_with(&format!("{h}/")))
            && !matches!(t.value, GcpValue::String(_))
    });
    all
}

pub fn same_gcp(wanted: &[GcpTruth], arrived: &[FlatPoint]) {
    assert!(wanted.len() > 100);
    let mut by_type: HashMap<(String, i64), Vec<&FlatPoint>> = HashMap::new();
    let mut total = 0;
    for p in arrived
        .iter()
        .filter(|p| p.resource.get("cloud.provider").is_some_and(|c| c == "gcp"))
    {
        let key = (
            p.metadata.get("cloud.metric.name").cloned().unwrap(),
            i64::try_from(p.time).unwrap(),
        );
        by_type.entry(key).or_default().push(p);
        total += 1;
    }
    for t in wanted {
        let candidates = by_type
            .get(&(t.metric_type.clone(), t.end_ns))
            .map_or(&[][..], Vec::as_slice);
        let matching: Vec<_> = candidates.iter().filter(|p| is_of(p, t)).collect();
        assert_eq!(matching.len(), 1, "{} candidates for {t:?}", candidates.len());
        check_gcp(matching.first().unwrap(), t);
    }
    assert_eq!(total, wanted.len(), "gcp: more arrived than there is");
    println!("gcp: {total} points compared");
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

fn check_gcp(p: &FlatPoint, t: &GcpTruth) {
    let start = t.start_ns.map_or(0, |s| u64::try_from(s).unwrap());
    assert_eq!(p.start, start, "{p:?}");
    // `1` is for ratios; Google has it for counts and for what has no unit as well.
    let unit = match (t.unit.as_str(), &t.value) {
        ("10^2.%", _) => "1",
        ("1", GcpValue::Int(_)) => "{count}",
        ("1", _) => "",
        (other, _) => other,
    };
    assert_eq!(p.unit, unit, "{p:?}");
    let temporality = match t.kind {
        // A distribution is of an interval even where Google calls it a gauge.
        Kind::Gauge if matches!(t.value, GcpValue::Distribution(_)) => Some("delta"),
        Kind::Gauge => None,
        Kind::Delta => Some("delta"),
        Kind::Cumulative => Some("cumulative"),
    };
    match (&t.value, &p.value) {
        (GcpValue::Int(want), FlatValue::Int(got)) => assert_eq!(got, want),
        (GcpValue::Bool(want), FlatValue::Int(got)) => assert_eq!(*got, i64::from(*want)),
        (GcpValue::Double(want), FlatValue::Double(got)) => {
            assert_eq!(got.to_bits(), want.to_bits(), "{p:?}");
        }
        (
            GcpValue::Distribution(want),
            FlatValue::Histogram {
                count,
                counts,
                bounds,
                ..
            },
        ) => {
            assert_eq!(i64::try_from(*count).unwrap(), want.count);
            let counts: Vec<i64> = counts.iter().map(|&c| i64::try_from(c).unwrap()).collect();
            assert_eq!(counts, want.bucket_counts);
            assert_eq!(bounds, &want.bounds);
        }
        other => panic!("another type: {other:?}"),
    }
    assert_eq!(p.temporality, temporality, "{p:?}");
}

/// Whether a UCUM unit says the same as the cloud's word. A count is of something (`{request}`) or just `1`.
fn fits(word: &str, ucum: &str) -> bool {
    match word {
        "Percent" => ucum == "%",
        "Bytes" => ucum == "By",
        "Bytes/Second" | "BytesPerSecond" => ucum == "By/s",
        "Seconds" => ucum == "s",
        "Milliseconds" | "MilliSeconds" => ucum == "ms",
        "Count" | "None" => ucum == "1" || (ucum.starts_with('{') && ucum.ends_with('}')),
        "Count/Second" | "CountPerSecond" => ucum.ends_with("/s"),
        _ => panic!("a unit that this test does not know: {word}"),
    }
}
