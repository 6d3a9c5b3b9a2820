//! Destinations of the configuration as the exporter wants them, and the bridge between store and exporter.

use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::recent::Recent;
use async_trait::async_trait;
use config_file::{Config, Destination, DestinationKind, Lookup as _, Otlp, OtlpPath, Profile};
use export::{Batch, DestinationConfig, Encoded, Kind, Limits, OtlpConfig, Source, Want};
use provider_api::SeriesPoints;
use scheduler::Clock as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{
    DestinationSpec, DestinationUsage, Encode, Entry, Format, Observer, OnFull, Options, Store, StoreError,
    Wanted,
};
use tokio::time::sleep;
use zeroize::Zeroizing;

/// Turns points into OTLP for the store.
pub(crate) struct Otlp3MiB;

impl Encode for Otlp3MiB {
    fn encode(&self, points: &[SeriesPoints]) -> Vec<Entry> {
        export::encode(points, Limits::default())
            .into_iter()
            .map(entry)
            .collect()
    }

    fn decode(&self, entry: &Entry) -> Option<Vec<SeriesPoints>> {
        export::read(&encoded(entry.clone())).ok()
    }
}

/// Keeps fresh points for a while, to be shown.
pub(crate) struct Shown(pub(crate) Arc<Recent>);

impl Observer for Shown {
    fn taken(&self, fresh: &[SeriesPoints]) {
        self.0.record(fresh, SystemClock.now());
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
    pub(crate) destination: String,
}

/// How long to wait before a store that could not be read or written is asked again.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Failures in a row of which one is logged: one an hour.
const SAID_EVERY: u32 = 3_600;

#[async_trait]
impl Source for Cursor {
    /// A store that cannot be read at the moment is asked again: what waits in it has not been lost.
    async fn next(&self, want: &Want) -> Option<(u64, Batch)> {
        let wanted = Wanted {
            except: want.except.clone(),
            deltas: want.deltas,
        };
        let mut failures = 0;
        loop {
            match self.store.next_of(&self.destination, &wanted).await {
                Ok((sequence, entry, deltas_only)) => return Some((sequence, batch(entry, deltas_only))),
                Err(error) if error.is_retryable() => {
                    self.pause("reading what waits", &error, &mut failures).await;
                }
                Err(StoreError::Closed) => return None,
                Err(error) => {
                    tracing::error!(destination = %self.destination, %error, "delivery stopped");
                    return None;
                }
            }
        }
    }

    /// Not noted durably = delivered again after a restart, so it is tried until the store closes.
    async fn done(&self, sequence: u64) {
        let mut failures = 0;
        while let Err(error) = self.store.acknowledge(&self.destination, sequence).await {
            if !self
                .try_again("noting what was delivered", &error, &mut failures)
                .await
            {
                return;
            }
        }
    }

    async fn keep_deltas(&self, sequence: u64, points: u32) {
        let mut failures = 0;
        while let Err(error) = self.store.keep_deltas(&self.destination, sequence, points).await {
            if !self
                .try_again("noting what was delivered", &error, &mut failures)
                .await
            {
                return;
            }
        }
    }

    async fn skipped(&self) -> u64 {
        self.usage().dropped_points
    }

    async fn waiting(&self) -> u64 {
        self.usage().pending_points
    }
}

impl Cursor {
    /// What waits for us; nothing once the destination is gone.
    fn usage(&self) -> DestinationUsage {
        let mut destinations = self.store.usage().destinations.into_iter();
        destinations
            .find(|d| d.name == self.destination)
            .unwrap_or_default()
    }

    /// Whether it is worth trying again, after a pause.
    async fn try_again(&self, what: &str, error: &StoreError, failures: &mut u32) -> bool {
        let again = error.is_retryable();
        if again {
            self.pause(what, error, failures).await;
        }
        again
    }

    async fn pause(&self, what: &str, error: &StoreError, failures: &mut u32) {
        if failures.is_multiple_of(SAID_EVERY) {
            tracing::warn!(destination = %self.destination, %error, failures, "{what} failed, retrying");
        }
        *failures += 1;
        sleep(STORE_PAUSE).await;
    }
}

/// An entry of which only deltas are left is parted when it is read: the store keeps it as it was.
fn batch(entry: Entry, deltas_only: bool) -> Batch {
    let whole = encoded(entry);
    if !deltas_only {
        return Batch::whole(whole);
    }
    Batch {
        // What cannot be read is refused when it is sent.
        encoded: export::deltas_of(&whole).unwrap_or(whole),
        deltas_only,
    }
}

fn encoded(entry: Entry) -> Encoded {
    Encoded {
        points: entry.points,
        oldest_end: entry.oldest_end,
        newest_end: entry.newest_end,
        raw_len: entry.raw_len,
        gzip: entry.payload,
    }
}

/// What the store keeps for the configured destinations.
pub(crate) fn store_options(config: &Config) -> Options {
    Options {
        destinations: specs(config),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Options::new(&config.state_dir, config.spool_max_bytes)
    }
}

/// Who gets what of the store.
pub(crate) fn specs(config: &Config) -> Vec<DestinationSpec> {
    let spec = |destination| spec(destination, config.spool_max_bytes);
    config.destinations.iter().map(spec).collect()
}

fn spec(destination: &Destination, max_bytes: u64) -> DestinationSpec {
    DestinationSpec {
        name: destination.name.clone(),
        max_bytes: destination.spool_max_bytes.unwrap_or(max_bytes),
        on_full: match destination.on_full {
            config_file::OnFull::Pause => OnFull::Pause,
            config_file::OnFull::DropOldest => OnFull::DropOldest,
        },
        format: match destination.deltas {
            config_file::Deltas::Cumulative => Format::Cumulative,
            config_file::Deltas::Keep | config_file::Deltas::Gauge => Format::Delta,
        },
        resend_revisions: destination.revisions == config_file::Revisions::Resend,
        oldest_first: destination.order == config_file::Order::OldestFirst,
    }
}

/// That a destination looks like a kind of back end which it is not set up for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// What it looks like.
    pub(crate) seen: String,
    /// The line to write, and what that sets.
    pub(crate) remedy: String,
}

/// What `for:` would do for a destination that has none.
pub(crate) fn proposal(destination: &Destination) -> Option<Proposal> {
    let DestinationKind::Otlp(otlp) = &destination.kind else {
        return None;
    };
    if destination.profile.is_some() {
        return None;
    }
    let profile = Profile::of_endpoint(&otlp.endpoint)?;
    let keys = profile.would_set(destination);
    (!keys.is_empty()).then(|| Proposal {
        seen: format!("the endpoint looks like {}", profile.habits().name),
        remedy: format!("write `for: {profile}`, which sets {}", keys.join(", ")),
    })
}

/// Makes the transport of a destination; nothing is sent yet.
pub(crate) fn connect(destination: &Destination) -> Result<export::Destination, Failure> {
    if let Some(Proposal { seen, remedy }) = proposal(destination) {
        let name = &destination.name;
        tracing::warn!(destination = %name, "destination {name}: {seen}; {remedy}");
    }
    export::connect(&config(destination)?).map_err(|error| {
        Failure::usage(format!(
            "destination `{}`: {}",
            destination.name,
            super::with_causes(&error)
        ))
    })
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
        promote: destination.promote.iter().map(super::matcher).collect(),
        deltas,
    })
}

/// How an OTLP server is reached, its certificates read.
pub(crate) fn otlp_config(otlp: &Otlp) -> Result<OtlpConfig, Failure> {
    let tls = match &otlp.tls {
        None => None,
        Some(tls) => Some(export::Tls {
            ca_pem: tls.ca_file.as_deref().map(certificate).transpose()?,
            cert_pem: tls
                .identity
                .as_ref()
                .map(|(cert, _)| certificate(cert))
                .transpose()?,
            key_pem: tls.identity.as_ref().map(|(_, key)| read(key)).transpose()?,
        }),
    };
    Ok(OtlpConfig {
        endpoint: otlp.endpoint.clone(),
        protocol: match otlp.protocol {
            config_file::Protocol::Grpc => export::Protocol::Grpc,
            config_file::Protocol::Http => export::Protocol::Http,
        },
        path: match &otlp.path {
            OtlpPath::Standard => export::Path::Standard,
            OtlpPath::OfProfile(path) => export::Path::Below((*path).to_owned()),
            OtlpPath::Written(path) => export::Path::Exactly(path.clone()),
        },
        compression: match otlp.compression {
            config_file::Compression::Gzip => export::Compression::Gzip,
            config_file::Compression::Zstd => export::Compression::Zstd,
            config_file::Compression::None => export::Compression::None,
        },
        headers: otlp
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.wiped()))
            .collect(),
        tls,
        timeout: otlp.timeout,
    })
}

fn certificate(path: &Path) -> Result<String, Failure> {
    read(path).map(|text| text.as_str().to_owned())
}

/// A file that may hold a key.
fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    config_file::System
        .read(path)
        .map_err(|error| Failure::usage(format!("reading {}: {error}", path.display())))
}

#[cfg(test)]
mod tests;
