//! `CloudWatch` behind the `MetricsProvider` trait: what there is (`ListMetrics`, tags), what to ask (`plan`), what came
//! (`GetMetricData`).
//!
//! Waiting, counting and trying again are the gate's; when to ask is the scheduler's.

mod arns;
mod check;
mod classify;
mod client;
mod config;
mod discover;
mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod overlaps;
mod plan;
mod slow;
mod tags;
#[cfg(any(test, feature = "fuzzing"))]
mod testing;
mod units;

pub use config::{
    AssumeRole, AwsConfig, AwsCredentials, AwsEndpoints, AwsEntry, CredentialSource, FINEST_PERIOD,
};

use async_stream::stream;
use async_trait::async_trait;
use client::{Number, RegionClient};
use discover::{AwsTarget, Kept};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use gate::{Gate, Quota};
use provider_api::{
    AccountId, Apart, Batch, Call, Catalogue, CheckReport, Cloud, Due, ErrorKind, MetricsProvider,
    ProviderError, Reach, Scope, Survey, Target, TargetId,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use tags::TagIndex;
use tokio::sync::OnceCell;

/// Regions that are listed at once: one that does not answer keeps no other waiting, and not all catalogues are in memory.
const REGIONS_AT_ONCE: usize = 4;

/// One AWS account.
#[derive(Debug)]
pub struct AwsProvider {
    config: AwsConfig,
    gate: Gate,
    regions: Vec<RegionClient>,
    sts: aws_sdk_sts::Client,
    /// Asked once; nothing inside when STS refused.
    number: OnceCell<Option<Arc<str>>>,
    /// The same, for the clients.
    known_number: Number,
    /// What serves while they cannot be listed.
    tags: Kept<TagIndex>,
    apart: Apart,
    /// What namespaces there are, for those that have none of their metrics.
    names: Kept<BTreeSet<String>>,
}

impl AwsProvider {
    /// Builds the clients. Sends nothing: wrong credentials show at the first request or in
    /// [`check`](MetricsProvider::check). Fails only without a region, or when named authorities cannot be read.
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
        let (shared, identities) = client::shared_config(&config, first).await?;
        let known_number = Number::default();
        if let Some(number) = &config.account_id {
            known_number.get_or_init(|| number.as_str().into());
        }
        let regions = config
            .regions
            .iter()
            .map(|r| RegionClient::new(&shared, &identities, &config, r).of_account(&known_number))
            .collect();
        let sts = client::sts_client(&shared, &config);
        Ok(Self {
            config,
            gate,
            regions,
            sts,
            number: OnceCell::new(),
            known_number,
            tags: Kept::default(),
            names: Kept::default(),
            apart: Apart::default(),
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
            Ok(number) => Ok(number.map(|n| Arc::clone(self.known_number.get_or_init(|| n.into())))),
            Err(e) => {
                // Wrong keys are said by whatever else is asked with them.
                if *e.kind() != ErrorKind::Unauthenticated {
                    let account = &self.config.account;
                    tracing::warn!(%account, "account {account}: its number is not known, so that its points have no `cloud.account.id`: {e}. Write `account_id` in its configuration, or let `sts:GetCallerIdentity` be asked");
                }
                if *e.kind() == ErrorKind::Forbidden {
                    Ok(None)
                } else {
                    Err(e)
                }
            }
        }
    }

    /// Targets of one metric lie together, as a rule, and share it.
    fn saw(&self, catalogue: &Catalogue) {
        let details = catalogue.targets.iter().filter_map(AwsTarget::of);
        let mut last = std::ptr::null();
        for metric in details.map(|detail| &detail.metric) {
            if last != Arc::as_ptr(metric) {
                last = Arc::as_ptr(metric);
                metric.statistics.iter().for_each(|one| self.apart.saw(one));
            }
        }
    }

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
}

#[async_trait]
impl MetricsProvider for AwsProvider {
    fn account(&self) -> &AccountId {
        &self.config.account
    }

    fn cloud(&self) -> Cloud {
        Cloud::Aws
    }

    fn apart(&self) -> &Apart {
        &self.apart
    }

    async fn check(&self) -> CheckReport {
        self.report().await
    }

    fn discover(&self, reach: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        Box::pin(stream! {
            let number = self.account_number().await;
            let mut listings: Vec<BoxFuture<'_, _>> = Vec::with_capacity(self.regions.len());
            for region in &self.regions {
                listings.push(Box::pin(self.catalogue(region, reach.of(&region.scope), number.clone())));
            }
            let mut listings = stream::iter(listings).buffer_unordered(REGIONS_AT_ONCE);
            while let Some(listed) = listings.next().await {
                if let Ok(catalogue) = &listed {
                    self.saw(catalogue);
                }
                yield listed;
            }
        })
    }

    async fn survey(&self) -> Survey {
        self.everything().await
    }

    fn formerly(&self, target: &Target) -> Vec<TargetId> {
        AwsTarget::formerly(target)
    }

    fn plan(&self, due: &[Due]) -> Vec<Call> {
        plan::plan(due)
    }

    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        let batches = self.batches(call);
        batches
            .map(|batch| batch.map(|batch| self.apart.told(batch)))
            .boxed()
    }
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
