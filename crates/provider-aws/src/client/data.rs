//! The request that reads points, `GetMetricData`, and its answer in our own types.

use super::RegionClient;
use super::date::nanos;
use crate::discover::AwsTarget;
use crate::fetch::{Page, Part, Status, query_id};
use crate::plan::{MOST_POINTS, OPERATION, USD_NANOS_PER_UNIT};
use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::operation::get_metric_data::builders::GetMetricDataFluentBuilder;
use aws_sdk_cloudwatch::types::{
    Dimension, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricStat,
};
use aws_sdk_cloudwatch::types::{ScanBy, StatusCode};
use aws_smithy_types::DateTime;
use gate::{Gate, Request};
use provider_api::{Call, Cloud, ErrorKind, Price, ProviderError, Target, UnixNanos};
use std::sync::Arc;
use std::time::Duration;

/// What [`RegionClient::try_data`] asks for: one point, in the one period in which points of any age are kept.
const PROBE_PERIOD: Duration = Duration::from_hours(1);
/// Its price: one metric.
const PROBE_PRICE: Price = Price {
    requests: 1,
    units: 1,
    usd_nanos: USD_NANOS_PER_UNIT,
};

impl RegionClient {
    /// A request for all of a call's points, to be sent once per page.
    pub(crate) fn data(&self, call: &Call) -> GetMetricDataFluentBuilder {
        let grain = call.targets.first().map_or(Duration::ZERO, |t| t.group.grain);
        let queries = call
            .targets
            .iter()
            .enumerate()
            .flat_map(|(i, t)| queries(i, t))
            .collect();
        self.cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(DateTime::from_secs(call.window.start().floor(grain).seconds()))
            .end_time(DateTime::from_secs(call.window.end().seconds()))
            .scan_by(ScanBy::TimestampAscending)
            .set_max_datapoints(i32::try_from(MOST_POINTS).ok())
    }

    /// One page of a call's points.
    pub(crate) async fn data_page(
        &self,
        gate: &Gate,
        prepared: &GetMetricDataFluentBuilder,
        token: Option<&str>,
        request: &Request,
    ) -> Result<Page, ProviderError> {
        let attempt = || {
            let sent = prepared.clone().set_next_token(token.map(str::to_owned));
            let sent = sent.customize().interceptor(self.clock.of(gate)).send();
            Box::pin(async { sent.await.map_err(|e| self.failed(OPERATION, &e)) })
        };
        let answer = gate.send(request, attempt).await?;
        for message in answer.messages() {
            tracing::warn!(region = %self.scope, code = message.code(), "GetMetricData says: {:?}", message.value());
        }
        Ok(page(answer, self.clock.get()))
    }

    /// Asks for the newest full hour of one metric, by the cloud's own clock; whether there is a point does not matter.
    pub(crate) async fn try_data(
        &self,
        gate: &Gate,
        namespace: &str,
        name: &str,
    ) -> Result<(), ProviderError> {
        let newest = self.clock.get().unwrap_or_default().floor(PROBE_PERIOD);
        // Without any answer so far this one fails, too; its window should still be one.
        let end = newest.max(UnixNanos::default().plus(PROBE_PERIOD));
        let metric = Metric::builder().namespace(namespace).metric_name(name).build();
        let query = query(0, 0, &metric, PROBE_PERIOD, "SampleCount");
        let prepared = self
            .cloudwatch
            .get_metric_data()
            .metric_data_queries(query)
            .start_time(DateTime::from_secs(end.minus(PROBE_PERIOD).seconds()))
            .end_time(DateTime::from_secs(end.seconds()));
        let request = self.request(OPERATION, PROBE_PRICE);
        let page = self.data_page(gate, &prepared, None, &request).await?;
        match page.parts.into_iter().find(|p| p.status == Status::Forbidden) {
            None => Ok(()),
            Some(part) => {
                let words = part.messages.join("; ");
                let scope = self.scope.clone();
                Err(ProviderError::new(
                    Cloud::Aws,
                    OPERATION,
                    scope,
                    ErrorKind::Forbidden,
                    words,
                ))
            }
        }
    }
}

/// One query per statistic of a target.
fn queries(index: usize, target: &Target) -> Vec<MetricDataQuery> {
    let Some(detail) = AwsTarget::of(target) else {
        return Vec::new();
    };
    let dimension = |(k, v): (&str, &str)| Dimension::builder().name(k).value(v).build();
    let metric = Metric::builder()
        .namespace(&*detail.metric.namespace)
        .metric_name(&*detail.metric.name)
        .set_dimensions(Some(detail.dimensions.iter().map(dimension).collect()))
        .build();
    let one = |(place, statistic): (usize, &Arc<provider_api::Metric>)| {
        let statistic = statistic.spec().statistic.as_deref().unwrap_or_default();
        query(index, place, &metric, target.group.grain, statistic)
    };
    detail.metric.statistics.iter().enumerate().map(one).collect()
}

fn query(target: usize, place: usize, metric: &Metric, period: Duration, statistic: &str) -> MetricDataQuery {
    let stat = MetricStat::builder()
        .metric(metric.clone())
        .period(i32::try_from(period.as_secs()).unwrap_or(i32::MAX))
        .stat(statistic)
        .build();
    MetricDataQuery::builder()
        .id(query_id(target, place))
        .metric_stat(stat)
        .build()
}

/// An answer in our own types.
pub(crate) fn page(answer: GetMetricDataOutput, cloud_time: Option<UnixNanos>) -> Page {
    let token = answer.next_token().map(str::to_owned);
    let results = answer.metric_data_results.unwrap_or_default();
    Page {
        parts: results.into_iter().map(part).collect(),
        token,
        cloud_time,
    }
}

fn part(result: MetricDataResult) -> Part {
    let status = match result.status_code() {
        Some(StatusCode::Complete) => Status::Complete,
        Some(StatusCode::PartialData) => Status::PartialData,
        Some(StatusCode::InternalError) => Status::InternalError,
        Some(StatusCode::Forbidden) => Status::Forbidden,
        other => Status::Other(other.map_or("no status", StatusCode::as_str).to_owned()),
    };
    let words = |m: &MessageData| {
        format!(
            "{}: {}",
            m.code().unwrap_or_default(),
            m.value().unwrap_or_default()
        )
    };
    let messages = result.messages().iter().map(words).collect();
    let starts = result.timestamps().iter().map(nanos).collect();
    Part {
        id: result.id.unwrap_or_default(),
        status,
        messages,
        starts,
        values: result.values.unwrap_or_default(),
    }
}
