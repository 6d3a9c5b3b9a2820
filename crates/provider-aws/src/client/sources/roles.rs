//! STS: taking on roles, with credentials or with a token, at the endpoint that the configuration names. The SDK's own
//! way of doing this for profiles knows no endpoint and logs external ids.

use super::profile::Role;
use crate::classify::classify;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use provider_api::{ErrorKind, ProviderError, Scope};
use std::path::PathBuf;
use std::time::SystemTime;

/// The name of our session in a role owner's trail when none is configured.
const SESSION_NAME: &str = "nephoscope";

/// How STS is asked.
#[derive(Clone, Debug)]
pub(crate) struct Sts {
    base: SdkConfig,
    endpoint: Option<String>,
    scope: Scope,
}

impl Sts {
    /// With everything of `base` but its credentials and their cache.
    pub(crate) fn new(base: &SdkConfig, endpoint: Option<&str>) -> Self {
        let builder = base.to_builder().identity_cache(IdentityCache::no_cache());
        let scope = Scope::new(base.region().map_or("-", |region| region.as_ref()));
        Self {
            base: builder.build(),
            endpoint: endpoint.map(str::to_owned),
            scope,
        }
    }

    fn client(&self, credentials: Option<Credentials>) -> aws_sdk_sts::Client {
        let mut builder = aws_sdk_sts::config::Builder::from(&self.base);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        if let Some(credentials) = credentials {
            builder = builder.credentials_provider(credentials);
        }
        aws_sdk_sts::Client::from_conf(builder.build())
    }

    async fn assume(&self, role: &Role, with: Credentials) -> provider::Result {
        let seconds = role.duration.and_then(|d| i32::try_from(d.as_secs()).ok());
        let request = self.client(Some(with)).assume_role();
        let answer = request
            .role_arn(&role.arn)
            .role_session_name(session_name(role))
            .set_external_id(role.external_id.clone())
            .set_duration_seconds(seconds)
            .send()
            .await
            .map_err(|e| self.refused("AssumeRole", &role.arn, &e))?;
        session(answer.credentials)
    }

    /// Needs no credentials: the token is them.
    async fn assume_with(&self, role: &Role, token: &str) -> provider::Result {
        let seconds = role.duration.and_then(|d| i32::try_from(d.as_secs()).ok());
        let request = self.client(None).assume_role_with_web_identity();
        let answer = request
            .role_arn(&role.arn)
            .role_session_name(session_name(role))
            .web_identity_token(token)
            .set_duration_seconds(seconds)
            .send()
            .await
            .map_err(|e| self.refused("AssumeRoleWithWebIdentity", &role.arn, &e))?;
        session(answer.credentials)
    }

    /// Without a session we are nobody, whatever STS calls it; only a service that is away or busy is another thing.
    fn refused<E>(
        &self,
        operation: &'static str,
        arn: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> CredentialsError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let said = classify(&self.scope, operation, error);
        let kind = match said.kind() {
            ErrorKind::Throttled { .. } | ErrorKind::Unavailable { .. } | ErrorKind::TimedOut => {
                said.kind().clone()
            }
            ErrorKind::Unauthenticated
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::InvalidRequest
            | ErrorKind::BadResponse
            | ErrorKind::OverBudget
            | ErrorKind::Permanent => ErrorKind::Unauthenticated,
        };
        let message = format!("{operation} of {arn}: {}", said.message());
        let id = said.request_id().map(str::to_owned);
        let failure = ProviderError::new(said.cloud(), operation, self.scope.clone(), kind, message);
        CredentialsError::provider_error(failure.with_request_id(id))
    }
}

fn session_name(role: &Role) -> &str {
    role.session_name.as_deref().unwrap_or(SESSION_NAME)
}

fn session(answer: Option<aws_sdk_sts::types::Credentials>) -> provider::Result {
    let given = answer.ok_or_else(|| CredentialsError::unhandled("STS answered without credentials"))?;
    let ends = SystemTime::try_from(given.expiration).ok();
    Ok(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        ends,
        "AssumeRole",
    ))
}

/// Roles taken on with what a source gives, one after the other.
#[derive(Debug)]
pub(super) struct WithRoles {
    pub(super) source: SharedCredentialsProvider,
    pub(super) roles: Vec<Role>,
    pub(super) sts: Sts,
}

impl ProvideCredentials for WithRoles {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let mut credentials = self.source.provide_credentials().await?;
            for role in &self.roles {
                credentials = self.sts.assume(role, credentials).await?;
            }
            Ok(credentials)
        })
    }
}

/// A role taken on with a token in a file, which is read each time: it is replaced long before it expires.
#[derive(Debug)]
pub(super) struct WebIdentity {
    pub(super) file: PathBuf,
    pub(super) role: Role,
    pub(super) sts: Sts,
}

impl WebIdentity {
    async fn token(&self) -> Result<String, CredentialsError> {
        let file = self.file.display();
        let failed = |what: &dyn std::fmt::Display| {
            CredentialsError::invalid_configuration(format!("the web identity token {file}: {what}"))
        };
        let text = tokio::fs::read_to_string(&self.file)
            .await
            .map_err(|e| failed(&e))?;
        match text.trim() {
            "" => Err(failed(&"the file is empty")),
            token => Ok(token.to_owned()),
        }
    }
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let token = self.token().await?;
            self.sts.assume_with(&self.role, &token).await
        })
    }
}
