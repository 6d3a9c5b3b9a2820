//! Tokens over one shared HTTP client: from Entra for an app registration (`entra`, `assertion`), from the machine's
//! identity service (`managed`), from `az`, or from the first of them that answers (`chain`). `token` reads answers and
//! keeps tokens until shortly before they end. What a failure means is `http`'s to say.
//!
//! Only the Azure CLI is the SDK's: its other credentials replace what Azure says by words of their own, read a federated
//! token only every ten minutes and with its line end, and know neither Arc nor resource ids in App Service.

mod assertion;
mod chain;
mod entra;
mod managed;
mod token;

pub(crate) use token::Refused;

use crate::SetupError;
use crate::config::{AzureCloud, AzureConfig, AzureCredentials, ManagedId};
use assertion::Assertion;
use azure_core::Error;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{AzureCliCredential, AzureCliCredentialOptions};
use chain::chain;
use entra::{Entra, Proof};
use managed::Managed;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use token::Cached;

/// Longest time to reach a host; off Azure, the metadata address answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Two clients that trust the same.
#[derive(Debug)]
struct Clients {
    /// As the proxy variables say.
    through: reqwest::Client,
    /// For identity services.
    direct: reqwest::Client,
}

/// By the authorities that are trusted besides the system's: reading those takes longer than a request, and they are the
/// same for most accounts.
static CLIENTS: provider_api::Shared<Option<String>, Clients> = provider_api::Shared::new();

/// What everything of one account shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// For the pipelines.
    pub(crate) options: ClientOptions,
    clients: Arc<Clients>,
}

impl Shared {
    pub(crate) fn new(cloud: &AzureCloud) -> Result<Self, SetupError> {
        let clients = CLIENTS.get(cloud.ca_pem.clone(), |ca_pem| Clients::new(ca_pem.as_deref()))?;
        let mut custom = CustomConfiguration::default();
        cloud
            .authority
            .trim_end_matches('/')
            .clone_into(&mut custom.authority_host);
        let options = ClientOptions {
            transport: Some(Transport::new(Arc::new(clients.through.clone()))),
            cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        Ok(Self { options, clients })
    }
}

impl Clients {
    fn new(ca_pem: Option<&str>) -> Result<Self, SetupError> {
        let build = |builder: reqwest::ClientBuilder| {
            let built = builder.build();
            built.map_err(|e| SetupError::new("no HTTP client").because(e))
        };
        Ok(Self {
            through: build(client(ca_pem)?)?,
            direct: build(client(ca_pem)?.no_proxy())?,
        })
    }
}

fn client(ca_pem: Option<&str>) -> Result<reqwest::ClientBuilder, SetupError> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .gzip(true);
    let Some(pem) = ca_pem else {
        return Ok(client);
    };
    let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|e| SetupError::new("the certificate authority cannot be read").because(e))?;
    Ok(client.tls_certs_merge(certificates))
}

/// The credential that the configuration asks for.
pub(crate) fn credential(
    config: &AzureConfig,
    shared: &Shared,
) -> Result<Arc<dyn TokenCredential>, SetupError> {
    match &config.credentials {
        AzureCredentials::Chain => Ok(Arc::new(chain(config, shared))),
        AzureCredentials::ClientSecret { client_id, secret } => {
            let proof = Proof::Secret(secret.clone());
            app(config, tenant(config)?, client_id, proof, shared)
        }
        AzureCredentials::ClientCertificate { client_id, files } => {
            let url = token_url(&config.cloud, tenant(config)?);
            let proof = Proof::Certificate(Assertion::new(url, client_id, files.clone())?);
            app(config, tenant(config)?, client_id, proof, shared)
        }
        AzureCredentials::ManagedIdentity { id } => managed(config, id.as_ref(), shared),
        AzureCredentials::WorkloadIdentity {
            client_id,
            token_file,
        } => workload(config, client_id.as_deref(), token_file.as_deref(), shared),
        AzureCredentials::AzureCli => cli(config),
    }
}

fn tenant(config: &AzureConfig) -> Result<&str, SetupError> {
    let missing = || SetupError::new("this kind of credential needs a tenant");
    config.tenant.as_deref().ok_or_else(missing)
}

fn token_url(cloud: &AzureCloud, tenant: &str) -> String {
    format!(
        "{}/{tenant}/oauth2/v2.0/token",
        cloud.authority.trim_end_matches('/')
    )
}

/// A secret does not leave this machine in clear.
fn app(
    config: &AzureConfig,
    tenant: &str,
    client_id: &str,
    proof: Proof,
    shared: &Shared,
) -> Result<Arc<dyn TokenCredential>, SetupError> {
    let authority = &config.cloud.authority;
    if !authority.starts_with("https://") {
        return Err(SetupError::new(format!(
            "`authority` has to be https, and is {authority}"
        )));
    }
    let url = token_url(&config.cloud, tenant);
    Ok(Arc::new(Cached::new(Entra::new(
        &shared.clients.through,
        url,
        client_id,
        proof,
    ))))
}

fn managed(
    config: &AzureConfig,
    id: Option<&ManagedId>,
    shared: &Shared,
) -> Result<Arc<dyn TokenCredential>, SetupError> {
    let made = Managed::new(&shared.clients.direct, &config.environment, id)?;
    Ok(Arc::new(Cached::new(made)))
}

/// What the configuration does not say, the pod's environment does: AKS puts it there.
fn workload(
    config: &AzureConfig,
    client_id: Option<&str>,
    token_file: Option<&str>,
    shared: &Shared,
) -> Result<Arc<dyn TokenCredential>, SetupError> {
    let named = |given: Option<&str>, variable: &str| {
        let told = || config.environment.get(variable).cloned();
        let found = given
            .map(str::to_owned)
            .or_else(told)
            .filter(|text| !text.is_empty());
        found.ok_or_else(|| SetupError::new(format!("{variable} is not set")))
    };
    let file = PathBuf::from(named(token_file, "AZURE_FEDERATED_TOKEN_FILE")?);
    let client_id = named(client_id, "AZURE_CLIENT_ID")?;
    let tenant = named(config.tenant.as_deref(), "AZURE_TENANT_ID")?;
    app(config, &tenant, &client_id, Proof::TokenFile(file), shared)
}

fn cli(config: &AzureConfig) -> Result<Arc<dyn TokenCredential>, SetupError> {
    let with = AzureCliCredentialOptions {
        tenant_id: config.tenant.clone(),
        ..AzureCliCredentialOptions::default()
    };
    let made = AzureCliCredential::new(Some(with));
    let made = made.map_err(|e| SetupError::new("the Azure CLI cannot be used").because(e))?;
    Ok(made)
}

/// An error with all that lies below it, said once, without the SDK's address of a page about itself.
pub(crate) fn words(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(e) = next {
        let words = e.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = e.source();
    }
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("To troubleshoot, visit "));
    lines.collect::<Vec<_>>().join(" ")
}
