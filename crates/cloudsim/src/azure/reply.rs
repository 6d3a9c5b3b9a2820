//! Answers and their errors in Azure's words, and the bad answers that no client should trust.
//! When something is refused is the caller's decision; here is only how it looks.

use crate::faults::BadAnswer;
use axum::body::Body;
use axum::response::Response;
use serde_json::{Value, json};

/// One answer before it becomes HTTP.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// HTTP status.
    pub(super) status: u16,
    /// JSON body.
    pub(super) body: Value,
    /// Headers beside the content type.
    pub(super) headers: Vec<(&'static str, String)>,
    /// True when the body carries metric values, which bad answers spoil.
    pub(super) is_data: bool,
}

impl Reply {
    /// 200.
    pub(super) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            headers: Vec::new(),
            is_data: false,
        }
    }

    /// 200 with metric values.
    pub(super) fn data(body: Value) -> Self {
        Self {
            is_data: true,
            ..Self::ok(body)
        }
    }

    /// An error in the usual `error` wrapper.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let headers = vec![("x-ms-error-code", code.to_owned())];
        Self {
            status,
            headers,
            ..Self::ok(json!({"error": {"code": code, "message": message}}))
        }
    }

    /// 400 of ARM's metrics of one resource: no wrapper.
    pub(super) fn unwrapped_400(message: &str) -> Self {
        Self {
            status: 400,
            ..Self::ok(json!({"code": "BadRequest", "message": message}))
        }
    }

    /// 400 of the batch API: with `additionalInfo`.
    pub(super) fn batch_400(message: &str) -> Self {
        let mut reply = Self::error(400, "BadRequest", message);
        reply.body["error"]["additionalInfo"] = json!([
            {"type": "string", "info": "TraceId={00000000-0000-0000-0000-000000000000}"},
            {"type": "string", "info": "ExceptionType=Microsoft.Online.Metrics.MetricsMP.Utilities.RPRequestFormatException"},
        ]);
        reply
    }

    /// 404 of ARM.
    pub(super) fn not_found(what: &str) -> Self {
        Self::error(
            404,
            "ResourceNotFound",
            &format!("The Resource '{what}' was not found."),
        )
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// As HTTP; `bad` spoils it when it carries metric values.
    pub(super) fn into_response(mut self, bad: Option<BadAnswer>) -> Response {
        let mut content_type = "application/json; charset=utf-8";
        let mut cut = false;
        match bad.filter(|_| self.is_data) {
            Some(BadAnswer::Html) => content_type = "text/html",
            Some(BadAnswer::Truncated) => cut = true,
            Some(BadAnswer::ErrorInside200) => {
                self.body =
                    json!({"error": {"code": "InternalServerError", "message": "Detected Internal Error."}});
            }
            Some(BadAnswer::TenfoldPoints) => each_series(&mut self.body, &tenfold),
            Some(BadAnswer::NotANumber) => each_series(&mut self.body, &not_a_number),
            Some(BadAnswer::WrongBucketCounts) => each_series(&mut self.body, &foreign_times),
            Some(BadAnswer::LoopingToken | BadAnswer::EndlessPages) | None => {}
        }
        let mut text = if content_type == "text/html" {
            "<html><body>Sign in to the proxy</body></html>".to_owned()
        } else {
            self.body.to_string()
        };
        if cut {
            text.truncate(text.len() / 2);
        }
        let mut builder = Response::builder()
            .status(self.status)
            .header("content-type", content_type);
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        builder.body(Body::from(text)).unwrap_or_default()
    }
}

/// Applies `change` to every `data` list in the body.
fn each_series(body: &mut Value, change: &dyn Fn(&mut Vec<Value>)) {
    match body {
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                if key == "data"
                    && let Value::Array(points) = value
                {
                    change(points);
                } else {
                    each_series(value, change);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_series(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn tenfold(points: &mut Vec<Value>) {
    *points = (0..10).flat_map(|_| points.clone()).collect();
}

#[expect(
    clippy::ptr_arg,
    reason = "the type of the changes that `each_series` applies"
)]
fn not_a_number(points: &mut Vec<Value>) {
    for point in points.iter_mut().filter_map(Value::as_object_mut) {
        for (_, value) in point.iter_mut().filter(|(key, _)| *key != "timeStamp") {
            *value = json!("NaN");
        }
    }
}

/// Times that no query asked for: the first day of 1970.
#[expect(
    clippy::ptr_arg,
    reason = "the type of the changes that `each_series` applies"
)]
fn foreign_times(points: &mut Vec<Value>) {
    for (index, point) in points.iter_mut().enumerate() {
        let at_s = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(60);
        point["timeStamp"] = json!(super::time::iso_s(at_s));
    }
}
