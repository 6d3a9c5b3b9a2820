//! A simulated Google Cloud Monitoring on loopback: plain HTTP, the REST API v3 as the SDKs speak it.
//!
//! This file starts and stops it and leads each request through the gates that all share: fault, token, project, quota.
//! Each answer is made in `list.rs`, `descriptors.rs` and `tokens.rs`; the data in `catalog.rs`, `resources.rs` and
//! `values.rs`.

mod align;
mod auth;
mod catalog;
mod descriptors;
mod distribution;
mod errors;
mod filter;
mod lexer;
mod list;
mod pattern;
mod query;
mod reply;
mod resources;
mod strike;
mod tokens;
mod truth;
mod values;
mod wire;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, Uri};
use serde_json::Value;

pub use catalog::{Kind, Layout, ValueType};
pub use truth::{GcpTruth, GcpTruths};
pub use values::{GcpDistribution, GcpExemplar, GcpValue};

use crate::counts::CountsSnapshot;
use crate::date::dated;
use crate::rules::{Asked, How};
use crate::serve::{self, Running};
use crate::{Counts, Faults, Verdict, World};
use auth::Authority;
use errors::ApiError;
use resources::Project;

/// `QueryRequestsPerMinutePerProject`, as seen in two unrelated real projects.
const QUERIES_PER_MINUTE: u32 = 6_000;

/// What may differ between simulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GcpOptions {
    /// Whether requests without any token are answered, as emulators do. A wrong token is refused all the same.
    pub allow_anonymous: bool,
}

impl Default for GcpOptions {
    fn default() -> Self {
        Self {
            allow_anonymous: true,
        }
    }
}

/// A running simulator.
#[derive(Debug)]
pub struct GcpSim {
    shared: Arc<Shared>,
    running: Running,
}

/// What every request needs.
#[derive(Debug)]
pub(crate) struct Shared {
    world: World,
    faults: Faults,
    counts: Counts,
    authority: Authority,
    endpoint: OnceLock<String>,
    partial: AtomicBool,
    nonce: AtomicU64,
    token_life_s: AtomicI64,
    refused: Mutex<Option<String>>,
    /// Queries of a project in the minute that is running: (minute, queries).
    quota: Mutex<HashMap<&'static str, (i64, u32)>>,
}

impl GcpSim {
    /// Starts with the default options; port 0 finds a free one.
    pub async fn start(world: World, faults: Faults, listen: SocketAddr) -> io::Result<Self> {
        Self::start_with(world, faults, listen, GcpOptions::default()).await
    }

    /// Starts.
    pub async fn start_with(
        world: World,
        faults: Faults,
        listen: SocketAddr,
        options: GcpOptions,
    ) -> io::Result<Self> {
        let authority = Authority::new(world.seed, options.allow_anonymous)?;
        let shared = Arc::new(Shared {
            world,
            faults,
            counts: Counts::default(),
            authority,
            endpoint: OnceLock::new(),
            partial: AtomicBool::new(false),
            nonce: AtomicU64::new(0),
            token_life_s: AtomicI64::new(auth::LIFETIME_S),
            refused: Mutex::default(),
            quota: Mutex::default(),
        });
        let router = dated(router(Arc::clone(&shared)), &shared.world.clock, &shared.faults);
        let running = serve::serve(listen, router, None).await?;
        shared
            .endpoint
            .get_or_init(|| format!("http://{}", running.addr()));
        Ok(Self { shared, running })
    }

    /// `http://host:port`, without a slash at the end.
    pub fn endpoint(&self) -> String {
        self.shared.endpoint().to_owned()
    }

    /// What was asked so far. Billable: `"time series returned"`.
    pub fn counts(&self) -> CountsSnapshot {
        self.shared.counts.snapshot()
    }

    /// Every point there is.
    pub fn truth(&self) -> GcpTruths {
        GcpTruths {
            world: self.shared.world.clone(),
        }
    }

    /// A key file whose key is good for this simulator only; its `token_uri` points here.
    pub fn service_account_json(&self) -> String {
        self.shared.authority.service_account_json(self.shared.endpoint())
    }

    /// Whether answers with series say that they are partial (`executionErrors`).
    pub fn set_partial(&self, partial: bool) {
        self.shared.partial.store(partial, Ordering::Relaxed);
    }

    /// Refuses to read one metric type, as a deny policy does, or with `None` none.
    pub fn refuse_type(&self, metric_type: Option<&str>) {
        *self.shared.refused() = metric_type.map(str::to_owned);
    }

    /// Life of access tokens handed out from now on, seconds, even where a longer one is asked for. A JWT that a client
    /// signs itself ends when the client says so.
    pub fn set_token_life_s(&self, life_s: i64) {
        self.shared.token_life_s.store(life_s, Ordering::Relaxed);
    }

    /// Refuses every token so many seconds after it was issued, whatever it says: what revoking it does. Clients date
    /// tokens that they sign themselves back by up to ten seconds.
    pub fn refuse_tokens_after_s(&self, life_s: i64) {
        self.shared.authority.refuse_after_s(life_s);
    }

    /// Ends the simulator.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

impl Shared {
    fn endpoint(&self) -> &str {
        self.endpoint.get().map_or("", String::as_str)
    }

    fn is_partial(&self) -> bool {
        self.partial.load(Ordering::Relaxed)
    }

    fn token_life_s(&self) -> i64 {
        self.token_life_s.load(Ordering::Relaxed)
    }

    fn refused(&self) -> MutexGuard<'_, Option<String>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nonce(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a query against the project's quota.
    fn spend(&self, project: &'static Project) -> Result<(), ApiError> {
        if !self.faults.real_quotas() {
            return Ok(());
        }
        let minute = self.world.clock.unpaced_unix_s().div_euclid(60);
        let mut quota = self.quota.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = quota.entry(project.id).or_insert((minute, 0));
        if spent.0 != minute {
            *spent = (minute, 0);
        }
        spent.1 += 1;
        if spent.1 > QUERIES_PER_MINUTE {
            Err(ApiError::exhausted(project.number, QUERIES_PER_MINUTE))
        } else {
            Ok(())
        }
    }

    /// Token, project, quota: what every read must pass.
    fn admit(
        &self,
        headers: &HeaderMap,
        project: &str,
        permission: &str,
    ) -> Result<&'static Project, ApiError> {
        self.authority.check(headers, self.world.clock.unpaced_unix_s())?;
        let project = resources::project(project).ok_or_else(|| ApiError::denied(permission, project))?;
        self.spend(project)?;
        Ok(project)
    }

    /// What becomes of a read that a rule hits: it goes on, its connection is cut (`false`), or it is refused. Who has no
    /// token is told so first.
    async fn struck(&self, asked: &Asked, headers: &HeaderMap, hit: Option<How>) -> Result<bool, ApiError> {
        let Some(how) = hit else { return Ok(true) };
        self.authority.check(headers, self.world.clock.unpaced_unix_s())?;
        match how {
            How::Status(status) => Err(strike::refusal(status, &asked.operation, &asked.scope)),
            How::Throttle { retry_after_s } => Err(strike::throttled(&asked.scope, retry_after_s)),
            How::Silence => {
                serve::hang().await;
                Ok(false)
            }
            How::Cut => Ok(false),
            How::Answer(_) | How::Part(_) => Ok(true),
        }
    }

    /// Leads one read through the faults and counts what came of it.
    async fn answer(
        &self,
        asked: Asked,
        headers: &HeaderMap,
        made: impl FnOnce() -> Result<Value, ApiError> + Send,
    ) -> Response {
        let operation = asked.operation.as_str();
        let hit = self.faults.judge(&asked, &self.world.clock).whole;
        let mut result = match self.faults.strike().await {
            Verdict::Cut | Verdict::Hang => {
                self.counts.request(operation, "cut");
                return serve::cut_connection();
            }
            Verdict::Throttle => Err(ApiError::exhausted(
                resources::PROJECTS[0].number,
                QUERIES_PER_MINUTE,
            )),
            Verdict::Unavailable => Err(ApiError::unavailable()),
            Verdict::Proceed => match self.struck(&asked, headers, hit).await {
                Ok(true) => made(),
                Ok(false) => {
                    self.counts.request(operation, "cut");
                    return serve::cut_connection();
                }
                Err(error) => Err(error),
            },
        };
        if let Ok(value) = &mut result {
            strike::elements(self, &asked, value);
        }
        match result {
            Ok(value) => {
                self.counts.request(operation, "ok");
                let bad = match hit {
                    Some(How::Answer(bad)) => Some(bad),
                    Some(_) | None => self.faults.bad_answer().filter(|_| operation == LIST),
                };
                reply::sent(headers, &value, bad)
            }
            Err(error) => {
                self.counts.request(operation, error.status);
                error.into_response()
            }
        }
    }
}

const LIST: &str = "ListTimeSeries";

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v3/projects/{project}/timeSeries", get(time_series))
        .route(
            "/v3/projects/{project}/metricDescriptors",
            get(metric_descriptors),
        )
        .route(
            "/v3/projects/{project}/metricDescriptors/{*type}",
            get(metric_descriptor),
        )
        .route("/token", post(tokens::grant))
        .route("/v1/projects/-/serviceAccounts/{call}", post(tokens::impersonate))
        .route(
            "/computeMetadata/v1/instance/service-accounts/default/{item}",
            get(tokens::metadata),
        )
        .fallback(|uri: Uri| async move {
            ApiError::not_found(format!("{} was not found on this server.", uri.path()))
        })
        .with_state(shared)
}

async fn time_series(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let made = || {
        let project = shared.admit(&headers, &project, "monitoring.timeSeries.list")?;
        let (answer, series) = list::page(&shared, project, uri.query().unwrap_or(""))?;
        shared
            .counts
            .bill("time series returned", u64::try_from(series).unwrap_or(u64::MAX));
        Ok(answer)
    };
    let asked = strike::asked(LIST, &project, uri.query().unwrap_or(""));
    shared.answer(asked, &headers, made).await
}

async fn metric_descriptors(
    State(shared): State<Arc<Shared>>,
    Path(project): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let made = || {
        let project = shared.admit(&headers, &project, "monitoring.metricDescriptors.list")?;
        descriptors::page(project, uri.query().unwrap_or(""))
    };
    let asked = strike::asked("ListMetricDescriptors", &project, uri.query().unwrap_or(""));
    shared.answer(asked, &headers, made).await
}

async fn metric_descriptor(
    State(shared): State<Arc<Shared>>,
    Path((project, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let made = || {
        let project = shared.admit(&headers, &project, "monitoring.metricDescriptors.get")?;
        descriptors::one(project, &name, uri.query().unwrap_or(""))
    };
    let asked = strike::asked("GetMetricDescriptor", &project, uri.query().unwrap_or(""));
    shared.answer(asked, &headers, made).await
}
