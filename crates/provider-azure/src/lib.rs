//! Azure Monitor behind the [`MetricsProvider`] trait: Resource Graph and metric definitions to discover, the metrics
//! data plane (`metrics:getBatch`) to read, ARM where the data plane refuses.
//!
//! `discover` finds targets, `plan` packs them purely, `fetch` asks and splits what is refused, `convert` makes points.
//! Waiting, quotas and trying again are the gate's.

mod check;
mod classify;
mod config;
mod convert;
mod credentials;
mod discover;
mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod grain;
mod http;
mod overlaps;
mod plan;
mod question;
#[cfg(test)]
mod recordings;
mod target;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), expect(dead_code, reason = "tests use all of it, fuzzing a part"))]
mod testing;
mod wire;

pub use config::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry, ENVIRONMENT, ManagedId};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use gate::{Gate, Quota};
use http::Api;
use provider_api::{
    AccountId, Apart, Batch, Call, Catalogue, CheckReport, Cloud, Due, MetricsProvider, ProviderError, Reach,
    Survey, Target, TargetId,
};
use question::Question;
use std::collections::HashMap;
use std::sync::Arc;

/// Why a provider could not be made.
#[derive(Debug, thiserror::Error)]
#[error("Azure: {message}")]
pub struct SetupError {
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SetupError {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// One Azure account.
#[derive(Debug)]
pub struct AzureProvider {
    config: AzureConfig,
    api: Api,
    memory: fetch::Memory,
    knowledge: discover::Knowledge,
    apart: Apart,
}

impl AzureProvider {
    /// A provider whose requests all pass `gate`.
    ///
    /// # Errors
    ///
    /// When the credential or the certificate authority cannot be used. Nothing is sent yet.
    pub fn new(config: AzureConfig, gate: Gate) -> Result<Self, SetupError> {
        let api = Api::new(&config, gate)?;
        Ok(Self {
            config,
            api,
            memory: fetch::Memory::default(),
            knowledge: discover::Knowledge::default(),
            apart: Apart::default(),
        })
    }
}

impl AzureProvider {
    /// The targets of one question share it.
    fn saw(&self, catalogue: &Catalogue) {
        let details = catalogue.targets.iter().filter_map(plan::detail);
        let questions: HashMap<u64, &Arc<Question>> =
            details.map(|d| (d.question.key, &d.question)).collect();
        for question in questions.into_values() {
            convert::asked(question).for_each(|metric| self.apart.saw(&metric));
        }
    }
}

/// The resource types that have to be readable for an entry of this one: itself, and the one that it is found by.
pub fn types_to_read(resource_type: &str) -> [&str; 2] {
    [resource_type, discover::listed_type(resource_type).0]
}

/// What the gate should pace, per scope (subscription) and operation.
///
/// Sources: ARM reads "250, refill 25/s" (learn, request-limits-and-throttling); metric definitions 400 per 5 minutes
/// (its own 429 text); Resource Graph 15 per 5 s (learn, guidance-for-throttled-requests). For getBatch no rate is
/// published: 10 a second, 500 resources, is our own guess.
pub fn quotas() -> Vec<(&'static str, Quota)> {
    let arm = Quota {
        per_second: 25.0,
        burst: 250,
    };
    vec![
        (discover::LIST_SUBSCRIPTIONS, arm),
        (discover::LIST_RESOURCES, arm),
        (fetch::ARM_METRICS, arm),
        // 400 in 300 s with room for other users of the subscription: the burst and the refill together stay below.
        (
            discover::DEFINITIONS,
            Quota {
                per_second: 1.0,
                burst: 90,
            },
        ),
        (
            discover::RESOURCE_GRAPH,
            Quota {
                per_second: 3.0,
                burst: 15,
            },
        ),
        (
            classify::GET_BATCH,
            Quota {
                per_second: 10.0,
                burst: 20,
            },
        ),
    ]
}

#[async_trait]
impl MetricsProvider for AzureProvider {
    fn account(&self) -> &AccountId {
        &self.config.account
    }

    fn cloud(&self) -> Cloud {
        Cloud::Azure
    }

    fn apart(&self) -> &Apart {
        &self.apart
    }

    async fn check(&self) -> CheckReport {
        self.report().await
    }

    fn discover(&self, _: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        let saw = |listed: &Result<Catalogue, ProviderError>| {
            if let Ok(catalogue) = listed {
                self.saw(catalogue);
            }
        };
        self.catalogues().inspect(saw).boxed()
    }

    async fn survey(&self) -> Survey {
        self.everything().await
    }

    fn formerly(&self, target: &Target) -> Vec<TargetId> {
        plan::detail(target).map_or_else(Vec::new, target::formerly)
    }

    fn plan(&self, due: &[Due]) -> Vec<Call> {
        plan::plan(due, |target, question| self.memory.standing(target, question))
    }

    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        let batches = self.batches(call);
        batches
            .map(|batch| batch.map(|batch| self.apart.told(batch)))
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Aggregation;
    use crate::testing::{provider, question, target, window};
    use provider_api::Scope;
    use provider_api::conformance::{CallLimits, calls_within_limits, each_due_target_in_exactly_one_call};
    use std::time::Duration;

    #[test]
    fn plans_keep_the_contract() {
        let mut due = Vec::new();
        for (region, names) in [("westeurope", &["A", "B"][..]), ("northeurope", &["A"][..])] {
            for aggregation in [Aggregation::Average, Aggregation::Total] {
                let q = question(region, names, &[aggregation]);
                for i in 0..70 {
                    for w in [window(0, 300), window(0, 86_400 * 20)]
                        .into_iter()
                        .skip(i % 2)
                        .take(1)
                    {
                        due.push(Due {
                            target: target(&format!("/{region}/{aggregation:?}/r{i}"), &q),
                            window: w,
                        });
                    }
                }
            }
        }
        let calls = each_due_target_in_exactly_one_call(&provider(), &due);
        calls_within_limits(
            &calls,
            CallLimits {
                targets: plan::MOST_RESOURCES,
                points: plan::MOST_POINTS,
            },
        );
    }

    #[test]
    fn debug_of_a_provider_shows_no_secret() {
        assert!(!format!("{:?}", provider()).contains("hush"));
    }

    #[test]
    fn every_paced_operation_has_a_rate() {
        assert!(quotas().iter().all(|(_, q)| q.per_second > 0.0 && q.burst > 0));
    }

    #[test]
    fn metrics_that_meet_in_one_name_are_noticed_when_they_are_listed() {
        let provider = provider();
        let listed = |names: &[&str]| {
            let question = question("westeurope", names, &[Aggregation::Average, Aggregation::Total]);
            provider.saw(&Catalogue {
                targets: vec![target("/a", &question), target("/b", &question)],
                ..Catalogue::empty(Scope::new("sub"), Duration::ZERO)
            });
            provider.apart().untold()
        };
        assert_eq!(listed(&["Disk Read Bytes/sec", "Transactions"]), []);
        assert_eq!(listed(&["transactions"]), [], "Azure tells no case");
        let met = listed(&["Disk Read Bytes Sec"]);
        assert_eq!(met.len(), 1);
        assert_eq!(
            &*met[0].name,
            "azure.storage.storage_accounts.disk_read_bytes_sec"
        );
    }
}
