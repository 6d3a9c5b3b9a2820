//! The client behind a swap. A permanent token error ends the token task inside Google's library and is then repeated
//! for ever; so after each `Unauthenticated` credentials and client are built anew, and the gate's second attempt uses
//! them. Everything that waits or tries again is the gate's.

use crate::GCP;
use crate::census::Census;
use crate::classify::classify;
use crate::config::GcpConfig;
use crate::credentials;
use gate::{Gate, Request};
use google_cloud_gax::error::Error;
use google_cloud_gax::retry_policy::NeverRetry;
use google_cloud_monitoring_v3::client::MetricService;
use provider_api::{ErrorKind, FileStamp, Price, ProviderError, Scope, UnixNanos};
use reqwest::header::HeaderMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

/// A credential file is looked at no more often than this.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where the service is unless the configuration says otherwise.
const PUBLIC_ENDPOINT: &str = "https://monitoring.googleapis.com";

/// The door to one account's Monitoring API.
pub(crate) struct Connection {
    config: GcpConfig,
    gate: Gate,
    census: Census,
    live: RwLock<Live>,
    watch: Watch,
    /// Whether Google has ever answered: until then a metadata server that does not may not exist.
    answered: AtomicBool,
    /// For what needs no token.
    plain: reqwest::Client,
}

struct Live {
    client: MetricService,
    /// Said when nobody was left to ask but a metadata server that may not exist.
    last_resort: Option<String>,
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
        let watch = Watch::of(credentials::file(&config));
        let (client, last_resort) = build(&config).await?;
        Ok(Self {
            config,
            watch,
            answered: AtomicBool::new(false),
            gate,
            census: Census::default(),
            live: RwLock::new(Live {
                client,
                last_resort,
                generation: 0,
            }),
            plain: reqwest::Client::new(),
        })
    }

    pub(crate) fn config(&self) -> &GcpConfig {
        &self.config
    }

    /// How many series the targets were seen to have.
    pub(crate) fn census(&self) -> &Census {
        &self.census
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
        self.look().await;
        let (client, generation) = self.client().await;
        let asked = self.gate.skew().asked();
        let error = match send(client).await {
            Ok(answer) => {
                self.answered.store(true, Ordering::Relaxed);
                return Ok(answer);
            }
            Err(error) => error,
        };
        let tokenless = error.is_authentication();
        // The library keeps the headers of refusals.
        if let Some(date) = error.http_headers().and_then(date) {
            self.gate.skew().answered(asked, date);
        }
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
            Ok((client, last_resort)) => {
                *live = Live {
                    client,
                    last_resort,
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

async fn build(config: &GcpConfig) -> Result<(MetricService, Option<String>), ProviderError> {
    let made = credentials::make(config).map_err(|e| failed(ErrorKind::Unauthenticated, &e.to_string()))?;
    // No attempt timeout here: the gate has the clock.
    let mut builder = MetricService::builder()
        .with_credentials(made.credentials)
        .with_retry_policy(NeverRetry);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    if let Some(universe) = &made.universe {
        builder = builder.with_universe_domain(universe);
    }
    let client = builder.build().await;
    let client =
        client.map_err(|e| failed(ErrorKind::Permanent, "the client could not be built").with_source(e))?;
    Ok((client, made.last_resort))
}

fn failed(kind: ErrorKind, message: &str) -> ProviderError {
    ProviderError::new(GCP, "token", Scope::new("-"), kind, message)
}
