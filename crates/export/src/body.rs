//! A stored request in the compression that a destination wants.
//!
//! gzip is what the store holds and costs nothing. The others are made anew for each attempt, some ten milliseconds for
//! the largest request; keeping them would cost memory for as long as a back end is down.

use crate::config::Compression;
use crate::encode::Encoded;
use crate::recode::{DecodeError, inflate};
use bytes::Bytes;

/// As fast as gzip's first level and a little smaller.
const ZSTD_LEVEL: i32 = 1;

/// What goes over the wire.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    /// The name that HTTP and gRPC give the compression; nothing when there is none.
    pub(crate) encoding: Option<&'static str>,
}

/// Compresses `batch` as wanted.
pub(crate) fn body(batch: &Encoded, compression: Compression) -> Result<Body, DecodeError> {
    let (bytes, encoding) = match compression {
        Compression::Gzip => (batch.gzip.clone(), Some("gzip")),
        Compression::Zstd => (zstd(batch)?, Some("zstd")),
        Compression::None => (inflate(batch)?.into(), None),
    };
    Ok(Body { bytes, encoding })
}

fn zstd(batch: &Encoded) -> Result<Bytes, DecodeError> {
    let raw = inflate(batch)?;
    let packed = ::zstd::bulk::compress(&raw, ZSTD_LEVEL).map_err(DecodeError::Zstd)?;
    Ok(packed.into())
}
