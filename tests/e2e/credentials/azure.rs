//! Azure: an app by secret, certificate and federated token, the machine's identity in all its services, `az`, and the
//! chain of them.

use super::stub::{Answer, Seen, Stub};
use super::{Home, is_get};
use crate::authority::Authority;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::{digest, rsa, signature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

const ENTRA: &str = "/ours.example/oauth2/v2.0/token";

/// Entra and Resource Manager in one; a token says for what it was given.
fn azure(request: &Seen) -> Answer {
    if request.target == ENTRA {
        let scope = request.field("scope").unwrap();
        return Answer::json(
            &json!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("entra {scope}")}),
        );
    }
    Answer::json(&json!({"totalRecords": 0, "count": 0, "resultTruncated": "false", "data": []}))
}

/// A cloud with an authority of its own, and a home that trusts it.
struct Cloud {
    stub: Stub,
    home: Home,
}

impl Cloud {
    async fn start() -> Self {
        Self::answering(azure).await
    }

    async fn answering(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let authority = Authority::new("ours");
        let stub = Stub::https(&authority, &["localhost"], script).await;
        let home = Home::new();
        home.write("ca.pem", &authority.pem);
        Self { stub, home }
    }

    fn account(&self, credentials: &str) -> String {
        self.account_at(&self.stub.url, credentials, "")
    }

    fn account_at(&self, url: &str, credentials: &str, cloud: &str) -> String {
        format!(
            "azure:\n  - name: z\n    tenant: ours.example\n    subscriptions: [sub-1]\n    cloud: {{ authority: \"{url}\", \
             resource_manager: \"{url}\", metrics: \"{url}/{{region}}\", ca_file: {}/ca.pem{cloud} }}\n{credentials}    \
             metrics: [{{ resource_type: Microsoft.Compute/virtualMachines }}]\n",
            self.home.path().display()
        )
    }

    /// `check` passes, and Resource Manager was asked with this token.
    async fn passes(&self, credentials: &str, token: &str) {
        self.home.check(&self.account(credentials)).await.good();
        let asked = self
            .stub
            .asked("Resource Graph", |s| s.target.contains("ResourceGraph"));
        let token = token.trim_end().replace("ARM", &self.stub.url);
        assert_eq!(asked.header("authorization"), format!("Bearer {token}"));
    }

    fn entra(&self) -> Seen {
        self.stub.asked("Entra", |s| s.target == ENTRA)
    }
}

const FROM_ENTRA: &str = "entra ARM/.default";

#[tokio::test(flavor = "multi_thread")]
async fn an_app_by_its_secret() {
    let cloud = Cloud::start().await;
    cloud
        .passes(
            "    credentials: { client_secret: { client_id: app-1, secret: \"s3 cret&\" } }\n",
            FROM_ENTRA,
        )
        .await;
    let asked = cloud.entra();
    let field = |name| asked.field(name).unwrap();
    assert_eq!(
        (field("client_id"), field("client_secret")),
        ("app-1".into(), "s3 cret&".into())
    );
    assert_eq!(field("grant_type"), "client_credentials");
    let metrics =
        |s: &Seen| s.field("scope").as_deref() == Some("https://metrics.monitor.azure.com/.default");
    cloud.stub.asked("a token for metrics", metrics);
}

#[tokio::test(flavor = "multi_thread")]
async fn audiences_of_another_cloud() {
    let cloud = Cloud::start().await;
    let audiences =
        ", audiences: { resource_manager: \"https://arm.ours/.default\", metrics: \"https://metrics.ours\" }";
    let secret = "    credentials: { client_secret: { client_id: app-1, secret: s } }\n";
    cloud
        .home
        .check(&cloud.account_at(&cloud.stub.url, secret, audiences))
        .await
        .good();
    for wanted in ["https://arm.ours/.default", "https://metrics.ours/.default"] {
        cloud
            .stub
            .asked(wanted, |s| s.field("scope").as_deref() == Some(wanted));
    }
}

/// An RSA key and a certificate of it, PEM, and what verifies its signatures.
fn certificate() -> (String, String, Vec<u8>) {
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
fn thumbprint(asked: &Seen, public: &[u8]) -> String {
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

fn print_of(pem: &str) -> String {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &STANDARD.decode(body).unwrap()))
}

const CERTIFICATE: &str =
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

const WORKLOAD: &str = "    credentials: { workload_identity: {} }\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_of_a_pod_named_and_found() {
    for credentials in [WORKLOAD, ""] {
        let mut cloud = Cloud::start().await;
        let file = cloud.home.write("federated", "a.jwt\r\n");
        cloud
            .home
            .set("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap());
        cloud
            .home
            .set("AZURE_CLIENT_ID", "pod-1")
            .set("AZURE_TENANT_ID", "not asked");
        cloud.passes(credentials, FROM_ENTRA).await;
        let asked = cloud.entra();
        assert_eq!(
            asked.field("client_assertion").unwrap(),
            "a.jwt",
            "without its line end"
        );
        assert_eq!(asked.field("client_id").unwrap(), "pod-1");
    }
}

/// Whatever identity service: the token says how it was asked, with numbers as texts.
fn identity(request: &Seen) -> Answer {
    let id = ["client_id", "object_id", "msi_res_id", "mi_res_id", "clientid"];
    let id = id
        .iter()
        .find_map(|name| Some(format!(" {name}={}", request.field(name)?)));
    let secret = ["x-identity-header", "secret"]
        .iter()
        .map(|name| request.header(name))
        .collect::<String>();
    let path = request.target.split('?').next().unwrap();
    let token = format!("{path} {secret}{}", id.unwrap_or_default());
    Answer::json(
        &json!({"access_token": token, "expires_on": "4102444800", "token_type": "Bearer", "resource": "r"}),
    )
}

const METADATA: &str = "/metadata/identity/oauth2/token";

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_of_a_virtual_machine_by_every_id() {
    let service = Stub::http(identity).await;
    let resource =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/m";
    for (given, asked) in [
        (String::new(), String::new()),
        ("client_id: c-1".into(), " client_id=c-1".into()),
        ("object_id: o-1".into(), " object_id=o-1".into()),
        (
            format!("resource_id: {resource}"),
            format!(" msi_res_id={resource}"),
        ),
    ] {
        let mut cloud = Cloud::start().await;
        cloud.home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", &service.url);
        let credentials = format!("    credentials: {{ managed_identity: {{ {given} }} }}\n");
        cloud.passes(&credentials, &format!("{METADATA} {asked}")).await;
        let seen = service.asked("the token", |s| {
            s.field("resource").as_deref() == Some(&*cloud.stub.url)
        });
        assert_eq!(
            (
                seen.header("metadata"),
                seen.field("api-version").unwrap().as_str()
            ),
            ("true", "2018-02-01")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_in_app_service_machine_learning_and_cloud_shell() {
    let service = Stub::http(identity).await;
    let resource =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/m";
    let at = |path: &str| format!("{}{path}", service.url);
    let app = vec![
        ("IDENTITY_ENDPOINT", at("/msi/token")),
        ("IDENTITY_HEADER", "word".to_owned()),
    ];
    let learning = vec![("MSI_ENDPOINT", at("/ml")), ("MSI_SECRET", "hush".to_owned())];
    let shell = vec![("MSI_ENDPOINT", at("/shell"))];
    for (env, given, token) in [
        (app.clone(), String::new(), "/msi/token word".to_owned()),
        (
            app.clone(),
            "client_id: c".into(),
            "/msi/token word client_id=c".into(),
        ),
        (
            app,
            format!("resource_id: {resource}"),
            format!("/msi/token word mi_res_id={resource}"),
        ),
        (learning, "client_id: c".into(), "/ml hush clientid=c".into()),
        (shell, String::new(), "/shell ".into()),
    ] {
        let mut cloud = Cloud::start().await;
        for (name, value) in env {
            cloud.home.set(name, &value);
        }
        cloud
            .passes(
                &format!("    credentials: {{ managed_identity: {{ {given} }} }}\n"),
                &token,
            )
            .await;
    }
    assert_eq!(
        service.asked("the shell", |s| s.target == "/shell").method,
        "POST"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_with_az() {
    let mut cloud = Cloud::start().await;
    let script = "#!/bin/sh\necho \"$@\" >> \"$HOME/asked\"\n\
                  echo '{\"accessToken\": \"from-az\", \"expires_on\": 4102444800, \"tokenType\": \"Bearer\"}'\n";
    let az = cloud.home.write("bin/az", script);
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", az.parent().unwrap().display());
    cloud.home.set("PATH", &path);
    cloud
        .passes("    credentials: { azure_cli: {} }\n", "from-az")
        .await;
    let asked = std::fs::read_to_string(cloud.home.path().join("asked")).unwrap();
    assert!(
        asked.contains("account get-access-token") && asked.contains("--tenant ours.example"),
        "{asked}"
    );
}

/// Nobody answers there.
const CLOSED: &str = "http://127.0.0.1:9";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_and_why_is_said_when_there_is_nothing() {
    let mut cloud = Cloud::start().await;
    cloud
        .home
        .set("AZURE_POD_IDENTITY_AUTHORITY_HOST", CLOSED)
        .set("PATH", "/nowhere");
    cloud.home.check(&cloud.account("")).await.refused(&[
        "no credentials; tried in this order: 1. workload identity: AZURE_FEDERATED_TOKEN_FILE is not set",
        "2. managed identity: the instance metadata service cannot be reached",
        "3. Azure CLI: ",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn azures_own_words_are_kept() {
    let words = "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the client secret value.";
    let refusal = json!({"error": "invalid_client", "error_description": format!("{words} Trace ID: 1 Correlation ID: 2"),
        "error_codes": [7_000_215], "timestamp": "now", "trace_id": "1"});
    let odd = json!({"error": "unauthorized_client", "error_description": "AADSTS700016: not found in the directory"});
    for (body, wanted) in [
        (refusal, words),
        (odd, "AADSTS700016: not found in the directory"),
    ] {
        let cloud = Cloud::answering(move |_| Answer::of(401, "application/json", body.to_string())).await;
        let secret = "    credentials: { client_secret: { client_id: app-1, secret: s } }\n";
        let said = cloud.home.check(&cloud.account(secret)).await;
        assert!(!said.text.contains("To troubleshoot"), "{}", said.text);
        said.refused(&[wanted]);
    }
    let mut cloud = Cloud::start().await;
    let body = json!({"error": "invalid_request", "error_description": "Identity not found"});
    let service = Stub::http(move |_| Answer::of(400, "application/json", body.to_string())).await;
    cloud.home.set("AZURE_POD_IDENTITY_AUTHORITY_HOST", &service.url);
    let said = cloud
        .home
        .check(&cloud.account("    credentials: { managed_identity: { client_id: c } }\n"))
        .await;
    said.refused(&["the instance metadata service answered HTTP 400: Identity not found"]);
}

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
