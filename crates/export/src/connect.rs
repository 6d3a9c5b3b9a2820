//! From a checked destination to a transport that carries to it.
//!
//! What this version cannot do is refused here, in words for the person who wrote the configuration. Nothing connects
//! yet: a back end that is down at start is the delivery loop's ordinary case.

use crate::config::{Compression, Deltas, DestinationConfig, Kind, OtlpConfig, Protocol};
use crate::file::{JsonFile, Stdout};
use crate::otlp_grpc::Grpc;
use crate::otlp_http::Http;
use crate::prometheus::Latest;
use crate::transform::Transform;
use crate::transport::Transport;
use std::fmt;
use std::sync::Arc;

/// A destination that cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Asked for, but not built yet.
    #[error("destination {name}: {what}")]
    Unsupported {
        /// The destination.
        name: String,
        /// What, and what to write instead.
        what: &'static str,
    },
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
    check(config)?;
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

fn check(config: &DestinationConfig) -> Result<(), ConnectError> {
    let unsupported = |what| {
        Err(ConnectError::Unsupported {
            name: config.name.clone(),
            what,
        })
    };
    if config.deltas == Deltas::Cumulative {
        return unsupported("`deltas: cumulative` is not in this version; write `keep` or `gauge`");
    }
    match &config.kind {
        Kind::Otlp(o) if o.compression == Compression::Zstd => {
            unsupported("`compression: zstd` is not in this version; write `gzip` or `none`")
        }
        Kind::Otlp(_) | Kind::File { .. } | Kind::Stdout | Kind::Prometheus => Ok(()),
    }
}

fn open(config: &DestinationConfig) -> Result<Destination, ConnectError> {
    let transport: Arc<dyn Transport> = match &config.kind {
        Kind::Otlp(o) => otlp(o).map_err(|(what, source)| ConnectError::Invalid {
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

fn otlp(config: &OtlpConfig) -> Result<Arc<dyn Transport>, Wrong> {
    Ok(match config.protocol {
        Protocol::Grpc => Arc::new(Grpc::new(config)?),
        Protocol::Http => Arc::new(Http::new(config)?),
    })
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
