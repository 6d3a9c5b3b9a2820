//! What an AWS failure means: one table from error codes and HTTP status to our closed list of kinds.
//!
//! What is then done about it is the gate's and the scheduler's to decide.

use crate::client::Tried;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use provider_api::{Cloud, ErrorKind, ProviderError, Scope};
use std::error::Error;
use std::time::Duration;

/// Longest text of a source chain that is repeated in a message.
const LONGEST_MESSAGE_CHARS: usize = 500;

/// Enough of a page to recognise whose it is.
const MOST_OF_A_PAGE_CHARS: usize = 80;

/// Turns an SDK error into ours.
pub(crate) fn classify<E>(
    scope: &Scope,
    operation: &'static str,
    error: &SdkError<E, HttpResponse>,
) -> ProviderError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let kind = kind_of(error);
    let message = message_of(error);
    let request_id = error.raw_response().and_then(request_id);
    let failure = ProviderError::new(Cloud::Aws, operation, scope.clone(), kind, message);
    // Its chain is left out: it says the same again, in the SDK's own way.
    let failure = failure.with_request_id(request_id);
    if matches!(error, SdkError::DispatchFailure(_)) && nobody_reached(error) {
        failure.with_nobody_reached()
    } else {
        failure
    }
}

/// Whether there was no way to a host: no address, no connection, no TLS. The only time that our clients take by
/// themselves is that of connecting.
fn nobody_reached(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let connecting = cause.downcast_ref::<hyper_util::client::legacy::Error>();
        let slow = cause.downcast_ref::<ConnectorError>();
        connecting.is_some_and(hyper_util::client::legacy::Error::is_connect)
            || slow.is_some_and(ConnectorError::is_timeout)
    })
}

fn kind_of<E>(error: &SdkError<E, HttpResponse>) -> ErrorKind
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => ErrorKind::Unauthenticated,
        SdkError::TimeoutError(_) => ErrorKind::TimedOut,
        SdkError::DispatchFailure(_) => kind_of_dispatch(error),
        SdkError::ResponseError(e) => kind_of_unreadable(e.raw().status().as_u16(), retry_after(e.raw())),
        SdkError::ServiceError(e) => {
            kind_of_code(e.err().code(), e.raw().status().as_u16(), retry_after(e.raw()))
        }
        _ => ErrorKind::Permanent,
    }
}

/// The SDK reports credentials that it could not get as a request that it could not dispatch; the chain of sources
/// tells the two apart.
fn kind_of_dispatch(error: &(dyn Error + 'static)) -> ErrorKind {
    if let Some(said) = chain(error).find_map(|e| e.downcast_ref::<ProviderError>()) {
        return said.kind().clone();
    }
    let Some(credentials) = chain(error).find_map(|e| e.downcast_ref::<CredentialsError>()) else {
        return ErrorKind::Unavailable { retry_after: None };
    };
    let unreachable = chain(credentials).any(<dyn Error>::is::<ConnectorError>)
        || matches!(credentials, CredentialsError::ProviderTimedOut(_));
    if unreachable {
        ErrorKind::Unavailable { retry_after: None }
    } else {
        ErrorKind::Unauthenticated
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&e: &&'a (dyn Error + 'static)| e.source())
}

/// Without a readable body only the status is left: a proxy's 5xx page is an outage, anything else is not AWS.
fn kind_of_unreadable(status: u16, retry_after: Option<Duration>) -> ErrorKind {
    match status {
        429 => ErrorKind::Throttled { retry_after },
        500.. => ErrorKind::Unavailable { retry_after },
        _ => ErrorKind::BadResponse,
    }
}

/// By the error code, and where that says nothing by the status. Codes: "Common Errors" of the `CloudWatch`, STS and
/// Tagging API references.
pub(crate) fn kind_of_code(code: Option<&str>, status: u16, retry_after: Option<Duration>) -> ErrorKind {
    let Some(code) = code else {
        return kind_of_unreadable(status, retry_after);
    };
    match code.rsplit('#').next().unwrap_or(code) {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "LimitExceededException" => ErrorKind::Throttled { retry_after },
        "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "RequestExpired"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException" => ErrorKind::Unauthenticated,
        "OptInRequired" | "UnauthorizedOperation" | "AuthFailure" | "NotAuthorized" => ErrorKind::Forbidden,
        "InternalServiceFault"
        | "InternalServiceError"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        // STS could not reach the issuer of a web identity token.
        | "IDPCommunicationError" => ErrorKind::Unavailable { retry_after },
        "ValidationError" | "ValidationException" => ErrorKind::InvalidRequest,
        other => kind_of_family(other, status, retry_after),
    }
}

/// Codes that are known by how they begin.
fn kind_of_family(code: &str, status: u16, retry_after: Option<Duration>) -> ErrorKind {
    if code.starts_with("AccessDenied") {
        ErrorKind::Forbidden
    } else if code.starts_with("ExpiredToken") {
        ErrorKind::Unauthenticated
    } else if code.starts_with("ResourceNotFound") {
        ErrorKind::NotFound
    } else if code.starts_with("Invalid") || code.starts_with("Missing") {
        ErrorKind::InvalidRequest
    } else if status == 429 {
        ErrorKind::Throttled { retry_after }
    } else if status >= 500 {
        ErrorKind::Unavailable { retry_after }
    } else {
        ErrorKind::Permanent
    }
}

/// The cloud's words; where it had none, what answered instead of it, else the chain of what went wrong below.
fn message_of<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let Some(words) = words_about_credentials(error) {
        return words;
    }
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => {
            let answer = error.raw_response();
            let status = answer.map(|r| format!("HTTP {}: ", r.status().as_u16()));
            let words = answer.and_then(page).unwrap_or_else(|| {
                let words: Vec<String> = chain(error).map(ToString::to_string).collect();
                words.join(": ")
            });
            let text = format!("{}{words}", status.unwrap_or_default());
            text.chars().take(LONGEST_MESSAGE_CHARS).collect()
        }
    }
}

/// Which sources of credentials were tried and why each gave none, or what STS said about a role.
fn words_about_credentials(error: &(dyn Error + 'static)) -> Option<String> {
    let tried = chain(error).find_map(|e| e.downcast_ref::<Tried>());
    let refused = || chain(error).find_map(|e| e.downcast_ref::<ProviderError>());
    tried
        .map(ToString::to_string)
        .or_else(|| refused().map(|said| said.message().to_owned()))
}

/// An answer with a page in it is from something in between, or from a server that does not speak this protocol.
fn page(response: &HttpResponse) -> Option<String> {
    let body = response.body().bytes()?.trim_ascii_start();
    if !body.starts_with(b"<") {
        return None;
    }
    let text = String::from_utf8_lossy(body);
    let begin: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let begin: String = begin.chars().take(MOST_OF_A_PAGE_CHARS).collect();
    Some(format!(
        "this is not AWS's answer (it begins `{begin}`): is there a proxy in between, or does `endpoint` lead to a server \
         that does not speak this service's protocol (CloudWatch: rpc-v2-cbor)?"
    ))
}

fn request_id(response: &HttpResponse) -> Option<String> {
    let headers = response.headers();
    headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"))
        .map(str::to_owned)
}

/// Whole seconds only; AWS does not send dates here.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response
        .headers()
        .get("retry-after")?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    fn answer(status: u16) -> HttpResponse {
        let mut response = HttpResponse::new(status.try_into().expect("a status"), SdkBody::from("<html>"));
        response.headers_mut().insert("retry-after", "7");
        response.headers_mut().insert("x-amzn-requestid", "r-1");
        response
    }

    fn scope() -> Scope {
        Scope::new("eu-west-1")
    }

    #[test]
    fn codes_have_kinds() {
        let after = Some(Duration::from_secs(3));
        let throttled = ErrorKind::Throttled { retry_after: after };
        let unavailable = ErrorKind::Unavailable { retry_after: after };
        for (code, status, wanted) in [
            (Some("Throttling"), 400, &throttled),
            (Some("ThrottlingException"), 400, &throttled),
            (Some("RequestLimitExceeded"), 503, &throttled),
            (Some("com.amazonaws#TooManyRequestsException"), 429, &throttled),
            (Some("AccessDenied"), 403, &ErrorKind::Forbidden),
            (Some("AccessDeniedException"), 400, &ErrorKind::Forbidden),
            (Some("InvalidClientTokenId"), 403, &ErrorKind::Unauthenticated),
            (Some("SignatureDoesNotMatch"), 403, &ErrorKind::Unauthenticated),
            (Some("ExpiredTokenException"), 400, &ErrorKind::Unauthenticated),
            (Some("RequestExpired"), 400, &ErrorKind::Unauthenticated),
            (Some("ValidationError"), 400, &ErrorKind::InvalidRequest),
            (Some("InvalidParameterValue"), 400, &ErrorKind::InvalidRequest),
            (Some("MissingParameter"), 400, &ErrorKind::InvalidRequest),
            (Some("ResourceNotFoundException"), 404, &ErrorKind::NotFound),
            (Some("InternalServiceFault"), 500, &unavailable),
            (Some("Surprise"), 502, &unavailable),
            (Some("Surprise"), 400, &ErrorKind::Permanent),
            (None, 503, &unavailable),
            (None, 429, &throttled),
            (None, 404, &ErrorKind::BadResponse),
        ] {
            assert_eq!(&kind_of_code(code, status, after), wanted, "{code:?} {status}");
        }
    }

    #[test]
    fn a_service_error_keeps_the_clouds_words_and_its_request_id() {
        let meta = ErrorMetadata::builder()
            .code("Throttling")
            .message("Rate exceeded")
            .build();
        let error = SdkError::service_error(GetMetricDataError::generic(meta), answer(400));
        let failure = classify(&scope(), "GetMetricData", &error);
        assert_eq!(
            *failure.kind(),
            ErrorKind::Throttled {
                retry_after: Some(Duration::from_secs(7))
            }
        );
        assert_eq!(failure.message(), "Throttling: Rate exceeded");
        assert_eq!(failure.request_id(), Some("r-1"));
        assert!(failure.source().is_none(), "it would be said twice");
    }

    #[test]
    fn pages_that_are_not_aws() {
        for (status, wanted) in [(200, "bad_response"), (502, "unavailable")] {
            let error: SdkError<GetMetricDataError, _> = SdkError::response_error("not cbor", answer(status));
            let failure = classify(&scope(), "GetMetricData", &error);
            assert_eq!(failure.kind().label(), wanted);
            let begin = format!("HTTP {status}: this is not AWS's answer (it begins `<html>`)");
            assert!(failure.message().starts_with(&begin), "{failure}");
        }
    }

    #[test]
    fn connections_and_credentials_are_told_apart() {
        for (source, wanted, unreached) in [
            (ConnectorError::io("cut".into()), "unavailable", false),
            (ConnectorError::timeout("slow".into()), "unavailable", true),
            (
                ConnectorError::other(Box::new(CredentialsError::not_loaded("none")), None),
                "unauthenticated",
                false,
            ),
        ] {
            let error: SdkError<GetMetricDataError, _> = SdkError::dispatch_failure(source);
            let failure = classify(&scope(), "GetMetricData", &error);
            assert_eq!((failure.kind().label(), failure.unreached()), (wanted, unreached));
        }
    }
}
