//! Google Cloud Monitoring behind the [`MetricsProvider`] trait.
//!
//! Reads raw points (no alignment) of whole metric types, one query per type and project. `discover` lists types,
//! `plan` prices calls, `census` remembers by how many series, `fetch` reads pages, `http` and `decode` send requests and read bodies, `convert` and `distribution` turn them into points, `classify` gives
//! failures their kind, `credentials` reads what kind they are, `connection` renews them, `domain` says whose quota is used, `check` proves what may be asked.
//! Waiting and trying again are the gate's.

mod census;
mod check;
mod classify;
mod config;
mod connection;
mod convert;
mod credentials;
mod decode;
mod discover;
mod distribution;
mod domain;
mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod http;
mod naming;
mod place;
mod plan;
#[cfg(test)]
mod recordings;
#[cfg(any(test, feature = "fuzzing"))]
#[cfg_attr(not(test), expect(dead_code, reason = "tests use all of it, fuzzing a part"))]
mod testing;
#[cfg(test)]
mod wire_tests;

pub use config::{
    CredentialSource, DEFAULT_PAGE_SIZE, ENVIRONMENT, GcpConfig, GcpCredentials, GcpEntry, MAX_PAGE_SIZE,
};

use async_stream::stream;
use async_trait::async_trait;
use connection::Connection;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use gate::{Gate, Quota};
use google_cloud_api::model::metric_descriptor::ValueType;
use provider_api::{
    AccountId, Apart, Batch, Call, Catalogue, CheckReport, Cloud, Due, Kind, MetricsProvider, ProviderError,
    Reach, Scope, Survey, Target, TargetId,
};

/// Which cloud this crate speaks to.
pub(crate) const GCP: Cloud = Cloud::Gcp;

/// `QueryRequestsPerMinutePerProject` is 6000 in every project seen.
const REQUESTS_PER_SECOND: f64 = 100.0;

/// One second's worth at once.
const BURST: u32 = 100;

/// One Google account: credentials and the projects read with them.
#[derive(Debug)]
pub struct GcpProvider {
    connection: Connection,
    apart: Apart,
}

impl GcpProvider {
    /// Builds credentials; sends nothing yet. Needs a running tokio runtime, on which Google's library
    /// refreshes its tokens. Fails with `Unauthenticated` when no credentials are found or they cannot be read.
    #[expect(
        clippy::unused_async,
        reason = "a runtime is needed, on which Google's library spawns"
    )]
    pub async fn connect(config: GcpConfig, gate: Gate) -> Result<Self, ProviderError> {
        Ok(Self {
            connection: Connection::open(config, gate)?,
            apart: Apart::default(),
        })
    }
}

/// Each target has a metric of its own. Only its name counts here.
fn show(apart: &Apart, targets: &[Target]) {
    for detail in targets.iter().filter_map(plan::of) {
        let (metric_type, description) = (&detail.metric_type, &detail.description);
        let value = ValueType::Double;
        apart.saw(&naming::metric(
            metric_type,
            description,
            Kind::Gauge,
            &detail.unit,
            &value,
        ));
    }
}

/// The quotas that Google documents or enforces, per consumer project.
pub fn quotas() -> Vec<(&'static str, Quota)> {
    let quota = Quota {
        per_second: REQUESTS_PER_SECOND,
        burst: BURST,
    };
    vec![(plan::OPERATION, quota), (discover::OPERATION, quota)]
}

#[async_trait]
impl MetricsProvider for GcpProvider {
    fn account(&self) -> &AccountId {
        &self.connection.config().account
    }

    fn cloud(&self) -> Cloud {
        GCP
    }

    fn apart(&self) -> &Apart {
        &self.apart
    }

    async fn check(&self) -> CheckReport {
        check::report(&self.connection).await
    }

    fn discover(&self, reach: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        stream! {
            for project in &self.connection.config().projects {
                let reach = reach.of(&Scope::new(project.as_str()));
                let listed = discover::project(&self.connection, project, reach).await;
                if let Ok(catalogue) = &listed {
                    show(&self.apart, &catalogue.targets);
                }
                yield listed;
            }
        }
        .boxed()
    }

    async fn survey(&self) -> Survey {
        discover::everything_of(&self.connection).await
    }

    fn formerly(&self, target: &Target) -> Vec<TargetId> {
        plan::of(target).map(discover::formerly).into_iter().collect()
    }

    fn plan(&self, due: &[Due]) -> Vec<Call> {
        plan::plan(due)
    }

    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        let batches = fetch::fetch(&self.connection, call);
        batches
            .map(|batch| batch.map(|batch| self.apart.told(batch)))
            .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::target;

    #[test]
    fn types_that_meet_in_one_name_are_noticed_when_they_are_listed() {
        let of = |name: &str| target(&format!("custom.googleapis.com/shop/{name}"), None);
        let apart = Apart::default();
        show(&apart, &["Requests", "errors", "延迟"].map(of));
        assert_eq!(apart.untold(), []);
        show(&apart, &["Requests", "requests", "yan_chi"].map(of));
        let names: Vec<String> = apart.untold().iter().map(|met| met.name.to_string()).collect();
        assert_eq!(names, ["gcp.custom.shop.requests", "gcp.custom.shop.yan_chi"]);
    }
}
