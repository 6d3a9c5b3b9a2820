//! From a checked destination to a transport that carries to it.
//!
//! What cannot be used is refused here, in words for the person who wrote the configuration. Nothing connects yet: a
//! back end that is down at start is the delivery loop's ordinary case.

use crate::config::{DestinationConfig, Kind, OtlpConfig, Protocol, Signal};
use crate::file::{JsonFile, Stdout};
use crate::otlp_grpc::Grpc;
use crate::otlp_http::Http;
use crate::prometheus::Latest;
use crate::transform::Transform;
use crate::transport::Transport;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::fmt;
use std::sync::Arc;

/// A destination that cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A value that cannot be used.
    #[error("destination {name}: {what} cannot be used")]
    Invalid {
        /// The destination.
        name: String,
        /// Which value.
        what: &'static str,
        /// Why; never contains a secret.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A transport, and the table behind it where there is one.
#[derive(Clone)]
pub struct Destination {
    /// Carries batches.
    pub transport: Arc<dyn Transport>,
    /// For `prometheus`: what `/federate` renders.
    pub latest: Option<Arc<Latest>>,
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("latest", &self.latest)
            .finish_non_exhaustive()
    }
}

/// What is wrong with one value.
pub(crate) type Wrong = (&'static str, Box<dyn std::error::Error + Send + Sync>);

/// Makes the transport of `config`. Call it inside a tokio runtime.
pub fn connect(config: &DestinationConfig) -> Result<Destination, ConnectError> {
    let plain = open(config)?;
    let transform = Transform::new(config.promote.clone(), config.deltas);
    let transport = match transform {
        Some(change) => Arc::new(change.over(plain.transport)),
        None => plain.transport,
    };
    Ok(Destination {
        transport,
        latest: plain.latest,
    })
}

fn open(config: &DestinationConfig) -> Result<Destination, ConnectError> {
    let transport: Arc<dyn Transport> = match &config.kind {
        Kind::Otlp(o) => otlp(o, Signal::Metrics).map_err(|(what, source)| ConnectError::Invalid {
            name: config.name.clone(),
            what,
            source,
        })?,
        Kind::File { path } => Arc::new(JsonFile::new(path)),
        Kind::Stdout => Arc::new(Stdout),
        Kind::Prometheus => {
            let latest = Arc::new(Latest::default());
            return Ok(Destination {
                transport: Arc::<Latest>::clone(&latest),
                latest: Some(latest),
            });
        }
    };
    Ok(Destination {
        transport,
        latest: None,
    })
}

pub(crate) fn otlp(config: &OtlpConfig, signal: Signal) -> Result<Arc<dyn Transport>, Wrong> {
    if let Some(pem) = config.tls.as_ref().and_then(|tls| tls.ca_pem.as_ref()) {
        check_authorities(pem)?;
    }
    Ok(match config.protocol {
        Protocol::Grpc => Arc::new(Grpc::new(config, signal)?),
        Protocol::Http => Arc::new(Http::new(config, signal)?),
    })
}

/// Without a certificate in it nothing would be trusted, and that only be known at the first request.
fn check_authorities(pem: &str) -> Result<(), Wrong> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match all {
        Ok(all) if all.is_empty() => Err(("tls.ca_file", "it holds no PEM certificate".into())),
        Ok(_) => Ok(()),
        Err(e) => Err(wrong("tls.ca_file", e)),
    }
}

/// Configured headers, their values marked so that no log prints them.
pub(crate) fn headers(config: &OtlpConfig) -> Result<http::HeaderMap, Wrong> {
    let mut map = http::HeaderMap::with_capacity(config.headers.len());
    for (name, value) in &config.headers {
        let name: http::HeaderName = name
            .to_ascii_lowercase()
            .parse()
            .map_err(|e| wrong("a header's name", e))?;
        let mut value: http::HeaderValue = value.parse().map_err(|e| wrong("a header's value", e))?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

/// Names the value that is wrong.
pub(crate) fn wrong<E: std::error::Error + Send + Sync + 'static>(what: &'static str, e: E) -> Wrong {
    (what, Box::new(e))
}
