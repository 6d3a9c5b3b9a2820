//! Changes that one destination wants: resource attributes copied onto points, delta sums as gauges.
//!
//! A wrapper around another transport. It costs a decode and an encode for each batch, so it is put in place only when
//! something is configured.

use crate::config::Deltas;
use crate::encode::Encoded;
use crate::prometheus::{is_refused, label_name};
use crate::recode::{decode, recode};
use crate::transport::{Transport, Verdict};
use async_trait::async_trait;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, ResourceMetrics, metric::Data,
};
use provider_api::Matcher;
use std::sync::Arc;

/// What to change.
#[derive(Clone, Debug)]
pub(crate) struct Transform {
    promote: Vec<Matcher>,
    gauges: bool,
}

impl Transform {
    /// Nothing when there is nothing to change.
    pub(crate) fn new(promote: Vec<Matcher>, deltas: Deltas) -> Option<Self> {
        let gauges = deltas == Deltas::Gauge;
        (gauges || !promote.is_empty()).then_some(Self { promote, gauges })
    }

    /// Puts the change in front of `inner`.
    pub(crate) fn over(self, inner: Arc<dyn Transport>) -> Transformed {
        Transformed { change: self, inner }
    }

    fn apply(&self, request: &mut ExportMetricsServiceRequest) {
        for r in &mut request.resource_metrics {
            let copied = self.copied(r);
            for m in r.scope_metrics.iter_mut().flat_map(|s| &mut s.metrics) {
                if self.gauges {
                    m.data = m.data.take().map(gauge);
                }
                if !self.promote.is_empty() {
                    promote(m, &copied);
                }
            }
        }
    }

    fn copied(&self, r: &ResourceMetrics) -> Vec<KeyValue> {
        let all = r.resource.iter().flat_map(|r| &r.attributes);
        let wanted = |a: &&KeyValue| self.promote.iter().any(|m| m.matches(&a.key));
        all.filter(wanted).cloned().collect()
    }
}

fn gauge(data: Data) -> Data {
    match data {
        Data::Sum(s) if s.aggregation_temporality() == AggregationTemporality::Delta => Data::Gauge(Gauge {
            data_points: s.data_points,
        }),
        other @ (Data::Gauge(_)
        | Data::Sum(_)
        | Data::Histogram(_)
        | Data::ExponentialHistogram(_)
        | Data::Summary(_)) => other,
    }
}

/// Who wants resource attributes on points goes by Prometheus' labels: dimensions that have no name there get one, or the point
/// would be refused.
fn promote(m: &mut Metric, copied: &[KeyValue]) {
    let each = |attributes: &mut Vec<KeyValue>| {
        for a in attributes.iter_mut().filter(|a| is_refused(&a.key)) {
            a.key = label_name(&a.key);
        }
        for c in copied {
            if !attributes.iter().any(|a| a.key == c.key) {
                attributes.push(c.clone());
            }
        }
    };
    match &mut m.data {
        Some(Data::Gauge(d)) => d.data_points.iter_mut().for_each(|p| each(&mut p.attributes)),
        Some(Data::Sum(d)) => d.data_points.iter_mut().for_each(|p| each(&mut p.attributes)),
        Some(Data::Histogram(d)) => d.data_points.iter_mut().for_each(|p| each(&mut p.attributes)),
        Some(Data::ExponentialHistogram(d)) => d.data_points.iter_mut().for_each(|p| each(&mut p.attributes)),
        Some(Data::Summary(d)) => d.data_points.iter_mut().for_each(|p| each(&mut p.attributes)),
        None => {}
    }
}

/// A transport behind a change.
pub(crate) struct Transformed {
    change: Transform,
    inner: Arc<dyn Transport>,
}

#[async_trait]
impl Transport for Transformed {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        let mut request = match decode(batch) {
            Ok(request) => request,
            Err(e) => return Verdict::Drop { why: e.to_string() },
        };
        self.change.apply(&mut request);
        match recode(&request) {
            Some(changed) => self.inner.deliver(&changed).await,
            None => Verdict::Delivered {
                rejected: 0,
                message: String::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::metrics::v1::NumberDataPoint;

    #[test]
    fn a_dimension_that_prometheus_cannot_write_costs_no_point() {
        let attribute = |key: &str| KeyValue {
            key: key.to_owned(),
            ..KeyValue::default()
        };
        let point = NumberDataPoint {
            attributes: vec![attribute("使用者"), attribute("LoadBalancer")],
            ..NumberDataPoint::default()
        };
        let mut metric = Metric {
            data: Some(Data::Gauge(Gauge {
                data_points: vec![point],
            })),
            ..Metric::default()
        };
        promote(&mut metric, &[attribute("cloud.region")]);
        let Some(Data::Gauge(gauge)) = &metric.data else {
            panic!("{metric:?}");
        };
        let keys: Vec<&str> = gauge.data_points[0]
            .attributes
            .iter()
            .map(|a| a.key.as_str())
            .collect();
        assert_eq!(keys, ["shi_yong_zhe", "LoadBalancer", "cloud.region"]);
    }
}
