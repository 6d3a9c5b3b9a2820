//! Odd and ordinary answers, as bodies in and points out.

use super::*;
use crate::question::Aggregation;
use crate::testing::{question, target, window};
use provider_api::{Kind, Point, Temporality, UnixNanos, Value};

fn asked(q: &Arc<Question>, body: &str, w: Window) -> Converted {
    let values: ResourceValues = serde_json::from_str(body).expect("a body");
    let t = target("/subscriptions/s/A", q);
    let detail = crate::plan::detail(&t).expect("ours");
    Conversion::new(t.id, detail, w, &mut Metrics::default()).run(&values, &q.metrics)
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
    let mut got = asked(&q, INGRESS, window(60, 300));
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
    let skips: Vec<_> = got.skips.take().iter().map(|s| (s.reason, s.points)).collect();
    assert_eq!(skips, [(SkipReason::BadTime, 1), (SkipReason::OutsideWindow, 1)]);
    assert!(got.missing.is_empty() && got.failed.is_empty());
}

#[test]
fn a_failed_metric_leaves_the_others_and_a_lost_one_is_named() {
    let q = question("r", &["A", "B", "C"], &[Aggregation::Count]);
    let body = r#"{"value":[{"name":{"value":"A"},"unit":"Percent","timeseries":[],"errorCode":"InvalidSamplingType","errorMessage":"no"},
        {"name":{"value":"B"},"unit":"Percent","timeseries":[{"data":[{"timeStamp":"1970-01-01T00:01:00Z","count":2.0}]}]}]}"#;
    let got = asked(&q, body, window(60, 300));
    let failed = (
        q.metrics[0].clone(),
        ErrorKind::InvalidRequest,
        "A: InvalidSamplingType: no".to_owned(),
    );
    assert_eq!(got.failed, [failed]);
    assert_eq!(got.answered, q.metrics[1..2]);
    assert_eq!(got.series.len(), 1);
    assert_eq!(&*got.series[0].series.metric.spec().unit, "{sample}");
    assert_eq!(got.missing, q.metrics[2..]);
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
