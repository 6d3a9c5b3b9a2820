//! Azure Monitor behind the [`MetricsProvider`] trait: Resource Graph and metric definitions to discover, the metrics
//! data plane (`metrics:getBatch`) to read, ARM where the data plane refuses.
//!
//! `discover` finds targets, `plan` packs them purely, `fetch` asks and splits what is refused, `convert` makes points.
//! Waiting, quotas and trying again are the gate's.

mod classify;
mod config;
mod convert;
mod credentials;
mod discover;
mod fetch;
mod http;
mod plan;
mod target;
mod wire;

pub use config::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry, Matcher};

use async_trait::async_trait;
use futures::stream::BoxStream;
use gate::{Gate, Quota};
use http::{Api, Plane};
use provider_api::{
    AccountId, Batch, Call, Catalogue, Check, CheckReport, Cloud, Due, ErrorKind, MetricsProvider, Outcome,
    ProviderError,
};

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
        })
    }
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

    async fn check(&self) -> CheckReport {
        let mut report = CheckReport::default();
        for (plane, what) in [
            (Plane::Arm, "token for Resource Manager"),
            (Plane::Metrics, "token for metrics"),
        ] {
            report.checks.push(line("-", what, self.api.token(plane).await));
        }
        let subscriptions = match self.subscriptions().await {
            Ok(found) => found,
            Err(e) => {
                report
                    .checks
                    .push(line("-", discover::LIST_SUBSCRIPTIONS, Err(e)));
                return report;
            }
        };
        for id in subscriptions {
            report
                .checks
                .push(line(&id, discover::RESOURCE_GRAPH, self.try_graph(&id).await));
        }
        report
    }

    fn discover(&self) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        self.catalogues()
    }

    fn plan(&self, due: &[Due]) -> Vec<Call> {
        plan::plan(due)
    }

    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        self.batches(call)
    }
}

fn line(scope: &str, what: &str, result: Result<(), ProviderError>) -> Check {
    let (outcome, detail) = match result {
        Ok(()) => (Outcome::Passed, String::new()),
        Err(e) => (outcome(&e.kind), e.message),
    };
    Check {
        scope: scope.to_owned(),
        what: what.to_owned(),
        outcome,
        detail,
    }
}

fn outcome(kind: &ErrorKind) -> Outcome {
    match kind {
        ErrorKind::Unauthenticated => Outcome::Unauthenticated,
        ErrorKind::Forbidden | ErrorKind::NotFound => Outcome::Forbidden,
        ErrorKind::Throttled { .. }
        | ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::InvalidRequest
        | ErrorKind::BadResponse
        | ErrorKind::Permanent => Outcome::Unavailable,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::tests::{question, target, window};
    use crate::target::Aggregation;
    use gate::GateConfig;
    use provider_api::conformance::{CallLimits, calls_within_limits, each_due_target_in_exactly_one_call};

    pub(crate) fn provider() -> AzureProvider {
        let account = AccountId("test".into());
        let config = AzureConfig {
            account: account.clone(),
            tenant: Some("tenant".into()),
            subscriptions: vec!["sub".into()],
            credentials: AzureCredentials::ClientSecret {
                client_id: "app".into(),
                secret: "hush".into(),
            },
            cloud: AzureCloud::public(),
            entries: Vec::new(),
        };
        let gate = Gate::new(Cloud::Azure, account, GateConfig::default());
        AzureProvider::new(config, gate).expect("a provider")
    }

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
                            target: target(&format!("/r{i}"), &q),
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
}
