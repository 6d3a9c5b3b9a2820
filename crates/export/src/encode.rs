//! Points as OTLP export requests, encoded and compressed once for every destination.
//!
//! Headers of resources, scopes and metrics and the attributes of a series are encoded once and copied, so a point
//! costs a few dozen bytes of copying and no allocation. What a request holds is decided here, its bytes are `wire`'s,
//! and how it travels is the transports' business.

use crate::recode::gzip;
use crate::wire::{
    FIRST, FIXED_BYTES, FRAME_BYTES, SECOND, close_data, encode_attributes, field, histogram_bytes,
    metric_header, resource_header, scope_header, wide, write_point,
};
use bytes::Bytes;
use prost::encoding::{encode_varint, encoded_len_varint};
use provider_api::{Kind, Point, Series, SeriesPoints, UnixNanos, Value};

/// Points further apart do not share a request: back ends that refuse old points refuse the whole request.
const MAX_SPAN_NANOS: i64 = 3_600_000_000_000;

/// How large one request may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes before compression. Servers commonly cap a gRPC message at 4 MiB.
    pub max_bytes: usize,
    /// Points.
    pub max_points: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 3 << 20,
            max_points: 20_000,
        }
    }
}

/// One export request, compressed.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// How many points it holds.
    pub points: u32,
    /// The end of its oldest point.
    pub oldest_end: UnixNanos,
    /// The end of its newest point.
    pub newest_end: UnixNanos,
    /// Bytes before compression.
    pub raw_len: u32,
    /// A gzip member that holds an `ExportMetricsServiceRequest`.
    pub gzip: Bytes,
}

/// Encodes `points` into as few requests as `limits` allow, oldest first. Points whose value does not fit their
/// metric's kind, and numbers that are not finite, are left out. A single point above the limit is sent alone.
pub fn encode(points: &[SeriesPoints], limits: Limits) -> Vec<Encoded> {
    let plan = Plan::new(points);
    let mut entries = plan.entries(points);
    if must_split(&plan, &entries, limits) {
        entries.sort_unstable_by_key(|e| (e.point.end, e.line));
    }
    let mut out = Vec::new();
    let mut rest = entries.as_mut_slice();
    let mut seen = Seen::new(&plan);
    while !rest.is_empty() {
        let (n, bytes) = seen.fitting(&plan, rest, limits);
        let (chunk, tail) = std::mem::take(&mut rest).split_at_mut(n);
        chunk.sort_unstable_by_key(|e| (e.line, e.point.end));
        out.extend(seal(&plan.write(chunk, bytes), chunk));
        rest = tail;
    }
    out
}

fn seal(raw: &[u8], chunk: &[Entry<'_>]) -> Option<Encoded> {
    Some(Encoded {
        points: u32::try_from(chunk.len()).unwrap_or(u32::MAX),
        oldest_end: chunk.iter().map(|e| e.point.end).min()?,
        newest_end: chunk.iter().map(|e| e.point.end).max()?,
        raw_len: u32::try_from(raw.len()).unwrap_or(u32::MAX),
        gzip: gzip(raw).ok()?, // writing to memory cannot fail
    })
}

/// One point and where it belongs.
struct Entry<'a> {
    line: usize,
    size: usize,
    point: &'a Point,
}

/// A series: its encoded attributes and its metric.
struct Line {
    input: usize,
    attributes: Vec<u8>,
    metric: usize,
}

/// An encoded header and the group above it.
struct Group {
    header: Vec<u8>,
    parent: usize,
}

/// All series, ordered so that those of one resource, scope and metric are neighbours.
struct Plan {
    lines: Vec<Line>,
    metrics: Vec<(Group, Kind)>,
    scopes: Vec<Group>,
    resources: Vec<Vec<u8>>,
}

impl Plan {
    fn new(points: &[SeriesPoints]) -> Self {
        let mut order: Vec<(usize, &Series)> = points.iter().map(|p| &p.series).enumerate().collect();
        order.sort_by(|a, b| group_key(a.1).cmp(&group_key(b.1)));
        let mut plan = Self {
            lines: Vec::with_capacity(order.len()),
            metrics: vec![],
            scopes: vec![],
            resources: vec![],
        };
        let mut last: Option<&Series> = None;
        for (input, series) in order {
            plan.open(last, series);
            let kind = series.metric.spec().kind;
            let attributes = encode_attributes(series, kind);
            plan.lines.push(Line {
                input,
                attributes,
                metric: plan.metrics.len() - 1,
            });
            last = Some(series);
        }
        plan
    }

    /// Opens the groups in which `series` differs from `last`.
    fn open(&mut self, last: Option<&Series>, series: &Series) {
        let spec = series.metric.spec();
        let resource = last.is_none_or(|l| l.resource.key() != series.resource.key());
        let scope = resource
            || last.is_none_or(|l| {
                let l = l.metric.spec();
                (l.cloud, &l.namespace) != (spec.cloud, &spec.namespace)
            });
        if resource {
            self.resources.push(resource_header(&series.resource));
        }
        if scope {
            self.scopes.push(Group {
                header: scope_header(&series.metric),
                parent: self.resources.len() - 1,
            });
        }
        if scope || last.is_none_or(|l| l.metric.key() != series.metric.key()) {
            let group = Group {
                header: metric_header(&series.metric),
                parent: self.scopes.len() - 1,
            };
            self.metrics.push((group, spec.kind));
        }
    }

    fn entries<'a>(&self, points: &'a [SeriesPoints]) -> Vec<Entry<'a>> {
        let mut out = Vec::with_capacity(points.iter().map(|p| p.points.len()).sum());
        for (line, l) in self.lines.iter().enumerate() {
            let kind = self.metrics[l.metric].1;
            let all = points[l.input].points.iter().filter(|p| fits(kind, &p.value));
            out.extend(all.map(|point| Entry {
                line,
                size: point_bytes(point, l),
                point,
            }));
        }
        out
    }

    fn metric_of(&self, e: &Entry<'_>) -> usize {
        self.lines[e.line].metric
    }

    fn scope_of(&self, e: &Entry<'_>) -> usize {
        self.metrics[self.metric_of(e)].0.parent
    }

    fn resource_of(&self, e: &Entry<'_>) -> usize {
        self.scopes[self.scope_of(e)].parent
    }

    /// The request for `chunk`, which is ordered by line.
    fn write(&self, chunk: &[Entry<'_>], bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes);
        let (mut resource, mut scope, mut data) = (Vec::new(), Vec::new(), Vec::new());
        for of_resource in chunk.chunk_by(|a, b| self.resource_of(a) == self.resource_of(b)) {
            resource.clear();
            resource.extend_from_slice(&self.resources[self.resource_of(&of_resource[0])]);
            for of_scope in of_resource.chunk_by(|a, b| self.scope_of(a) == self.scope_of(b)) {
                scope.clear();
                scope.extend_from_slice(&self.scopes[self.scope_of(&of_scope[0])].header);
                for of_metric in of_scope.chunk_by(|a, b| self.metric_of(a) == self.metric_of(b)) {
                    self.write_metric(of_metric, &mut data, &mut scope);
                }
                field(&mut resource, SECOND, &scope);
            }
            field(&mut out, FIRST, &resource);
        }
        out
    }

    fn write_metric(&self, entries: &[Entry<'_>], data: &mut Vec<u8>, scope: &mut Vec<u8>) {
        let (group, kind) = &self.metrics[self.metric_of(&entries[0])];
        data.clear();
        for e in entries {
            write_point(data, e.point, &self.lines[e.line].attributes);
        }
        let tag = close_data(data, *kind);
        let body = group.header.len() + 1 + encoded_len_varint(wide(data.len())) + data.len();
        scope.push(SECOND);
        encode_varint(wide(body), scope);
        scope.extend_from_slice(&group.header);
        field(scope, tag, data);
    }
}

/// Which headers the current request already pays for.
struct Seen {
    round: u32,
    metrics: Vec<u32>,
    scopes: Vec<u32>,
    resources: Vec<u32>,
}

impl Seen {
    fn new(plan: &Plan) -> Self {
        let none = |n| vec![0; n];
        Self {
            round: 0,
            metrics: none(plan.metrics.len()),
            scopes: none(plan.scopes.len()),
            resources: none(plan.resources.len()),
        }
    }

    /// How many of `entries` fit one request (at least one), and an upper bound of its bytes.
    fn fitting(&mut self, plan: &Plan, entries: &[Entry<'_>], limits: Limits) -> (usize, usize) {
        self.round += 1;
        let first = entries.first().map_or(0, |e| e.point.end.0);
        let alone = span(entries) <= MAX_SPAN_NANOS;
        let mut bytes = 0;
        for (n, e) in entries.iter().enumerate() {
            let more = e.size + self.headers(plan, e);
            let full = n >= limits.max_points.max(1) || bytes + more > limits.max_bytes;
            let far = !alone && e.point.end.0.saturating_sub(first) > MAX_SPAN_NANOS;
            if n > 0 && (full || far) {
                return (n, bytes);
            }
            bytes += more;
        }
        (entries.len(), bytes)
    }

    fn headers(&mut self, plan: &Plan, e: &Entry<'_>) -> usize {
        let (metric, scope, resource) = (plan.metric_of(e), plan.scope_of(e), plan.resource_of(e));
        let mut bytes = 0;
        let mut pay = |seen: &mut u32, len: usize| {
            if *seen != self.round {
                *seen = self.round;
                bytes += len + FRAME_BYTES;
            }
        };
        pay(
            &mut self.metrics[metric],
            plan.metrics[metric].0.header.len() + FRAME_BYTES,
        );
        pay(&mut self.scopes[scope], plan.scopes[scope].header.len());
        pay(&mut self.resources[resource], plan.resources[resource].len());
        bytes
    }
}

fn span(entries: &[Entry<'_>]) -> i64 {
    let ends = || entries.iter().map(|e| e.point.end.0);
    ends()
        .max()
        .unwrap_or(0)
        .saturating_sub(ends().min().unwrap_or(0))
}

fn must_split(plan: &Plan, entries: &[Entry<'_>], limits: Limits) -> bool {
    let (n, _) = Seen::new(plan).fitting(plan, entries, limits);
    n < entries.len() || span(entries) > MAX_SPAN_NANOS
}

fn group_key(s: &Series) -> (u128, provider_api::Cloud, &str, u128) {
    let spec = s.metric.spec();
    (s.resource.key(), spec.cloud, &spec.namespace, s.metric.key())
}

fn fits(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Gauge | Kind::Sum { .. }, Value::Double(v)) => v.is_finite(),
        (Kind::Gauge | Kind::Sum { .. }, Value::Int(_)) => true,
        (Kind::Histogram { .. }, Value::Histogram(h)) => h.buckets.counts.len() == h.buckets.bounds.len() + 1,
        (Kind::Gauge | Kind::Sum { .. }, Value::Histogram(_))
        | (Kind::Histogram { .. }, Value::Double(_) | Value::Int(_)) => false,
    }
}

fn point_bytes(p: &Point, line: &Line) -> usize {
    const NUMBER_BYTES: usize = 3 * FIXED_BYTES; // start, time and value
    FRAME_BYTES
        + line.attributes.len()
        + match &p.value {
            Value::Double(_) | Value::Int(_) => NUMBER_BYTES,
            Value::Histogram(h) => histogram_bytes(p, h),
        }
}
