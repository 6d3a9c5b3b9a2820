//! Answers and errors, put into whichever of the three protocols the question came in.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::wire::Doc;

/// How the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// rpc-v2-cbor: what the Rust SDK speaks to `CloudWatch`.
    Cbor,
    /// `awsJson` 1.0: what boto3 speaks to `CloudWatch`.
    Json10,
    /// `awsJson` 1.1: the tagging API.
    Json11,
    /// `awsQuery`: form in, XML out; STS.
    Query,
}

/// A refusal in the service's own words.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) retry_after_s: Option<u32>,
}

impl ApiError {
    pub(super) fn of(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_s: None,
        }
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::of(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::bad("ValidationError", message)
    }

    pub(super) fn throttled(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Json11 => Self::bad("ThrottlingException", "Rate exceeded"),
            Protocol::Cbor | Protocol::Json10 | Protocol::Query => Self::bad("Throttling", "Rate exceeded"),
        }
    }

    pub(super) fn unavailable() -> Self {
        let message = "The service is temporarily unavailable.";
        Self::of(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    }

    /// The shape's name in the model; the older code goes into the query-error header.
    fn shape(&self) -> &'static str {
        match self.code {
            "InvalidParameterValue" => "InvalidParameterValueException",
            "InvalidParameterCombination" => "InvalidParameterCombinationException",
            "MissingParameter" => "MissingRequiredParameterException",
            code => code,
        }
    }

    fn sender(&self) -> &'static str {
        if self.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        }
    }

    fn xml(&self) -> String {
        format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>{}</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>",
            self.sender(),
            self.code,
            escape(&self.message)
        )
    }
}

/// A successful document.
pub(super) fn success(protocol: Protocol, doc: &Doc) -> Response {
    bytes(protocol, StatusCode::OK, encode(protocol, doc))
}

/// The document in the protocol's encoding.
pub(super) fn encode(protocol: Protocol, doc: &Doc) -> Vec<u8> {
    match protocol {
        Protocol::Cbor => doc.to_cbor(),
        Protocol::Json10 | Protocol::Json11 => doc.to_json(),
        Protocol::Query => Vec::new(),
    }
}

/// A successful XML answer of the query protocol.
pub(super) fn xml(body: String) -> Response {
    bytes(Protocol::Query, StatusCode::OK, body.into_bytes())
}

/// A refusal.
pub(super) fn failure(protocol: Protocol, error: &ApiError) -> Response {
    failure_with_status(protocol, error, error.status)
}

/// A refusal under another status: an error inside a 200.
pub(super) fn failure_with_status(protocol: Protocol, error: &ApiError, status: StatusCode) -> Response {
    let doc = Doc::map([
        (
            "__type",
            Doc::text(format!("com.amazonaws.cloudwatch#{}", error.shape())),
        ),
        ("message", Doc::text(error.message.clone())),
    ]);
    let body = match protocol {
        Protocol::Cbor | Protocol::Json10 => encode(protocol, &doc),
        Protocol::Json11 => Doc::map([
            ("__type", Doc::text(error.code)),
            ("message", Doc::text(error.message.clone())),
        ])
        .to_json(),
        Protocol::Query => error.xml().into_bytes(),
    };
    let mut response = bytes(protocol, status, body);
    if let Ok(value) = HeaderValue::from_str(&format!("{};{}", error.code, error.sender())) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-amzn-query-error"), value);
    }
    if let Some(seconds) = error.retry_after_s {
        let seconds = HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// Any body under the protocol's headers.
pub(super) fn bytes(protocol: Protocol, status: StatusCode, body: Vec<u8>) -> Response {
    let content_type = match protocol {
        Protocol::Cbor => "application/cbor",
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::Query => "text/xml",
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let request_id = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    headers.insert(HeaderName::from_static("x-amzn-requestid"), request_id);
    if protocol == Protocol::Cbor {
        headers.insert(
            HeaderName::from_static("smithy-protocol"),
            HeaderValue::from_static("rpc-v2-cbor"),
        );
    }
    response
}

/// A proxy's page where data should be.
pub(super) fn html() -> Response {
    let mut response = Response::new(Body::from("<html><body><h1>Please sign in</h1></body></html>"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

/// Text made safe for XML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
