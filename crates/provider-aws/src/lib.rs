//! `CloudWatch` behind the `MetricsProvider` trait: what there is (`ListMetrics`, tags), what to ask (`plan`), what came
//! (`GetMetricData`).
//!
//! Waiting, counting and trying again are the gate's; when to ask is the scheduler's.

mod classify;
mod client;
mod config;
mod discover;
mod fetch;
mod pages;
mod plan;
mod tags;
#[cfg(test)]
mod testing;
mod units;

pub use config::{
    AssumeRole, AwsConfig, AwsCredentials, AwsEndpoints, AwsEntry, CredentialSource, FINEST_PERIOD, Matcher,
};

use async_stream::{stream, try_stream};
use async_trait::async_trait;
use client::RegionClient;
use discover::{Collector, MOST_LIST_PAGES, Place};
use fetch::{Folder, Next};
use futures::stream::BoxStream;
use gate::{Gate, Quota};
use pages::Pages;
use provider_api::{
    AccountId, Batch, Call, Catalogue, Check, CheckReport, Cloud, Due, ErrorKind, MetricsProvider, Outcome,
    Price, ProviderError, Scope,
};
use std::sync::Arc;
use tags::{MOST_TAG_PAGES, TagIndex};
use tokio::sync::OnceCell;

/// One AWS account.
#[derive(Debug)]
pub struct AwsProvider {
    config: AwsConfig,
    gate: Gate,
    regions: Vec<RegionClient>,
    sts: aws_sdk_sts::Client,
    /// Asked once; nothing inside when STS refused.
    number: OnceCell<Option<Arc<str>>>,
}

impl AwsProvider {
    /// Builds the clients. Sends nothing: wrong credentials show at the first request or in
    /// [`check`](MetricsProvider::check). Fails only without a region.
    pub async fn connect(config: AwsConfig, gate: Gate) -> Result<Self, ProviderError> {
        let Some(first) = config.regions.first() else {
            let message = "no region is configured; name at least one, like eu-west-1";
            return Err(ProviderError::new(
                Cloud::Aws,
                "connect",
                Scope::new("-"),
                ErrorKind::InvalidRequest,
                message,
            ));
        };
        let shared = client::shared_config(&config, first).await;
        let regions = config
            .regions
            .iter()
            .map(|r| RegionClient::new(&shared, &config, r))
            .collect();
        let sts = client::sts_client(&shared, &config);
        Ok(Self {
            config,
            gate,
            regions,
            sts,
            number: OnceCell::new(),
        })
    }

    /// The quotas that AWS gives every account per region, for the account's gate.
    pub fn quotas() -> Vec<(&'static str, Quota)> {
        vec![
            // AWS knowledge center "cloudwatch-getmetricdata-api": 50 transactions per second, adjustable.
            (
                "GetMetricData",
                Quota {
                    per_second: 50.0,
                    burst: 50,
                },
            ),
            // YACE's code comment (pkg/clients/cloudwatch): 25 per second; AWS's page was not seen.
            (
                "ListMetrics",
                Quota {
                    per_second: 25.0,
                    burst: 25,
                },
            ),
            // Tag editor quotas: 15 calls per second.
            (
                "GetResources",
                Quota {
                    per_second: 15.0,
                    burst: 15,
                },
            ),
        ]
    }

    fn home(&self) -> Scope {
        self.regions
            .first()
            .map_or_else(|| Scope::new("-"), |r| r.scope.clone())
    }

    /// The account number. A missing permission is final; after any other failure the next discovery asks again.
    async fn account_number(&self) -> Option<Arc<str>> {
        if let Some(number) = &self.config.account_id {
            return Some(number.as_str().into());
        }
        if !self.config.sts_allowed() {
            return None;
        }
        let asked = self.number.get_or_try_init(|| self.ask_account_number()).await;
        asked.ok().cloned().flatten()
    }

    async fn ask_account_number(&self) -> Result<Option<Arc<str>>, ProviderError> {
        match client::account_number(&self.gate, &self.sts, &self.home()).await {
            Ok(number) => Ok(number.map(Arc::from)),
            Err(e) => {
                tracing::warn!(account = %self.config.account, error = %e, "no cloud.account.id: set account_id");
                if e.kind == ErrorKind::Forbidden {
                    Ok(None)
                } else {
                    Err(e)
                }
            }
        }
    }

    async fn catalogue(&self, region: &RegionClient) -> Result<Catalogue, ProviderError> {
        let account_number = self.account_number().await;
        let account = Arc::clone(&self.config.account.0);
        let place = Place {
            scope: region.scope.clone(),
            account,
            account_number,
        };
        let tags = self.tag_index(region).await?;
        let mut collector = Collector::new(place, &self.config.entries, &tags);
        for (namespace, recent) in discover::scans(&self.config.entries) {
            self.scan(region, namespace, recent, &mut collector).await?;
        }
        Ok(Catalogue {
            scope: region.scope.clone(),
            targets: collector.finish(),
            skipped: Vec::new(),
        })
    }

    async fn scan(
        &self,
        region: &RegionClient,
        namespace: &str,
        recent: bool,
        collector: &mut Collector<'_>,
    ) -> Result<(), ProviderError> {
        let mut pages = Pages::at_most(MOST_LIST_PAGES);
        let mut token = None;
        loop {
            let page = region.list(&self.gate, namespace, recent, token).await?;
            page.metrics.iter().for_each(|m| collector.offer(namespace, m));
            token = follow(&mut pages, page.token.as_deref(), region, "ListMetrics")?;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// Empty when no entry asks for tags.
    async fn tag_index(&self, region: &RegionClient) -> Result<TagIndex, ProviderError> {
        let mut index = TagIndex::default();
        let Some(services) = self.tag_services() else {
            return Ok(index);
        };
        let mut pages = Pages::at_most(MOST_TAG_PAGES);
        let mut token = None;
        loop {
            let page = region.resources(&self.gate, &services, token).await?;
            page.resources
                .into_iter()
                .for_each(|(arn, tags)| index.add(arn, tags));
            token = follow(&mut pages, page.token.as_deref(), region, "GetResources")?;
            if token.is_none() {
                return Ok(index);
            }
        }
    }

    /// Services to list tagged resources of; empty = all, because one namespace's service is unknown; nothing when no
    /// entry needs tags.
    fn tag_services(&self) -> Option<Vec<&'static str>> {
        let entries: Vec<&AwsEntry> = self.config.entries.iter().filter(|e| e.needs_tags()).collect();
        if entries.is_empty() {
            return None;
        }
        let known: Option<Vec<_>> = entries.iter().map(|e| units::arn_service(&e.namespace)).collect();
        let mut services = known.unwrap_or_default();
        services.sort_unstable();
        services.dedup();
        Some(services)
    }

    #[expect(
        clippy::result_large_err,
        reason = "the provider trait's own error; one per failed call"
    )]
    fn region(&self, scope: &Scope) -> Result<&RegionClient, ProviderError> {
        self.regions.iter().find(|r| r.scope == *scope).ok_or_else(|| {
            let message = "this region is not configured";
            ProviderError::new(
                Cloud::Aws,
                plan::OPERATION,
                scope.clone(),
                ErrorKind::InvalidRequest,
                message,
            )
        })
    }

    async fn check_region(&self, region: &RegionClient) -> Vec<Check> {
        let mut checks = Vec::new();
        if let Some((namespace, recent)) = discover::scans(&self.config.entries).first() {
            let answer = region.list(&self.gate, namespace, *recent, None).await;
            checks.push(line(region.scope.to_string(), "ListMetrics", answer.err()));
        }
        if let Some(services) = self.tag_services() {
            let answer = region.resources(&self.gate, &services, None).await;
            checks.push(line(region.scope.to_string(), "GetResources", answer.err()));
        }
        checks
    }
}

#[async_trait]
impl MetricsProvider for AwsProvider {
    fn account(&self) -> &AccountId {
        &self.config.account
    }

    fn cloud(&self) -> Cloud {
        Cloud::Aws
    }

    async fn check(&self) -> CheckReport {
        let mut checks = Vec::new();
        if self.config.sts_allowed() {
            let answer = client::account_number(&self.gate, &self.sts, &self.home()).await;
            checks.push(line("-".to_owned(), "GetCallerIdentity", answer.err()));
        }
        for region in &self.regions {
            checks.extend(self.check_region(region).await);
        }
        CheckReport { checks }
    }

    fn discover(&self) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        Box::pin(stream! {
            for region in &self.regions {
                yield self.catalogue(region).await;
            }
        })
    }

    fn plan(&self, due: &[Due]) -> Vec<Call> {
        plan::plan(due)
    }

    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(try_stream! {
            let region = self.region(&call.scope)?;
            let prepared = region.data(call);
            let mut folder = Folder::new(call);
            // The metrics are billed once, however many pages their points fill.
            let mut price = Price { requests: 1, ..call.price };
            let mut token = None;
            loop {
                let page = region.data_page(&self.gate, &prepared, token.as_deref(), price).await?;
                let (batch, next) = folder.page(page);
                yield batch;
                match next {
                    Next::Page(more) => token = Some(more),
                    Next::End => break,
                    Next::Broken(why) => Err(broken(region, plan::OPERATION, why))?,
                }
                price = Price { requests: 1, ..Price::default() };
            }
        })
    }
}

#[expect(
    clippy::result_large_err,
    reason = "the provider trait's own error; one per failed call"
)]
fn follow(
    pages: &mut Pages,
    token: Option<&str>,
    region: &RegionClient,
    operation: &'static str,
) -> Result<Option<String>, ProviderError> {
    pages.follow(token).map_err(|why| broken(region, operation, why))
}

fn broken(region: &RegionClient, operation: &'static str, why: String) -> ProviderError {
    ProviderError::new(
        Cloud::Aws,
        operation,
        region.scope.clone(),
        ErrorKind::BadResponse,
        why,
    )
}

/// One line of the check's table.
fn line(scope: String, what: &str, failure: Option<ProviderError>) -> Check {
    let outcome = failure.as_ref().map_or(Outcome::Passed, |e| outcome(&e.kind));
    let detail = failure.map_or_else(String::new, |e| e.message);
    Check {
        scope,
        what: what.to_owned(),
        outcome,
        detail,
    }
}

fn outcome(kind: &ErrorKind) -> Outcome {
    match kind {
        ErrorKind::Unauthenticated => Outcome::Unauthenticated,
        ErrorKind::Forbidden => Outcome::Forbidden,
        ErrorKind::Throttled { .. }
        | ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::Permanent => Outcome::Unavailable,
    }
}
