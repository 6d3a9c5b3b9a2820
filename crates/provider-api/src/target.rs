//! What one can ask a cloud for, what is due, and what came back.

use crate::{Cloud, ErrorKind, ProviderError, SeriesPoints, UnixNanos, Window};
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

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
///
/// It says what the points are and never how they are asked for: what may change about the question without changing the
/// points are the target's [`Members`]. Watermarks hang on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub u64);

impl TargetId {
    /// From the pieces that say what the points are (region, namespace, metric, each dimension and its value, period). The
    /// number of pieces and their order matter, and no two lists of pieces are alike by what they are made of.
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        Self(hash_pieces(pieces))
    }

    /// From one text, as files of format 3 and older have it; see [`MetricsProvider::formerly`](crate::MetricsProvider::formerly).
    pub fn of_text(text: &str) -> Self {
        Self(xxh3_64(text.as_bytes()))
    }
}

/// What is asked of a target: statistics, names of metrics, limits. When they change, the target keeps its watermark and is
/// looked back over once for what is new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Members(pub u64);

impl Members {
    /// From pieces in an order that does not hang on the configuration's (sorted, as a rule).
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Self {
        Self(hash_pieces(pieces))
    }
}

/// Each piece goes in behind its length, so that ("a=1", "b") and ("a", "1=b") differ.
fn hash_pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = Xxh3::new();
    for piece in pieces {
        hash.update(&u64::try_from(piece.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(piece.as_bytes());
    }
    hash.digest()
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
    /// What is asked of it.
    pub members: Members,
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
    /// Parts that could not be listed. What was known of them stays; the rest of the catalogue stands.
    pub unlisted: Vec<Unlisted>,
    /// How long after its first point a thing may still be missing in a listing of this cloud.
    pub lag: Duration,
    /// What each pattern of the configuration fits here.
    pub matched: Vec<Matched>,
    /// How many of the metrics that tags are wanted for have found their resource.
    pub joined: Vec<Joined>,
}

impl Catalogue {
    /// A catalogue without targets.
    pub fn empty(scope: Scope, lag: Duration) -> Self {
        Self {
            scope,
            targets: Vec::new(),
            skipped: Vec::new(),
            unlisted: Vec::new(),
            lag,
            matched: Vec::new(),
            joined: Vec::new(),
        }
    }
}

/// A part of a scope that could not be listed.
#[derive(Clone, Debug)]
pub struct Unlisted {
    /// The [`GroupSpec::namespace`] of the targets that it has.
    pub namespace: Arc<str>,
    /// Why.
    pub error: Arc<ProviderError>,
}

/// What one pattern of an entry fits in one scope. A pattern that fits nothing in any scope is a mistake that a person is
/// told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The metric entry, by its place in the account's configuration.
    pub entry: usize,
    /// The key that the pattern stands under (`names`, `namespace`, `tags`).
    pub key: &'static str,
    /// The pattern as it was written.
    pub pattern: Arc<str>,
    /// How many things it fits.
    pub count: u64,
    /// The nearest things that exist, nearest first, when it fits nothing; at most [`MOST_NEAREST`].
    pub nearest: Vec<Arc<str>>,
}

/// How the metrics of one entry and the resources that have tags have found each other in one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// The metric entry, by its place in the account's configuration.
    pub entry: usize,
    /// Metrics that its other patterns fit.
    pub metrics: u64,
    /// Those whose resource is among those that have tags.
    pub found: u64,
    /// Those that may belong to one of several, so that they are counted as nobody's.
    pub ambiguous: u64,
}

/// Most names that are offered instead of one that does not exist.
pub const MOST_NEAREST: usize = 3;

/// How far back the windows of what is listed will reach. A cloud that lists only what has been active lately must not do
/// so when windows reach back beyond that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    others: Duration,
    scopes: HashMap<Scope, Duration>,
}

impl Reach {
    /// The same for every scope.
    pub fn of_all(reach: Duration) -> Self {
        Self {
            others: reach,
            scopes: HashMap::new(),
        }
    }

    /// The same, with another reach for one scope.
    #[must_use]
    pub fn with(mut self, scope: Scope, reach: Duration) -> Self {
        self.scopes.insert(scope, reach);
        self
    }

    /// How long ago the oldest point that will be asked for in this scope may have ended.
    pub fn of(&self, scope: &Scope) -> Duration {
        self.scopes.get(scope).copied().unwrap_or(self.others)
    }
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
    /// What the present can spare, and tried once: it has failed by itself before, and will be asked for again.
    Doubtful,
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

    /// Whether a point that was asked for is missing because of it.
    pub fn loses(self) -> bool {
        match self {
            Self::NotFinite | Self::BadBuckets | Self::BadTime | Self::NoNumber | Self::BadShape => true,
            Self::OutsideWindow | Self::Repeated => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a watermark hangs on must be the same in every version: these hashes are in users' files.
    #[test]
    fn identities_are_pinned_and_pieces_do_not_run_together() {
        let id = TargetId::of(["eu-west-1", "AWS/EC2", "CPUUtilization", "60"]);
        assert_eq!(id, TargetId(1_746_602_150_915_302_718));
        let pieces: [&[&str]; 5] = [
            &["A", "1,B=2"],
            &["A", "1", "B", "2"],
            &["A1", "B2"],
            &["A", "1B2"],
            &[],
        ];
        let ids: std::collections::HashSet<TargetId> = pieces
            .iter()
            .map(|pieces| TargetId::of(pieces.iter().copied()))
            .collect();
        assert_eq!(ids.len(), pieces.len());
    }
}
