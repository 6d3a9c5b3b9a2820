//! One request through the gate: pipelines with tokens, a bounded body, and every failure turned into a
//! [`ProviderError`]. It builds URLs and knows the two planes (ARM and metrics), not what is asked for.

use crate::SetupError;
use crate::classify::{self, Hints};
use crate::config::{AzureCloud, AzureConfig};
use crate::credentials;
use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind as SdkKind;
use azure_core::http::headers::Headers;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineStreamOptions, Request as HttpRequest,
};
use futures::StreamExt;
use gate::{Gate, Request};
use provider_api::{Cloud, ErrorKind, Price, ProviderError, Scope, UnixNanos};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use url::Url;

/// Longest body that is read. A call of 100,000 points takes about 10 MiB of JSON.
const LONGEST_BODY_BYTES: usize = 64 << 20;

/// Which API, and so which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plane {
    /// Azure Resource Manager.
    Arm,
    /// The metrics data plane.
    Metrics,
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) plane: Plane,
    pub(crate) operation: &'static str,
    pub(crate) scope: &'a Scope,
    pub(crate) url: String,
    /// `Some` is a POST of JSON.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) price: Price,
}

/// A 2xx answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    /// The HTTP `Date`.
    pub(crate) date: Option<UnixNanos>,
}

/// The two pipelines of one account behind its gate.
#[derive(Debug)]
pub(crate) struct Api {
    gate: Gate,
    cloud: AzureCloud,
    credential: Arc<dyn TokenCredential>,
    arm: Pipeline,
    metrics: Pipeline,
}

impl Api {
    pub(crate) fn new(config: &AzureConfig, gate: Gate) -> Result<Self, SetupError> {
        let options = credentials::client_options(&config.cloud)?;
        let credential = credentials::credential(config, &options)?;
        let arm = pipeline(&options, &credential, &audience(&config.cloud, Plane::Arm));
        let metrics = pipeline(&options, &credential, &audience(&config.cloud, Plane::Metrics));
        Ok(Self {
            gate,
            cloud: config.cloud.clone(),
            credential,
            arm,
            metrics,
        })
    }

    pub(crate) fn cloud(&self) -> &AzureCloud {
        &self.cloud
    }

    /// Gets a token for `plane`, to check the credential.
    pub(crate) async fn token(&self, plane: Plane) -> Result<(), ProviderError> {
        let scope = Scope::new("-");
        let audience = audience(&self.cloud, plane);
        let request = Request {
            scope: scope.clone(),
            operation: "token",
            price: one_request(),
        };
        let attempt = || async {
            let got = self.credential.get_token(&[&audience], None).await;
            got.map(|_token| ()).map_err(|e| unsent("token", &scope, e))
        };
        self.gate.send(&request, attempt).await
    }

    /// Sends `ask` through the gate; every failure is classified.
    pub(crate) async fn send(&self, ask: &Ask<'_>) -> Result<Answer, ProviderError> {
        let request = Request {
            scope: ask.scope.clone(),
            operation: ask.operation,
            price: ask.price,
        };
        self.gate.send(&request, || self.attempt(ask)).await
    }

    /// The same, decoded.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
    ) -> Result<(T, Option<UnixNanos>), ProviderError> {
        let answer = self.send(ask).await?;
        match serde_json::from_slice(&answer.body) {
            Ok(value) => Ok((value, answer.date)),
            Err(e) => {
                let start: String = String::from_utf8_lossy(&answer.body).chars().take(100).collect();
                Err(failure(
                    ask.operation,
                    ask.scope,
                    ErrorKind::BadResponse,
                    format!("not understood: {start}"),
                )
                .with_source(e))
            }
        }
    }

    async fn attempt(&self, ask: &Ask<'_>) -> Result<Answer, ProviderError> {
        let fail = |e| unsent(ask.operation, ask.scope, e);
        let mut request = http_request(ask)?;
        let options = PipelineStreamOptions {
            skip_checks: true,
            ..PipelineStreamOptions::default()
        };
        let pipeline = match ask.plane {
            Plane::Arm => &self.arm,
            Plane::Metrics => &self.metrics,
        };
        let response = pipeline
            .stream(&Context::new(), &mut request, Some(options))
            .await
            .map_err(fail)?;
        let (status, headers, mut stream) = response.deconstruct();
        let mut body = Vec::new();
        while let Some(part) = stream.next().await {
            body.extend_from_slice(&part.map_err(fail)?);
            if body.len() > LONGEST_BODY_BYTES {
                let words = format!("a body of more than {LONGEST_BODY_BYTES} bytes");
                return Err(failure(ask.operation, ask.scope, ErrorKind::Permanent, words));
            }
        }
        let status = u16::from(status);
        if (200..300).contains(&status) {
            return Ok(Answer {
                body,
                date: date(&headers),
            });
        }
        Err(classify::refusal(
            ask.operation,
            ask.scope,
            status,
            &hints(&headers),
            &body,
        ))
    }
}

/// One request that costs nothing (everything but metric values).
pub(crate) fn one_request() -> Price {
    Price {
        requests: 1,
        units: 0,
        usd_nanos: 0,
    }
}

/// An error of ours, not of the cloud.
pub(crate) fn failure(
    operation: &'static str,
    scope: &Scope,
    kind: ErrorKind,
    message: impl Into<String>,
) -> ProviderError {
    ProviderError::new(Cloud::Azure, operation, scope.clone(), kind, message)
}

/// Percent-encodes a query value as Microsoft's clients do: `%20`, raw commas.
pub(crate) fn encode(value: &str) -> String {
    let plus: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    plus.replace('+', "%20").replace("%2C", ",")
}

/// A resource id as a path.
pub(crate) fn path(resource_id: &str) -> String {
    resource_id
        .replace('%', "%25")
        .replace('?', "%3F")
        .replace('#', "%23")
        .replace(' ', "%20")
}

fn http_request(ask: &Ask<'_>) -> Result<HttpRequest, ProviderError> {
    let url = Url::parse(&ask.url).map_err(|e| {
        let words = format!("{} is no URL", ask.url);
        failure(ask.operation, ask.scope, ErrorKind::InvalidRequest, words).with_source(e)
    })?;
    let method = if ask.body.is_some() {
        Method::Post
    } else {
        Method::Get
    };
    let mut request = HttpRequest::new(url, method);
    request.insert_header("accept", "application/json");
    if let Some(body) = &ask.body {
        request.insert_header("content-type", "application/json");
        request.set_body(body.clone());
    }
    Ok(request)
}

fn audience(cloud: &AzureCloud, plane: Plane) -> String {
    let base = match plane {
        Plane::Arm => cloud.arm_base(),
        Plane::Metrics => cloud.metrics_audience.trim_end_matches('/'),
    };
    format!("{base}/.default")
}

fn pipeline(options: &ClientOptions, credential: &Arc<dyn TokenCredential>, audience: &str) -> Pipeline {
    let auth: Arc<dyn Policy> = Arc::new(BearerTokenAuthorizationPolicy::new(
        credential.clone(),
        [audience],
    ));
    let (name, version) = (Some("nephoscope"), Some(env!("CARGO_PKG_VERSION")));
    Pipeline::new(name, version, options.clone(), Vec::new(), vec![auth], None)
}

fn header(headers: &Headers, wanted: &str) -> Option<String> {
    let mut all = headers.iter();
    all.find(|(name, _)| name.as_str().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.as_str().to_owned())
}

fn hints(headers: &Headers) -> Hints {
    Hints {
        retry_after: header(headers, "retry-after"),
        quota_resets_after: header(headers, "x-ms-user-quota-resets-after"),
        request_id: header(headers, "x-ms-request-id"),
    }
}

fn date(headers: &Headers) -> Option<UnixNanos> {
    let text = header(headers, "date")?;
    let time = jiff::fmt::rfc2822::parse(&text).ok()?;
    Some(UnixNanos::from_seconds(time.timestamp().as_second()))
}

/// A failure before there was an answer: no token, no connection, a cut body.
fn unsent(operation: &'static str, scope: &Scope, error: azure_core::Error) -> ProviderError {
    let kind = kind_of(&error);
    let message = match kind {
        ErrorKind::Unauthenticated => format!("no token: {}", chain_text(&error)),
        _ => chain_text(&error),
    };
    // The message holds the whole chain already: the SDK's errors hide their causes from `source`.
    failure(operation, scope, kind, message)
}

fn kind_of(error: &azure_core::Error) -> ErrorKind {
    let mut kind = ErrorKind::Unavailable { retry_after: None };
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = next {
        if let Some(e) = e.downcast_ref::<azure_core::Error>() {
            match e.kind() {
                SdkKind::HttpResponse { status, .. } => return status_kind(u16::from(*status)),
                SdkKind::Connection | SdkKind::Io => return ErrorKind::Unavailable { retry_after: None },
                SdkKind::Credential => kind = ErrorKind::Unauthenticated,
                SdkKind::DataConversion => kind = ErrorKind::BadResponse,
                _ => {}
            }
        }
        next = e.source();
    }
    kind
}

fn status_kind(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::Throttled { retry_after: None },
        500..=599 => ErrorKind::Unavailable { retry_after: None },
        _ => ErrorKind::Unauthenticated,
    }
}

fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(e) = next {
        let words = e.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = e.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_microsofts_clients_do() {
        assert_eq!(
            encode("Disk Read Operations/Sec,A+B"),
            "Disk%20Read%20Operations%2FSec,A%2BB"
        );
        assert_eq!(path("/a b/c?#"), "/a%20b/c%3F%23");
    }

    #[test]
    fn each_plane_has_its_audience() {
        let cloud = AzureCloud::public();
        assert_eq!(
            audience(&cloud, Plane::Arm),
            "https://management.azure.com/.default"
        );
        assert_eq!(
            audience(&cloud, Plane::Metrics),
            "https://metrics.monitor.azure.com/.default"
        );
    }
}
