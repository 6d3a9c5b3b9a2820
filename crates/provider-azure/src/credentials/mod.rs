//! Tokens: `azure_identity`'s credentials over one shared HTTP client, a certificate credential without openssl (our own
//! signed assertion) and a small chain. Caching and refreshing are the SDK's; what a failure means is `http`'s to say.

mod assertion;
mod chain;

use crate::SetupError;
use crate::config::{AzureCloud, AzureConfig, AzureCredentials};
use assertion::Assertion;
use azure_core::Error;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use chain::chain;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Longest time to reach a host; off Azure, the metadata address answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What every pipeline of one account shares.
pub(crate) fn client_options(cloud: &AzureCloud) -> Result<ClientOptions, SetupError> {
    let mut client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .gzip(true);
    if let Some(pem) = &cloud.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|e| SetupError::new("the certificate authority cannot be read").because(e))?;
        client = client.tls_certs_merge(certificates);
    }
    let client = client
        .build()
        .map_err(|e| SetupError::new("no HTTP client").because(e))?;
    let mut custom = CustomConfiguration::default();
    let host = cloud.authority.trim_end_matches('/');
    host.clone_into(&mut custom.authority_host);
    Ok(ClientOptions {
        transport: Some(Transport::new(Arc::new(client))),
        cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    })
}

/// The credential that the configuration asks for.
pub(crate) fn credential(
    config: &AzureConfig,
    options: &ClientOptions,
) -> Result<Arc<dyn TokenCredential>, SetupError> {
    match &config.credentials {
        AzureCredentials::Chain => Ok(Arc::new(chain(config, options)?)),
        AzureCredentials::ClientSecret { client_id, secret } => {
            let made = client_secret(tenant(config)?, client_id, secret, options);
            made.map_err(unusable)
        }
        AzureCredentials::ClientCertificate { client_id, pem } => {
            let assertion = Assertion::new(&config.cloud, tenant(config)?, client_id, pem)?;
            let made = client_assertion(tenant(config)?, client_id, assertion, options);
            made.map_err(unusable)
        }
        AzureCredentials::ManagedIdentity { client_id } => {
            managed(client_id.clone(), options).map_err(unusable)
        }
        AzureCredentials::WorkloadIdentity {
            client_id,
            token_file,
        } => workload(config, client_id.clone(), token_file.clone(), options).map_err(unusable),
        AzureCredentials::AzureCli => cli(config).map_err(unusable),
    }
}

fn tenant(config: &AzureConfig) -> Result<&str, SetupError> {
    let missing = || SetupError::new("this kind of credential needs a tenant");
    config.tenant.as_deref().ok_or_else(missing)
}

fn unusable(cause: Error) -> SetupError {
    SetupError::new("the credential cannot be set up").because(cause)
}

fn client_secret(
    tenant: &str,
    client_id: &str,
    secret: &str,
    options: &ClientOptions,
) -> Result<Arc<dyn TokenCredential>, Error> {
    let with = ClientSecretCredentialOptions {
        client_options: options.clone(),
    };
    let secret = Secret::new(secret.to_owned());
    let made = ClientSecretCredential::new(tenant, client_id.to_owned(), secret, Some(with))?;
    Ok(made)
}

fn client_assertion(
    tenant: &str,
    client_id: &str,
    assertion: Assertion,
    options: &ClientOptions,
) -> Result<Arc<dyn TokenCredential>, Error> {
    let with = ClientAssertionCredentialOptions {
        client_options: options.clone(),
    };
    let made =
        ClientAssertionCredential::new(tenant.to_owned(), client_id.to_owned(), assertion, Some(with))?;
    Ok(made)
}

fn managed(id: Option<String>, options: &ClientOptions) -> Result<Arc<dyn TokenCredential>, Error> {
    let with = ManagedIdentityCredentialOptions {
        user_assigned_id: id.map(UserAssignedId::ClientId),
        client_options: options.clone(),
    };
    let made = ManagedIdentityCredential::new(Some(with))?;
    Ok(made)
}

fn workload(
    config: &AzureConfig,
    client_id: Option<String>,
    token_file: Option<String>,
    options: &ClientOptions,
) -> Result<Arc<dyn TokenCredential>, Error> {
    let made = WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions {
            client_options: options.clone(),
        },
        client_id,
        tenant_id: config.tenant.clone(),
        token_file_path: token_file.map(PathBuf::from),
    }))?;
    Ok(made)
}

fn cli(config: &AzureConfig) -> Result<Arc<dyn TokenCredential>, Error> {
    let with = AzureCliCredentialOptions {
        tenant_id: config.tenant.clone(),
        ..AzureCliCredentialOptions::default()
    };
    let made = AzureCliCredential::new(Some(with))?;
    Ok(made)
}
