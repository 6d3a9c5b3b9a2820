//! A cloud whose points come late, change and are missing now and then; what it has is a pure function of time.

use super::clock::VirtualClock;
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use gate::{Gate, Request};
use provider_api::{
    AccountId, Apart, Attributes, Batch, Call, Catalogue, CheckReport, Cloud, Detail, Due, ErrorKind, Group,
    GroupSpec, Kind, Members, Metric, MetricSpec, MetricsProvider, Point, Price, ProviderError, Reach,
    Resource, Scope, Series, SeriesPoints, Span, Survey, Target, TargetId, UnixNanos, Urgency, Value,
};
use scheduler::Clock as _;
use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const MINUTE: i64 = 60;
pub(crate) const EVERY: Duration = Duration::from_secs(300);
pub(crate) const GROUPS: u64 = 2;
pub(crate) const TARGETS_PER_GROUP: u64 = 4;

/// How long an answer takes.
const ANSWER: Duration = Duration::from_secs(70);

#[derive(Debug)]
struct Nothing;

impl Detail for Nothing {
    fn describe(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What becomes of one point.
pub(crate) struct Truth {
    /// Age at which it shows up; nothing for a gap.
    pub(crate) shows: Option<Duration>,
    /// Age at which it gets its last value.
    pub(crate) last: Duration,
}

pub(crate) fn truth(target: u64, end_s: i64) -> Truth {
    let seed = target.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ end_s.unsigned_abs();
    let mut rng = fastrand::Rng::with_seed(seed);
    let shows = match rng.u32(0..1_000) {
        0..10 => None,
        10..13 => Some(rng.u64(60..720)),
        _ => Some(rng.u64(10..60)),
    };
    let last = if rng.u32(0..1_000) < 3 { 700 } else { 0 };
    Truth {
        shows: shows.map(Duration::from_secs),
        last: Duration::from_secs(last),
    }
}

/// Answers given, and those among them that somebody still holds: the next part of the answer has not been asked for.
#[derive(Debug, Default)]
pub(crate) struct Given {
    all: AtomicUsize,
    /// Those that may only use what the present leaves of a quota.
    patient: AtomicUsize,
    held: Arc<()>,
}

impl Given {
    fn hold(&self, urgency: Urgency) -> Arc<()> {
        self.all.fetch_add(1, Ordering::Relaxed);
        if urgency == Urgency::Backlog {
            self.patient.fetch_add(1, Ordering::Relaxed);
        }
        Arc::clone(&self.held)
    }

    pub(crate) fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    pub(crate) fn patient(&self) -> usize {
        self.patient.load(Ordering::Relaxed)
    }

    pub(crate) fn held(&self) -> usize {
        Arc::strong_count(&self.held) - 1
    }
}

#[derive(Debug)]
pub(crate) struct Sky {
    pub(crate) account: AccountId,
    pub(crate) clock: Arc<VirtualClock>,
    /// Nothing is answered between these times.
    pub(crate) outages: Vec<(UnixNanos, UnixNanos)>,
    pub(crate) given: Given,
    /// What is older is kept no more.
    pub(crate) retention: Duration,
    /// What one target of a call costs.
    pub(crate) usd_nanos: u64,
    /// Requests pass it, if there is one. Its breaker goes by another clock: not where there are outages.
    pub(crate) gate: Option<Gate>,
    /// When requests came, and what they cost.
    pub(crate) bill: Mutex<Vec<(UnixNanos, u64)>>,
    pub(crate) apart: Apart,
}

impl Sky {
    fn group(&self, number: u64) -> Group {
        Arc::new(GroupSpec {
            scope: Scope::new("s"),
            name: format!("group {number}").into(),
            entry: 0,
            namespace: "n".into(),
            grain: Duration::from_secs(60),
            on_grain: true,
            every: EVERY,
            settle: Span::Auto(Duration::from_secs(180)),
            lookback: Span::Auto(Duration::from_secs(300)),
            initial: Duration::from_secs(900),
            retention: self.retention,
            longest_window: Duration::from_secs(2 * 3_600),
        })
    }

    fn points(&self, target: u64, call: &Call) -> SeriesPoints {
        let now = self.clock.now();
        let first = call.window.start().seconds() + MINUTE;
        let ends = (first..=call.window.end().seconds()).step_by(60);
        SeriesPoints {
            target: TargetId(target),
            series: series(target),
            points: ends
                .filter(|end| now.since(UnixNanos::from_seconds(*end)) < self.retention)
                .filter_map(|end| point(now, target, end))
                .collect(),
        }
    }

    async fn ask(&self, call: &Call) -> Result<Batch, ProviderError> {
        let Some(gate) = &self.gate else {
            return self.answer(call);
        };
        let request = Request {
            urgency: call.urgency,
            group: call.group().cloned(),
            ..Request::new(call.scope.clone(), call.operation, call.price)
        };
        gate.send(&request, || async { self.answer(call) }).await
    }

    fn answer(&self, call: &Call) -> Result<Batch, ProviderError> {
        let now = self.clock.now();
        self.bill.lock().unwrap().push((now, call.price.usd_nanos));
        if self.outages.iter().any(|(from, to)| (*from..*to).contains(&now)) {
            let kind = ErrorKind::Unavailable { retry_after: None };
            let scope = call.scope.clone();
            return Err(ProviderError::new(Cloud::Aws, "Read", scope, kind, "dark"));
        }
        Ok(Batch {
            series: call.targets.iter().map(|t| self.points(t.id.0, call)).collect(),
            complete: call.targets.iter().map(|t| t.id).collect(),
            ..Batch::default()
        })
    }
}

fn point(now: UnixNanos, target: u64, end_s: i64) -> Option<Point> {
    let (end, truth) = (UnixNanos::from_seconds(end_s), truth(target, end_s));
    let age = now.since(end);
    let shown = end <= now && truth.shows.is_some_and(|shows| age >= shows);
    shown.then(|| Point {
        start: Some(UnixNanos::from_seconds(end_s - MINUTE)),
        end,
        value: Value::Int(i64::from(age >= truth.last)),
    })
}

pub(crate) fn series(target: u64) -> Series {
    let spec = MetricSpec {
        cloud: Cloud::Aws,
        namespace: "n".into(),
        name: "m".into(),
        cloud_name: "M".into(),
        statistic: None,
        unit: "1".into(),
        kind: Kind::Gauge,
        description: "".into(),
    };
    Series {
        resource: Arc::new(Resource::new(Attributes::default())),
        metric: Arc::new(Metric::new(spec)),
        attributes: Attributes::new(vec![("target".into(), target.to_string().into())]),
    }
}

#[async_trait]
impl MetricsProvider for Sky {
    fn account(&self) -> &AccountId {
        &self.account
    }

    fn cloud(&self) -> Cloud {
        Cloud::Aws
    }

    fn apart(&self) -> &Apart {
        &self.apart
    }

    async fn check(&self) -> CheckReport {
        CheckReport::default()
    }

    fn discover(&self, _: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        let target = |id: u64, group: &Group| Target {
            id: TargetId(id),
            members: Members::default(),
            group: Arc::clone(group),
            series: 1,
            detail: Arc::new(Nothing),
        };
        let of_group = |number: u64| {
            let group = self.group(number);
            let ids = number * TARGETS_PER_GROUP..(number + 1) * TARGETS_PER_GROUP;
            ids.map(move |id| target(id, &group))
        };
        let catalogue = Catalogue {
            targets: (0..GROUPS).flat_map(of_group).collect(),
            ..Catalogue::empty(Scope::new("s"), Duration::ZERO)
        };
        futures::stream::iter([Ok(catalogue)]).boxed()
    }

    async fn survey(&self) -> Survey {
        Survey::default()
    }

    fn formerly(&self, _: &Target) -> Vec<TargetId> {
        Vec::new()
    }

    fn plan(&self, due: &[Due]) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        for due in due {
            match calls.iter_mut().find(|call| call.window == due.window) {
                Some(call) => call.targets.push(due.target.clone()),
                None => calls.push(Call {
                    scope: due.target.group.scope.clone(),
                    operation: "Read",
                    targets: vec![due.target.clone()],
                    window: due.window,
                    price: Price::FREE,
                    urgency: Urgency::default(),
                    detail: Arc::new(Nothing),
                }),
            }
        }
        for call in &mut calls {
            let targets = u64::try_from(call.targets.len()).unwrap();
            call.price.usd_nanos = targets * self.usd_nanos;
        }
        calls
    }

    fn fetch<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        let part = async move |held: Option<Arc<()>>| {
            if held.is_some() {
                return None;
            }
            self.clock.sleep_until(self.clock.now().plus(ANSWER)).await;
            Some((self.ask(call).await, Some(self.given.hold(call.urgency))))
        };
        futures::stream::unfold(None, part).boxed()
    }
}

/// All targets.
pub(crate) fn targets() -> std::ops::Range<u64> {
    0..GROUPS * TARGETS_PER_GROUP
}
