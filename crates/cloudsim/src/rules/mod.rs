//! Rules that say what goes wrong: *what they hit* (cloud, operation, scope, host, and the resource, type or metric that a
//! request asks for), *how* (a refusal in the cloud's own words, silence, a cut, a spoilt body, an error of one result
//! inside a 200), and *when*.
//!
//! This module decides; each cloud says in its own words what the decision looks like. A rule that names a resource, type
//! or metric hits the requests that ask for it. Where the real cloud then fails as a whole, so does the request; else only
//! the results that are hit do.

mod book;
mod glob;
mod text;

pub(crate) use book::{Book, Moment};
pub use book::{RuleId, Strike};

use crate::faults::BadAnswer;
use glob::fits;

/// A share of all requests.
const ALL_PER_THOUSAND: u32 = 1000;

/// Which simulated cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// Amazon.
    Aws,
    /// Microsoft.
    Azure,
    /// Google.
    Gcp,
}

/// What one request asks of a cloud.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whom.
    pub cloud: Cloud,
    /// As the simulator counts it: `GetMetricData`, `metrics.getBatch`, `ListTimeSeries`.
    pub operation: String,
    /// Region, subscription or project; empty where the request has none.
    pub scope: String,
    /// `arm` or the region of Azure's data plane; the region of AWS; empty in Google.
    pub host: String,
    /// What it asks for, one part for each query, resource or listed type; empty where it asks for everything.
    pub parts: Vec<Part>,
}

/// One thing that is asked for, or one element of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The resource: Azure's id, or the dimensions of an AWS metric (`InstanceId=i-1,…`).
    pub id: String,
    /// Namespace, resource type, or what a Google metric type begins with.
    pub kind: String,
    /// The metric's name; Google's whole metric type.
    pub metric: String,
}

/// What a rule hits. Texts are patterns (`*` stands for anything) without regard to case; what is absent hits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// The cloud.
    pub cloud: Option<Cloud>,
    /// The operation.
    pub operation: Option<String>,
    /// Region, subscription or project.
    pub scope: Option<String>,
    /// `arm` or a region's host.
    pub host: Option<String>,
    /// The resource or dimensions.
    pub id: Option<String>,
    /// The namespace or type.
    pub kind: Option<String>,
    /// The metric.
    pub metric: Option<String>,
}

/// What is wrong with an element of an answer that is otherwise in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Odd {
    /// A list of the element is `null`.
    NullList,
    /// A field of the element is `null`.
    NullField,
    /// A `null` stands before the element.
    NullElement,
    /// The element has no name.
    Nameless,
    /// A number stands where a text should.
    Number,
}

/// What is wrong with one result of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartFault {
    /// It says that it failed: `errorCode`, `StatusCode: InternalError`, `executionErrors`.
    Failed,
    /// It says that it is not allowed.
    Forbidden,
    /// It says that it is not all.
    Partial,
    /// It is written oddly.
    Odd(Odd),
}

/// What happens to a request that is hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// A refusal with this status, in the cloud's own words.
    Status(u16),
    /// Throttled, with the seconds to wait. Who asks earlier is refused again with a new wait, and counted.
    Throttle {
        /// Seconds.
        retry_after_s: u32,
    },
    /// No answer.
    Silence,
    /// The connection breaks within the answer.
    Cut,
    /// A spoilt answer.
    Answer(BadAnswer),
    /// Only the results that are hit.
    Part(PartFault),
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it hits.
    pub hits: Hits,
    /// How.
    pub how: How,
    /// From this second of the simulated time on.
    pub from_unix_s: i64,
    /// Up to this second of the simulated time.
    pub until_unix_s: i64,
    /// So many of a thousand requests that it hits, drawn from the seed.
    pub per_thousand: u32,
}

impl Rule {
    /// Hits every request, for ever.
    pub fn new(how: How) -> Self {
        Self {
            hits: Hits::default(),
            how,
            from_unix_s: i64::MIN,
            until_unix_s: i64::MAX,
            per_thousand: ALL_PER_THOUSAND,
        }
    }

    /// Only this cloud.
    #[must_use]
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.hits.cloud = Some(cloud);
        self
    }

    /// Only this operation.
    #[must_use]
    pub fn operation(mut self, pattern: &str) -> Self {
        self.hits.operation = Some(pattern.to_owned());
        self
    }

    /// Only this region, subscription or project.
    #[must_use]
    pub fn scope(mut self, pattern: &str) -> Self {
        self.hits.scope = Some(pattern.to_owned());
        self
    }

    /// Only this host.
    #[must_use]
    pub fn host(mut self, pattern: &str) -> Self {
        self.hits.host = Some(pattern.to_owned());
        self
    }

    /// Only requests that ask for this resource (in AWS: for a metric with these dimensions).
    #[must_use]
    pub fn id(mut self, pattern: &str) -> Self {
        self.hits.id = Some(pattern.to_owned());
        self
    }

    /// Only requests that ask for this namespace or type.
    #[must_use]
    pub fn kind(mut self, pattern: &str) -> Self {
        self.hits.kind = Some(pattern.to_owned());
        self
    }

    /// Only requests that ask for this metric.
    #[must_use]
    pub fn metric(mut self, pattern: &str) -> Self {
        self.hits.metric = Some(pattern.to_owned());
        self
    }

    /// Only in `[from, until)`, in seconds of the simulated time.
    #[must_use]
    pub fn between(mut self, from_unix_s: i64, until_unix_s: i64) -> Self {
        (self.from_unix_s, self.until_unix_s) = (from_unix_s, until_unix_s);
        self
    }

    /// Only so many of a thousand.
    #[must_use]
    pub fn share(mut self, per_thousand: u32) -> Self {
        self.per_thousand = per_thousand;
        self
    }

    fn is_on(&self, now_unix_s: i64) -> bool {
        self.from_unix_s <= now_unix_s && now_unix_s < self.until_unix_s
    }
}

impl Hits {
    fn is_place(&self, asked: &Asked) -> bool {
        self.cloud.is_none_or(|cloud| cloud == asked.cloud)
            && fits(self.operation.as_deref(), &asked.operation)
            && fits(self.scope.as_deref(), &asked.scope)
            && fits(self.host.as_deref(), &asked.host)
    }

    /// Whether it hits a request: its place, and at least one of the things that it asks for.
    pub fn hit(&self, asked: &Asked) -> bool {
        self.is_place(asked) && (self.is_whole() || asked.parts.iter().any(|part| self.is_part(part)))
    }

    /// Whether it hits whatever the request asks for.
    pub fn is_whole(&self) -> bool {
        self.id.is_none() && self.kind.is_none() && self.metric.is_none()
    }

    /// Whether it hits this part. What the part leaves open cannot be hit by name.
    pub(crate) fn is_part(&self, part: &Part) -> bool {
        fits(self.id.as_deref(), &part.id)
            && fits(self.kind.as_deref(), &part.kind)
            && fits(self.metric.as_deref(), &part.metric)
    }
}

impl How {
    /// What a rule that names a resource, type or metric does to a request that asks for other things besides: AWS answers
    /// `GetMetricData` result by result unless it cannot read a query; the other clouds fail as a whole.
    fn to_one_of_many(self, asked: &Asked) -> Self {
        const IS_PART: [u16; 2] = [401, 403];
        match self {
            Self::Status(status) if asked.cloud == Cloud::Aws && asked.operation == "GetMetricData" => {
                match status {
                    _ if IS_PART.contains(&status) => Self::Part(PartFault::Forbidden),
                    500.. => Self::Part(PartFault::Failed),
                    _ => self,
                }
            }
            Self::Status(_)
            | Self::Throttle { .. }
            | Self::Silence
            | Self::Cut
            | Self::Answer(_)
            | Self::Part(_) => self,
        }
    }
}
