//! What all clients of an account share: credentials, one connection pool, and no waiting or trying again.

use super::identities::Identities;
use crate::config::{AwsConfig, CredentialSource};
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls;
use std::time::Duration;

/// A healthy connection to AWS takes well under a second; the whole attempt is limited by the gate.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The name of our session in a role owner's trail when none is configured.
const SESSION_NAME: &str = "nephoscope";

/// What is the same for all regions: credentials, one connection pool, no retries.
pub(crate) async fn shared_config(config: &AwsConfig, region: &str, identities: &Identities) -> SdkConfig {
    let crypto = tls::rustls_provider::CryptoMode::AwsLc;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(crypto))
        .build_https();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http)
        .identity_cache(identities.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    let loader = match &config.credentials.source {
        CredentialSource::Default => loader,
        CredentialSource::Profile(name) => loader.profile_name(name),
        CredentialSource::Static {
            access_key_id,
            secret_access_key,
            session_token,
        } => loader.credentials_provider(Credentials::from_keys(
            access_key_id,
            secret_access_key.to_string(),
            session_token.as_ref().map(|token| token.to_string()),
        )),
    };
    with_role(config, loader.load().await).await
}

async fn with_role(config: &AwsConfig, base: SdkConfig) -> SdkConfig {
    let Some(role) = &config.credentials.assume_role else {
        return base;
    };
    let mut sts = base.to_builder();
    if let Some(endpoint) = &config.endpoints.sts {
        sts = sts.endpoint_url(endpoint);
    }
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .configure(&sts.build())
        .session_name(role.session_name.as_deref().unwrap_or(SESSION_NAME));
    if let Some(id) = &role.external_id {
        provider = provider.external_id(id);
    }
    let provider = SharedCredentialsProvider::new(provider.build().await);
    base.into_builder().credentials_provider(provider).build()
}
