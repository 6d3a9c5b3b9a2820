//! The tables that read a back end's answer. Pure.
//!
//! They follow the OTLP specification except where following it loses data that a person could still save: nothing in here
//! says that points are bad. A server's fault is tried again; wrong credentials and addresses hold; what is refused as a
//! whole is looked into by the delivery.

use crate::advice::{
    COMPRESSION, CREDENTIALS, PROXY, REDIRECT, SERVICE, advised, hold, of_status, refuses_compression,
};
use crate::refusal::{Refusal, refuses_deltas, refuses_order, refuses_rate, refuses_size, stores_the_rest};
use crate::transport::{Verdict, words};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Reads a gRPC status that **the server** sent. A broken connection never comes here: it is always a retry.
pub(crate) fn grpc_verdict(status: &Status) -> Verdict {
    let after = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let said = words(status.message());
    let why = format!("{:?}: {said}", status.code());
    match status.code() {
        Code::Ok => taken(),
        Code::Unauthenticated | Code::PermissionDenied => hold(&why, CREDENTIALS),
        Code::Unimplemented => hold(&why, SERVICE),
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unknown
        | Code::Internal => fault(&said, after, why),
        Code::ResourceExhausted if after.is_some() || refuses_rate(&said) => retry(after, why),
        // grpc-go and the collector say RESOURCE_EXHAUSTED for a message above their limit, tonic OUT_OF_RANGE.
        Code::ResourceExhausted | Code::OutOfRange if refuses_size(&said) => too_large(&why),
        Code::ResourceExhausted => refused(&why, of_status(402), Refusal::Points { account: true }),
        Code::OutOfRange
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition => about(&said, false, &why, of_status(400)),
    }
}

/// An HTTP answer, reduced to what decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpAnswer<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) retry_after: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// Reads an HTTP answer; `now` turns a date in `Retry-After` into a wait.
pub(crate) fn http_verdict(answer: HttpAnswer<'_>, now: jiff::Timestamp) -> Verdict {
    let said = words(&String::from_utf8_lossy(answer.body));
    let why = format!("HTTP {}: {said}", answer.status);
    let after = answer.retry_after.and_then(|text| retry_after(text, now));
    let advice = of_status(answer.status);
    match answer.status {
        200..=299 => http_success(answer, why),
        300..=399 => hold(&why, REDIRECT),
        401 | 403 => hold(&why, CREDENTIALS),
        404 => hold(&why, advice),
        407 | 511 => hold(&why, PROXY),
        415 => hold(&why, COMPRESSION),
        400 if refuses_compression(&said) => hold(&why, COMPRESSION),
        408 | 423 | 425 | 429 | 499 => retry(after, why),
        400 | 402 if refuses_rate(&said) => retry(after, why),
        402 => refused(&why, advice, Refusal::Points { account: true }),
        413 => too_large(&why),
        400 if refuses_size(&said) => too_large(&why),
        501 | 505 => refused(&why, advice, Refusal::Points { account: false }),
        500..=599 => fault(&said, after, why),
        status => about(&said, status == 409, &why, advice),
    }
}

fn taken() -> Verdict {
    Verdict::Delivered {
        rejected: 0,
        message: String::new(),
    }
}

/// A server's own fault, unless its words are about points: Prometheus says `too old sample` with a 500.
fn fault(said: &str, after: Option<Duration>, why: String) -> Verdict {
    if refuses_deltas(said) || refuses_order(said) {
        return about(said, false, &why, of_status(400));
    }
    retry(after, why)
}

fn retry(after: Option<Duration>, why: String) -> Verdict {
    Verdict::Retry {
        after,
        why,
        answered: true,
    }
}

fn too_large(why: &str) -> Verdict {
    refused(why, of_status(413), Refusal::Size)
}

/// A refusal by its words.
fn about(said: &str, conflict: bool, why: &str, advice: &str) -> Verdict {
    let refusal = if refuses_deltas(said) {
        Refusal::Deltas
    } else if refuses_order(said) {
        let rest_stored = stores_the_rest(said, conflict);
        Refusal::Order { rest_stored }
    } else {
        Refusal::Points { account: false }
    };
    refused(why, advice, refusal)
}

fn refused(why: &str, advice: &str, refusal: Refusal) -> Verdict {
    let why = match refusal {
        Refusal::Points { .. } | Refusal::Size => advised(why, advice),
        Refusal::Deltas | Refusal::Order { .. } => why.to_owned(),
    };
    Verdict::Refused { refusal, why }
}

/// An empty body is a success: not every back end answers in protobuf. A page is a proxy or a portal.
fn http_success(answer: HttpAnswer<'_>, why: String) -> Verdict {
    if answer.content_type.contains("text/html") {
        return hold(&why, PROXY);
    }
    if answer.content_type.contains("protobuf") {
        return partial_success(answer.body).unwrap_or(retry(None, why));
    }
    taken()
}

/// Reads an export response; nothing when it is not one.
pub(crate) fn partial_success(body: &[u8]) -> Option<Verdict> {
    let partial = ExportMetricsServiceResponse::decode(body)
        .ok()?
        .partial_success
        .unwrap_or_default();
    Some(Verdict::Delivered {
        rejected: partial.rejected_data_points,
        message: words(&partial.error_message),
    })
}

/// `Retry-After` in seconds or as an HTTP date.
fn retry_after(text: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(text.trim())
        .ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
