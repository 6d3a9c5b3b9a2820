//! From an HTTP request to its handler: which API it is, whether its token fits, what quotas and faults say.
//! The order is the real one: authentication, then throttling, then the request itself.

use super::catalog::SUBSCRIPTIONS;
use super::entra::{
    ARM_AUDIENCE, METRICS_AUDIENCE, Params, Refusal, instance_discovery, openid_configuration,
};
use super::operation::Operation;
use super::reply::Reply;
use super::throttle::{spend, throttled, with_headers};
use super::{State, arm, batch, graph, strike};
use crate::faults::Verdict;
use crate::rules::How;
use crate::serve::{cut_connection, hang};
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Largest request body: 50 long resource ids fit many times.
const MAX_BODY_BYTES: usize = 1 << 20;

/// One router for all; paths are told apart by `Operation::of`, because ARM's are case-insensitive and open-ended.
pub(super) fn router(state: Arc<State>) -> Router {
    let handle = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
        let state = Arc::clone(&state);
        async move { answer(&state, &Request::new(&method, &uri, headers, body)).await }
    };
    Router::new()
        .fallback(handle)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// What handlers need of a request.
struct Request {
    method: Method,
    base: String,
    path: String,
    params: Params,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    fn new(method: &Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let host = uri
            .authority()
            .map(ToString::to_string)
            .or_else(|| header(&headers, "host").map(str::to_owned));
        let base = format!("https://{}", host.unwrap_or_else(|| "localhost".to_owned()));
        let path = uri.path().replace("%3A", ":").replace("%3a", ":");
        Self {
            method: method.clone(),
            base,
            path,
            params: params(uri.query().unwrap_or("").as_bytes()),
            headers,
            body,
        }
    }

    fn self_url(&self) -> String {
        format!("{}{}", self.base, self.path)
    }
}

fn params(encoded: &[u8]) -> Params {
    url::form_urlencoded::parse(encoded)
        .map(|(key, value)| (key.to_lowercase(), value.into_owned()))
        .collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

async fn answer(state: &State, request: &Request) -> Response {
    let operation = Operation::of(&request.method, &request.path);
    let verdict = if operation.is_identity() {
        Verdict::Proceed
    } else {
        state.faults.strike().await
    };
    if verdict == Verdict::Cut {
        state.counts.request(operation.name(), "cut");
        return cut_connection();
    }
    let asked = strike::asked(&operation, &request.params, &request.body);
    let strikes: Vec<Option<How>> = asked
        .iter()
        .map(|asked| state.faults.judge(asked, &state.world.clock).whole)
        .collect();
    if strikes.contains(&Some(How::Silence)) {
        hang().await;
    }
    if strikes.contains(&Some(How::Cut)) {
        state.counts.request(operation.name(), "cut");
        return cut_connection();
    }
    let mut reply = if operation.is_identity() {
        identity(state, request, &operation, &strikes)
    } else {
        api(state, request, &operation, verdict, &strikes)
    };
    if let Some(asked) = asked.first().filter(|_| reply.status == 200) {
        strike::elements(state, asked, &mut reply.body);
    }
    let spoilt = strikes.iter().flatten().find_map(|how| match how {
        How::Answer(bad) => Some(*bad),
        How::Status(_) | How::Throttle { .. } | How::Silence | How::Cut | How::Part(_) => None,
    });
    reply.is_data |= spoilt.is_some() && reply.status == 200;
    let outcome = match reply.status {
        200 => "ok".to_owned(),
        429 => "throttled".to_owned(),
        503 | 529 => "unavailable".to_owned(),
        status => status.to_string(),
    };
    state.counts.request(operation.name(), &outcome);
    let request_id = format!(
        "00000000-0000-4000-8000-{:012x}",
        state.requests.fetch_add(1, Relaxed)
    );
    reply
        .with("x-ms-request-id", request_id.as_str())
        .with("x-ms-correlation-request-id", request_id)
        .into_response(spoilt.or_else(|| state.faults.bad_answer()))
}

fn identity(state: &State, request: &Request, operation: &Operation, strikes: &[Option<How>]) -> Reply {
    if let Some(refused) = struck(state, operation, request, strikes) {
        return refused;
    }
    let (now_s, life_s) = (
        state.world.clock.unpaced_unix_s(),
        state.token_life_s.load(Relaxed),
    );
    match operation {
        Operation::Token(tenant) => {
            state
                .entra
                .token(tenant, &params(&request.body), &request.base, now_s, life_s)
        }
        Operation::Imds => {
            let has_header =
                header(&request.headers, "metadata").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            state
                .entra
                .managed_identity(&request.params, has_header, &request.base, now_s, life_s)
        }
        Operation::OpenId(tenant) => openid_configuration(tenant, &request.base),
        Operation::Instance => instance_discovery(&request.base),
        Operation::Subscriptions
        | Operation::Subscription(_)
        | Operation::Resources { .. }
        | Operation::SubscriptionDefinitions(_)
        | Operation::Definitions(_)
        | Operation::Namespaces(_)
        | Operation::Metrics(_)
        | Operation::Graph
        | Operation::Batch { .. }
        | Operation::Unknown => Reply::not_found(&request.path),
    }
}

fn api(
    state: &State,
    request: &Request,
    operation: &Operation,
    verdict: Verdict,
    strikes: &[Option<How>],
) -> Reply {
    let is_batch = matches!(operation, Operation::Batch { .. });
    let audience = if is_batch { METRICS_AUDIENCE } else { ARM_AUDIENCE };
    let now_s = state.world.clock.unpaced_unix_s();
    if let Err(refusal) = state
        .entra
        .verify(header(&request.headers, "authorization"), audience, now_s)
    {
        return unauthorized(refusal, audience, &request.base);
    }
    if verdict == Verdict::Unavailable {
        let status = if is_batch { 529 } else { 503 };
        return Reply::error(status, "ServiceUnavailable", "The service is unavailable now.");
    }
    if let Some(refused) = struck(state, operation, request, strikes) {
        return refused;
    }
    let (spent, remainders) = spend(state, &request.path, operation);
    if verdict == Verdict::Throttle || (state.faults.real_quotas() && !spent.allowed) {
        // A fault throttles although there is quota left: it passes at once.
        let wait_s = if spent.allowed { 1 } else { spent.wait_s };
        return with_headers(throttled(operation, wait_s), remainders);
    }
    if !request.params.contains_key("api-version") {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return with_headers(
            Reply::error(400, "MissingApiVersionParameter", message),
            remainders,
        );
    }
    with_headers(handle(state, request, operation, strikes), remainders)
}

/// The refusal of a request that a rule hits. A query of several subscriptions goes on without those that may not be read.
fn struck(state: &State, operation: &Operation, request: &Request, strikes: &[Option<How>]) -> Option<Reply> {
    let asked = || strike::asked(operation, &request.params, &request.body);
    let refused = strikes.iter().flatten().filter_map(|how| match how {
        How::Status(status) => Some((
            *status,
            strike::refusal(state, *status, operation, &request.path, &asked()),
        )),
        How::Throttle { retry_after_s } => Some((429, throttled(operation, i64::from(*retry_after_s)))),
        How::Silence | How::Cut | How::Answer(_) | How::Part(_) => None,
    });
    let mut refused: Vec<(u16, Reply)> = refused.collect();
    if refused.len() < strikes.len() {
        refused.retain(|(status, _)| !is_forbidden(*status));
    }
    refused.into_iter().next().map(|(_, reply)| reply)
}

fn is_forbidden(status: u16) -> bool {
    matches!(status, 401 | 403)
}

/// The numbers of the subscriptions that a query of several goes on without.
fn hidden(strikes: &[Option<How>]) -> Vec<usize> {
    let numbered = strikes.iter().enumerate();
    numbered
        .filter(|(_, how)| matches!(how, Some(How::Status(status)) if is_forbidden(*status)))
        .map(|(number, _)| number)
        .collect()
}

fn handle(state: &State, request: &Request, operation: &Operation, strikes: &[Option<How>]) -> Reply {
    let resource = |id: &str, answer: &dyn Fn(&super::catalog::Resource) -> Reply| {
        state
            .catalogue
            .by_id(id, state.world.clock.now_unix_s())
            .map_or_else(|| Reply::not_found(id), answer)
    };
    match operation {
        Operation::Subscriptions => arm::subscriptions(),
        Operation::Subscription(id) => arm::one_subscription(id),
        Operation::Resources { subscription, group } => arm::resources(
            state,
            subscription,
            group.as_deref(),
            &request.params,
            &request.self_url(),
        ),
        Operation::SubscriptionDefinitions(id) => arm::subscription_definitions(id, &request.params),
        Operation::Definitions(id) => resource(id, &|found| {
            arm::definitions(found, request.params.get("metricnamespace").map(String::as_str))
        }),
        Operation::Namespaces(id) => resource(id, &arm::namespaces),
        Operation::Metrics(id) => {
            state.counts.bill("metric queries", 1);
            resource(id, &|found| arm::metrics(state, found, &request.params))
        }
        Operation::Graph => graph::query(state, &request.body, &hidden(strikes)),
        Operation::Batch { subscription, region }
            if SUBSCRIPTIONS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(subscription)) =>
        {
            batch::get_batch(
                state,
                subscription,
                region.as_deref(),
                &request.params,
                &request.body,
            )
        }
        // Without a role on the subscription the data plane says 401, not 403 (facts §4).
        Operation::Batch { .. } => Reply::error(
            401,
            "AuthorizationFailed",
            "The caller has no role on the subscription.",
        ),
        Operation::Token(_)
        | Operation::OpenId(_)
        | Operation::Instance
        | Operation::Imds
        | Operation::Unknown => Reply::not_found(&request.path),
    }
}

fn unauthorized(refusal: Refusal, audience: &str, base: &str) -> Reply {
    let (code, message) = match refusal {
        Refusal::Missing => (
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing or invalid.".to_owned(),
        ),
        Refusal::WrongAudience => (
            "InvalidAuthenticationToken",
            format!(
                "The access token has been obtained for wrong audience or resource. It should exactly match with '{audience}'."
            ),
        ),
        Refusal::Expired => (
            "ExpiredAuthenticationToken",
            "The access token expiry UTC time is earlier than current UTC time.".to_owned(),
        ),
    };
    Reply::error(401, code, &message).with(
        "www-authenticate",
        format!("Bearer authorization_uri=\"{base}/common\", error=\"invalid_token\""),
    )
}
