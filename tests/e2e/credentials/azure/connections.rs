//! Proxies for all but the machine's identity, authorities, and what is rotated while the daemon runs.

use super::certificates::{CERTIFICATE, certificate, print_of, thumbprint};
use super::machine::{METADATA, identity};
use super::{Cloud, ENTRA, FROM_ENTRA, WORKLOAD, azure};
use crate::authority::Authority;
use crate::credentials::stub::{Answer, Seen, Stub};
use crate::credentials::{Home, is_get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn proxies_for_the_cloud_but_never_for_the_machines_identity() {
    let authority = Authority::new("ours");
    let stub = Stub::https(&authority, &["azure.test"], azure).await;
    let proxy = Stub::proxy(stub.port, |_| Answer::of(502, "text/plain", "not for me")).await;
    let service = Stub::http(identity).await;
    let mut cloud = Cloud {
        stub,
        home: Home::new(),
    };
    cloud.home.write("ca.pem", &authority.pem);
    let through = proxy.url.replace("http://", "http://us:word@");
    cloud
        .home
        .set("HTTPS_PROXY", &through)
        .set("HTTP_PROXY", &through);
    cloud
        .passes(
            "    credentials: { client_secret: { client_id: app-1, secret: s } }\n",
            FROM_ENTRA,
        )
        .await;
    let asked = proxy.seen();
    let connects = |s: &Seen| s.method == "CONNECT" && s.target == format!("azure.test:{}", cloud.stub.port);
    assert!(!asked.is_empty() && asked.iter().all(connects), "{asked:?}");
    assert_eq!(asked[0].header("proxy-authorization"), "Basic dXM6d29yZA==");
    let endpoint = format!("{}/msi/token", service.url);
    cloud
        .home
        .set("IDENTITY_ENDPOINT", &endpoint)
        .set("IDENTITY_HEADER", "word");
    cloud
        .home
        .check(&cloud.account("    credentials: { managed_identity: {} }\n"))
        .await
        .good();
    assert!(service.seen().iter().any(is_get) && proxy.seen().iter().all(connects));
    cloud
        .home
        .unset("IDENTITY_ENDPOINT")
        .set("AZURE_POD_IDENTITY_AUTHORITY_HOST", &service.url);
    cloud
        .home
        .check(&cloud.account("    credentials: { managed_identity: {} }\n"))
        .await
        .good();
    service.asked("instance metadata", |s| s.target.starts_with(METADATA));
    assert!(proxy.seen().iter().all(connects));
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_that_are_not_named_are_not_trusted() {
    let cloud = Cloud::start().await;
    let secret = "    credentials: { client_secret: { client_id: app-1, secret: s } }\n";
    let other = cloud.home.write("other.pem", &Authority::new("another").pem);
    let yaml = cloud.account(secret).replace("/ca.pem", "/other.pem");
    let said = cloud.home.check(&yaml).await;
    assert!(
        said.code != 0 && cloud.stub.seen().is_empty(),
        "{} {}",
        other.display(),
        said.text
    );
}

/// Tokens that end at once, so that each request asks for one.
fn short(request: &Seen) -> Answer {
    if request.target == ENTRA {
        return Answer::json(&json!({"token_type": "Bearer", "expires_in": 1, "access_token": "short"}));
    }
    azure(request)
}

#[tokio::test(flavor = "multi_thread")]
async fn rotated_tokens_and_certificates_are_used_without_a_signal() {
    let mut cloud = Cloud::answering(short).await;
    let file = cloud.home.write("federated", "first.jwt\n");
    cloud
        .home
        .set("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap())
        .set("AZURE_CLIENT_ID", "pod-1");
    let (key, own, public) = certificate();
    cloud.home.write("app.pem", &format!("{own}{key}"));
    let second = cloud
        .account(CERTIFICATE)
        .replace("azure:\n", "")
        .replace("name: z", "name: y");
    let daemon = cloud.home.run(&(cloud.account(WORKLOAD) + &second));
    let sends = |jwt: &'static str| move |s: &Seen| s.field("client_assertion").as_deref() == Some(jwt);
    cloud
        .stub
        .comes("the first token", &daemon, sends("first.jwt"))
        .await;
    let app = |s: &Seen| s.field("client_id").as_deref() == Some("app-1");
    let asked = cloud.stub.comes("the first certificate", &daemon, app).await;
    assert_eq!(thumbprint(&asked, &public), print_of(&own));
    cloud.home.write("federated", "second.jwt\n");
    let (key, own, public) = certificate();
    cloud.home.write("next.pem", &format!("{key}{own}"));
    std::fs::rename(
        cloud.home.path().join("next.pem"),
        cloud.home.path().join("app.pem"),
    )
    .unwrap();
    cloud
        .stub
        .comes("the second token", &daemon, sends("second.jwt"))
        .await;
    let names = |s: &Seen| {
        let header = s.field("client_assertion").unwrap_or_default();
        let header = URL_SAFE_NO_PAD
            .decode(header.split('.').next().unwrap())
            .unwrap_or_default();
        String::from_utf8_lossy(&header).contains(&print_of(&own))
    };
    let asked = cloud.stub.comes("the second certificate", &daemon, names).await;
    assert_eq!(thumbprint(&asked, &public), print_of(&own));
}
