//! Credentials behind a swap. A permanent token error ends the token task inside Google's library and is then repeated
//! for ever; so after each `Unauthenticated` they are built anew, and the gate's second attempt uses the new ones.
//! Everything that waits or tries again is the gate's.

use crate::GCP;
use crate::census::Census;
use crate::classify::classify;
use crate::config::GcpConfig;
use crate::credentials::{self, Made};
use crate::domain;
use crate::http::{Answer, Get, Http};
use gate::{Gate, Request};
use google_cloud_auth::credentials::Credentials;
use google_cloud_gax::error::Error;
use provider_api::{ErrorKind, FileStamp, ProviderError, Scope, UnixNanos};
use reqwest::header::HeaderMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

/// A credential file is looked at no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The door to one account's Monitoring API.
pub(crate) struct Connection {
    config: GcpConfig,
    gate: Gate,
    census: Census,
    domain: Option<Arc<str>>,
    http: Http,
    live: RwLock<Live>,
    watch: Watch,
    /// Whether Google has ever answered: until then a metadata server that does not may not exist.
    answered: AtomicBool,
    /// The time of the newest answer, in seconds; zero before the first.
    clock_s: AtomicI64,
}

struct Live {
    credentials: Credentials,
    /// Said when nobody was left to ask but a metadata server that may not exist.
    last_resort: Option<String>,
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
        let watch = Watch::of(credentials::file(&config));
        let made = build(&config)?;
        let universe = made
            .universe
            .as_deref()
            .map(|universe| format!("https://monitoring.{universe}"));
        let http = Http::new(config.endpoint.as_deref().or(universe.as_deref()))
            .map_err(|e| failed(ErrorKind::Permanent, "the endpoint cannot be used").with_source(e))?;
        Ok(Self {
            domain: domain::consumer(&config),
            config,
            gate,
            census: Census::default(),
            http,
            live: RwLock::new(Live {
                credentials: made.credentials,
                last_resort: made.last_resort,
                generation: 0,
            }),
            watch,
            answered: AtomicBool::new(false),
            clock_s: AtomicI64::new(0),
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

    /// The cloud's time when it answered last.
    pub(crate) fn clock(&self) -> Option<UnixNanos> {
        let seconds = self.clock_s.load(Ordering::Relaxed);
        (seconds > 0).then(|| UnixNanos::from_seconds(seconds))
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
        self.look().await;
        let (credentials, generation) = self.credentials().await;
        let asked = self.gate.skew().asked();
        let answer = self.http.get(&credentials, get).await;
        let headers = match &answer {
            Ok(answer) => Some(&answer.headers),
            Err(refusal) => refusal.http_headers(),
        };
        if let Some(date) = headers.and_then(date) {
            self.gate.skew().answered(asked, date);
            self.clock_s.fetch_max(date.seconds(), Ordering::Relaxed);
        }
        let error = match answer.and_then(|Answer { body, .. }| read(&body)) {
            Ok(page) => {
                self.answered.store(true, Ordering::Relaxed);
                return Ok(page);
            }
            Err(error) => error,
        };
        let tokenless = error.is_authentication();
        let failure = classify(error, request.operation, &request.scope);
        let failure = self.without_token(tokenless, failure).await;
        if *failure.kind() == ErrorKind::Unauthenticated {
            self.renew(generation).await;
        }
        Err(failure)
    }

    /// A metadata server that never answered is no outage: there is none, and nothing else to ask.
    async fn without_token(&self, tokenless: bool, failure: ProviderError) -> ProviderError {
        if !tokenless || self.answered.load(Ordering::Relaxed) {
            return failure;
        }
        let Some(tried) = self.live.read().await.last_resort.clone() else {
            return failure;
        };
        let message = format!("{tried}: {}", failure.message());
        let scope = failure.scope().clone();
        ProviderError::new(
            GCP,
            failure.operation(),
            scope,
            ErrorKind::Unauthenticated,
            message,
        )
    }

    /// Takes up a credential file that another tool has replaced.
    async fn look(&self) {
        if self.watch.changed().await {
            let account = &self.config.account;
            tracing::info!(%account, "account {account}: its credential file has changed; reading it again");
            let generation = self.live.read().await.generation;
            self.renew(generation).await;
        }
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
            Ok(made) => {
                *live = Live {
                    credentials: made.credentials,
                    last_resort: made.last_resort,
                    generation: generation + 1,
                }
            }
            Err(error) => tracing::debug!(account = %self.config.account, %error, "kept the old credentials"),
        }
    }
}

/// A file, and how it was when it was last looked at.
struct Watch {
    path: Option<PathBuf>,
    seen: Mutex<(Instant, Option<FileStamp>)>,
}

impl Watch {
    fn of(path: Option<PathBuf>) -> Self {
        let stamp = path.as_deref().and_then(FileStamp::of);
        Self {
            path,
            seen: Mutex::new((Instant::now(), stamp)),
        }
    }

    async fn changed(&self) -> bool {
        let Some(path) = &self.path else {
            return false;
        };
        let mut seen = self.seen.lock().await;
        if seen.0.elapsed() < LOOK_EVERY {
            return false;
        }
        let stamp = FileStamp::of(path);
        // A file that is away for a moment is being replaced.
        let changed = stamp.is_some() && stamp != seen.1;
        *seen = (Instant::now(), stamp.or(seen.1));
        changed
    }
}

/// The cloud's clock when it answered.
fn date(headers: &HeaderMap) -> Option<UnixNanos> {
    let date = headers.get("date")?.to_str().ok()?;
    let time = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(UnixNanos::from_seconds(time.timestamp().as_second()))
}

fn build(config: &GcpConfig) -> Result<Made, ProviderError> {
    credentials::make(config).map_err(|e| failed(ErrorKind::Unauthenticated, &e.to_string()))
}

fn failed(kind: ErrorKind, message: &str) -> ProviderError {
    ProviderError::new(GCP, "token", Scope::new("-"), kind, message)
}
