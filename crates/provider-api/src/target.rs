//! What one can ask a cloud for, what is due, and what came back.

use crate::{Cloud, ErrorKind, SeriesPoints, UnixNanos, Window};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// The configuration's name of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(pub Arc<str>);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A region, a subscription or a project: what one catalogue covers and what quotas are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(pub Arc<str>);

impl Scope {
    /// A scope by its name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Stable identity of a target within its account; the same across runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u64);

impl TargetId {
    /// From a text that names the target in full (`eu-west-1|AWS/EC2|CPUUtilization|InstanceId=i-1|60|Average`).
    pub fn of(text: &str) -> Self {
        Self(xxh3_64(text.as_bytes()))
    }
}

/// A length of time that the configuration gives, or that is learnt from a documented value onwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// As configured; obeyed.
    Fixed(Duration),
    /// Learnt; until enough has been seen, what the cloud documents.
    Auto(Duration),
}

impl Span {
    /// The configured value, or the one that learning starts from.
    pub fn start(self) -> Duration {
        match self {
            Self::Fixed(span) | Self::Auto(span) => span,
        }
    }
}

/// Targets that are polled together: same scope, same configuration entry, same grain. Providers give it with
/// [`Span`]s; with plain durations it is what is in force at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec<S = Duration> {
    /// Region, subscription or project.
    pub scope: Scope,
    /// Unique within the account; the `group` label of metrics (`eu-west-1 AWS/EC2 60s`).
    pub name: Arc<str>,
    /// The metric entry it belongs to, by its place in the account's configuration.
    pub entry: usize,
    /// The cloud's grouping that settle is learnt for (`AWS/EC2`).
    pub namespace: Arc<str>,
    /// Distance of two points of one series.
    pub grain: Duration,
    /// Whether points lie on the grain (AWS, Azure) or anywhere (Google).
    pub on_grain: bool,
    /// How often to ask.
    pub every: Duration,
    /// How old a point must be before it is asked for, as the cloud documents it or the configuration says.
    pub settle: S,
    /// How far each window reaches back over what was already asked.
    pub lookback: S,
    /// How far back the very first poll reaches.
    pub initial: Duration,
    /// How long the cloud keeps points of this grain.
    pub retention: Duration,
    /// The longest window that one call may ask for.
    pub longest_window: Duration,
}

impl GroupSpec<Span> {
    /// The same with the lengths that are in force.
    #[must_use]
    pub fn in_force(&self, settle: Duration, lookback: Duration) -> GroupSpec {
        GroupSpec {
            scope: self.scope.clone(),
            name: Arc::clone(&self.name),
            entry: self.entry,
            namespace: Arc::clone(&self.namespace),
            grain: self.grain,
            on_grain: self.on_grain,
            every: self.every,
            settle,
            lookback,
            initial: self.initial,
            retention: self.retention,
            longest_window: self.longest_window,
        }
    }
}

/// A shared [`GroupSpec`] as its provider gives it.
pub type Group = Arc<GroupSpec<Span>>;

/// A provider's own knowledge of a target or a call, opaque to everyone else.
pub trait Detail: Any + fmt::Debug + Send + Sync {
    /// One line for an inventory (`CPUUtilization InstanceId=i-1`).
    fn describe(&self) -> String;
    /// For the provider to get its own type back.
    fn as_any(&self) -> &dyn Any;
}

/// The smallest thing one can ask a cloud for and keep a watermark on.
#[derive(Clone, Debug)]
pub struct Target {
    /// Identity.
    pub id: TargetId,
    /// How it is polled.
    pub group: Group,
    /// How many series it is expected to yield.
    pub series: u32,
    /// The provider's own.
    pub detail: Arc<dyn Detail>,
}

/// The inventory of one scope.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// What it covers.
    pub scope: Scope,
    /// Every target there is; replaces what was known of the scope.
    pub targets: Vec<Target>,
    /// What was left out and why (a metric type without numbers, a resource type without definitions).
    pub skipped: Vec<Skipped>,
}

/// A target whose time has come.
#[derive(Clone, Debug)]
pub struct Due {
    /// What to ask for.
    pub target: Target,
    /// Which points.
    pub window: Window,
}

/// What something costs at the cloud's list price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// API requests.
    pub requests: u32,
    /// What the cloud bills by: metrics requested (AWS), series returned (Google), calls (Azure).
    pub units: u64,
    /// Billionths of a US dollar.
    pub usd_nanos: u64,
}

impl Price {
    /// One request that is counted but not billed: listings, tokens, further pages.
    pub const FREE: Self = Self {
        requests: 1,
        units: 0,
        usd_nanos: 0,
    };
}

/// Which share of quota and budget a request may use. The order is who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// All of it: what is new, and what is needed to ask for it.
    #[default]
    Fresh,
    /// What the present can spare: what lies behind after an outage.
    Backlog,
}

/// One planned request (with all its pages).
#[derive(Clone, Debug)]
pub struct Call {
    /// Where.
    pub scope: Scope,
    /// The API operation by its own name.
    pub operation: &'static str,
    /// The targets it asks for, all over the same window.
    pub targets: Vec<Target>,
    /// Which points.
    pub window: Window,
    /// What it will cost.
    pub price: Price,
    /// As planned [`Urgency::Fresh`]; who asks for the past says so before it fetches.
    pub urgency: Urgency,
    /// The provider's own.
    pub detail: Arc<dyn Detail>,
}

impl Call {
    /// The group that its targets are of.
    pub fn group(&self) -> Option<&Arc<str>> {
        self.targets.first().map(|target| &target.group.name)
    }
}

/// Why a point or a metric was left out, the label of `points_skipped_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SkipReason {
    /// NaN or infinite.
    NotFinite,
    /// Bucket counts that do not fit the bounds or the count.
    BadBuckets,
    /// A time that cannot be read or an end before its start.
    BadTime,
    /// A time outside the window that was asked for.
    OutsideWindow,
    /// A type without a number (strings).
    NoNumber,
    /// The same series and time twice in one answer.
    Repeated,
    /// A part of the answer that is missing or of the wrong shape.
    BadShape,
}

impl SkipReason {
    /// The metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::BadBuckets => "bad_buckets",
            Self::BadTime => "bad_time",
            Self::OutsideWindow => "outside_window",
            Self::NoNumber => "no_number",
            Self::Repeated => "repeated",
            Self::BadShape => "bad_shape",
        }
    }
}

/// Something that was left out, by the cloud's own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Why.
    pub reason: SkipReason,
    /// The metric, as the cloud spells it.
    pub metric: Arc<str>,
    /// How many points.
    pub points: u64,
}

/// A target that did not get its answer although the call went on.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub target: TargetId,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The cloud's words.
    pub message: String,
}

/// A bounded part of an answer.
///
/// A target that is neither in `complete` of some batch nor in `failed` when the stream ends keeps its watermark: it
/// is asked for again over the same window.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Points, grouped by series.
    pub series: Vec<SeriesPoints>,
    /// Targets of which everything in the call's window has now been handed over, also when that is nothing.
    pub complete: Vec<TargetId>,
    /// Targets that failed by themselves; what arrived of them before is kept.
    pub failed: Vec<Failure>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
    /// The cloud's clock when it answered (HTTP `Date`), to measure our skew.
    pub cloud_time: Option<UnixNanos>,
}

/// How a cloud is written in an account's label.
impl From<Cloud> for &'static str {
    fn from(cloud: Cloud) -> Self {
        cloud.as_str()
    }
}
