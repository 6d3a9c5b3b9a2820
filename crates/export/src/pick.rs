//! Points picked out of an encoded request: single ones to try, all but some, the older and the newer ones.
//!
//! Points are counted in the order of the request. Only refusals come here, so a decode for each is cheap enough.

use crate::encode::Encoded;
use crate::recode::{DecodeError, decode, gzip, recode};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use provider_api::UnixNanos;
use std::collections::BTreeSet;

/// A request without points: what takes it can be reached and understands us.
pub(crate) fn empty() -> Option<Encoded> {
    Some(Encoded {
        points: 0,
        oldest_end: UnixNanos(0),
        newest_end: UnixNanos(0),
        raw_len: 0,
        gzip: gzip(&[]).ok()?,
    })
}

/// Up to `most` points, each alone, with their numbers: the first ones of series that lie as far apart as can be, so that
/// what is wrong with one metric is wrong with few of them.
pub(crate) fn samples(batch: &Encoded, most: usize) -> Result<Vec<(usize, Encoded)>, DecodeError> {
    let request = decode(batch)?;
    let starts = starts(&request);
    let most = most.min(starts.len());
    let spread = (0..most).filter_map(|n| starts.get(n * starts.len() / most).copied());
    let alone = |number| Some((number, kept(&request, &|n, _| n == number)?));
    Ok(spread.filter_map(alone).collect())
}

/// All points but those with these numbers; nothing when none is left.
pub(crate) fn without(batch: &Encoded, numbers: &BTreeSet<usize>) -> Result<Option<Encoded>, DecodeError> {
    Ok(kept(&decode(batch)?, &|n, _| !numbers.contains(&n)))
}

/// The older and the newer half; nothing when all have the same time.
pub(crate) fn by_time(batch: &Encoded) -> Result<Option<(Encoded, Encoded)>, DecodeError> {
    let request = decode(batch)?;
    let mut times = Vec::new();
    walk(&request, &mut |_, time| times.push(time));
    times.sort_unstable();
    let (Some(first), Some(middle)) = (times.first(), times.get(times.len() / 2)) else {
        return Ok(None);
    };
    // The first time after the oldest, where half of them are as old as the oldest.
    let from = if middle > first {
        *middle
    } else {
        match times.iter().find(|time| *time > first) {
            Some(next) => *next,
            None => return Ok(None),
        }
    };
    let older = kept(&request, &|_, time| time < from);
    Ok(older.zip(kept(&request, &|_, time| time >= from)))
}

/// The points for which `wanted` is true of their number and time.
fn kept(request: &ExportMetricsServiceRequest, wanted: &dyn Fn(usize, u64) -> bool) -> Option<Encoded> {
    let mut request = request.clone();
    let mut number = 0;
    for r in &mut request.resource_metrics {
        for s in &mut r.scope_metrics {
            s.metrics.retain_mut(|m| retain(m, &mut number, wanted));
        }
        r.scope_metrics.retain(|s| !s.metrics.is_empty());
    }
    request.resource_metrics.retain(|r| !r.scope_metrics.is_empty());
    recode(&request)
}

macro_rules! of_points {
    ($data:expr, |$points:ident| $body:expr, $none:expr) => {
        match $data {
            Some(Data::Gauge(d)) => {
                let $points = d;
                $body
            }
            Some(Data::Sum(d)) => {
                let $points = d;
                $body
            }
            Some(Data::Histogram(d)) => {
                let $points = d;
                $body
            }
            Some(Data::ExponentialHistogram(d)) => {
                let $points = d;
                $body
            }
            Some(Data::Summary(d)) => {
                let $points = d;
                $body
            }
            None => $none,
        }
    };
}

/// Whether anything of the metric is left.
fn retain(m: &mut Metric, number: &mut usize, wanted: &dyn Fn(usize, u64) -> bool) -> bool {
    of_points!(
        &mut m.data,
        |d| {
            d.data_points.retain(|p| {
                *number += 1;
                wanted(*number - 1, p.time_unix_nano)
            });
            !d.data_points.is_empty()
        },
        false
    )
}

fn walk(request: &ExportMetricsServiceRequest, see: &mut dyn FnMut(bool, u64)) {
    for m in crate::recode::metrics(request) {
        of_points!(
            &m.data,
            |d| {
                let mut before = None;
                for p in &d.data_points {
                    see(before != Some(&p.attributes), p.time_unix_nano);
                    before = Some(&p.attributes);
                }
            },
            ()
        );
    }
}

/// The numbers of the points with which a series begins.
fn starts(request: &ExportMetricsServiceRequest) -> Vec<usize> {
    let (mut starts, mut number) = (Vec::new(), 0);
    walk(request, &mut |first, _| {
        if first {
            starts.push(number);
        }
        number += 1;
    });
    starts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Limits, encode};
    use provider_api::{Attributes, Cloud, Kind, Metric, MetricSpec, Point, Resource, Series, SeriesPoints};
    use provider_api::{TargetId, Value};
    use std::sync::Arc;

    /// Series of these many points, a second apart.
    fn batch(series: i64, points: i64) -> Encoded {
        let metric = MetricSpec {
            cloud: Cloud::Aws,
            namespace: "AWS/EC2".into(),
            name: "m".into(),
            cloud_name: "m".into(),
            statistic: None,
            unit: "1".into(),
            kind: Kind::Gauge,
            description: "".into(),
        };
        let metric = Arc::new(Metric::new(metric));
        let point = |n| Point {
            start: None,
            end: UnixNanos::from_seconds(n),
            value: Value::Int(n),
        };
        let all: Vec<SeriesPoints> = (0..series)
            .map(|n| SeriesPoints {
                target: TargetId(1),
                series: Series {
                    resource: Arc::new(Resource::new(Attributes::new(Vec::new()))),
                    metric: Arc::clone(&metric),
                    attributes: Attributes::new(vec![("i".into(), n.to_string().into())]),
                },
                points: (1..=points).map(point).collect(),
            })
            .collect();
        encode(&all, Limits::default()).remove(0)
    }

    #[test]
    fn samples_are_first_points_that_lie_apart() {
        let batch = batch(10, 3);
        let found = samples(&batch, 4).unwrap();
        let numbers: Vec<usize> = found.iter().map(|(n, _)| *n).collect();
        assert_eq!(numbers, [0, 6, 15, 21]);
        assert!(found.iter().all(|(_, one)| one.points == 1));
        assert_eq!(samples(&batch, 99).unwrap().len(), 10);
        let rest = without(&batch, &numbers.into_iter().collect()).unwrap().unwrap();
        assert_eq!(rest.points, 26);
        assert!(without(&rest, &(0..26).collect()).unwrap().is_none());
    }

    #[test]
    fn halves_by_time_lose_nothing() {
        let (older, newer) = by_time(&batch(2, 4)).unwrap().unwrap();
        assert_eq!((older.points, newer.points), (4, 4));
        assert!(older.newest_end < newer.oldest_end);
        assert!(by_time(&batch(5, 1)).unwrap().is_none());
    }
}
