//! Who may ask. Everybody passes [`Access::admit`]: the network they come from, how often they come, and whether a page of
//! another site sent their browser. Each route then asks [`Access::permit`] for its scope. Refusals are logged, but not
//! each of many.

mod callers;
mod limiter;
mod origin;
mod refusals;

pub(crate) use callers::new_token;
pub(super) use callers::{Caller, hex_sha256};

use super::Admitted;
use super::api::error::ApiError;
use super::server::Peer;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use callers::{Callers, Unknown};
use config_file::{Api, ApiScope};
use ipnet::IpNet;
use limiter::{Limiter, Verdict};
use origin::Hosts;
use refusals::Refusals;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What a program and a browser are told to show, each in a line of its own: Chromium knows only the first of a line.
const CHALLENGES: [HeaderValue; 2] = [
    HeaderValue::from_static("Bearer realm=\"nephoscope\""),
    HeaderValue::from_static("Basic realm=\"nephoscope\", charset=\"UTF-8\""),
];

/// Decides who may ask.
#[derive(Debug)]
pub(super) struct Access {
    callers: Callers,
    allow: Vec<IpNet>,
    hosts: Option<Hosts>,
    limiter: Limiter,
    refusals: Refusals,
}

impl Access {
    /// As configured, for a listener at this address.
    pub(super) fn new(api: &Api, listen: SocketAddr) -> Self {
        // Who must show a token cannot be led here by a page of another site: it does not have the token.
        let open_on_loopback = listen.ip().is_loopback() && !api.asks_who();
        Self {
            callers: Callers::new(api),
            allow: api.allow.clone(),
            hosts: open_on_loopback.then(|| Hosts::new(&api.hosts)),
            limiter: Limiter::new(api.rate_limit),
            refusals: Refusals::default(),
        }
    }

    /// Lets a request in, or says why not.
    fn check(&self, peer: &Peer, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
        if let Some(hosts) = &self.hosts {
            hosts.check(headers)?;
        }
        origin::check(method, headers)?;
        let address = peer.ip();
        if !self.allow.is_empty() && !self.allow.iter().any(|network| network.contains(&address)) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "address_not_allowed",
                format!("{address} is in none of the networks that `api.allow` lists"),
            ));
        }
        Ok(())
    }

    /// Who asks, if they may do this.
    fn identify(&self, scope: ApiScope, peer: &Peer, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = self
            .callers
            .identify(headers, peer.certificate())
            .map_err(unknown)?;
        if caller.may(scope) {
            return Ok(caller);
        }
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "scope_missing",
            format!(
                "{caller} lacks the scope `{}`; key `api` of the configuration gives it",
                scope.label()
            ),
        ))
    }
}

/// Before every route.
pub(super) async fn admit(
    Shared(admitted): Shared<Admitted>,
    peer: Peer,
    request: Request,
    next: Next,
) -> Response {
    let admission = Arc::clone(&admitted.borrow());
    let access = &admission.access;
    let verdict = access.limiter.take(peer.ip());
    let mut response = match access.check(&peer, request.method(), request.headers()) {
        _ if verdict.wait_s.is_some() => limited().into_response(),
        Err(refused) => refused.into_response(),
        Ok(()) => next.run(request).await,
    };
    tell(&verdict, response.headers_mut());
    if let Some(refused) = response.extensions().get::<ApiError>() {
        access.refusals.note(refused, peer.ip());
    }
    response
}

/// Before a route that needs `scope`.
pub(super) async fn permit(
    admitted: Admitted,
    scope: ApiScope,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().cloned() else {
        // The server gives every request its peer.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let admission = Arc::clone(&admitted.borrow());
    match admission.access.identify(scope, &peer, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refused) => {
            let mut response = refused.into_response();
            if response.status() == StatusCode::UNAUTHORIZED {
                for challenge in CHALLENGES {
                    response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
                }
            }
            response
        }
    }
}

/// Before a route that everybody may ask and that tells more to whoever may read. A token that is none is refused all the
/// same: it was meant to be one.
pub(super) async fn recognise(admitted: Admitted, mut request: Request, next: Next) -> Response {
    let admission = Arc::clone(&admitted.borrow());
    request.extensions_mut().insert(admission.ready);
    let peer = request.extensions().get::<Peer>().cloned();
    let caller = peer.map(|peer| {
        admission
            .access
            .identify(ApiScope::Read, &peer, request.headers())
    });
    match caller {
        Some(Ok(caller)) => drop(request.extensions_mut().insert(caller)),
        Some(Err(refused)) if refused.code() == "token_unknown" => return refused.into_response(),
        Some(Err(_)) | None => {}
    }
    next.run(request).await
}

fn unknown(why: Unknown) -> ApiError {
    let (code, message) = match why {
        Unknown::Silent => (
            "unauthenticated",
            "show a token: `Authorization: Bearer TOKEN`, `X-API-Key: TOKEN`, or as password in a browser",
        ),
        Unknown::Wrong => ("token_unknown", "no token of the configuration is this one"),
    };
    ApiError::new(StatusCode::UNAUTHORIZED, code, message)
}

fn limited() -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "this address asks too often; `Retry-After` says when to come again (key `api.rate_limit`)",
    )
}

fn tell(verdict: &Verdict, headers: &mut HeaderMap) {
    headers.insert(LIMIT, HeaderValue::from(verdict.burst));
    headers.insert(REMAINING, HeaderValue::from(verdict.remaining));
    headers.insert(RESET, HeaderValue::from(verdict.full_in_s));
    if let Some(wait_s) = verdict.wait_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    }
}

/// IPv4 that comes in through an IPv6 socket is IPv4.
pub(super) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
