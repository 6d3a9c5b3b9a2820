//! What a refusal of Azure means. Pure: status, the headers that matter and the body in, one [`ProviderError`] out. It
//! does not know who asked or how often.
//!
//! `words` reads bodies, `waits` finds the time to wait, `named` what would be right, `reach` says what a refusal leaves to
//! try.

mod named;
mod reach;
mod waits;
mod words;

pub(crate) use named::{Named, names_resource};
pub(crate) use reach::{about_time, batch_unsupported, divisible, not_asked, passing};
pub(crate) use waits::Hints;

use named::named;
use provider_api::{Cloud, ErrorKind, ProviderError, Scope};
use waits::{header_wait, wait};
use words::{Words, cut, parse, raw};

/// The operation that reads values in bulk; its 401 may mean a missing role.
pub(crate) const GET_BATCH: &str = "metrics:getBatch";

/// The error of an answer that is no 2xx.
pub(crate) fn refusal(
    operation: &'static str,
    scope: &Scope,
    status: u16,
    hints: &Hints,
    body: &[u8],
) -> ProviderError {
    let words = parse(body);
    let message = words.as_ref().map_or_else(|| raw(body), |w| cut(&w.message));
    let right = words.as_ref().and_then(|w| named(&w.message));
    let kind = kind_of(status, hints, words.as_ref());
    let code = words.map(|w| w.code).unwrap_or_default();
    let text = format!(
        "HTTP {status} {code}: {message}{}",
        advice(operation, status, &code, &message)
    );
    let error = ProviderError::new(Cloud::Azure, operation, scope.clone(), kind, text)
        .with_request_id(hints.request_id.clone());
    match right {
        Some(right) if status == 400 => error.with_source(right),
        _ => error,
    }
}

/// What a refusal says would be right, if it does.
pub(crate) fn right(error: &ProviderError) -> Option<&Named> {
    std::error::Error::source(error)?.downcast_ref()
}

fn kind_of(status: u16, hints: &Hints, words: Option<&Words>) -> ErrorKind {
    let named = |w: &Words| throttle_code(&w.code);
    match status {
        429 => ErrorKind::Throttled {
            retry_after: wait(hints, words),
        },
        503 if words.is_some_and(named) => ErrorKind::Throttled {
            retry_after: wait(hints, words),
        },
        // 529 is the metrics back end shedding load.
        408 | 500..=599 => ErrorKind::Unavailable {
            retry_after: header_wait(hints),
        },
        401 => ErrorKind::Unauthenticated,
        400 if words.is_some_and(entra) => ErrorKind::Unauthenticated,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        400 | 405 | 409 | 411..=428 => ErrorKind::InvalidRequest,
        // A redirect comes from a proxy, not from Azure.
        200..=399 => ErrorKind::BadResponse,
        _ => ErrorKind::Permanent,
    }
}

fn throttle_code(code: &str) -> bool {
    code.ends_with("Throttled") || code == "RateLimiting" || code == "TooManyRequests"
}

/// Entra answers wrong credentials with 400 as often as with 401.
fn entra(words: &Words) -> bool {
    words.message.starts_with("AADSTS")
        || matches!(words.code.as_str(), "invalid_client" | "unauthorized_client")
}

/// What to do about it, where we know.
fn advice(operation: &str, status: u16, code: &str, message: &str) -> &'static str {
    let lower = message.to_ascii_lowercase();
    if status == 401 && operation == GET_BATCH {
        return ". If the token is good, the role Monitoring Reader is missing on the subscription itself: grant it there, \
                a role on each resource is not enough for getBatch";
    }
    if matches!(status, 403 | 409)
        && (code == "MissingSubscriptionRegistration" || lower.contains("not registered"))
    {
        return ". Register the provider once: az provider register --namespace Microsoft.Insights --subscription <id>";
    }
    if status == 403 {
        return ". Grant Monitoring Reader on the subscription; a new role takes some minutes";
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn judge(status: u16, hints: &Hints, body: &str) -> ProviderError {
        refusal(GET_BATCH, &Scope::new("s"), status, hints, body.as_bytes())
    }

    const DEFINITIONS: &str = r#"{"error":{"code":"ResourceRequestsThrottled","message":"exceeded the limit of '400' for time interval '00:05:00'. Please try again after '309' seconds."}}"#;
    const ZERO: &str = r#"{"error":{"code":"SubscriptionRequestsThrottled","message":"Please try again after '0' seconds."}}"#;

    #[test]
    fn each_refusal_has_its_kind() {
        let none = Hints::default();
        let throttled = |s| ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(s)),
        };
        let bare = r#"{"code":"BadRequest","message":"Valid metrics: Percentage CPU"}"#;
        let entra = r#"{"error":"invalid_client","error_description":"AADSTS7000215: no"}"#;
        for (status, body, wanted) in [
            (429, DEFINITIONS, throttled(309)),
            (429, ZERO, throttled(1)),
            (400, bare, ErrorKind::InvalidRequest),
            (400, entra, ErrorKind::Unauthenticated),
            (401, "", ErrorKind::Unauthenticated),
            (403, "{}", ErrorKind::Forbidden),
            (404, "{}", ErrorKind::NotFound),
            (500, "<html>", ErrorKind::Unavailable { retry_after: None }),
            (529, "", ErrorKind::Unavailable { retry_after: None }),
            (302, "<html>", ErrorKind::BadResponse),
        ] {
            assert_eq!(*judge(status, &none, body).kind(), wanted, "{status} {body}");
        }
    }

    #[test]
    fn what_would_be_right_goes_with_the_error_however_long_its_words() {
        let valid: Vec<String> = (0..100).map(|i| format!("a long metric {i}")).collect();
        let body = format!(
            r#"{{"code":"BadRequest","message":"metric: x, Valid metrics: {}"}}"#,
            valid.join(",")
        );
        let error = judge(400, &Hints::default(), &body);
        assert_eq!(right(&error), Some(&Named::Metrics(valid)));
        assert_eq!(right(&judge(400, &Hints::default(), "{}")), None);
    }

    #[test]
    fn a_missing_role_says_what_to_grant() {
        assert!(
            judge(401, &Hints::default(), "")
                .message()
                .contains("Monitoring Reader")
        );
        let body = r#"{"error":{"code":"MissingSubscriptionRegistration","message":"not registered"}}"#;
        assert!(
            judge(403, &Hints::default(), body)
                .message()
                .contains("az provider register")
        );
    }
}
