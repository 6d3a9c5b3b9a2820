//! The newest points as Prometheus scrapes them through `/federate`, under the names that an OTLP push of the same stream
//! has there, and with the points' own timestamps.
//!
//! `table` holds the newest point of each series within a bound, `names` has the translation, `labels` and `text` write,
//! `select` reads `match[]`. Serving it is the daemon's; so is telling people that a scrape sees the newest point only.
//! Delta sums and delta histograms are shown as gauges of their interval: counters would promise running totals.

mod labels;
mod names;
mod select;
mod table;
mod text;

pub(crate) use names::is_refused;
pub use names::{Shape, label_name, metric_name, unit_name};
pub use select::{SelectError, Selector};
pub use table::Latest;
pub use text::{TextFormat, federate};

#[cfg(test)]
mod tests;
