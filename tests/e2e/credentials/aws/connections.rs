//! Private authorities, and proxies for all but metadata.

use super::{Home, account, aws, is_action, lists, metadata, signer};
use crate::authority::Authority;
use crate::credentials::stub::{Answer, Seen, Stub};

/// The daemon's services with a certificate of a private authority.
async fn private(authority: &Authority) -> Stub {
    Stub::https(authority, &["localhost"], aws).await
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_of_the_configuration_the_environment_and_a_profile() {
    let authority = Authority::new("ours");
    let cloud = private(&authority).await;
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    let unknown = home.check(&account(&cloud.url, "")).await;
    assert_ne!(unknown.code, 0, "{}", unknown.text);
    let file = home.write("ca.pem", &authority.pem);
    home.check(&account(
        &cloud.url,
        &format!("    ca_file: {}\n", file.display()),
    ))
    .await
    .good();
    home.set("AWS_CA_BUNDLE", file.to_str().unwrap());
    home.check(&account(&cloud.url, "")).await.good();
    home.unset("AWS_CA_BUNDLE");
    home.write(
        ".aws/config",
        &format!("[default]\nca_bundle = {}\n", file.display()),
    );
    home.check(&account(&cloud.url, "")).await.good();
    home.set("AWS_CA_BUNDLE", "/no/such/bundle.pem");
    let said = home.check(&account(&cloud.url, "")).await;
    said.refused(&["AWS_CA_BUNDLE names /no/such/bundle.pem as certificate authorities: No such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_for_the_cloud_and_sts_but_never_for_metadata() {
    let authority = Authority::new("ours");
    let cloud = Stub::https(&authority, &["aws.test"], aws).await;
    let proxy = Stub::proxy(cloud.port, |_| Answer::of(502, "text/plain", "not for me")).await;
    let service = Stub::http(metadata).await;
    let mut home = Home::new();
    let file = home.write("ca.pem", &authority.pem);
    home.unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.url);
    let through = proxy.url.replace("http://", "http://us:word@");
    home.set("HTTPS_PROXY", &through).set("HTTP_PROXY", &through);
    let role = "assume_role: { arn: \"arn:aws:iam::123456789012:role/ours\" }";
    let more = format!("    ca_file: {}\n    credentials: {{ {role} }}\n", file.display());
    home.check(&account(&cloud.url, &more)).await.good();
    assert_eq!(signer(&cloud.asked("ListMetrics", lists)), "ASIA-ours");
    assert_eq!(
        signer(&cloud.asked("AssumeRole", is_action("AssumeRole"))),
        "ASIA-MACHINE"
    );
    let asked = proxy.seen();
    let connects = |s: &Seen| s.method == "CONNECT" && s.target == format!("aws.test:{}", cloud.port);
    assert!(!asked.is_empty() && asked.iter().all(connects), "{asked:?}");
    assert_eq!(asked[0].header("proxy-authorization"), "Basic dXM6d29yZA==");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_left_out_for_what_no_proxy_names() {
    let cloud = Stub::http(aws).await;
    let proxy = Stub::proxy(cloud.port, aws).await;
    let mut home = Home::new();
    home.set("AWS_ACCESS_KEY_ID", "AKIA-ENV")
        .set("AWS_SECRET_ACCESS_KEY", "s");
    home.set("HTTP_PROXY", &proxy.url);
    home.check(&account(&cloud.url, "")).await.good();
    assert!(
        cloud.seen().is_empty() && proxy.seen().iter().any(lists),
        "{:?}",
        proxy.seen()
    );
    home.set("NO_PROXY", "127.0.0.1");
    let before = proxy.seen().len();
    home.check(&account(&cloud.url, "")).await.good();
    assert!(cloud.seen().iter().any(lists) && proxy.seen().len() == before);
}
