//! The HTTP client of an account: one pool for all regions, the system's authorities and the configured ones, proxies
//! as `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say, and metadata services always directly.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provider_api::DirectHosts;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::fmt::Write as _;

/// A client that trusts these authorities (PEM, any number each) besides the system's.
pub(super) fn client(trusted: &[String], direct: DirectHosts) -> SharedHttpClient {
    let mut store = TrustStore::default();
    for pem in trusted {
        store.add_pem_certificate(usable(pem));
    }
    SharedHttpClient::new(Routed {
        proxied: pool(store.clone(), &ProxyConfig::from_env()),
        direct: pool(store, &ProxyConfig::disabled()),
        hosts: direct,
    })
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
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).flatten() {
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            let body = STANDARD.encode(&certificate);
            // Writing to a String cannot fail.
            writeln!(
                text,
                "-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
            )
            .ok();
        }
    }
    text
}

/// How many authorities a PEM file has that can be used.
pub(super) fn authorities(pem: &str) -> usize {
    usable(pem).matches("-----BEGIN").count()
}

/// Two pools, and who goes through which.
#[derive(Debug)]
struct Routed {
    proxied: SharedHttpClient,
    direct: SharedHttpClient,
    hosts: DirectHosts,
}

impl HttpClient for Routed {
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

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        bag: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.proxied.validate_base_client_config(components, bag)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, bag: &ConfigBag) -> Result<(), BoxError> {
        HttpClient::validate_final_config(&self.proxied, components, bag)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.proxied.connector_metadata()
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
