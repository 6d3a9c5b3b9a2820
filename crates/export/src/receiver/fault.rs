//! How the receiver misbehaves when told to, over both protocols.

use super::flat::{FlatPoint, flatten};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use std::collections::VecDeque;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// One wrong answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `UNAVAILABLE`; 503.
    Unavailable,
    /// `RESOURCE_EXHAUSTED` with `RetryInfo`; 429 with Retry-After in seconds.
    SlowDown {
        /// How long to wait.
        after: Duration,
    },
    /// `RESOURCE_EXHAUSTED` without `RetryInfo`; 413.
    TooLarge,
    /// `INVALID_ARGUMENT`; 400.
    Invalid,
    /// `UNAUTHENTICATED`; 401.
    Unauthenticated,
    /// `INTERNAL`; 500.
    Internal,
    /// `UNAVAILABLE`; 200 with an HTML page.
    Page,
    /// A status of the test's own.
    Answer {
        /// Over HTTP.
        http: u16,
        /// Over gRPC, by its number.
        grpc: i32,
        /// Its words.
        words: &'static str,
    },
    /// Takes the batch and says that it refused some of it.
    Partial {
        /// How many points it says it refused.
        rejected: i64,
        /// Its reason.
        message: String,
    },
}

impl Fault {
    /// As a gRPC status; nothing for a partial success.
    pub(super) fn status(&self) -> Option<Status> {
        Some(match self {
            Self::Unavailable | Self::Page => Status::unavailable("scripted"),
            Self::SlowDown { after } => {
                let details = ErrorDetails::with_retry_info(Some(*after));
                Status::with_error_details(Code::ResourceExhausted, "scripted", details)
            }
            Self::TooLarge => Status::resource_exhausted("scripted"),
            Self::Invalid => Status::invalid_argument("scripted"),
            Self::Unauthenticated => Status::unauthenticated("scripted"),
            Self::Internal => Status::internal("scripted"),
            Self::Answer { grpc, words, .. } => Status::new(Code::from_i32(*grpc), *words),
            Self::Partial { .. } => return None,
        })
    }

    /// As an HTTP answer; nothing for a partial success.
    pub(super) fn response(&self) -> Option<Response> {
        let plain = |code: StatusCode| Some((code, "scripted").into_response());
        match self {
            Self::Unavailable => plain(StatusCode::SERVICE_UNAVAILABLE),
            Self::SlowDown { after } => {
                let mut headers = HeaderMap::new();
                headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
                Some((StatusCode::TOO_MANY_REQUESTS, headers, "scripted").into_response())
            }
            Self::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE),
            Self::Invalid => plain(StatusCode::BAD_REQUEST),
            Self::Unauthenticated => plain(StatusCode::UNAUTHORIZED),
            Self::Internal => plain(StatusCode::INTERNAL_SERVER_ERROR),
            Self::Answer { http, words, .. } => {
                Some((StatusCode::from_u16(*http).unwrap_or_default(), *words).into_response())
            }
            Self::Page => Some(axum::response::Html("<h1>Sign in</h1>").into_response()),
            Self::Partial { .. } => None,
        }
    }
}

/// Says whether a point is one that the receiver refuses.
pub type Bad = Box<dyn Fn(&FlatPoint) -> bool + Send + Sync>;

/// What is still to go wrong.
#[derive(Default)]
pub(super) struct Script {
    pub(super) faults: VecDeque<Fault>,
    /// What holds such a point is answered so.
    pub(super) bad: Option<(Bad, Fault)>,
    /// What every request is answered with.
    pub(super) always: Option<Fault>,
    pub(super) delay: Duration,
}

impl Script {
    /// The delay and the fault for one request.
    pub(super) fn next(&mut self, request: &ExportMetricsServiceRequest) -> (Duration, Option<Fault>) {
        let refused = || {
            let (bad, fault) = self.bad.as_ref()?;
            flatten(request).iter().any(bad).then(|| fault.clone())
        };
        let fault = self.always.clone().or_else(refused);
        (self.delay, self.faults.pop_front().or(fault))
    }
}
