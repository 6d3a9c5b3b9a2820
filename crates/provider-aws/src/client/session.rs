//! What all clients of an account share: credentials, one connection pool, and no waiting or trying again.

use super::http;
use super::identities::Identities;
use super::sources::{Files, Sources, Sts, profiles};
use crate::config::{AwsConfig, CredentialSource};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::Env;
use provider_api::{Cloud, DirectHosts, ErrorKind, ProviderError, Scope};
use std::time::Duration;

/// A healthy connection to AWS takes well under a second; the whole attempt is limited by the gate.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is the same for all regions: credentials, one connection pool, no retries.
pub(crate) async fn shared_config(
    config: &AwsConfig,
    region: &str,
) -> Result<(SdkConfig, Identities), ProviderError> {
    let shared = Shared::read(config).await;
    let http = http::client(shared.authorities(config)?, shared.direct());
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let identities = Identities::new(config.account.clone(), watched(&config.credentials.source));
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .http_client(http.clone())
        .identity_cache(identities.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.clone())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .no_credentials();
    if let CredentialSource::Profile(name) = &config.credentials.source {
        loader = loader.profile_name(name);
    }
    let base = loader.load().await;
    let sts = Sts::new(&base, config.endpoints.sts.as_deref());
    let providers = providers(&base, &http).with_timeout_config(timeouts);
    let sources = Sources::new(
        config.credentials.clone(),
        providers,
        sts,
        identities.generation(),
    );
    let provider = SharedCredentialsProvider::new(sources);
    let all = base.into_builder().credentials_provider(provider).build();
    Ok((all, identities))
}

/// What the SDK's own sources of credentials are made with.
fn providers(base: &SdkConfig, http: &SharedHttpClient) -> ProviderConfig {
    ProviderConfig::default()
        .with_region(base.region().cloned())
        .with_use_fips(base.use_fips())
        .with_use_dual_stack(base.use_dual_stack())
        .with_http_client(http.clone())
        .with_retry_config(RetryConfig::disabled())
}

/// Keys of the configuration are not in files that others write.
fn watched(source: &CredentialSource) -> Files {
    match source {
        CredentialSource::Default | CredentialSource::Profile(_) => Files::shared(&Env::real()),
        CredentialSource::Static { .. } => Files::none(),
    }
}

/// What the shared files and the environment say about connections.
#[derive(Debug, Default)]
struct Shared {
    ca_bundle: Option<String>,
    metadata: Option<String>,
}

impl Shared {
    /// Files that cannot be read are said by whoever needs credentials of them.
    async fn read(config: &AwsConfig) -> Self {
        let Ok(set) = profiles().await else {
            return Self::default();
        };
        let name = match &config.credentials.source {
            CredentialSource::Profile(name) => name,
            CredentialSource::Default | CredentialSource::Static { .. } => set.selected_profile(),
        };
        let get = |key: &str| set.get_profile(name).and_then(|p| p.get(key)).map(str::to_owned);
        Self {
            ca_bundle: get("ca_bundle"),
            metadata: get("ec2_metadata_service_endpoint"),
        }
    }

    /// Those of the configuration, then `AWS_CA_BUNDLE`, then the profile's `ca_bundle`; the first of the latter two is
    /// in force, as in AWS's own tools.
    fn authorities(&self, config: &AwsConfig) -> Result<Vec<String>, ProviderError> {
        let mut all: Vec<String> = config.ca_pem.iter().cloned().collect();
        let told = Env::real()
            .get("AWS_CA_BUNDLE")
            .ok()
            .filter(|path| !path.is_empty());
        let told = told.map(|path| ("AWS_CA_BUNDLE", path));
        let named = told.or_else(|| {
            self.ca_bundle
                .clone()
                .map(|path| ("the profile's ca_bundle", path))
        });
        if let Some((who, path)) = named {
            all.push(bundle(who, &path)?);
        }
        Ok(all)
    }

    fn direct(&self) -> DirectHosts {
        let env = Env::real();
        let told = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        ];
        let told = told.into_iter().filter_map(|name| env.get(name).ok());
        let all: Vec<String> = told.chain(self.metadata.clone()).collect();
        DirectHosts::with(all.iter().map(String::as_str))
    }
}

fn bundle(who: &str, path: &str) -> Result<String, ProviderError> {
    let unusable = |why: &str| {
        let message = format!("{who} names {path} as certificate authorities: {why}");
        ProviderError::new(
            Cloud::Aws,
            "connect",
            Scope::new("-"),
            ErrorKind::Unauthenticated,
            message,
        )
    };
    let text = std::fs::read_to_string(path).map_err(|e| unusable(&e.to_string()))?;
    if http::has_authority(&text) {
        Ok(text)
    } else {
        Err(unusable("there is no usable certificate in it"))
    }
}
