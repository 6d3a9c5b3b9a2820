//! What became of a batch: one contract for every destination, and the tables that read a back end's answer.
//!
//! The tables are pure. They follow the OTLP specification except where following it loses data that a person could
//! still save: credentials and wrong addresses hold the queue, refusals of a whole batch are bisected.

use crate::advice::{ADDRESS, COMPRESSION, CREDENTIALS, PROXY, REDIRECT, SERVICE, hold, refuses_compression};
use crate::encode::Encoded;
use async_trait::async_trait;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Longest piece of a back end's own words that we keep.
const MAX_WORDS: usize = 300;

/// Carries one batch to one back end.
///
/// # Contract
/// One attempt for each call, with its own time limit; no retry, no queue. Dropping the future abandons the attempt and
/// leaves the transport usable. Texts in a verdict hold no secret.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Delivers `batch` and says what became of it.
    async fn deliver(&self, batch: &Encoded) -> Verdict;
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; `rejected` of its points were not, and must not be sent again.
    Delivered {
        /// Points that the back end refused.
        rejected: i64,
        /// Its reason, or a warning.
        message: String,
    },
    /// Not taken; the same batch may be taken later.
    Retry {
        /// Not before this has passed, when the back end said so.
        after: Option<Duration>,
        /// What happened.
        why: String,
    },
    /// Not taken until a person has changed something. Kept, and alarmed.
    Hold {
        /// What happened.
        why: String,
    },
    /// Refused as a whole; parts of it may be taken.
    Split {
        /// What happened.
        why: String,
    },
    /// Refused for good.
    Drop {
        /// What happened.
        why: String,
    },
}

impl Verdict {
    /// The same, its reason preceded by what was asked.
    pub(crate) fn about(mut self, url: &str) -> Self {
        match &mut self {
            Self::Delivered { .. } => {}
            Self::Retry { why, .. } | Self::Hold { why } | Self::Split { why } | Self::Drop { why } => {
                *why = format!("POST {url}: {why}");
            }
        }
        self
    }

    /// For traces.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Retry { .. } => "retry",
            Self::Hold { .. } => "hold",
            Self::Drop { .. } => "drop",
            Self::Split { .. } => "split",
        }
    }
}

/// Reads a gRPC status that **the server** sent. A broken connection never comes here: it is always a retry.
pub(crate) fn grpc_verdict(status: &Status) -> Verdict {
    let after = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let why = format!("{:?}: {}", status.code(), words(status.message()));
    match status.code() {
        Code::Ok => Verdict::Delivered {
            rejected: 0,
            message: String::new(),
        },
        // grpc-go and the collector say RESOURCE_EXHAUSTED for a message above their limit, tonic OUT_OF_RANGE.
        Code::OutOfRange if status.message().contains("too large") => Verdict::Split { why },
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::Retry { after, why },
        Code::ResourceExhausted if after.is_some() => Verdict::Retry { after, why },
        Code::ResourceExhausted | Code::InvalidArgument => Verdict::Split { why },
        Code::Unauthenticated | Code::PermissionDenied => hold(&why, CREDENTIALS),
        Code::Unimplemented => hold(&why, SERVICE),
        Code::Unknown | Code::Internal | Code::NotFound | Code::AlreadyExists | Code::FailedPrecondition => {
            Verdict::Drop { why }
        }
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
    let said = String::from_utf8_lossy(answer.body);
    let why = format!("HTTP {}: {}", answer.status, words(&said));
    let after = answer.retry_after.and_then(|text| retry_after(text, now));
    match answer.status {
        200..=299 => http_success(answer, why),
        300..=399 => hold(&why, REDIRECT),
        401 | 403 => hold(&why, CREDENTIALS),
        404 | 405 => hold(&why, ADDRESS),
        407 => hold(&why, PROXY),
        415 => hold(&why, COMPRESSION),
        400 if refuses_compression(&why) => hold(&why, COMPRESSION),
        400 | 413 => Verdict::Split { why },
        408 | 429 | 502 | 503 | 504 => Verdict::Retry { after, why },
        _ => Verdict::Drop { why },
    }
}

/// An empty body is a success: not every back end answers in protobuf. A page is a proxy or a portal.
fn http_success(answer: HttpAnswer<'_>, why: String) -> Verdict {
    if answer.content_type.contains("text/html") {
        return hold(&why, PROXY);
    }
    if answer.content_type.contains("protobuf") {
        return partial_success(answer.body).unwrap_or(Verdict::Retry { after: None, why });
    }
    Verdict::Delivered {
        rejected: 0,
        message: String::new(),
    }
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

/// The beginning of a back end's words, on one line.
pub(crate) fn words(text: &str) -> String {
    text.chars()
        .take(MAX_WORDS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// An error with its causes: a transport's top line alone ("transport error") helps nobody.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    words(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn name(v: &Verdict) -> &'static str {
        match v {
            Verdict::Delivered { .. } => "delivered",
            Verdict::Retry { .. } => "retry",
            Verdict::Hold { .. } => "hold",
            Verdict::Split { .. } => "split",
            Verdict::Drop { .. } => "drop",
        }
    }

    #[test]
    fn every_grpc_code_has_its_reaction() {
        let table = [
            (Code::Ok, "delivered"),
            (Code::Cancelled, "retry"),
            (Code::Unknown, "drop"),
            (Code::InvalidArgument, "split"),
            (Code::DeadlineExceeded, "retry"),
            (Code::NotFound, "drop"),
            (Code::AlreadyExists, "drop"),
            (Code::PermissionDenied, "hold"),
            (Code::ResourceExhausted, "split"),
            (Code::FailedPrecondition, "drop"),
            (Code::Aborted, "retry"),
            (Code::OutOfRange, "retry"),
            (Code::Unimplemented, "hold"),
            (Code::Internal, "drop"),
            (Code::Unavailable, "retry"),
            (Code::DataLoss, "retry"),
            (Code::Unauthenticated, "hold"),
        ];
        for (code, want) in table {
            assert_eq!(name(&grpc_verdict(&Status::new(code, "x"))), want, "{code:?}");
        }
        assert_eq!(
            name(&grpc_verdict(&Status::out_of_range("message length too large"))),
            "split"
        );
    }

    #[test]
    fn retry_info_turns_exhaustion_into_a_wait() {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
        let status = Status::with_error_details(Code::ResourceExhausted, "slow down", details);
        let want = Verdict::Retry {
            after: Some(Duration::from_secs(7)),
            why: "ResourceExhausted: slow down".into(),
        };
        assert_eq!(grpc_verdict(&status), want);
    }

    #[test]
    fn http_answers() {
        let now: jiff::Timestamp = "2026-11-06T08:49:00Z".parse().unwrap();
        let table = [
            (200, "", "delivered"),
            (200, "text/html; charset=utf-8", "hold"),
            (204, "", "delivered"),
            (302, "", "hold"),
            (400, "text/plain", "split"),
            (401, "", "hold"),
            (403, "", "hold"),
            (404, "", "hold"),
            (413, "", "split"),
            (415, "", "hold"),
            (429, "", "retry"),
            (500, "", "drop"),
            (501, "", "drop"),
            (502, "", "retry"),
            (503, "", "retry"),
            (504, "", "retry"),
        ];
        for (status, content_type, want) in table {
            let answer = HttpAnswer {
                status,
                content_type,
                retry_after: None,
                body: b"",
            };
            assert_eq!(name(&http_verdict(answer, now)), want, "{status} {content_type}");
        }
    }

    #[test]
    fn a_compression_that_is_not_known_holds() {
        let answer = HttpAnswer {
            status: 400,
            content_type: "text/plain",
            retry_after: None,
            body: b"unsupported \"Content-Encoding\": zstd",
        };
        let verdict = http_verdict(answer, jiff::Timestamp::UNIX_EPOCH);
        assert!(
            matches!(&verdict, Verdict::Hold { why } if why.contains("`compression: gzip`")),
            "{verdict:?}"
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: jiff::Timestamp = "2026-11-06T08:49:00Z".parse().unwrap();
        assert_eq!(retry_after("17", now), Some(Duration::from_secs(17)));
        assert_eq!(
            retry_after("Fri, 06 Nov 2026 08:49:37 GMT", now),
            Some(Duration::from_secs(37))
        );
        assert_eq!(
            retry_after("Fri, 06 Nov 2026 08:48:37 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon", now), None);
    }
}
