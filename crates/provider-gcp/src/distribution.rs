//! A Google distribution as a histogram with explicit bounds, whatever its layout. Google's buckets are [lower, upper)
//! and OTLP's (lower, upper]: values exactly on a bound sit one bucket higher than OTLP would put them, which cannot be
//! repaired. Bounds are computed in the same way each time, because back ends key on them.

use google_cloud_api::model::Distribution;
use google_cloud_api::model::distribution::bucket_options::Options;
use google_cloud_api::model::distribution::{BucketOptions, Exemplar as GoogleExemplar};
use google_cloud_monitoring_v3::model::{DroppedLabels, SpanContext};
use google_cloud_wkt::Any;
use provider_api::{Attributes, Buckets, Exemplar, Histogram, SkipReason, UnixNanos};
use std::sync::Arc;

/// Google allows about 200 buckets; this much more is nonsense that must not be allocated.
const MAX_BOUNDS: i32 = 10_000;

/// Checks and converts. The sum of a `cumulative` point is left out when negative values could make it fall; `end`
/// dates exemplars without a time of their own.
pub(crate) fn histogram(
    given: &Distribution,
    cumulative: bool,
    end: UnixNanos,
) -> Result<Histogram, SkipReason> {
    let count = u64::try_from(given.count).map_err(|_| SkipReason::BadBuckets)?;
    let buckets = buckets(given, count)?;
    let unsure = cumulative && has_negative(&buckets);
    let sum = if unsure { None } else { sum(given.mean, count) };
    let exemplars = given.exemplars.iter().filter_map(|e| exemplar(e, end)).collect();
    Ok(Histogram {
        count,
        sum,
        buckets,
        exemplars,
    })
}

fn buckets(given: &Distribution, count: u64) -> Result<Buckets, SkipReason> {
    let Some(bounds) = bounds(given.bucket_options.as_ref()).ok_or(SkipReason::BadBuckets)? else {
        // A distribution without a histogram: one bucket for all.
        return Ok(Buckets {
            bounds: Vec::new(),
            counts: vec![count],
        });
    };
    let counts = counts(&given.bucket_counts, bounds.len() + 1).ok_or(SkipReason::BadBuckets)?;
    let total = counts.iter().try_fold(0_u64, |sum, c| sum.checked_add(*c));
    if total == Some(count) {
        Ok(Buckets { bounds, counts })
    } else {
        Err(SkipReason::BadBuckets)
    }
}

/// `None` = wrong; `Some(None)` = no layout given.
#[expect(
    clippy::option_option,
    reason = "private; the two kinds of nothing are told apart by the one caller"
)]
fn bounds(options: Option<&BucketOptions>) -> Option<Option<Vec<f64>>> {
    let Some(options) = options.and_then(|o| o.options.as_ref()) else {
        return Some(None);
    };
    let bounds = match options {
        Options::LinearBuckets(l) => finite_buckets(l.num_finite_buckets)?
            .map(|i| l.offset + l.width * f64::from(i))
            .collect(),
        Options::ExponentialBuckets(e) => finite_buckets(e.num_finite_buckets)?
            .map(|i| e.scale * e.growth_factor.powi(i))
            .collect(),
        Options::ExplicitBuckets(e) => e.bounds.clone(),
        _ => return None,
    };
    is_rising(&bounds).then_some(Some(bounds))
}

/// F finite buckets have F + 1 bounds.
fn finite_buckets(count: i32) -> Option<std::ops::RangeInclusive<i32>> {
    (1..MAX_BOUNDS).contains(&count).then_some(0..=count)
}

/// Also catches a width of zero, a growth of one and a negative scale.
fn is_rising(bounds: &[f64]) -> bool {
    bounds.iter().all(|b| b.is_finite()) && bounds.windows(2).all(|w| matches!(w, [a, b] if a < b))
}

/// Trailing zeros are cut off by Google.
fn counts(given: &[i64], wanted: usize) -> Option<Vec<u64>> {
    if given.len() > wanted {
        return None;
    }
    let mut counts = given
        .iter()
        .map(|c| u64::try_from(*c).ok())
        .collect::<Option<Vec<_>>>()?;
    counts.resize(wanted, 0);
    Some(counts)
}

/// Whether values below zero were counted; only to be known when the first bound is below zero.
fn has_negative(buckets: &Buckets) -> bool {
    let lowers = std::iter::once(f64::NEG_INFINITY).chain(buckets.bounds.iter().copied());
    let below = buckets.bounds.first().is_some_and(|b| *b < 0.0);
    below
        && lowers
            .zip(&buckets.counts)
            .any(|(lower, count)| lower < 0.0 && *count > 0)
}

fn sum(mean: f64, count: u64) -> Option<f64> {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a count above 2^53 loses its last digits"
    )]
    let count = count as f64;
    if count == 0.0 {
        return Some(0.0);
    }
    let sum = mean * count;
    sum.is_finite().then_some(sum)
}

fn exemplar(given: &GoogleExemplar, end: UnixNanos) -> Option<Exemplar> {
    let time = given.timestamp.as_ref().map_or(Some(end), crate::convert::time)?;
    let (trace_id, span_id) = given.attachments.iter().find_map(span).unwrap_or_default();
    let attributes = given
        .attachments
        .iter()
        .find_map(dropped_labels)
        .unwrap_or_default();
    let value = given.value;
    value.is_finite().then_some(Exemplar {
        value,
        time,
        trace_id,
        span_id,
        attributes,
    })
}

type Ids = (Option<[u8; 16]>, Option<[u8; 8]>);

/// `projects/P/traces/TRACE/spans/SPAN`.
fn span(attachment: &Any) -> Option<Ids> {
    attachment
        .type_url()
        .filter(|t| t.ends_with("google.monitoring.v3.SpanContext"))?;
    let name = attachment.to_msg::<SpanContext>().ok()?.span_name;
    let after = |key| name.split('/').skip_while(|p| *p != key).nth(1);
    Some((after("traces").and_then(hex), after("spans").and_then(hex)))
}

fn dropped_labels(attachment: &Any) -> Option<Attributes> {
    attachment
        .type_url()
        .filter(|t| t.ends_with("google.monitoring.v3.DroppedLabels"))?;
    let labels = attachment.to_msg::<DroppedLabels>().ok()?.label;
    Some(Attributes::new(
        labels
            .into_iter()
            .map(|(k, v)| (Arc::from(k), Arc::from(v)))
            .collect(),
    ))
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn converted(cumulative: bool, body: Value) -> Result<Histogram, SkipReason> {
        let given: Distribution = serde_json::from_value(body).expect("a distribution");
        histogram(&given, cumulative, UnixNanos(7))
    }

    fn parts(cumulative: bool, body: Value) -> (Vec<f64>, Vec<u64>, Option<f64>) {
        let h = converted(cumulative, body).expect("good");
        (h.buckets.bounds, h.buckets.counts, h.sum)
    }

    #[test]
    fn the_three_layouts_and_none() {
        let linear = json!({"linearBuckets": {"numFiniteBuckets": 2, "width": 5, "offset": 1}});
        let exponential =
            json!({"exponentialBuckets": {"numFiniteBuckets": 2, "growthFactor": 2, "scale": 0.5}});
        let explicit = json!({"explicitBuckets": {"bounds": [3]}});
        let filled = |options: &Value| json!({"count": "3", "mean": 1.5, "bucketOptions": options, "bucketCounts": ["1", "2"]});
        assert_eq!(
            parts(true, filled(&linear)),
            (vec![1.0, 6.0, 11.0], vec![1, 2, 0, 0], Some(4.5))
        );
        assert_eq!(
            parts(true, filled(&exponential)),
            (vec![0.5, 1.0, 2.0], vec![1, 2, 0, 0], Some(4.5))
        );
        assert_eq!(parts(true, filled(&explicit)), (vec![3.0], vec![1, 2], Some(4.5)));
        assert_eq!(
            parts(true, json!({"bucketOptions": explicit})),
            (vec![3.0], vec![0, 0], Some(0.0)),
            "empty is true"
        );
        assert_eq!(
            parts(true, json!({"count": "3", "mean": 2})),
            (vec![], vec![3], Some(6.0))
        );
    }

    #[test]
    fn wrong_buckets_are_refused() {
        let explicit = |bounds: Value, counts: Value| json!({"count": "3", "mean": 1, "bucketOptions": {"explicitBuckets": {"bounds": bounds}}, "bucketCounts": counts});
        let linear = |n: i32, width: i32| json!({"count": "1", "bucketOptions": {"linearBuckets": {"numFiniteBuckets": n, "width": width}}, "bucketCounts": ["1"]});
        for body in [
            explicit(json!([1, 2]), json!(["1", "1"])),
            explicit(json!([1]), json!(["1", "1", "1"])),
            explicit(json!([1, 1]), json!(["3"])),
            explicit(json!([2, 1]), json!(["3"])),
            explicit(json!([1, 2]), json!(["4", "-1"])),
            linear(0, 1),
            linear(3, 0),
            linear(2_000_000_000, 1),
            json!({"count": "-1"}),
        ] {
            assert_eq!(
                converted(false, body.clone()),
                Err(SkipReason::BadBuckets),
                "{body}"
            );
        }
    }

    #[test]
    fn a_sum_that_could_fall_is_left_out() {
        let body = |counts: Value, mean: Value| json!({"count": "1", "mean": mean, "bucketOptions": {"explicitBuckets": {"bounds": [-1, 0, 1]}}, "bucketCounts": counts});
        assert_eq!(parts(true, body(json!(["0", "1"]), json!(-0.5))).2, None);
        assert_eq!(parts(false, body(json!(["0", "1"]), json!(-0.5))).2, Some(-0.5));
        assert_eq!(parts(true, body(json!(["0", "0", "1"]), json!(0.5))).2, Some(0.5));
        assert_eq!(parts(true, body(json!(["0", "0", "1"]), json!("NaN"))).2, None);
    }

    #[test]
    fn exemplars_keep_trace_and_labels() {
        let trace = "0102030405060708090a0b0c0d0e0f10";
        let body = json!({"count": "1", "mean": 4.1, "exemplars": [{"value": 4.1, "timestamp": "1970-01-01T00:00:09Z", "attachments": [
            {"@type": "type.googleapis.com/google.monitoring.v3.SpanContext", "spanName": format!("projects/p/traces/{trace}/spans/00000000000000ff")},
            {"@type": "type.googleapis.com/google.monitoring.v3.DroppedLabels", "label": {"k": "v"}},
        ]}, {"value": 5}]});
        let h = converted(false, body).expect("good");
        let [a, b] = h.exemplars.as_slice() else {
            panic!("two: {h:?}")
        };
        assert_eq!(
            (a.value, a.time, a.span_id),
            (4.1, UnixNanos::from_seconds(9), Some([0, 0, 0, 0, 0, 0, 0, 255]))
        );
        assert_eq!(a.trace_id.map(|t| (t[0], t[15])), Some((1, 16)));
        assert_eq!(a.attributes.get("k"), Some("v"));
        assert_eq!((b.value, b.time, b.trace_id), (5.0, UnixNanos(7), None));
    }
}
