//! Descriptors, series and points as Google writes them in JSON: `int64` as strings, enums as names or numbers,
//! default-valued keys left out, trailing zero buckets cut.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::catalog::{Kind, Layout, MetricDef, ValueType};
use super::resources::{Labels, Project, Series};
use super::values::{GcpDistribution, GcpExemplar, GcpValue, Point};
use crate::BadAnswer;

/// How enums go out, by `$alt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enums {
    /// As names.
    Names,
    /// As numbers.
    Numbers,
}

impl Enums {
    fn write(self, (name, number): (&'static str, u8)) -> Value {
        match self {
            Self::Names => Value::from(name),
            Self::Numbers => Value::from(number),
        }
    }
}

/// A moment in RFC 3339.
pub(crate) fn time(ns: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ns))
        .map(|t| t.to_string())
        .unwrap_or_default()
}

fn object(labels: &Labels) -> Value {
    Value::Object(
        labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str())))
            .collect(),
    )
}

/// One descriptor.
pub(crate) fn descriptor(project: &Project, def: &MetricDef, enums: Enums) -> Value {
    let keys = def
        .labels
        .iter()
        .map(|label| label.key)
        .chain(def.family.name_label());
    let labels: Vec<Value> = keys
        .map(|key| json!({"key": key, "description": format!("The {}.", key.replace('_', " "))}))
        .collect();
    let display = def.name.rsplit('/').next().unwrap_or(def.name).replace('_', " ");
    let mut out = json!({
        "name": format!("projects/{}/metricDescriptors/{}", project.id, def.name),
        "type": def.name,
        "metricKind": enums.write(def.kind.wire()),
        "valueType": enums.write(def.value.wire()),
        "description": format!("Simulated {display}."),
        "displayName": display,
        "monitoredResourceTypes": [def.family.resource_type()],
    });
    if !def.unit.is_empty() {
        out["unit"] = def.unit.into();
    }
    if !labels.is_empty() {
        out["labels"] = labels.into();
    }
    if def.ingest_s > 0 {
        let stage = enums.write(("GA", 4));
        out["launchStage"] = stage.clone();
        out["metadata"] = json!({"launchStage": stage, "samplePeriod": format!("{}s", def.period_s),
            "ingestDelay": format!("{}s", def.ingest_s), "timeSeriesResourceHierarchyLevel": [enums.write(("PROJECT", 1))]});
    }
    out
}

/// One series of a page. `kind` and `value` may differ from the descriptor's after alignment; `None` is `HEADERS`.
pub(crate) fn series(
    series: &Series,
    (kind, value): (Kind, ValueType),
    points: Option<Vec<Value>>,
    enums: Enums,
) -> Value {
    let mut metric = json!({"type": series.def.name});
    if !series.metric_labels.is_empty() {
        metric["labels"] = object(&series.metric_labels);
    }
    let mut out = json!({
        "metric": metric,
        "resource": {"type": series.def.family.resource_type(), "labels": object(&series.resource_labels)},
        "metricKind": enums.write(kind.wire()),
        "valueType": enums.write(value.wire()),
    });
    if let Some(points) = points {
        out["points"] = Value::Array(points);
    }
    out
}

/// One point; a gauge has the same start and end.
pub(crate) fn point(point: &Point, bad: Option<BadAnswer>) -> Value {
    let start_ns = point.start_ns.unwrap_or(point.end_ns);
    json!({"interval": {"startTime": time(start_ns), "endTime": time(point.end_ns)}, "value": value(&point.value, bad)})
}

fn value(value: &GcpValue, bad: Option<BadAnswer>) -> Value {
    let no_number = bad == Some(BadAnswer::NotANumber);
    match value {
        GcpValue::Bool(flag) => json!({"boolValue": flag}),
        GcpValue::Int(_) if no_number => json!({"int64Value": "NaN"}),
        GcpValue::Double(_) if no_number => json!({"doubleValue": "NaN"}),
        GcpValue::Int(amount) => json!({"int64Value": amount.to_string()}),
        GcpValue::Double(amount) => json!({"doubleValue": amount}),
        GcpValue::String(text) => json!({"stringValue": text}),
        GcpValue::Distribution(it) => json!({"distributionValue": distribution(it, bad)}),
    }
}

fn distribution(it: &GcpDistribution, bad: Option<BadAnswer>) -> Value {
    let mut out = Map::new();
    if it.count != 0 {
        out.insert("count".to_owned(), it.count.to_string().into());
    }
    if bad == Some(BadAnswer::NotANumber) {
        out.insert("mean".to_owned(), "NaN".into());
    } else if it.mean != 0.0 {
        out.insert("mean".to_owned(), it.mean.into());
    }
    if it.sum_of_squared_deviation != 0.0 {
        out.insert(
            "sumOfSquaredDeviation".to_owned(),
            it.sum_of_squared_deviation.into(),
        );
    }
    out.insert("bucketOptions".to_owned(), layout(it.layout));
    let used = it
        .bucket_counts
        .iter()
        .rposition(|n| *n != 0)
        .map_or(0, |last| last + 1);
    let mut counts: Vec<String> = it.bucket_counts[..used].iter().map(ToString::to_string).collect();
    if bad == Some(BadAnswer::WrongBucketCounts) {
        counts.resize(it.bounds.len() + 5, "1".to_owned());
    }
    if !counts.is_empty() {
        out.insert("bucketCounts".to_owned(), counts.into());
    }
    if !it.exemplars.is_empty() {
        out.insert(
            "exemplars".to_owned(),
            it.exemplars.iter().map(exemplar).collect(),
        );
    }
    Value::Object(out)
}

fn layout(layout: Layout) -> Value {
    match layout {
        Layout::Linear {
            finite,
            width,
            offset,
        } => {
            let mut linear = json!({"numFiniteBuckets": finite, "width": width});
            if offset != 0.0 {
                linear["offset"] = offset.into();
            }
            json!({ "linearBuckets": linear })
        }
        Layout::Exponential {
            finite,
            growth,
            scale,
        } => {
            json!({"exponentialBuckets": {"numFiniteBuckets": finite, "growthFactor": growth, "scale": scale}})
        }
        Layout::Explicit(bounds) => json!({"explicitBuckets": {"bounds": bounds}}),
    }
}

fn exemplar(it: &GcpExemplar) -> Value {
    let mut attachments = vec![
        json!({"@type": "type.googleapis.com/google.monitoring.v3.SpanContext",
        "spanName": format!("projects/sim-project/traces/{}/spans/{}", it.trace_id, it.span_id)}),
    ];
    if !it.dropped_labels.is_empty() {
        let label: Map<String, Value> = it
            .dropped_labels
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().into()))
            .collect();
        attachments
            .push(json!({"@type": "type.googleapis.com/google.monitoring.v3.DroppedLabels", "label": label}));
    }
    json!({"value": it.value, "timestamp": time(it.timestamp_ns), "attachments": attachments})
}
