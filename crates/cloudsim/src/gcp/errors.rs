//! Refusals in Google's words: the `google.rpc.Status` bodies that the real service sends. Which request gets which
//! one is decided where the request is read.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: u16,
    pub(crate) status: &'static str,
    message: String,
    details: Vec<Value>,
    retry_after_s: Option<u32>,
}

/// `retryDelay` of a throttled answer, in seconds.
const RETRY_DELAY_S: u32 = 1;

fn error_info(reason: &str, metadata: &Value) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata})
}

impl ApiError {
    /// 400: this field cannot be.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let violation = json!({"@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": field, "description": message}]});
        let message = format!("Request was invalid: field {field} had an invalid value: {message}");
        Self {
            code: 400,
            status: "INVALID_ARGUMENT",
            message,
            details: vec![violation],
            retry_after_s: None,
        }
    }

    /// 401: no token, or not a good one.
    pub(crate) fn unauthenticated(reason: &str) -> Self {
        let info = error_info(reason, &json!({"service": "monitoring.googleapis.com"}));
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.";
        Self {
            code: 401,
            status: "UNAUTHENTICATED",
            message: message.to_owned(),
            details: vec![info],
            retry_after_s: None,
        }
    }

    /// 403: also for projects that do not exist.
    pub(crate) fn denied(permission: &str, project: &str) -> Self {
        let metadata = json!({"permission": permission, "resource": format!("projects/{project}")});
        let message = format!("Permission {permission} denied (or the resource may not exist).");
        let details = vec![error_info("IAM_PERMISSION_DENIED", &metadata)];
        Self {
            code: 403,
            status: "PERMISSION_DENIED",
            message,
            details,
            retry_after_s: None,
        }
    }

    /// 404: a metric type nobody wrote.
    pub(crate) fn unknown_metric(name: &str) -> Self {
        let message = format!(
            "Cannot find metric(s) that match type = \"{name}\". If a metric was created recently, it could take up to 10 minutes to become available. Please try again soon."
        );
        Self {
            code: 404,
            status: "NOT_FOUND",
            message,
            details: Vec::new(),
            retry_after_s: None,
        }
    }

    /// 404: a path or an account that is none.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self {
            code: 404,
            status: "NOT_FOUND",
            message: message.into(),
            details: Vec::new(),
            retry_after_s: None,
        }
    }

    /// 429: the quota of the project is used up.
    pub(crate) fn exhausted(project_number: &str, limit: u32) -> Self {
        let message = format!(
            "Quota exceeded for quota metric 'Time series queries' and limit 'Time series queries per minute' of service 'monitoring.googleapis.com' for consumer 'project_number:{project_number}'."
        );
        let metadata = json!({"service": "monitoring.googleapis.com", "consumer": format!("projects/{project_number}"),
            "quota_metric": "monitoring.googleapis.com/query_requests", "quota_limit": "QueryRequestsPerMinutePerProject",
            "quota_limit_value": limit.to_string(), "quota_location": "global"});
        let retry = json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{RETRY_DELAY_S}s")});
        let details = vec![error_info("RATE_LIMIT_EXCEEDED", &metadata), retry];
        Self {
            code: 429,
            status: "RESOURCE_EXHAUSTED",
            message,
            details,
            retry_after_s: Some(RETRY_DELAY_S),
        }
    }

    /// To be asked again after so many seconds.
    pub(crate) fn after(mut self, retry_after_s: u32) -> Self {
        for detail in &mut self.details {
            if detail.get("retryDelay").is_some() {
                detail["retryDelay"] = Value::from(format!("{retry_after_s}s"));
            }
        }
        self.retry_after_s = Some(retry_after_s);
        self
    }

    /// 500: nobody knows why.
    pub(crate) fn internal() -> Self {
        Self {
            code: 500,
            status: "INTERNAL",
            message: "Internal error encountered.".to_owned(),
            details: Vec::new(),
            retry_after_s: None,
        }
    }

    /// 503: not now.
    pub(crate) fn unavailable() -> Self {
        let message = "The service is currently unavailable.".to_owned();
        Self {
            code: 503,
            status: "UNAVAILABLE",
            message,
            details: Vec::new(),
            retry_after_s: None,
        }
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message, "status": self.status});
        if !self.details.is_empty() {
            error["details"] = Value::Array(self.details.clone());
        }
        json!({ "error": error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body().to_string()));
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = HeaderValue::from_static("application/json; charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after_s {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == 401 {
            let challenge = HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
