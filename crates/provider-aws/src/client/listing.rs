//! The requests that list: metrics of a namespace, and resources with their tags.

use super::RegionClient;
use crate::discover::{Listed, Scan};
use aws_sdk_cloudwatch::operation::list_metrics::ListMetricsOutput;
use aws_sdk_cloudwatch::types::{Metric, RecentlyActive};
use aws_sdk_resourcegroupstagging as tagging;
use gate::{Gate, Request};
use provider_api::{Price, ProviderError, TargetId};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const LIST_METRICS: &str = "ListMetrics";
pub(crate) const GET_RESOURCES: &str = "GetResources";

/// Resources of one `GetResources` page (API reference: at most 100).
const RESOURCES_PER_PAGE: i32 = 100;

/// One page of `ListMetrics`.
#[derive(Debug)]
pub(crate) struct ListPage {
    pub(crate) metrics: Vec<Listed>,
    pub(crate) token: Option<String>,
}

/// One page of `GetResources`: ARN and tags.
#[derive(Debug)]
pub(crate) struct TagPage {
    pub(crate) resources: Vec<(String, Vec<(String, String)>)>,
    pub(crate) token: Option<String>,
}

impl RegionClient {
    /// One page of the metrics of a namespace.
    pub(crate) async fn list(
        &self,
        gate: &Gate,
        scan: Scan<'_>,
        token: Option<String>,
    ) -> Result<ListPage, ProviderError> {
        let answer = self
            .list_page(gate, Some(scan.namespace), scan.recent, token)
            .await?;
        let token = answer.next_token().map(str::to_owned);
        Ok(ListPage {
            metrics: answer.metrics().iter().map(listed).collect(),
            token,
        })
    }

    /// The namespaces of one page of everything that has been active lately, and the next page's token.
    pub(crate) async fn namespaces(
        &self,
        gate: &Gate,
        token: Option<String>,
    ) -> Result<(BTreeSet<String>, Option<String>), ProviderError> {
        let answer = self.list_page(gate, None, true, token).await?;
        let namespaces = answer.metrics().iter().filter_map(Metric::namespace);
        let namespaces = namespaces.map(str::to_owned).collect();
        Ok((namespaces, answer.next_token().map(str::to_owned)))
    }

    /// How many metrics of each namespace one page of everything has that has been active lately, and the next page's token.
    pub(crate) async fn counted(
        &self,
        gate: &Gate,
        token: Option<String>,
    ) -> Result<(BTreeMap<String, u64>, Option<String>), ProviderError> {
        let answer = self.list_page(gate, None, true, token).await?;
        let mut counts = BTreeMap::new();
        for namespace in answer.metrics().iter().filter_map(Metric::namespace) {
            *counts.entry(namespace.to_owned()).or_default() += 1;
        }
        Ok((counts, answer.next_token().map(str::to_owned)))
    }

    async fn list_page(
        &self,
        gate: &Gate,
        namespace: Option<&str>,
        recent: bool,
        token: Option<String>,
    ) -> Result<ListMetricsOutput, ProviderError> {
        let prepared = self
            .cloudwatch
            .list_metrics()
            .set_namespace(namespace.map(str::to_owned))
            .set_next_token(token)
            .set_recently_active(recent.then_some(RecentlyActive::Pt3H));
        let attempt = || {
            let sent = prepared
                .clone()
                .customize()
                .interceptor(self.clock.of(gate))
                .send();
            Box::pin(async { sent.await.map_err(|e| self.failed(LIST_METRICS, &e)) })
        };
        let request = Request {
            // A namespace that cannot be listed is no outage.
            question: Some(TargetId::of(namespace).0),
            ..self.request(LIST_METRICS, Price::FREE)
        };
        gate.send(&request, attempt).await
    }

    /// One page of the tagged resources of these services; all services when none is named.
    pub(crate) async fn resources(
        &self,
        gate: &Gate,
        services: &[&str],
        token: Option<String>,
    ) -> Result<TagPage, ProviderError> {
        let services: Vec<String> = services.iter().map(|&s| s.to_owned()).collect();
        let prepared = self
            .tagging
            .get_resources()
            .resources_per_page(RESOURCES_PER_PAGE);
        let prepared = prepared
            .set_resource_type_filters((!services.is_empty()).then_some(services))
            .set_pagination_token(token);
        let attempt = || {
            let sent = prepared
                .clone()
                .customize()
                .interceptor(self.clock.of(gate))
                .send();
            Box::pin(async { sent.await.map_err(|e| self.failed(GET_RESOURCES, &e)) })
        };
        let answer = gate.send(&self.tagging_request(GET_RESOURCES), attempt).await?;
        let token = answer.pagination_token().map(str::to_owned);
        Ok(TagPage {
            resources: answer
                .resource_tag_mapping_list()
                .iter()
                .filter_map(tagged)
                .collect(),
            token,
        })
    }
}

fn listed(metric: &Metric) -> Listed {
    let text = |t: Option<&str>| t.unwrap_or_default().to_owned();
    let dimensions = metric
        .dimensions()
        .iter()
        .map(|d| (text(d.name()), text(d.value())))
        .collect();
    Listed {
        name: text(metric.metric_name()),
        dimensions,
    }
}

/// Nothing without an ARN.
fn tagged(mapping: &tagging::types::ResourceTagMapping) -> Option<(String, Vec<(String, String)>)> {
    let tags = mapping
        .tags()
        .iter()
        .map(|t| (t.key().to_owned(), t.value().to_owned()))
        .collect();
    Some((mapping.resource_arn()?.to_owned(), tags))
}
