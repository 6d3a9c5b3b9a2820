//! An app registration by its certificate: PEM in any order, and what cannot be used.

use super::{Cloud, FROM_ENTRA};
use crate::authority::Authority;
use crate::credentials::stub::Seen;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::{digest, rsa, signature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// An RSA key and a certificate of it, PEM, and what verifies its signatures.
pub(super) fn certificate() -> (String, String, Vec<u8>) {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    let signs = rcgen::KeyPair::from_pem(&key).unwrap();
    let params = rcgen::CertificateParams::new(vec!["app".into()]).unwrap();
    let public = signature::KeyPair::public_key(&pair).as_ref().to_vec();
    (key, params.self_signed(&signs).unwrap().pem(), public)
}

/// The thumbprint that a certificate's assertion names, once its signature has been verified.
pub(super) fn thumbprint(asked: &Seen, public: &[u8]) -> String {
    let assertion = asked.field("client_assertion").unwrap();
    let parts: Vec<&str> = assertion.split('.').collect();
    let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public);
    let signed = format!("{}.{}", parts[0], parts[1]);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(parts[2]).unwrap())
        .unwrap();
    let header: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    header["x5t#S256"].as_str().unwrap().to_owned()
}

pub(super) fn print_of(pem: &str) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &STANDARD.decode(body).unwrap()))
}

pub(super) const CERTIFICATE: &str =
    "    credentials: { client_certificate: { client_id: app-1, cert_file: app.pem } }\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_app_by_its_certificate_in_whatever_order() {
    let (key, own, public) = certificate();
    let other = Authority::new("another").pem;
    for pem in [
        format!("{key}{own}"),
        format!("{own}{key}"),
        format!("{other}{own}{key}"),
        format!("{key}{other}{own}"),
    ] {
        let cloud = Cloud::start().await;
        cloud.home.write("app.pem", &pem);
        cloud.passes(CERTIFICATE, FROM_ENTRA).await;
        assert_eq!(thumbprint(&cloud.entra(), &public), print_of(&own));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_cannot_be_used_say_why() {
    let cloud = Cloud::start().await;
    let (key, own, _) = certificate();
    let (elliptic, elliptic_key) = Authority::new("ours").signs(&["app"]);
    for (pem, wanted) in [
        (
            format!("{key}{}", Authority::new("another").pem),
            "belongs to its private key",
        ),
        (format!("{elliptic}{elliptic_key}"), "Entra takes RSA only"),
        (
            own + &key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            "is encrypted; decrypt it",
        ),
    ] {
        cloud.home.write("app.pem", &pem);
        cloud
            .home
            .check(&cloud.account(CERTIFICATE))
            .await
            .refused(&[wanted]);
    }
    assert!(cloud.stub.seen().is_empty());
}
