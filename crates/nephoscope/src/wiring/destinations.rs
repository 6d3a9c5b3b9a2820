//! Destinations of the configuration as the exporter wants them, and the bridge between store and exporter.

use crate::exit::Failure;
use async_trait::async_trait;
use config_file::{Destination, DestinationKind, Otlp};
use export::{DestinationConfig, Encoded, Kind, Limits, OtlpConfig, Source};
use provider_api::SeriesPoints;
use std::path::Path;
use std::sync::Arc;
use store::{Encode, Entry, Store};

/// Turns points into OTLP for the store.
pub(crate) struct Otlp3MiB;

impl Encode for Otlp3MiB {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        export::encode(points, Limits::default())
            .into_iter()
            .map(entry)
            .collect()
    }
}

fn entry(encoded: Encoded) -> Entry {
    Entry {
        payload: encoded.gzip,
        raw_len: encoded.raw_len,
        points: encoded.points,
        oldest_end: encoded.oldest_end,
        newest_end: encoded.newest_end,
    }
}

/// What one destination still has to get.
pub(crate) struct Cursor {
    pub(crate) store: Arc<Store>,
    pub(crate) destination: usize,
}

#[async_trait]
impl Source for Cursor {
    async fn next(&self) -> Option<(u64, Encoded)> {
        let (sequence, entry) = self.store.next(self.destination).await;
        let encoded = Encoded {
            points: entry.points,
            oldest_end: entry.oldest_end,
            newest_end: entry.newest_end,
            raw_len: entry.raw_len,
            gzip: entry.payload,
        };
        Some((sequence, encoded))
    }

    async fn done(&self, sequence: u64) {
        self.store.acknowledge(self.destination, sequence);
    }

    /// What waits for the slowest destination.
    async fn waiting(&self) -> u64 {
        self.store.usage().spool_points
    }
}

/// A destination as the exporter wants it.
pub(crate) fn config(destination: &Destination) -> Result<DestinationConfig, Failure> {
    let kind = match &destination.kind {
        DestinationKind::Otlp(otlp) => Kind::Otlp(otlp_config(otlp)?),
        DestinationKind::File { path, .. } => Kind::File { path: path.clone() },
        DestinationKind::Stdout { .. } => Kind::Stdout,
        DestinationKind::Prometheus => Kind::Prometheus,
    };
    let deltas = match destination.deltas {
        config_file::Deltas::Keep => export::Deltas::Keep,
        config_file::Deltas::Cumulative => export::Deltas::Cumulative,
        config_file::Deltas::Gauge => export::Deltas::Gauge,
    };
    Ok(DestinationConfig {
        name: destination.name.clone(),
        kind,
        promote: destination.promote.clone(),
        deltas,
    })
}

fn otlp_config(otlp: &Otlp) -> Result<OtlpConfig, Failure> {
    let tls = match &otlp.tls {
        None => None,
        Some(tls) => Some(export::Tls {
            ca_pem: tls.ca_file.as_deref().map(read).transpose()?,
            cert_pem: tls.identity.as_ref().map(|(cert, _)| read(cert)).transpose()?,
            key_pem: tls.identity.as_ref().map(|(_, key)| read(key)).transpose()?,
        }),
    };
    Ok(OtlpConfig {
        endpoint: otlp.endpoint.clone(),
        protocol: match otlp.protocol {
            config_file::Protocol::Grpc => export::Protocol::Grpc,
            config_file::Protocol::Http => export::Protocol::Http,
        },
        compression: match otlp.compression {
            config_file::Compression::Gzip => export::Compression::Gzip,
            config_file::Compression::Zstd => export::Compression::Zstd,
            config_file::Compression::None => export::Compression::None,
        },
        headers: otlp
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()))
            .collect(),
        tls,
        timeout: otlp.timeout,
    })
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("reading {}: {error}", path.display())))
}
