//! Azure: an app registration by secret and federated token, `az`, and the chain; `certificates` has an app's certificates,
//! `machine` the identity of the machine in all its services, `connections` proxies, authorities and rotation.

mod certificates;
mod connections;
mod machine;

use super::Home;
use super::stub::{Answer, Seen, Stub};
use crate::authority::Authority;
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
    if request.target.starts_with("/subscriptions") {
        return Answer::json(&json!({"value": []}));
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
