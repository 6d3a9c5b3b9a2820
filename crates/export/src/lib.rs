//! Our model as OTLP, and the destinations that carry it.
//!
//! [`encode`] turns points into compressed requests once; a [`Transport`] hands such a request to one back end and says
//! what became of it; [`Delivery`] drains one destination's queue with backoff, bisection and counters. Nothing here
//! keeps points: the queue is the store's, behind [`Source`].

mod advice;
mod body;
mod config;
mod connect;
mod delivery;
mod deltas;
mod encode;
mod endpoint;
mod file;
mod health;
mod otlp_grpc;
mod otlp_http;
mod own;
mod pick;
pub mod probe;
pub mod prometheus;
mod proxy;
mod read;
mod recode;
mod refusal;
mod stats;
mod transform;
mod transport;
mod verdict;
mod watch;
mod wire;

#[cfg(feature = "receiver")]
pub mod receiver;

pub use config::{Compression, Deltas, DestinationConfig, Kind, OtlpConfig, Protocol, Signal, Tls};
pub use connect::{ConnectError, Destination, connect};
pub use delivery::{Batch, Delivery, Source, Waits, Want};
pub use deltas::deltas_of;
pub use encode::{Encoded, Limits, encode};
pub use endpoint::Path;
pub use file::{JsonFile, Stdout, to_json_lines};
pub use own::Sender;
pub use prometheus::Latest;
pub use read::read;
pub use recode::{DecodeError, decode, recode, split};
pub use refusal::Refusal;
pub use stats::{DeliverySnapshot, DeliveryStats, LOSS_FORGOTTEN, Losses, Lost};
pub use transport::{Transport, Verdict};
