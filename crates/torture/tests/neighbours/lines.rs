//! What the store keeps of each point: what it is of, in the words of the truth, and its end.

use provider_api::{Cloud, Point, Series, SeriesPoints};
use std::fmt::Write as _;
use store::{Encode, Entry};

/// What a point is of: one series in AWS and Azure, all series of a metric type of one project in Google, where labels do
/// not say by themselves which attribute they become.
pub(crate) type Key = String;

#[derive(Debug)]
pub(crate) struct Lines;

impl Encode for Lines {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        let mut text = String::new();
        let mut all: Vec<Point> = Vec::new();
        for series in points {
            let key = key(&series.series);
            for point in series.points.clone() {
                writeln!(text, "{}\t{key}", point.end.0).expect("a string");
                all.push(point);
            }
        }
        let ends = || all.iter().map(|point| point.end);
        let (Some(oldest_end), Some(newest_end)) = (ends().min(), ends().max()) else {
            return Vec::new();
        };
        vec![Entry {
            raw_len: u32::try_from(text.len()).expect("small"),
            payload: text.into(),
            points: u32::try_from(all.len()).expect("few"),
            oldest_end,
            newest_end,
        }]
    }

    fn decode(&self, _entry: &Entry) -> Option<Vec<SeriesPoints>> {
        None
    }
}

/// Ends in nanoseconds, and of what.
pub(crate) fn read(entry: &Entry) -> Vec<(i64, Key)> {
    let lines = std::str::from_utf8(&entry.payload).expect("text").lines();
    let pair = |line: &str| {
        let (end, key) = line.split_once('\t').expect("a line of ours");
        (end.parse().expect("a number"), key.to_owned())
    };
    lines.map(pair).collect()
}

fn key(series: &Series) -> Key {
    let (metric, attributes) = (series.metric.spec(), series.resource.attributes());
    let attribute = |name| attributes.get(name).unwrap_or_default();
    match metric.cloud {
        Cloud::Aws => {
            let mut dimensions: Vec<(String, String)> = series
                .attributes
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            dimensions.sort();
            aws(
                attribute("cloud.region"),
                &metric.namespace,
                &metric.cloud_name,
                &dimensions,
            )
        }
        Cloud::Azure => azure(attribute("cloud.resource_id"), &metric.cloud_name),
        Cloud::Gcp => gcp(attribute("cloud.account.id"), &metric.cloud_name),
    }
}

pub(crate) fn aws(region: &str, namespace: &str, metric: &str, dimensions: &[(String, String)]) -> Key {
    format!("aws {region} {namespace} {metric} {dimensions:?}")
}

pub(crate) fn azure(id: &str, metric: &str) -> Key {
    format!("azure {} {metric}", id.to_lowercase())
}

pub(crate) fn gcp(project: &str, metric_type: &str) -> Key {
    format!("gcp {project} {metric_type}")
}
