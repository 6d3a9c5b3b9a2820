//! The simulated AWS: `CloudWatch`, the tagging API and STS behind one endpoint.
//!
//! Which service is meant follows from the request, as with the real ones: the path of rpc-v2-cbor, the `X-Amz-Target` of
//! `awsJson`, else STS. This file routes, authenticates, strikes with faults and counts; the answers are made next door.

mod answer;
mod bad;
mod catalog;
mod data;
mod getdata;
mod keys;
mod list;
mod page;
mod query;
mod quota;
mod shapes;
mod sigv4;
mod strike;
mod sts;
mod tagging;
mod truth;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;

use crate::counts::{Counts, CountsSnapshot};
use crate::date::dated;
use crate::faults::{Faults, Verdict};
use crate::rules::How;
use crate::serve::{self, Running};
use crate::world::World;
use answer::{ApiError, Protocol};
use sigv4::Caller;
use wire::Doc;

pub use catalog::REGIONS;
pub use keys::{ACCESS_KEY, ACCOUNT, ROLES, Role, SECRET_KEY};
pub use truth::{AwsTruth, Truth};

/// What a request may weigh; five hundred queries of thirty dimensions stay below.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";
const JSON_TARGET: &str = "GraniteServiceVersion20100801.";
const TAGGING_TARGET: &str = "ResourceGroupsTaggingAPI_20170126.";

/// What all requests share.
#[derive(Debug)]
pub(crate) struct State {
    world: World,
    faults: Faults,
    counts: Counts,
    catalog: catalog::Catalog,
    keys: keys::Keys,
    quota: quota::Quota,
}

/// The running simulator.
#[derive(Debug)]
pub struct AwsSim {
    state: Arc<State>,
    running: Running,
}

impl AwsSim {
    /// Starts to serve on `listen`, without TLS; port 0 finds a free one.
    pub async fn start(world: World, faults: Faults, listen: SocketAddr) -> io::Result<Self> {
        let catalog = catalog::Catalog::new(&world, ACCOUNT);
        let (keys, quota) = (keys::Keys::new(), quota::Quota::default());
        let state = Arc::new(State {
            world,
            faults,
            counts: Counts::default(),
            catalog,
            keys,
            quota,
        });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&state));
        let router = dated(router, &state.world.clock, &state.faults);
        let running = serve::serve(listen, router, None).await?;
        Ok(Self { state, running })
    }

    /// The URL that clients take as endpoint of all three services.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.running.addr())
    }

    /// Requests and billable units so far. The units are "metrics requested" and "queries".
    pub fn counts(&self) -> CountsSnapshot {
        self.state.counts.snapshot()
    }

    /// The faults, to be switched while it runs.
    pub fn faults(&self) -> &Faults {
        &self.state.faults
    }

    /// Life of sessions of assumed roles that are opened from now on, seconds, even where a longer one is asked for.
    pub fn set_session_life_s(&self, life_s: i64) {
        self.state.keys.set_session_life_s(life_s);
    }

    /// Refuses every session so many seconds after it was opened, whatever its client was told: what revoking it does.
    pub fn refuse_sessions_after_s(&self, life_s: i64) {
        self.state.keys.refuse_after_s(life_s);
    }

    /// The world that is shown; its clock can be moved.
    pub fn world(&self) -> &World {
        &self.state.world
    }

    /// What a perfect client would have read.
    pub fn truth(&self) -> Truth {
        Truth {
            state: Arc::clone(&self.state),
        }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// A request before anything about it was checked.
struct Call {
    protocol: Protocol,
    service: &'static str,
    operation: String,
}

async fn handle(Shared(state): Shared<Arc<State>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    let call = route(&parts, &body);
    match answer_to(&state, &call, &parts, &body).await {
        Ok((outcome, response)) => {
            state.counts.request(&call.operation, outcome);
            response
        }
        Err(error) => {
            state.counts.request(&call.operation, error.code);
            answer::failure(call.protocol, &error)
        }
    }
}

fn route(parts: &Parts, body: &[u8]) -> Call {
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let call = |protocol, service, operation: &str| Call {
        protocol,
        service,
        operation: operation.to_owned(),
    };
    if let Some(operation) = parts.uri.path().strip_prefix(CBOR_PATH) {
        call(Protocol::Cbor, "monitoring", operation)
    } else if let Some(operation) = target.strip_prefix(JSON_TARGET) {
        call(Protocol::Json10, "monitoring", operation)
    } else if let Some(operation) = target.strip_prefix(TAGGING_TARGET) {
        call(Protocol::Json11, "tagging", operation)
    } else {
        call(Protocol::Query, "sts", &sts::action(body).unwrap_or_default())
    }
}

async fn answer_to(
    state: &State,
    call: &Call,
    parts: &Parts,
    body: &[u8],
) -> Result<(&'static str, Response), ApiError> {
    let now_unix_s = state.world.clock.unpaced_unix_s();
    let caller = sigv4::verify(parts, body, call.service, &state.keys, now_unix_s)?;
    if call.protocol == Protocol::Query {
        let asked = strike::asked(call, &caller.region, &Doc::Null);
        let hit = state.faults.judge(&asked, &state.world.clock);
        if let Some(end) = strike::whole(state, call, &caller.key.arn, hit.whole).await {
            return end;
        }
        return sts::answer(state, &caller, &call.operation, body).map(|response| ("ok", response));
    }
    tokio::time::sleep(state.faults.latency()).await;
    match state.faults.next() {
        Verdict::Proceed => {}
        Verdict::Throttle => return Err(ApiError::throttled(call.protocol)),
        Verdict::Unavailable => return Err(ApiError::unavailable()),
        Verdict::Cut => return Ok(("cut", serve::cut_connection())),
        Verdict::Hang => {
            state.counts.request(&call.operation, "hang");
            serve::hang().await;
        }
    }
    if state.faults.real_quotas() && !state.quota.admits(&caller, &call.operation, now_unix_s) {
        return Err(ApiError::throttled(call.protocol));
    }
    let request = read(call, parts, body)?;
    let asked = strike::asked(call, &caller.region, &request);
    let hit = state.faults.judge(&asked, &state.world.clock);
    if let Some(end) = strike::whole(state, call, &caller.key.arn, hit.whole).await {
        return end;
    }
    let mut doc = document(state, call, &caller, &request)?;
    strike::elements(state, (&asked, &request), &hit, &mut doc);
    let is_data = matches!(call.operation.as_str(), "GetMetricData" | "GetMetricStatistics");
    let bad = match hit.whole {
        Some(How::Answer(bad)) => Some(bad),
        Some(_) | None => state.faults.bad_answer().filter(|_| is_data),
    };
    Ok(match bad {
        None => ("ok", answer::success(call.protocol, &doc)),
        Some(bad) => ("bad answer", bad::spoil(call.protocol, bad, doc)),
    })
}

fn read(call: &Call, parts: &Parts, body: &[u8]) -> Result<Doc, ApiError> {
    let parsed = match call.protocol {
        Protocol::Cbor
            if parts
                .headers
                .get("smithy-protocol")
                .is_none_or(|value| value != "rpc-v2-cbor") =>
        {
            return Err(ApiError::bad(
                "UnknownOperationException",
                "smithy-protocol: rpc-v2-cbor is required",
            ));
        }
        Protocol::Cbor => Doc::from_cbor(body),
        Protocol::Json10 | Protocol::Json11 | Protocol::Query => Doc::from_json(body),
    };
    parsed.map_err(|message| ApiError::bad("SerializationException", message))
}

fn document(state: &State, call: &Call, caller: &Caller, request: &Doc) -> Result<Doc, ApiError> {
    let region = caller.region.as_str();
    match (call.service, call.operation.as_str()) {
        ("monitoring", "ListMetrics") => list::list_metrics(state, region, request),
        ("monitoring", "GetMetricData") => getdata::get_metric_data(state, region, request),
        ("monitoring", "GetMetricStatistics") => getdata::get_metric_statistics(state, region, request),
        ("tagging", "GetResources") => tagging::get_resources(state.catalog.region(region), request),
        (_, operation) => Err(ApiError::bad(
            "UnknownOperationException",
            format!("The operation {operation} is not known"),
        )),
    }
}
