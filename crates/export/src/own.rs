//! Requests of the daemon's own telemetry: over the same wires as points, but past the store. What a back end does not
//! take is gone; the next request has newer figures.

use crate::config::{OtlpConfig, Signal};
use crate::connect::{ConnectError, otlp};
use crate::encode::Encoded;
use crate::recode::gzip;
use crate::transport::{Transport, Verdict, causes};
use provider_api::UnixNanos;
use std::fmt;
use std::sync::Arc;

/// Carries requests of one signal to one destination.
#[derive(Clone)]
pub struct Sender {
    transport: Arc<dyn Transport>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// To the destination called `name`. Call it inside a tokio runtime; nothing connects yet.
    pub fn new(name: &str, config: &OtlpConfig, signal: Signal) -> Result<Self, ConnectError> {
        let transport = otlp(config, signal).map_err(|(what, source)| ConnectError::Invalid {
            name: name.to_owned(),
            what,
            source,
        })?;
        Ok(Self { transport })
    }

    /// Sends an encoded request once. The error is in words, without secrets.
    pub async fn send(&self, request: &[u8]) -> Result<(), String> {
        let packed = gzip(request).map_err(|error| causes(&error))?;
        let request = Encoded {
            points: 0,
            oldest_end: UnixNanos(0),
            newest_end: UnixNanos(0),
            raw_len: u32::try_from(request.len()).unwrap_or(u32::MAX),
            gzip: packed,
        };
        match self.transport.deliver(&request).await {
            Verdict::Delivered { rejected: 0, .. } => Ok(()),
            Verdict::Delivered { rejected, message } => Err(format!("{rejected} refused: {message}")),
            Verdict::Retry { why, .. }
            | Verdict::Hold { why }
            | Verdict::Drop { why }
            | Verdict::Refused { why, .. } => Err(why),
        }
    }
}
