//! The HTTP client: one pool for all regions, and for all accounts that trust the same; the system's authorities and the
//! configured ones, proxies as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say, and metadata services always directly.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provider_api::{DirectHosts, Shared};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;

/// What a client is made of: authorities (PEM, any number each), and the hosts that are asked directly.
type MadeOf = (Vec<String>, DirectHosts);

/// Reading the system's authorities and ours takes longer than a request, and they are the same for most accounts.
static CLIENTS: Shared<MadeOf, Routed> = Shared::new();

/// A client that trusts these authorities (PEM, any number each) besides the system's.
pub(super) fn client(trusted: Vec<String>, direct: DirectHosts) -> SharedHttpClient {
    let Ok(routed) = CLIENTS.get((trusted, direct), |of| Ok::<_, Infallible>(made(of)));
    SharedHttpClient::new(OneOf(routed))
}

fn made((trusted, direct): &MadeOf) -> Routed {
    let mut store = TrustStore::default();
    for pem in trusted {
        store.add_pem_certificate(usable(pem));
    }
    Routed {
        proxied: pool(store.clone(), &ProxyConfig::from_env()),
        direct: pool(store, &ProxyConfig::disabled()),
        hosts: direct.clone(),
    }
}

fn pool(store: TrustStore, proxy: &ProxyConfig) -> SharedHttpClient {
    let proxy = proxy.clone();
    // It cannot fail: the builder has nothing to check.
    let context = TlsContext::builder()
        .with_trust_store(store)
        .build()
        .unwrap_or_default();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .proxy_config(proxy.clone())
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

/// The certificates that can be anchors of trust; the SDK panics at others, and a system's bundle has a few old ones.
fn usable(pem: &str) -> String {
    let mut text = String::new();
    for certificate in anchors(pem) {
        let body = STANDARD.encode(&certificate);
        // Writing to a String cannot fail.
        writeln!(
            text,
            "-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
        )
        .ok();
    }
    text
}

fn anchors(pem: &str) -> impl Iterator<Item = CertificateDer<'static>> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).flatten();
    all.filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok())
}

/// Whether a PEM file has an authority that can be used.
pub(super) fn has_authority(pem: &str) -> bool {
    anchors(pem).next().is_some()
}

/// One account's hold of a client.
#[derive(Debug)]
struct OneOf(Arc<Routed>);

impl HttpClient for OneOf {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    // Without the validation of the client below, which makes a connector only to drop it.
    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.proxied.connector_metadata()
    }
}

/// Two pools, and who goes through which.
#[derive(Debug)]
struct Routed {
    proxied: SharedHttpClient,
    direct: SharedHttpClient,
    hosts: DirectHosts,
}

impl Routed {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Fork {
            proxied: self.proxied.http_connector(settings, components),
            direct: self.direct.http_connector(settings, components),
            hosts: self.hosts.clone(),
        })
    }
}

/// One request's choice.
#[derive(Debug)]
struct Fork {
    proxied: SharedHttpConnector,
    direct: SharedHttpConnector,
    hosts: DirectHosts,
}

impl HttpConnector for Fork {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.hosts.holds(request.uri()) {
            self.direct.call(request)
        } else {
            self.proxied.call(request)
        }
    }
}
