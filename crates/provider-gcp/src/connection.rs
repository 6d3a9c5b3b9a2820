//! Credentials behind a swap. A permanent token error ends the token task inside Google's library and is then repeated
//! for ever; so after each `Unauthenticated` they are built anew, and the gate's second attempt uses the new ones.
//! Everything that waits or tries again is the gate's.

use crate::GCP;
use crate::census::Census;
use crate::classify::classify;
use crate::config::{CredentialSource, GcpConfig};
use crate::domain;
use crate::http::{Answer, Get, Http};
use gate::{Gate, Request};
use google_cloud_auth::build_errors;
use google_cloud_auth::credentials::{Builder, Credentials, anonymous, impersonated, service_account};
use google_cloud_gax::error::Error;
use provider_api::{ErrorKind, ProviderError, Scope, UnixNanos};
use reqwest::header::HeaderMap;
use std::sync::Arc;
use tokio::sync::RwLock;

/// All that reading series and descriptors needs.
const READ_SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";

/// The door to one account's Monitoring API.
pub(crate) struct Connection {
    config: GcpConfig,
    gate: Gate,
    census: Census,
    domain: Option<Arc<str>>,
    http: Http,
    live: RwLock<Live>,
}

struct Live {
    credentials: Credentials,
    /// How many were built before these, so that ten failures at once build new ones once and not ten times.
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
    pub(crate) fn open(config: GcpConfig, gate: Gate) -> Result<Self, ProviderError> {
        let credentials = build(&config)?;
        let http = Http::new(config.endpoint.as_deref())
            .map_err(|e| failed(ErrorKind::Permanent, "the endpoint cannot be used").with_source(e))?;
        Ok(Self {
            domain: domain::consumer(&config),
            config,
            gate,
            census: Census::default(),
            http,
            live: RwLock::new(Live {
                credentials,
                generation: 0,
            }),
        })
    }

    pub(crate) fn config(&self) -> &GcpConfig {
        &self.config
    }

    #[cfg(test)]
    pub(crate) fn entries_mut(&mut self) -> &mut Vec<crate::config::GcpEntry> {
        &mut self.config.entries
    }

    #[cfg(test)]
    pub(crate) fn consume_as(&mut self, project: &str) {
        self.domain = Some(project.into());
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

    /// One request through the gate, and what `read` makes of its answer; an answer that cannot be read is asked for again.
    pub(crate) async fn ask<T: Send>(
        &self,
        request: &Request,
        get: &Get<'_>,
        read: fn(&[u8]) -> Result<T, Error>,
    ) -> Result<T, ProviderError> {
        let attempt = || self.attempt(request, get, read);
        self.gate.send(request, attempt).await
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        get: &Get<'_>,
        read: fn(&[u8]) -> Result<T, Error>,
    ) -> Result<T, ProviderError> {
        let (credentials, generation) = self.credentials().await;
        let asked = self.gate.skew().asked();
        let answer = self.http.get(&credentials, get).await;
        let headers = match &answer {
            Ok(answer) => Some(&answer.headers),
            Err(refusal) => refusal.http_headers(),
        };
        if let Some(date) = headers.and_then(date) {
            self.gate.skew().answered(asked, date);
        }
        let error = match answer.and_then(|Answer { body, .. }| read(&body)) {
            Ok(page) => return Ok(page),
            Err(error) => error,
        };
        let failure = classify(error, request.operation, &request.scope);
        if *failure.kind() == ErrorKind::Unauthenticated {
            self.renew(generation).await;
        }
        Err(failure)
    }

    async fn credentials(&self) -> (Credentials, u64) {
        let live = self.live.read().await;
        (live.credentials.clone(), live.generation)
    }

    /// Replaces the credentials of `generation` unless somebody else already did.
    async fn renew(&self, generation: u64) {
        let mut live = self.live.write().await;
        if live.generation != generation {
            return;
        }
        match build(&self.config) {
            Ok(credentials) => {
                *live = Live {
                    credentials,
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

fn build(config: &GcpConfig) -> Result<Credentials, ProviderError> {
    let built = credentials(config);
    built.map_err(|e| failed(ErrorKind::Unauthenticated, "the credentials cannot be used").with_source(e))
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
