//! What a cloud looks like to the rest of Nephoscope: the [`MetricsProvider`] trait, the nouns it speaks in and
//! the kinds of failure it may report.
//!
//! This crate knows no SDK, no runtime and no wire format. Providers implement it, the scheduler drives it, the
//! exporter reads the points that come out.

mod apart;
pub mod conformance;

mod direct;
mod error;
mod matcher;
mod model;
pub mod names;
mod nearest;
mod pages;
mod provider;
pub mod remedy;
mod role;
mod shared;
mod skips;
mod stamp;
mod survey;
mod target;
mod texts;
mod time;

pub use apart::{Apart, Met};
pub use direct::DirectHosts;
pub use error::{ErrorKind, ProviderError};
pub use matcher::Matcher;
pub use model::{
    Attributes, Buckets, Cloud, Exemplar, Formerly, Histogram, Kind, Metric, MetricSpec, Pairs, Point,
    Resource, Series, SeriesId, SeriesPoints, Temporality, Value,
};
pub use nearest::nearest;
pub use pages::Pages;
pub use provider::{Check, CheckReport, MetricsProvider, Outcome};
pub use role::Role;
pub use shared::Shared;
pub use skips::Skips;
pub use stamp::FileStamp;
pub use survey::{Survey, Surveyed};
pub use target::{
    AccountId, Batch, Call, Catalogue, Detail, Due, Failure, Group, GroupSpec, Joined, MOST_NEAREST, Matched,
    Members, Price, Reach, Scope, SkipReason, Skipped, Span, Target, TargetId, Unlisted, Urgency,
};
pub use texts::Texts;
pub use time::{UnixNanos, Window};
