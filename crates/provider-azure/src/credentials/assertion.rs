//! A certificate credential without openssl: our own signed assertion (RFC 7523), which Entra takes for a token. The files
//! are read each time, so that a rotated certificate is used without a reload.

use super::token::Refused;
use crate::SetupError;
use aws_lc_rs::{digest, rand, rsa, signature};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Life of an assertion; Entra accepts up to a day, it is used at once.
const ASSERTION_LIFE_S: i64 = 300;
/// Clocks differ: an assertion is valid from a little before now.
const ASSERTION_SKEW_S: i64 = 60;

/// Signs assertions with a certificate's key.
pub(super) struct Assertion {
    files: Vec<PathBuf>,
    audience: String,
    client_id: String,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Assertion");
        shown
            .field("client_id", &self.client_id)
            .field("files", &self.files);
        shown.finish_non_exhaustive()
    }
}

impl Assertion {
    /// Certificate and key are in `files`, in any order and with any other certificates; `audience` is the token's URL.
    pub(super) fn new(audience: String, client_id: &str, files: Vec<PathBuf>) -> Result<Self, SetupError> {
        let made = Self {
            files,
            audience,
            client_id: client_id.to_owned(),
        };
        made.pair().map_err(SetupError::new)?;
        Ok(made)
    }

    /// A new assertion.
    pub(super) fn signed(&self) -> Result<String, Refused> {
        let pair = self.pair().map_err(Refused::for_good)?;
        let now_s = jiff::Timestamp::now().as_second();
        let signed = pair.sign(&self.audience, &self.client_id, now_s);
        signed.map_err(|_| Refused::for_good("the client assertion could not be signed"))
    }

    fn pair(&self) -> Result<Pair, String> {
        let mut pem = Zeroizing::new(String::new());
        for file in &self.files {
            let text = std::fs::read_to_string(file).map(Zeroizing::new);
            let text = text.map_err(|e| format!("reading {}: {e}", file.display()))?;
            pem.push_str(&text);
            pem.push('\n');
        }
        Pair::read(&pem)
    }
}

/// A private key and the name of its certificate.
struct Pair {
    key: rsa::KeyPair,
    thumbprint: String,
}

impl Pair {
    /// The certificate is the one that holds the key's public half: chains may come in any order.
    fn read(pem: &str) -> Result<Self, String> {
        let key = key(pem)?;
        let public = signature::KeyPair::public_key(&key).as_ref();
        let all: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().collect();
        if all.is_empty() {
            return Err("no certificate in the PEM of client_certificate".into());
        }
        let holds =
            |certificate: &&CertificateDer<'_>| certificate.windows(public.len()).any(|part| part == public);
        let own = all.iter().find(holds).ok_or_else(|| {
            format!(
                "none of the {} certificates of client_certificate belongs to its private key",
                all.len()
            )
        })?;
        let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, own.as_ref()));
        Ok(Self { key, thumbprint })
    }

    /// A JWT as Entra wants it: RS256, the certificate named by its SHA-256 thumbprint.
    fn sign(
        &self,
        audience: &str,
        client_id: &str,
        now_s: i64,
    ) -> Result<String, aws_lc_rs::error::Unspecified> {
        let mut id = [0_u8; 16];
        rand::fill(&mut id)?;
        let header = serde_json::json!({"alg": "RS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = serde_json::json!({
            "aud": audience, "iss": client_id, "sub": client_id, "jti": URL_SAFE_NO_PAD.encode(id),
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

/// Entra takes RSA signatures only (learn, "Certificate credentials").
fn key(pem: &str) -> Result<rsa::KeyPair, String> {
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
        let help =
            "decrypt it: `openssl pkey -in key.pem -out plain.pem`, and let only the daemon's user read it";
        return Err(format!(
            "the private key of client_certificate is encrypted; {help}"
        ));
    }
    let unusable =
        |_| "the private key of client_certificate is no usable RSA key; Entra takes RSA only".to_owned();
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(der)) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(unusable),
        Ok(PrivateKeyDer::Pkcs1(der)) => rsa::KeyPair::from_der(der.secret_pkcs1_der()).map_err(unusable),
        Ok(PrivateKeyDer::Sec1(_)) => {
            Err("the private key of client_certificate is of an elliptic curve; Entra takes RSA only".into())
        }
        Ok(_) | Err(_) => Err("no private key in the PEM of client_certificate".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use base64::engine::general_purpose::STANDARD;

    fn block(label: &str, der: &[u8]) -> String {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    }

    /// A key in PKCS#8, something that holds its public half as a certificate does, and that half.
    fn parts() -> (String, Vec<u8>, Vec<u8>) {
        let key = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("PKCS#8");
        let public = signature::KeyPair::public_key(&key).as_ref().to_vec();
        let certificate = [b"before", public.as_slice(), b"after"].concat();
        (block("PRIVATE KEY", der.as_ref()), certificate, public)
    }

    /// The same key as PKCS#1: PKCS#8 wraps it behind 26 bytes that say "RSA".
    fn pkcs1(pkcs8: &str) -> String {
        let body: String = pkcs8.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body).expect("base64");
        block("RSA PRIVATE KEY", &der[26..])
    }

    #[test]
    fn an_assertion_names_its_certificate_in_whatever_order_and_verifies() {
        let (key, certificate, public) = parts();
        let own = block("CERTIFICATE", &certificate);
        let authority = block("CERTIFICATE", b"another's");
        for pem in [
            format!("{key}{own}{authority}"),
            format!("{own}{authority}{key}"),
            format!("{authority}{own}{key}{key}"),
            format!("{authority}{own}{}", pkcs1(&key)),
            format!("Bag Attributes\n    friendlyName: x\n{authority}{key}{own}"),
        ] {
            let pair = Pair::read(&pem).expect("a pair");
            let token = pair.sign("https://e/tenant/token", "app", 1_000).expect("signed");
            let parts: Vec<_> = token.split('.').collect();
            let decode = |i: usize| URL_SAFE_NO_PAD.decode(parts[i]).expect("base64url");
            let header: serde_json::Value = serde_json::from_slice(&decode(0)).expect("JSON");
            let claims: serde_json::Value = serde_json::from_slice(&decode(1)).expect("JSON");
            assert_eq!(header["alg"], "RS256");
            let thumbprint = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &certificate));
            assert_eq!(header["x5t#S256"], thumbprint);
            assert_eq!(claims["aud"], "https://e/tenant/token");
            assert_eq!((&claims["iss"], &claims["exp"]), (&"app".into(), &1_300.into()));
            let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, &public);
            let signed = format!("{}.{}", parts[0], parts[1]);
            assert!(key.verify(signed.as_bytes(), &decode(2)).is_ok());
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let (key, certificate, _) = parts();
        let own = block("CERTIFICATE", &certificate);
        for (pem, wanted) in [
            (key.clone(), "no certificate"),
            (own.clone(), "no private key"),
            (
                format!("{key}{}", block("CERTIFICATE", b"another's")),
                "belongs to its private key",
            ),
            (
                format!("{own}{}", block("EC PRIVATE KEY", b"x")),
                "Entra takes RSA only",
            ),
            (
                format!("{own}{}", block("PRIVATE KEY", b"x")),
                "no usable RSA key",
            ),
            (
                format!("{own}{}", block("ENCRYPTED PRIVATE KEY", b"x")),
                "is encrypted; decrypt it",
            ),
        ] {
            let said = Pair::read(&pem).map(drop).expect_err("unusable");
            assert!(said.contains(wanted), "{said}");
        }
    }
}
