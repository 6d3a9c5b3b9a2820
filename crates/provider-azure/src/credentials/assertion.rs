//! A certificate credential without openssl: our own signed assertion (RFC 7523), which Entra takes for a token.

use crate::SetupError;
use crate::config::AzureCloud;
use async_trait::async_trait;
use aws_lc_rs::{digest, rand, rsa, signature};
use azure_core::Error;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;

/// Life of an assertion; Entra accepts up to a day, it is used at once.
const ASSERTION_LIFE_S: i64 = 300;
/// Clocks differ: an assertion is valid from a little before now.
const ASSERTION_SKEW_S: i64 = 60;

/// Signs assertions with a certificate's key.
pub(super) struct Assertion {
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
    pub(super) fn new(
        cloud: &AzureCloud,
        tenant: &str,
        client_id: &str,
        pem: &str,
    ) -> Result<Self, SetupError> {
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
