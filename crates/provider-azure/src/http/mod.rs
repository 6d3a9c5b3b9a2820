//! One request through the gate: pipelines with tokens, a bounded body, and every failure turned into a
//! [`ProviderError`]. It knows the two planes (ARM and metrics), not what is asked for.
//!
//! `urls` escapes, `headers` reads what matters of an answer's head, `unsent` judges failures before an answer.

mod headers;
mod unsent;
mod urls;

#[cfg(test)]
pub(crate) use headers::parse_date;
pub(crate) use urls::{encode, host, path};

use crate::SetupError;
use crate::classify;
use crate::config::{AzureCloud, AzureConfig, AzureCredentials};
use crate::credentials::{self, Shared};
use crate::wire::Object;
use azure_core::credentials::TokenCredential;
use azure_core::http::policies::Policy;
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineStreamOptions, Request as HttpRequest,
};
use futures::{Stream, StreamExt};
use gate::{Gate, Request, Skew};
use headers::{date, hints};
use provider_api::{Cloud, ErrorKind, Members, Price, ProviderError, Scope, UnixNanos, Urgency};
use serde::de::DeserializeOwned;
use std::sync::{Arc, PoisonError, RwLock};
use unsent::unsent;
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
    pub(crate) urgency: Urgency,
    /// The group that is polled, if one is.
    pub(crate) group: Option<&'a Arc<str>>,
    /// Whose quota it counts against, where that is not the subscription's.
    pub(crate) domain: Option<&'a Arc<str>>,
    /// Which question it is, where the URL does not say so: the same over and over, so that one that always fails is known.
    pub(crate) question: Option<u64>,
}

/// A 2xx answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    /// The HTTP `Date`.
    pub(crate) date: Option<UnixNanos>,
}

/// The two pipelines of one account behind its gate, and behind a swap: credential and pipelines keep a token until it
/// expires by its own word, so after each `Unauthenticated` they are built anew, and the gate's second attempt gets a new one.
#[derive(Debug)]
pub(crate) struct Api {
    gate: Gate,
    config: AzureConfig,
    /// It holds the connections, which stay.
    shared: Shared,
    live: RwLock<Arc<Live>>,
    principal: Arc<str>,
}

/// A credential and what signs with it.
#[derive(Debug)]
struct Live {
    credential: Arc<dyn TokenCredential>,
    arm: Pipeline,
    metrics: Pipeline,
}

impl Live {
    fn new(config: &AzureConfig, shared: &Shared) -> Result<Arc<Self>, SetupError> {
        let credential = credentials::credential(config, shared)?;
        let options = &shared.options;
        let arm = pipeline(options, &credential, &audience(&config.cloud, Plane::Arm));
        let metrics = pipeline(options, &credential, &audience(&config.cloud, Plane::Metrics));
        Ok(Arc::new(Self {
            credential,
            arm,
            metrics,
        }))
    }
}

impl Api {
    pub(crate) fn new(config: &AzureConfig, gate: Gate) -> Result<Self, SetupError> {
        let shared = Shared::new(&config.cloud)?;
        let live = RwLock::new(Live::new(config, &shared)?);
        Ok(Self {
            gate,
            config: config.clone(),
            shared,
            live,
            principal: principal(config).into(),
        })
    }

    /// Whose requests they are: some quotas are a principal's, whatever the subscription.
    pub(crate) fn principal(&self) -> &Arc<str> {
        &self.principal
    }

    pub(crate) fn cloud(&self) -> &AzureCloud {
        &self.config.cloud
    }

    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces what was refused, unless somebody else already did.
    fn renew(&self, refused: &Arc<Live>) {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&live, refused) {
            return;
        }
        match Live::new(&self.config, &self.shared) {
            Ok(renewed) => *live = renewed,
            Err(error) => tracing::debug!(account = %self.config.account, %error, "kept the old credential"),
        }
    }

    /// Gets a token for `plane`, to check the credential.
    pub(crate) async fn token(&self, plane: Plane) -> Result<(), ProviderError> {
        let scope = Scope::new("-");
        let audience = audience(self.cloud(), plane);
        let request = Request::new(scope.clone(), "token", Price::FREE);
        let attempt = || async {
            let live = self.live();
            let got = live.credential.get_token(&[&audience], None).await;
            got.map(|_token| ()).map_err(|e| unsent("token", &scope, &e))
        };
        self.gate.send(&request, attempt).await
    }

    /// Sends `ask` through the gate; every failure is classified.
    pub(crate) async fn send(&self, ask: &Ask<'_>) -> Result<Answer, ProviderError> {
        let request = Request {
            urgency: ask.urgency,
            group: ask.group.cloned(),
            host: Some(host(&ask.url).into()),
            domain: ask.domain.cloned(),
            question: Some(ask.question.unwrap_or_else(|| Members::of([ask.url.as_str()]).0)),
            ..Request::new(ask.scope.clone(), ask.operation, ask.price)
        };
        let attempt = || async {
            let live = self.live();
            let answer = attempt(&live, ask, self.gate.skew()).await;
            if answer
                .as_ref()
                .is_err_and(|e| *e.kind() == ErrorKind::Unauthenticated)
            {
                self.renew(&live);
            }
            answer
        };
        self.gate.send(&request, attempt).await
    }

    /// The same, decoded.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
    ) -> Result<(T, Option<UnixNanos>), ProviderError> {
        let answer = self.send(ask).await?;
        match serde_json::from_slice(&answer.body).and_then(an_object) {
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
}

/// Each of Azure's answers is an object. A list would be read as one whose fields have no names.
fn an_object<T>(Object(given): Object<T>) -> serde_json::Result<T> {
    given.ok_or_else(|| serde::de::Error::custom("not an object"))
}

async fn attempt(live: &Live, ask: &Ask<'_>, skew: &Skew) -> Result<Answer, ProviderError> {
    let fail = |e| unsent(ask.operation, ask.scope, &e);
    let mut request = http_request(ask)?;
    let options = PipelineStreamOptions {
        skip_checks: true,
        ..PipelineStreamOptions::default()
    };
    let pipeline = match ask.plane {
        Plane::Arm => &live.arm,
        Plane::Metrics => &live.metrics,
    };
    let asked = skew.asked();
    let response = pipeline
        .stream(&Context::new(), &mut request, Some(options))
        .await
        .map_err(fail)?;
    let (status, headers, stream) = response.deconstruct();
    let date = date(&headers);
    if let Some(date) = date {
        skew.answered(asked, date);
    }
    let body = whole(ask, stream).await?;
    let status = u16::from(status);
    if (200..300).contains(&status) {
        return Ok(Answer { body, date });
    }
    Err(classify::refusal(
        ask.operation,
        ask.scope,
        status,
        &hints(&headers),
        &body,
    ))
}

/// The body, up to the longest that is read.
async fn whole<B: AsRef<[u8]>>(
    ask: &Ask<'_>,
    mut stream: impl Stream<Item = azure_core::Result<B>> + Unpin,
) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|e| unsent(ask.operation, ask.scope, &e))?;
        body.extend_from_slice(part.as_ref());
        if body.len() > LONGEST_BODY_BYTES {
            let words = format!("a body of more than {LONGEST_BODY_BYTES} bytes");
            return Err(failure(ask.operation, ask.scope, ErrorKind::Permanent, words));
        }
    }
    Ok(body)
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

/// The application where the configuration names it; else whoever the machine is, which only the account knows.
fn principal(config: &AzureConfig) -> String {
    let tenant = config.tenant.as_deref().unwrap_or_default();
    match &config.credentials {
        AzureCredentials::ClientSecret { client_id, .. }
        | AzureCredentials::ClientCertificate { client_id, .. } => {
            format!("{tenant}/{client_id}").to_lowercase()
        }
        AzureCredentials::ManagedIdentity { .. }
        | AzureCredentials::WorkloadIdentity { .. }
        | AzureCredentials::Chain
        | AzureCredentials::AzureCli => format!("account {}", config.account),
    }
}

fn audience(cloud: &AzureCloud, plane: Plane) -> String {
    let base = match plane {
        Plane::Arm => cloud.resource_manager_audience.trim_end_matches('/'),
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

#[cfg(test)]
mod tests {
    use super::*;

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
