//! From Azure's values to points: names, units, kinds, times and dimensions. Pure. Anything that cannot be a point is
//! counted by reason and the rest goes on.

use crate::target::{Aggregation, AskedMetric, Question, TargetDetail, parse_iso};
use crate::wire::{DataPoint, MetricValues, ResourceValues, TimeSeries};
use provider_api::names::snake;
use provider_api::{
    Attributes, Cloud, ErrorKind, Kind, Metric, MetricSpec, Point, Series, SeriesId, SeriesPoints,
    SkipReason, Skipped, TargetId, Temporality, UnixNanos, Value, Window,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Metrics of one call by (name, aggregation, unit), so that all its resources share them.
pub(crate) type Metrics = HashMap<(Arc<str>, Aggregation, String), Arc<Metric>>;

/// What one resource's answer gave.
#[derive(Debug, Default)]
pub(crate) struct Converted {
    pub(crate) series: Vec<SeriesPoints>,
    pub(crate) skipped: BTreeMap<(SkipReason, Arc<str>), u64>,
    /// The first metric that failed by itself.
    pub(crate) failure: Option<(ErrorKind, String)>,
    /// Asked metrics that the answer does not mention.
    pub(crate) missing: Vec<Arc<str>>,
    /// Metrics whose series count reached `top`.
    pub(crate) full: Vec<Arc<str>>,
}

impl Converted {
    fn skip(&mut self, reason: SkipReason, metric: &Arc<str>, points: usize) {
        let points = u64::try_from(points).unwrap_or(u64::MAX);
        *self.skipped.entry((reason, metric.clone())).or_default() += points;
    }

    /// The counts as the contract wants them.
    pub(crate) fn skips(&self) -> Vec<Skipped> {
        let one = |((reason, metric), points): (&(SkipReason, Arc<str>), &u64)| Skipped {
            reason: *reason,
            metric: metric.clone(),
            points: *points,
        };
        self.skipped.iter().map(one).collect()
    }
}

/// The points of one resource. `asked` are the metrics that this request named.
pub(crate) fn convert(
    values: &ResourceValues,
    target: (TargetId, &TargetDetail),
    asked: &[AskedMetric],
    window: Window,
    metrics: &mut Metrics,
) -> Converted {
    let mut out = Converted::default();
    let mut missing: Vec<&AskedMetric> = asked.iter().collect();
    let grain_kept = values
        .interval
        .as_deref()
        .is_none_or(|i| parse_iso(i) == Some(target.1.question.grain));
    for metric in &values.value {
        let found = missing
            .iter()
            .position(|m| m.name.eq_ignore_ascii_case(&metric.name.value));
        let Some(found) = found else {
            out.skip(
                SkipReason::BadShape,
                &metric.name.value.as_str().into(),
                points_of(metric),
            );
            continue;
        };
        let known = missing.swap_remove(found);
        if let Some(failure) = failed(metric) {
            out.failure.get_or_insert(failure);
        } else if grain_kept {
            one_metric(metric, target, known, window, metrics, &mut out);
        } else {
            // Another grain than asked for: the ends of the buckets are unknown.
            out.skip(SkipReason::BadShape, &known.name, points_of(metric));
        }
    }
    out.missing = missing.into_iter().map(|m| m.name.clone()).collect();
    out
}

fn points_of(metric: &MetricValues) -> usize {
    metric.timeseries.iter().map(|t| t.data.len()).sum()
}

/// A failure inside a 200, which leaves the other metrics intact.
fn failed(metric: &MetricValues) -> Option<(ErrorKind, String)> {
    let code = metric
        .error_code
        .as_deref()
        .filter(|c| !c.is_empty() && !c.eq_ignore_ascii_case("Success"))?;
    let words = metric.error_message.as_deref().unwrap_or_default();
    let kind = match code {
        c if c.contains("Throttl") => ErrorKind::Throttled { retry_after: None },
        c if c.starts_with("Internal") || c.contains("Timeout") => {
            ErrorKind::Unavailable { retry_after: None }
        }
        _ => ErrorKind::InvalidRequest,
    };
    Some((kind, format!("{}: {code}: {words}", metric.name.value)))
}

fn one_metric(
    values: &MetricValues,
    target: (TargetId, &TargetDetail),
    asked: &AskedMetric,
    window: Window,
    metrics: &mut Metrics,
    out: &mut Converted,
) {
    let question = &target.1.question;
    let mut seen: HashSet<SeriesId> = HashSet::new();
    for line in &values.timeseries {
        let attributes = dimensions(line, question);
        for aggregation in &question.aggregations {
            let points = points(line, *aggregation, question, window, &asked.name, out);
            if points.is_empty() {
                continue;
            }
            let metric = metric(question, asked, *aggregation, &values.unit, metrics);
            let series = Series {
                resource: target.1.resource.clone(),
                metric,
                attributes: attributes.clone(),
            };
            if seen.insert(series.id()) {
                out.series.push(SeriesPoints {
                    target: target.0,
                    series,
                    points,
                });
            } else {
                out.skip(SkipReason::Repeated, &asked.name, points.len());
            }
        }
    }
    let top = usize::try_from(question.top).unwrap_or(usize::MAX);
    if !question.dimensions.is_empty() && values.timeseries.len() >= top {
        out.full.push(asked.name.clone());
    }
}

/// Answers lower-case the names of dimensions: they get the definition's spelling back.
fn dimensions(line: &TimeSeries, question: &Question) -> Attributes {
    let spelling = |given: &str| -> Arc<str> {
        let known = question.dimensions.iter().find(|d| d.eq_ignore_ascii_case(given));
        known.cloned().unwrap_or_else(|| given.into())
    };
    Attributes::new(
        line.dimensions
            .iter()
            .map(|d| (spelling(&d.name.value), d.value.as_str().into()))
            .collect(),
    )
}

fn points(
    line: &TimeSeries,
    aggregation: Aggregation,
    question: &Question,
    window: Window,
    name: &Arc<str>,
    out: &mut Converted,
) -> Vec<Point> {
    let mut points: BTreeMap<UnixNanos, Point> = BTreeMap::new();
    for data in &line.data {
        // An absent key is a bucket without data; zero is data only when the key is there.
        let Some(value) = value(data, aggregation) else {
            continue;
        };
        match point(data, value, question, window) {
            Ok(point) => {
                if points.insert(point.end, point).is_some() {
                    out.skip(SkipReason::Repeated, name, 1);
                }
            }
            Err(reason) => out.skip(reason, name, 1),
        }
    }
    points.into_values().collect()
}

fn value(data: &DataPoint, aggregation: Aggregation) -> Option<f64> {
    match aggregation {
        Aggregation::Average => data.average,
        Aggregation::Count => data.count,
        Aggregation::Maximum => data.maximum,
        Aggregation::Minimum => data.minimum,
        Aggregation::Total => data.total,
    }
}

fn point(data: &DataPoint, value: f64, question: &Question, window: Window) -> Result<Point, SkipReason> {
    let start = time(&data.time_stamp).ok_or(SkipReason::BadTime)?;
    if start.floor(question.grain) != start {
        return Err(SkipReason::BadTime);
    }
    let end = start.plus(question.grain);
    if !window.holds(end) {
        return Err(SkipReason::OutsideWindow);
    }
    if !value.is_finite() {
        return Err(SkipReason::NotFinite);
    }
    Ok(Point {
        start: Some(start),
        end,
        value: Value::Double(value),
    })
}

fn time(text: &str) -> Option<UnixNanos> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().map(UnixNanos)
}

fn metric(
    question: &Question,
    asked: &AskedMetric,
    aggregation: Aggregation,
    unit: &str,
    metrics: &mut Metrics,
) -> Arc<Metric> {
    let make = || {
        Arc::new(Metric::new(MetricSpec {
            cloud: Cloud::Azure,
            namespace: question.namespace.clone(),
            name: format!(
                "{}.{}.{}",
                prefix(&question.namespace),
                snake(&asked.name),
                aggregation.suffix()
            )
            .into(),
            cloud_name: asked.name.clone(),
            statistic: Some(aggregation.word().into()),
            unit: unit_of(unit, aggregation).into(),
            kind: kind(unit, aggregation),
            description: asked.description.clone(),
        }))
    };
    metrics
        .entry((asked.name.clone(), aggregation, unit.to_owned()))
        .or_insert_with(make)
        .clone()
}

/// `Microsoft.Storage/storageAccounts/blobServices` → `azure.storage.storage_accounts.blob_services`.
fn prefix(namespace: &str) -> String {
    const VENDOR: &str = "microsoft.";
    let own = match namespace.get(..VENDOR.len()) {
        Some(start) if start.eq_ignore_ascii_case(VENDOR) => {
            namespace.get(VENDOR.len()..).unwrap_or_default()
        }
        _ => namespace,
    };
    own.split('/')
        .map(snake)
        .fold("azure".to_owned(), |name, part| format!("{name}.{part}"))
}

/// Total and Count are what happened in the bucket; the others are gauges. A count of samples never falls, nor does a
/// total of things counted or bytes moved; a total of anything else (a percent, a temperature) may.
fn kind(unit: &str, aggregation: Aggregation) -> Kind {
    let sum = |monotonic| Kind::Sum {
        temporality: Temporality::Delta,
        monotonic,
    };
    match aggregation {
        Aggregation::Count => sum(true),
        Aggregation::Total => sum(matches!(unit, "Count" | "Bytes")),
        Aggregation::Average | Aggregation::Maximum | Aggregation::Minimum => Kind::Gauge,
    }
}

/// UCUM. The list of Azure's units is open: a new word stays, in braces.
fn unit_of(unit: &str, aggregation: Aggregation) -> String {
    if aggregation == Aggregation::Count {
        return "1".to_owned();
    }
    let known = match unit {
        "Count" | "Unspecified" => "1",
        "Bytes" => "By",
        "Seconds" => "s",
        "MilliSeconds" => "ms",
        "CountPerSecond" => "1/s",
        "BytesPerSecond" => "By/s",
        "BitsPerSecond" => "bit/s",
        "Percent" => "%",
        "ByteSeconds" => "By.s",
        "Cores" => "{core}",
        "MilliCores" => "10*-3{core}",
        "NanoCores" => "10*-9{core}",
        "" => "",
        other => return format!("{{{other}}}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{question, target, window};
    use crate::target::TargetDetail;

    fn asked(q: &Arc<Question>, body: &str, w: Window) -> Converted {
        let values: ResourceValues = serde_json::from_str(body).expect("a body");
        let t = target("/subscriptions/s/A", q);
        let detail: &TargetDetail = crate::plan::detail(&t).expect("ours");
        convert(&values, (t.id, detail), &q.metrics, w, &mut Metrics::new())
    }

    const INGRESS: &str = r#"{"interval":"PT1M","value":[{"name":{"value":"ingress"},"unit":"Bytes","timeseries":[
        {"metadatavalues":[],"data":[
          {"timeStamp":"1970-01-01T00:02:00Z","total":3,"average":1.5},
          {"timeStamp":"1970-01-01T00:01:00Z","total":0},
          {"timeStamp":"1970-01-01T00:03:00Z"},
          {"timeStamp":"1970-01-01T00:03:30Z","total":1},
          {"timeStamp":"1970-01-01T00:09:00Z","total":1}]}],"errorCode":"Success"}]}"#;

    #[test]
    fn a_bucket_ends_a_grain_after_its_stamp_and_no_key_is_no_point() {
        let q = question("r", &["Ingress"], &[Aggregation::Average, Aggregation::Total]);
        let got = asked(&q, INGRESS, window(60, 300));
        let total = got
            .series
            .iter()
            .find(|s| s.series.metric.spec().statistic.as_deref() == Some("Total"));
        let total = total.expect("a total");
        let spec = total.series.metric.spec();
        assert_eq!(&*spec.name, "azure.storage.storage_accounts.ingress.total");
        assert_eq!((&*spec.unit, &*spec.cloud_name), ("By", "Ingress"));
        assert_eq!(
            spec.kind,
            Kind::Sum {
                temporality: Temporality::Delta,
                monotonic: true
            }
        );
        let at = |s| UnixNanos::from_seconds(s);
        let point = |s, e, v| Point {
            start: Some(at(s)),
            end: at(e),
            value: Value::Double(v),
        };
        assert_eq!(total.points, [point(60, 120, 0.0), point(120, 180, 3.0)]);
        assert_eq!(got.series.len(), 2);
        let skips: Vec<_> = got.skips().iter().map(|s| (s.reason, s.points)).collect();
        assert_eq!(skips, [(SkipReason::BadTime, 1), (SkipReason::OutsideWindow, 1)]);
        assert!(got.missing.is_empty() && got.failure.is_none());
    }

    #[test]
    fn a_failed_metric_leaves_the_others_and_a_lost_one_is_named() {
        let q = question("r", &["A", "B", "C"], &[Aggregation::Count]);
        let body = r#"{"value":[{"name":{"value":"A"},"unit":"Percent","timeseries":[],"errorCode":"InvalidSamplingType","errorMessage":"no"},
            {"name":{"value":"B"},"unit":"Percent","timeseries":[{"data":[{"timeStamp":"1970-01-01T00:01:00Z","count":2.0}]}]}]}"#;
        let got = asked(&q, body, window(60, 300));
        assert_eq!(
            got.failure,
            Some((ErrorKind::InvalidRequest, "A: InvalidSamplingType: no".to_owned()))
        );
        assert_eq!(got.series.len(), 1);
        assert_eq!(&*got.series[0].series.metric.spec().unit, "1");
        assert_eq!(got.missing, ["C".into()]);
    }

    #[test]
    fn dimensions_get_their_spelling_back_and_a_full_answer_is_noticed() {
        let mut q = (*question("r", &["Transactions"], &[Aggregation::Average])).clone();
        q.dimensions = vec!["ApiName".into()];
        q.top = 1;
        let body = r#"{"interval":"PT1M","value":[{"name":{"value":"Transactions"},"unit":"Widgets","timeseries":[{"metadatavalues":
            [{"name":{"value":"apiname"},"value":"GetBlob"}],"data":[{"timeStamp":"1970-01-01T00:01:00Z","average":2}]}]}]}"#;
        let got = asked(&Arc::new(q), body, window(60, 300));
        assert_eq!(got.series[0].series.attributes.get("ApiName"), Some("GetBlob"));
        assert_eq!(&*got.series[0].series.metric.spec().unit, "{Widgets}");
        assert_eq!(got.full, ["Transactions".into()]);
    }

    #[test]
    fn names_follow_the_type() {
        assert_eq!(
            prefix("Microsoft.Compute/virtualMachines"),
            "azure.compute.virtual_machines"
        );
        assert_eq!(
            prefix("microsoft.Storage/storageAccounts/blobServices"),
            "azure.storage.storage_accounts.blob_services"
        );
    }

    #[test]
    fn a_recorded_batch_gives_its_values() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/fixtures/azure/metrics_batch_storage_dims.json"
        );
        let Ok(bytes) = std::fs::read(path) else {
            eprintln!("no fixtures: nothing compared");
            return;
        };
        let answer: crate::wire::BatchAnswer = serde_json::from_slice(&bytes).expect("a batch");
        let mut q = (*question("eastus", &["Ingress", "Egress"], &[Aggregation::Average])).clone();
        q.grain = std::time::Duration::from_secs(900);
        q.dimensions = vec!["ApiName".into(), "Authentication".into()];
        let q = Arc::new(q);
        let t = target("/a", &q);
        let detail = crate::plan::detail(&t).expect("ours");
        let got = convert(
            &answer.values[0],
            (t.id, detail),
            &q.metrics,
            window(1_675_281_600, 1_675_292_400),
            &mut Metrics::new(),
        );
        let first = &got.series[0];
        assert_eq!(first.series.attributes.get("ApiName"), Some("GetBlob"));
        assert_eq!(
            first.points[0].start,
            Some(UnixNanos::from_seconds(1_675_281_600))
        );
        assert_eq!(first.points[0].end, UnixNanos::from_seconds(1_675_282_500));
        assert_eq!(first.points[0].value, Value::Double(437.0));
        assert_eq!(first.points[1].value, Value::Double(438.073_529_411_764_7));
    }
}
