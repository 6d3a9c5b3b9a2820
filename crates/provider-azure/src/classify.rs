//! What a refusal of Azure means. Pure: status, the headers that matter and the body in, one [`ProviderError`] out. It
//! knows the four forms of error bodies (wrapped, bare, Entra's, HTML from a gateway), not who asked or how often.

use provider_api::{Cloud, ErrorKind, ProviderError, Scope};
use serde_json::Value;
use std::time::Duration;

/// The operation that reads values in bulk; its 401 may mean a missing role.
pub(crate) const GET_BATCH: &str = "metrics:getBatch";
/// As much of a body as an error text repeats, in characters.
const LONGEST_WORDS_CHARS: usize = 600;
/// ARM sometimes asks for "0 seconds"; asking again at once is only refused again.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What an error body says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// `ResourceNotFound`, `invalid_client`, …; may be empty.
    pub(crate) code: String,
    /// The text.
    pub(crate) message: String,
}

/// The headers of an answer that a failure is judged by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// `Retry-After`, seconds.
    pub(crate) retry_after: Option<String>,
    /// `x-ms-user-quota-resets-after`, hh:mm:ss.
    pub(crate) quota_resets_after: Option<String>,
    /// `x-ms-request-id`.
    pub(crate) request_id: Option<String>,
}

/// Reads an error body: `error` when it is an object, else the top object; a string in `error` is Entra's.
pub(crate) fn parse(body: &[u8]) -> Option<Words> {
    let top: Value = serde_json::from_slice(body).ok()?;
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words = match top.get("error") {
        Some(Value::String(code)) => Words {
            code: code.clone(),
            message: text(&top, "error_description"),
        },
        Some(inner @ Value::Object(_)) => with_details(inner, text(inner, "code"), text(inner, "message")),
        _ => Words {
            code: text(&top, "code"),
            message: text(&top, "message"),
        },
    };
    (!words.code.is_empty() || !words.message.is_empty()).then_some(words)
}

/// Resource Graph says what is wrong only in its details.
fn with_details(error: &Value, code: String, mut message: String) -> Words {
    let details = error
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for detail in details.filter_map(|d| d.get("message").and_then(Value::as_str)) {
        message.push_str("; ");
        message.push_str(detail);
    }
    Words { code, message }
}

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
    let kind = kind_of(status, hints, words.as_ref());
    let code = words.map(|w| w.code).unwrap_or_default();
    let text = format!(
        "HTTP {status} {code}: {message}{}",
        advice(operation, status, &code, &message)
    );
    ProviderError::new(Cloud::Azure, operation, scope.clone(), kind, text)
        .with_request_id(hints.request_id.clone())
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
        400 if words.is_some_and(|w| entra(w)) => ErrorKind::Unauthenticated,
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

fn wait(hints: &Hints, words: Option<&Words>) -> Option<Duration> {
    header_wait(hints)
        .or_else(|| hints.quota_resets_after.as_deref().and_then(clock))
        .or_else(|| words.and_then(|w| quoted_seconds(&w.message)))
        .map(|d| d.max(SHORTEST_WAIT))
}

fn header_wait(hints: &Hints) -> Option<Duration> {
    hints
        .retry_after
        .as_deref()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// `00:00:05`.
fn clock(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    for part in text.split(':') {
        let part: u64 = part.split('.').next()?.trim().parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    Some(Duration::from_secs(seconds))
}

/// `Please try again after '309' seconds.`
fn quoted_seconds(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again after '")?;
    rest.split('\'').next()?.parse().ok().map(Duration::from_secs)
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

fn raw(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    if text.trim().is_empty() {
        "no body".to_owned()
    } else {
        format!("not JSON: {}", cut(text.trim()))
    }
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_WORDS_CHARS).collect()
}

/// Whether a 400's words name something that can be dropped, so that the rest may still be answered.
pub(crate) fn divisible(error: &ProviderError) -> bool {
    matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::NotFound)
}

/// Whether a 400 is about the window, which halving cannot cure.
pub(crate) fn about_time(error: &ProviderError) -> bool {
    let lower = error.message.to_ascii_lowercase();
    error.kind == ErrorKind::InvalidRequest && (lower.contains("retention") || lower.contains("time range"))
}

/// Whether a refusal of getBatch is about getBatch and not about what was asked, so that ARM may still answer.
pub(crate) fn batch_unsupported(error: &ProviderError) -> bool {
    let lower = error.message.to_ascii_lowercase();
    let unsupported = ["not supported", "unsupported", "does not support batch"]
        .iter()
        .any(|w| lower.contains(w));
    match error.kind {
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => true,
        // One resource that is gone says nothing about getBatch.
        ErrorKind::NotFound => {
            !lower.contains("resourcenotfound") && !lower.contains("resourcegroupnotfound")
        }
        ErrorKind::InvalidRequest => unsupported && !lower.contains("dimension"),
        ErrorKind::Throttled { .. }
        | ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::BadResponse
        | ErrorKind::Permanent => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(judge(status, &none, body).kind, wanted, "{status} {body}");
        }
    }

    #[test]
    fn headers_go_before_words() {
        let hints = Hints {
            retry_after: Some("17".into()),
            ..Hints::default()
        };
        assert_eq!(
            judge(429, &hints, DEFINITIONS).kind,
            ErrorKind::Throttled {
                retry_after: Some(Duration::from_secs(17))
            }
        );
        let hints = Hints {
            quota_resets_after: Some("00:01:05".into()),
            ..Hints::default()
        };
        assert_eq!(
            judge(429, &hints, "").kind,
            ErrorKind::Throttled {
                retry_after: Some(Duration::from_secs(65))
            }
        );
    }

    #[test]
    fn a_refusal_of_the_service_is_told_from_one_of_the_question() {
        let refused = |status, body| judge(status, &Hints::default(), body);
        assert!(batch_unsupported(&refused(401, "")));
        assert!(!batch_unsupported(&refused(
            404,
            r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#
        )));
        let dimensions = r#"{"error":{"code":"BadRequest","message":"does not support requested dimension combination: x, supported ones are: y"}}"#;
        assert!(!batch_unsupported(&refused(400, dimensions)) && divisible(&refused(400, dimensions)));
        let old = r#"{"error":{"code":"BadRequest","message":"out of the Max metrics retention period"}}"#;
        assert!(about_time(&refused(400, old)));
    }

    #[test]
    fn recorded_refusals_are_understood() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure");
        let forbidden = ErrorKind::Forbidden;
        let throttled = |s| ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(s)),
        };
        for (file, status, kind) in [
            ("error_403_authorization_failed", 403, forbidden),
            ("error_404_resource_not_found", 404, ErrorKind::NotFound),
            ("error_429_definitions", 429, throttled(309)),
            ("error_429_subscription", 429, throttled(1)),
            (
                "metrics_batch_error_400_retention",
                400,
                ErrorKind::InvalidRequest,
            ),
            ("metrics_list_error_400_unwrapped", 400, ErrorKind::InvalidRequest),
            ("resource_graph_error_400", 400, ErrorKind::InvalidRequest),
        ] {
            let Ok(body) = std::fs::read(format!("{folder}/{file}.json")) else {
                eprintln!("no fixture {file}: not judged");
                continue;
            };
            let error = refusal(GET_BATCH, &Scope::new("s"), status, &Hints::default(), &body);
            assert_eq!(error.kind, kind, "{file}");
            assert!(
                !error.message.contains("no body") && !error.message.contains("not JSON"),
                "{file}"
            );
        }
    }

    #[test]
    fn a_missing_role_says_what_to_grant() {
        assert!(
            judge(401, &Hints::default(), "")
                .message
                .contains("Monitoring Reader")
        );
        let body = r#"{"error":{"code":"MissingSubscriptionRegistration","message":"not registered"}}"#;
        assert!(
            judge(403, &Hints::default(), body)
                .message
                .contains("az provider register")
        );
    }
}
