//! The client behind a swap. A permanent token error ends the token task inside Google's library and is then repeated
//! for ever; so after each `Unauthenticated` credentials and client are built anew, and the gate's second attempt uses
//! them. Everything that waits or tries again is the gate's.

use crate::GCP;
use crate::census::Census;
use crate::classify::classify;
use crate::config::{CredentialSource, GcpConfig};
use crate::domain;
use gate::{Gate, Request};
use google_cloud_auth::build_errors;
use google_cloud_auth::credentials::{Builder, Credentials, anonymous, impersonated, service_account};
use google_cloud_gax::error::Error;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_monitoring_v3::client::MetricService;
use provider_api::{ErrorKind, Price, ProviderError, Scope, UnixNanos};
use reqwest::header::HeaderMap;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::RwLock;

/// All that reading series and descriptors needs.
const READ_SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";

/// Where the service is unless the configuration says otherwise.
const PUBLIC_ENDPOINT: &str = "https://monitoring.googleapis.com";

/// The door to one account's Monitoring API.
pub(crate) struct Connection {
    config: GcpConfig,
    gate: Gate,
    census: Census,
    domain: Option<Arc<str>>,
    live: RwLock<Live>,
    /// For what needs no token.
    plain: reqwest::Client,
}

struct Live {
    client: MetricService,
    /// How many were built before this one, so that ten failures at once build one new client and not ten.
    generation: u64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) async fn open(config: GcpConfig, gate: Gate) -> Result<Self, ProviderError> {
        let client = build(&config).await?;
        Ok(Self {
            domain: domain::consumer(&config),
            config,
            gate,
            census: Census::default(),
            live: RwLock::new(Live {
                client,
                generation: 0,
            }),
            plain: reqwest::Client::new(),
        })
    }

    pub(crate) fn config(&self) -> &GcpConfig {
        &self.config
    }

    #[cfg(test)]
    pub(crate) fn entries_mut(&mut self) -> &mut Vec<crate::config::GcpEntry> {
        &mut self.config.entries
    }

    /// How many series the targets were seen to have.
    pub(crate) fn census(&self) -> &Census {
        &self.census
    }

    /// Whose quota is used, where that is not each project's own.
    pub(crate) fn domain(&self) -> Option<Arc<str>> {
        self.domain.clone()
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// One request through the gate.
    pub(crate) async fn ask<T, F, Fut>(&self, request: &Request, send: F) -> Result<T, ProviderError>
    where
        F: Fn(MetricService) -> Fut + Sync,
        Fut: Future<Output = Result<T, Error>> + Send,
    {
        self.gate.send(request, || self.attempt(request, &send)).await
    }

    /// Reads the service's clock, without a token: the library hands out bodies only, and windows go by that clock. A
    /// failure means that nothing is known of it.
    pub(crate) async fn look_at_clock(&self) {
        let Some(first) = self.config.projects.first() else {
            return;
        };
        let request = Request::new(Scope::new(first.as_str()), "clock", Price::FREE);
        let looked = self
            .gate
            .send(&request, || async { Ok(self.read_clock().await) })
            .await;
        if let Ok(Err(error)) = looked {
            tracing::debug!(account = %self.config.account, %error, "the service's clock could not be read");
        }
    }

    /// Whatever the answer is, it has a date.
    async fn read_clock(&self) -> reqwest::Result<()> {
        let endpoint = self.config.endpoint.as_deref().unwrap_or(PUBLIC_ENDPOINT);
        let asked = self.gate.skew().asked();
        let answer = self.plain.head(endpoint).send().await?;
        if let Some(date) = date(answer.headers()) {
            self.gate.skew().answered(asked, date);
        }
        Ok(())
    }

    async fn attempt<T, F, Fut>(&self, request: &Request, send: &F) -> Result<T, ProviderError>
    where
        F: Fn(MetricService) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let (client, generation) = self.client().await;
        let asked = self.gate.skew().asked();
        let error = match send(client).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        // The library keeps the headers of refusals.
        if let Some(date) = error.http_headers().and_then(date) {
            self.gate.skew().answered(asked, date);
        }
        let failure = classify(error, request.operation, &request.scope);
        if *failure.kind() == ErrorKind::Unauthenticated {
            self.renew(generation).await;
        }
        Err(failure)
    }

    async fn client(&self) -> (MetricService, u64) {
        let live = self.live.read().await;
        (live.client.clone(), live.generation)
    }

    /// Replaces the client of `generation` unless somebody else already did.
    async fn renew(&self, generation: u64) {
        let mut live = self.live.write().await;
        if live.generation != generation {
            return;
        }
        match build(&self.config).await {
            Ok(client) => {
                *live = Live {
                    client,
                    generation: generation + 1,
                }
            }
            Err(error) => tracing::debug!(account = %self.config.account, %error, "kept the old credentials"),
        }
    }
}

/// The cloud's clock when it answered.
fn date(headers: &HeaderMap) -> Option<UnixNanos> {
    let date = headers.get("date")?.to_str().ok()?;
    let time = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(UnixNanos::from_seconds(time.timestamp().as_second()))
}

async fn build(config: &GcpConfig) -> Result<MetricService, ProviderError> {
    let credentials = credentials(config)
        .map_err(|e| failed(ErrorKind::Unauthenticated, "the credentials cannot be used").with_source(e))?;
    // No attempt timeout here: the gate has the clock.
    let mut builder = MetricService::builder()
        .with_credentials(credentials)
        .with_retry_policy(NeverRetry);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    builder
        .build()
        .await
        .map_err(|e| failed(ErrorKind::Permanent, "the client could not be built").with_source(e))
}

fn credentials(config: &GcpConfig) -> Result<Credentials, build_errors::Error> {
    let Some(principal) = &config.credentials.impersonate else {
        return source(config, READ_SCOPE, config.quota_project.as_deref());
    };
    // The source only has to be let into IAM Credentials, which `monitoring.read` does not do.
    let source = source(config, "https://www.googleapis.com/auth/cloud-platform", None)?;
    let mut builder = impersonated::Builder::from_source_credentials(source)
        .with_target_principal(principal)
        .with_scopes([READ_SCOPE]);
    if let Some(project) = &config.quota_project {
        builder = builder.with_quota_project_id(project);
    }
    builder.build()
}

fn source(
    config: &GcpConfig,
    scope: &str,
    quota_project: Option<&str>,
) -> Result<Credentials, build_errors::Error> {
    match &config.credentials.source {
        CredentialSource::Anonymous => Ok(anonymous::Builder::new().build()),
        CredentialSource::Default => {
            // The library's default scope: a person's refresh token may not be narrowed.
            let builder = Builder::default();
            match quota_project {
                Some(project) => builder.with_quota_project_id(project).build(),
                None => builder.build(),
            }
        }
        CredentialSource::ServiceAccountJson(key) => {
            // What is no key at all the library refuses, as it does one that lacks something.
            let key = serde_json::from_str(key).unwrap_or_default();
            let builder = service_account::Builder::new(key)
                .with_access_specifier(service_account::AccessSpecifier::from_scopes([scope]));
            match quota_project {
                Some(project) => builder.with_quota_project_id(project).build(),
                None => builder.build(),
            }
        }
    }
}

fn failed(kind: ErrorKind, message: &str) -> ProviderError {
    ProviderError::new(GCP, "token", Scope::new("-"), kind, message)
}
