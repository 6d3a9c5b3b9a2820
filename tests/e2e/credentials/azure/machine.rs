//! The identity of the machine: virtual machines, App Service, Machine Learning, Cloud Shell.

use super::Cloud;
use crate::credentials::stub::{Answer, Seen, Stub};
use serde_json::json;

/// Whatever identity service: the token says how it was asked, with numbers as texts.
pub(super) fn identity(request: &Seen) -> Answer {
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

pub(super) const METADATA: &str = "/metadata/identity/oauth2/token";

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
