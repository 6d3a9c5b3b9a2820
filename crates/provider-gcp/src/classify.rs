//! What a failed request means: from the client library's error to one of our kinds, by HTTP status, then status code,
//! then `ErrorInfo.reason`, never by the text (which only adds a hint for people). What is done about a kind is the
//! gate's and the scheduler's business.

use crate::GCP;
use crate::credentials::with_causes;
use google_cloud_gax::error::rpc::{Code, Status, StatusDetails};
use google_cloud_gax::error::{CredentialsError, Error};
use provider_api::{ErrorKind, ProviderError, Scope};
use reqwest::header::HeaderMap;
use std::error::Error as _;
use std::time::Duration;

/// Reasons with which a 403 is really a quota.
const QUOTA_REASONS: [&str; 4] = [
    "RATE_LIMIT_EXCEEDED",
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "quotaExceeded",
];

/// Reasons of a service that is switched off in the project; the second is the old form of the same.
const DISABLED_REASONS: [&str; 2] = ["SERVICE_DISABLED", "accessNotConfigured"];

/// The error of one attempt, in our words.
pub(crate) fn classify(error: Error, operation: &'static str, scope: &Scope) -> ProviderError {
    let kind = kind(&error);
    let message = message(&error, scope);
    let failed = ProviderError::new(GCP, operation, scope.clone(), kind, message);
    let failed = if error.is_connect() {
        failed.with_nobody_reached()
    } else {
        failed
    };
    failed.with_source(error)
}

fn kind(error: &Error) -> ErrorKind {
    let retry_after = retry_after(error);
    match (error.http_status_code(), error.status()) {
        _ if error.is_authentication() => credentials(error),
        (Some(http), status) => by_http(http, status, retry_after),
        (None, Some(status)) => by_code(status, retry_after),
        (None, None) => without_answer(error),
    }
}

/// A metadata server that does not answer is not a wrong credential: the library's token task goes on trying.
fn credentials(error: &Error) -> ErrorKind {
    let source = error.source().and_then(|s| s.downcast_ref::<CredentialsError>());
    if source.is_some_and(CredentialsError::is_transient) {
        ErrorKind::Unavailable { retry_after: None }
    } else {
        ErrorKind::Unauthenticated
    }
}

fn by_http(http: u16, status: Option<&Status>, retry_after: Option<Duration>) -> ErrorKind {
    match http {
        400 => ErrorKind::InvalidRequest,
        401 => ErrorKind::Unauthenticated,
        403 if status
            .and_then(reason)
            .is_some_and(|r| QUOTA_REASONS.contains(&r)) =>
        {
            ErrorKind::Throttled { retry_after }
        }
        403 => ErrorKind::Forbidden,
        // Only Google's own 404 says that a metric has no data; a proxy's says nothing about metrics.
        404 if status.is_some() => ErrorKind::NotFound,
        408 | 504 => ErrorKind::TimedOut,
        429 => ErrorKind::Throttled { retry_after },
        499..=599 => ErrorKind::Unavailable { retry_after },
        404 | 0..=399 => ErrorKind::BadResponse,
        _ => ErrorKind::Permanent,
    }
}

#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "Google may add codes; what is not named here is not passing"
)]
fn by_code(status: &Status, retry_after: Option<Duration>) -> ErrorKind {
    match status.code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => ErrorKind::InvalidRequest,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::Forbidden,
        Code::NotFound => ErrorKind::NotFound,
        Code::ResourceExhausted => ErrorKind::Throttled { retry_after },
        Code::DeadlineExceeded => ErrorKind::TimedOut,
        Code::Unavailable | Code::Internal | Code::Cancelled | Code::Aborted | Code::Unknown => {
            ErrorKind::Unavailable { retry_after }
        }
        _ => ErrorKind::Permanent,
    }
}

fn without_answer(error: &Error) -> ErrorKind {
    if error.is_timeout() || error.is_exhausted() {
        ErrorKind::TimedOut
    } else if error.is_deserialization() {
        ErrorKind::BadResponse
    } else if error.is_binding() || error.is_serialization() {
        ErrorKind::InvalidRequest
    } else {
        // Connecting, reading and everything else below HTTP.
        ErrorKind::Unavailable { retry_after: None }
    }
}

/// The longer of the header and the detail.
fn retry_after(error: &Error) -> Option<Duration> {
    let header = error.http_headers().and_then(in_header);
    let info = error.status().into_iter().flat_map(|s| &s.details).find_map(|d| {
        let StatusDetails::RetryInfo(info) = d else {
            return None;
        };
        info.retry_delay.and_then(|d| Duration::try_from(d).ok())
    });
    header.into_iter().chain(info).max()
}

/// Seconds, or a date, of which the answer's own date is the beginning: our clock may be wrong.
fn in_header(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim());
    let wanted = text("retry-after")?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok();
    let wait = date(wanted)?.duration_since(&date(text("date")?)?);
    Some(Duration::try_from(wait).unwrap_or_default())
}

fn reason(status: &Status) -> Option<&str> {
    status.details.iter().find_map(|d| {
        let StatusDetails::ErrorInfo(info) = d else {
            return None;
        };
        Some(info.reason.as_str())
    })
}

fn message(error: &Error, scope: &Scope) -> String {
    let Some(status) = error.status() else {
        return unworded(error);
    };
    match hint(status, scope) {
        Some(hint) => format!("{} [{hint}]", status.message),
        None => status.message.clone(),
    }
}

/// Our words where Google had none.
fn unworded(error: &Error) -> String {
    if error.is_authentication() {
        let below = error.source().map(|cause| format!(": {}", with_causes(cause)));
        format!("no access token{}", below.unwrap_or_default())
    } else if let Some(http) = error.http_status_code() {
        format!("HTTP {http} without Google's error body: is there a proxy in between?")
    } else if error.is_deserialization() {
        "the answer is not the JSON that was expected".to_owned()
    } else if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        "the service could not be reached".to_owned()
    }
}

fn hint(status: &Status, scope: &Scope) -> Option<String> {
    match reason(status) {
        Some(r) if DISABLED_REASONS.contains(&r) => {
            let service = info_of(status, "service").unwrap_or("monitoring.googleapis.com");
            Some(format!(
                "enable it: gcloud services enable {service} --project {scope}"
            ))
        }
        r if r == Some("USER_PROJECT_DENIED") || status.message.contains("serviceusage.services.use") => {
            Some("drop quota_project, or grant roles/serviceusage.serviceUsageConsumer on it".to_owned())
        }
        _ if status.code == Code::PermissionDenied => {
            Some(format!("grant roles/monitoring.viewer on project {scope}"))
        }
        _ => None,
    }
}

fn info_of<'a>(status: &'a Status, key: &str) -> Option<&'a str> {
    status.details.iter().find_map(|d| {
        let StatusDetails::ErrorInfo(info) = d else {
            return None;
        };
        info.metadata.get(key).map(String::as_str)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The same path as the client library: body → status → error.
    fn failed(http: u16, body: &serde_json::Value) -> ProviderError {
        classify(
            crate::testing::refused(http, body),
            "ListTimeSeries",
            &Scope::new("my-project"),
        )
    }

    fn body(code: u16, status: &str, details: &serde_json::Value) -> serde_json::Value {
        json!({"error": {"code": code, "status": status, "message": "words", "details": details}})
    }

    #[test]
    fn http_statuses_have_kinds() {
        let later = Some(Duration::from_millis(13_500));
        let info = |reason| json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]);
        let retry = json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.5s"}]);
        for (http, status, details, wanted) in [
            (400, "INVALID_ARGUMENT", json!([]), ErrorKind::InvalidRequest),
            (401, "UNAUTHENTICATED", json!([]), ErrorKind::Unauthenticated),
            (403, "PERMISSION_DENIED", json!([]), ErrorKind::Forbidden),
            (
                403,
                "PERMISSION_DENIED",
                info("rateLimitExceeded"),
                ErrorKind::Throttled { retry_after: None },
            ),
            (404, "NOT_FOUND", json!([]), ErrorKind::NotFound),
            (
                429,
                "RESOURCE_EXHAUSTED",
                retry.clone(),
                ErrorKind::Throttled { retry_after: later },
            ),
            (
                500,
                "INTERNAL",
                json!([]),
                ErrorKind::Unavailable { retry_after: None },
            ),
            (
                503,
                "UNAVAILABLE",
                retry,
                ErrorKind::Unavailable { retry_after: later },
            ),
            (504, "DEADLINE_EXCEEDED", json!([]), ErrorKind::TimedOut),
        ] {
            assert_eq!(
                *failed(http, &body(http, status, &details)).kind(),
                wanted,
                "{http} {status}"
            );
        }
    }

    #[test]
    fn a_service_that_is_off_comes_with_the_command_that_turns_it_on() {
        let details = json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED",
            "metadata": {"service": "monitoring.googleapis.com"}}]);
        let error = failed(403, &body(403, "PERMISSION_DENIED", &details));
        let command = "gcloud services enable monitoring.googleapis.com --project my-project";
        assert!(
            *error.kind() == ErrorKind::Forbidden && error.message().contains(command),
            "{error}"
        );
    }

    #[test]
    #[allow(
        clippy::default_trait_access,
        reason = "the header map is of a crate that is not ours to name"
    )]
    fn html_from_a_front_end_is_not_google() {
        let error = |http| {
            let error = Error::http(http, Default::default(), "<html>".to_owned().into());
            classify(error, "ListTimeSeries", &Scope::new("p")).kind().clone()
        };
        assert_eq!(error(503), ErrorKind::Unavailable { retry_after: None });
        assert_eq!(error(404), ErrorKind::BadResponse, "never an empty metric");
        assert_eq!(error(301), ErrorKind::BadResponse);
    }

    #[test]
    fn a_wait_is_read_as_seconds_and_as_a_date() {
        let wait = |retry_after: &str| {
            let mut headers = HeaderMap::new();
            let mut put = |name, value: &str| headers.insert(name, value.parse().expect("a value"));
            put("date", "Wed, 21 Oct 2026 07:28:00 GMT");
            put("retry-after", retry_after);
            in_header(&headers)
        };
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(wait("17"), seconds(17));
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:40 GMT"), seconds(40));
        assert_eq!(wait("Wed, 21 Oct 2026 07:27:00 GMT"), seconds(0));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn below_http() {
        let kind = |error| classify(error, "ListTimeSeries", &Scope::new("p")).kind().clone();
        assert_eq!(kind(Error::timeout("slow")), ErrorKind::TimedOut);
        assert_eq!(kind(Error::deser("cut")), ErrorKind::BadResponse);
        assert_eq!(
            kind(Error::io("reset")),
            ErrorKind::Unavailable { retry_after: None }
        );
        let wrong = |transient| Error::authentication(CredentialsError::from_msg(transient, "no"));
        assert_eq!(kind(wrong(false)), ErrorKind::Unauthenticated);
        assert_eq!(kind(wrong(true)), ErrorKind::Unavailable { retry_after: None });
    }
}
