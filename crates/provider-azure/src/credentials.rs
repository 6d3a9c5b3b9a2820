//! Tokens: azure_identity's credentials over one shared HTTP client, a certificate credential without openssl (our own
//! signed assertion) and a small chain. Caching and refreshing are the SDK's; what a failure means is `http`'s to say.

use crate::SetupError;
use crate::config::{AzureCloud, AzureConfig, AzureCredentials};
use async_trait::async_trait;
use aws_lc_rs::{digest, rand, rsa, signature};
use azure_core::Error;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientMethodOptions, ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest time to reach a host; off Azure, the metadata address answers nothing at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time one link of the chain may take, so that a machine without managed identity gets to the next.
const LINK_TIMEOUT: Duration = Duration::from_secs(5);
/// Life of an assertion; Entra accepts up to a day, it is used at once.
const ASSERTION_LIFE_S: i64 = 300;
/// Clocks differ: an assertion is valid from a little before now.
const ASSERTION_SKEW_S: i64 = 60;

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
    custom.authority_host = cloud.authority.trim_end_matches('/').to_owned();
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
    let failed = |e: Error| SetupError::new("the credential cannot be set up").because(e);
    let tenant = || {
        config
            .tenant
            .clone()
            .ok_or_else(|| SetupError::new("this kind of credential needs a tenant"))
    };
    match &config.credentials {
        AzureCredentials::Chain => Ok(Arc::new(chain(config, options)?)),
        AzureCredentials::ClientSecret { client_id, secret } => {
            let with = ClientSecretCredentialOptions {
                client_options: options.clone(),
            };
            let secret = Secret::new(secret.clone());
            let made = ClientSecretCredential::new(&tenant()?, client_id.clone(), secret, Some(with))
                .map_err(failed)?;
            Ok(made)
        }
        AzureCredentials::ClientCertificate { client_id, pem } => {
            let assertion = Assertion::new(&config.cloud, &tenant()?, client_id, pem)?;
            let with = ClientAssertionCredentialOptions {
                client_options: options.clone(),
            };
            let made = ClientAssertionCredential::new(tenant()?, client_id.clone(), assertion, Some(with));
            Ok(made.map_err(failed)?)
        }
        AzureCredentials::ManagedIdentity { client_id } => {
            managed(client_id.clone(), options).map_err(failed)
        }
        AzureCredentials::WorkloadIdentity {
            client_id,
            token_file,
        } => workload(config, client_id.clone(), token_file.clone(), options).map_err(failed),
        AzureCredentials::AzureCli => cli(config).map_err(failed),
    }
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
        ..WorkloadIdentityCredentialOptions::default()
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

/// Tries its links in order; the first that gave a token stays.
#[derive(Debug)]
struct Chain {
    links: Vec<(&'static str, Arc<dyn TokenCredential>)>,
    chosen: OnceLock<usize>,
}

fn chain(config: &AzureConfig, options: &ClientOptions) -> Result<Chain, SetupError> {
    let made = [
        ("workload identity", workload(config, None, None, options)),
        ("managed identity", managed(None, options)),
        ("Azure CLI", cli(config)),
    ];
    let mut links = Vec::new();
    for (name, link) in made {
        match link {
            Ok(link) => links.push((name, link)),
            Err(e) => tracing::debug!(link = name, error = %e, "left out of the credential chain"),
        }
    }
    if links.is_empty() {
        return Err(SetupError::new(
            "no credential: neither workload identity nor managed identity nor Azure CLI",
        ));
    }
    Ok(Chain {
        links,
        chosen: OnceLock::new(),
    })
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some((_, link)) = self.chosen.get().and_then(|i| self.links.get(*i)) {
            return link.get_token(scopes, options).await;
        }
        let mut words = Vec::new();
        for (i, (name, link)) in self.links.iter().enumerate() {
            match tokio::time::timeout(LINK_TIMEOUT, link.get_token(scopes, None)).await {
                Ok(Ok(token)) => {
                    self.chosen.get_or_init(|| i);
                    return Ok(token);
                }
                Ok(Err(e)) => words.push(format!("{name}: {e}")),
                Err(_elapsed) => words.push(format!("{name}: no answer within {} s", LINK_TIMEOUT.as_secs())),
            }
        }
        Err(Error::with_message(ErrorKind::Credential, words.join("; ")))
    }
}

/// Signs assertions with a certificate's key.
struct Assertion {
    key: rsa::KeyPair,
    thumbprint: String,
    audience: String,
    client_id: String,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl Assertion {
    fn new(cloud: &AzureCloud, tenant: &str, client_id: &str, pem: &str) -> Result<Self, SetupError> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| SetupError::new("no certificate in the PEM of client_certificate"))?;
        let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            Ok(PrivateKeyDer::Pkcs1(der)) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
            Ok(_) | Err(_) => {
                return Err(SetupError::new(
                    "no RSA private key in the PEM of client_certificate",
                ));
            }
        };
        let key =
            key.map_err(|_| SetupError::new("the private key of client_certificate is no usable RSA key"))?;
        Ok(Self {
            key,
            thumbprint: URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, certificate.as_ref())),
            audience: format!(
                "{}/{tenant}/oauth2/v2.0/token",
                cloud.authority.trim_end_matches('/')
            ),
            client_id: client_id.to_owned(),
        })
    }

    /// A JWT as Entra wants it: RS256, the certificate named by its SHA-256 thumbprint.
    fn sign(&self, now_s: i64) -> Result<String, aws_lc_rs::error::Unspecified> {
        let mut id = [0_u8; 16];
        rand::fill(&mut id)?;
        let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = serde_json::json!({
            "aud": self.audience, "iss": self.client_id, "sub": self.client_id, "jti": URL_SAFE_NO_PAD.encode(id),
            "nbf": now_s - ASSERTION_SKEW_S, "iat": now_s, "exp": now_s + ASSERTION_LIFE_S,
        });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let text = format!("{}.{}", part(&header), part(&claims));
        let mut signed = vec![0; self.key.public_modulus_len()];
        self.key.sign(
            &signature::RSA_PKCS1_SHA256,
            &rand::SystemRandom::new(),
            text.as_bytes(),
            &mut signed,
        )?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed)))
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _options: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign(jiff::Timestamp::now().as_second()).map_err(|_| {
            Error::with_message(ErrorKind::Credential, "the client assertion could not be signed")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use base64::engine::general_purpose::STANDARD;

    fn pem() -> (String, Vec<u8>) {
        let key = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("PKCS#8");
        let block = |label: &str, der: &[u8]| {
            format!(
                "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
                STANDARD.encode(der)
            )
        };
        let public = signature::KeyPair::public_key(&key).as_ref().to_vec();
        (
            block("PRIVATE KEY", der.as_ref()) + &block("CERTIFICATE", b"any bytes"),
            public,
        )
    }

    #[test]
    fn an_assertion_names_its_certificate_and_verifies() {
        let (pem, public) = pem();
        let made = Assertion::new(&AzureCloud::public(), "tenant", "app", &pem).expect("an assertion");
        let token = made.sign(1_000).expect("signed");
        let parts: Vec<_> = token.split('.').collect();
        let decode = |i: usize| URL_SAFE_NO_PAD.decode(parts[i]).expect("base64url");
        let header: serde_json::Value = serde_json::from_slice(&decode(0)).expect("JSON");
        let claims: serde_json::Value = serde_json::from_slice(&decode(1)).expect("JSON");
        assert_eq!(header["alg"], "RS256");
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, b"any bytes"));
        assert_eq!(header["x5t#S256"], thumbprint);
        assert_eq!(
            claims["aud"],
            "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
        );
        assert_eq!((&claims["iss"], &claims["exp"]), (&"app".into(), &1_300.into()));
        let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public);
        let signed = format!("{}.{}", parts[0], parts[1]);
        assert!(key.verify(signed.as_bytes(), &decode(2)).is_ok());
        assert!(!format!("{made:?}").contains("key"));
    }
}
