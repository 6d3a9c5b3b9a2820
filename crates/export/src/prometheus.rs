//! A bounded table of latest values, rendered as Prometheus text with the points' own timestamps.
//!
//! For scraping through `/federate`. Serving it is the daemon's; so is telling people that a scrape sees the latest
//! point only. Delta sums are shown as gauges of their interval.

use crate::encode::Encoded;
use crate::recode::decode;
use crate::transport::{Transport, Verdict};
use async_trait::async_trait;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, Metric, NumberDataPoint, metric::Data,
    number_data_point::Value,
};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// At about 300 bytes a series, 30 MB.
const MAX_SERIES: usize = 100_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// The latest value of each series.
#[derive(Debug, Default)]
pub struct Latest {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    families: BTreeMap<String, Family>,
    series: usize,
}

#[derive(Debug)]
struct Family {
    kind: &'static str,
    samples: HashMap<String, (String, u64)>,
}

impl Latest {
    /// The table as `text/plain; version=0.0.4`.
    pub fn render(&self) -> String {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::with_capacity(table.series * 160);
        for (name, family) in &table.families {
            let head = format!("# TYPE {name} {}\n", family.kind);
            out.push_str(&head);
            for (labels, (value, time)) in &family.samples {
                let line = format!("{name}{{{labels}}} {value} {time}\n");
                out.push_str(&line);
            }
        }
        out
    }

    /// How many series it holds.
    pub fn series(&self) -> usize {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).series
    }
}

#[async_trait]
impl Transport for Latest {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        let request = match decode(batch) {
            Ok(request) => request,
            Err(e) => return Verdict::Drop { why: e.to_string() },
        };
        let mut rejected = 0;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        for r in &request.resource_metrics {
            let resource = r.resource.as_ref().map_or(&[][..], |r| &r.attributes);
            for m in r.scope_metrics.iter().flat_map(|s| &s.metrics) {
                rejected += table.take(m, resource);
            }
        }
        let message = if rejected > 0 {
            format!("the table is full at {MAX_SERIES} series")
        } else {
            String::new()
        };
        Verdict::Delivered { rejected, message }
    }
}

impl Table {
    /// Takes all points of a metric and says how many did not fit.
    fn take(&mut self, m: &Metric, resource: &[KeyValue]) -> i64 {
        let name = sanitise(&m.name);
        let numbers = |table: &mut Self, kind, points: &[NumberDataPoint]| {
            points
                .iter()
                .map(|p| table.number(&name, kind, p, resource))
                .sum()
        };
        match &m.data {
            Some(Data::Gauge(d)) => numbers(self, "gauge", &d.data_points),
            Some(Data::Sum(d)) => {
                let total =
                    d.is_monotonic && d.aggregation_temporality() == AggregationTemporality::Cumulative;
                numbers(self, if total { "counter" } else { "gauge" }, &d.data_points)
            }
            Some(Data::Histogram(d)) => d
                .data_points
                .iter()
                .map(|p| self.histogram(&name, p, resource))
                .sum(),
            Some(Data::ExponentialHistogram(_) | Data::Summary(_)) | None => 0, // we make none
        }
    }

    fn number(&mut self, name: &str, kind: &'static str, p: &NumberDataPoint, resource: &[KeyValue]) -> i64 {
        let value = match p.value {
            Some(Value::AsDouble(v)) => v.to_string(),
            Some(Value::AsInt(v)) => v.to_string(),
            None => return 0,
        };
        i64::from(!self.put(
            name,
            kind,
            labels(&p.attributes, resource, None),
            value,
            p.time_unix_nano,
        ))
    }

    /// Buckets, sum and count as series of their own; the histogram type would promise running totals.
    fn histogram(&mut self, name: &str, p: &HistogramDataPoint, resource: &[KeyValue]) -> i64 {
        let time = p.time_unix_nano;
        let plain = labels(&p.attributes, resource, None);
        let mut fits = self.put(
            &format!("{name}_count"),
            "gauge",
            plain.clone(),
            p.count.to_string(),
            time,
        );
        if let Some(sum) = p.sum {
            fits &= self.put(&format!("{name}_sum"), "gauge", plain, sum.to_string(), time);
        }
        let bounds = p
            .explicit_bounds
            .iter()
            .map(f64::to_string)
            .chain(["+Inf".to_owned()]);
        let mut total = 0_u64;
        for (bound, count) in bounds.zip(&p.bucket_counts) {
            total = total.saturating_add(*count);
            let le = labels(&p.attributes, resource, Some(&bound));
            fits &= self.put(&format!("{name}_bucket"), "gauge", le, total.to_string(), time);
        }
        i64::from(!fits)
    }

    /// False when the table is full.
    fn put(&mut self, name: &str, kind: &'static str, labels: String, value: String, nanos: u64) -> bool {
        let time = nanos / NANOS_PER_MILLI;
        let known = self
            .families
            .get_mut(name)
            .and_then(|f| f.samples.get_mut(&labels));
        if let Some(known) = known {
            if known.1 <= time {
                *known = (value, time);
            }
            return true;
        }
        if self.series >= MAX_SERIES {
            return false;
        }
        self.series += 1;
        let family = self.families.entry(name.to_owned());
        family
            .or_insert_with(|| Family {
                kind,
                samples: HashMap::new(),
            })
            .samples
            .insert(labels, (value, time));
        true
    }
}

/// Point attributes first; where two names become one, the first stays.
fn labels(point: &[KeyValue], resource: &[KeyValue], le: Option<&str>) -> String {
    let mut map: BTreeMap<String, &str> = BTreeMap::new();
    map.extend(le.map(|le| ("le".to_owned(), le)));
    for a in point.iter().chain(resource) {
        if let Some(Any::StringValue(v)) = a.value.as_ref().and_then(|v| v.value.as_ref()) {
            map.entry(sanitise(&a.key)).or_insert(v);
        }
    }
    let mut out = String::new();
    for (k, v) in map {
        let comma = if out.is_empty() { "" } else { "," };
        let v = v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(out, "{comma}{k}=\"{v}\"").unwrap_or_default(); // a String takes everything
    }
    out
}

fn sanitise(name: &str) -> String {
    let mut out: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}
