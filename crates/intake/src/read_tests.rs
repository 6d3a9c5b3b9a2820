//! Answers that lack something, read from a cloud that gives what it is told to.

use super::*;
use crate::{Clock, Notices};
use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use provider_api::{
    AccountId, Apart, Attributes, Catalogue, CheckReport, Cloud, Detail, Due, GroupSpec, Kind, Members,
    Metric, MetricSpec, MetricsProvider, Point, Price, Reach, Resource, Scope, Series, SkipReason, Span,
    Survey, Target, Urgency, Value,
};
use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

type Answer = Vec<Result<Batch, ProviderError>>;

#[derive(Debug)]
struct Nothing;

impl Detail for Nothing {
    fn describe(&self) -> String {
        "cpu".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixNanos {
        UnixNanos::from_seconds(1_000)
    }
}

/// Gives its answer once.
#[derive(Debug)]
struct Told(AccountId, Mutex<Answer>, Apart);

#[async_trait]
impl MetricsProvider for Told {
    fn account(&self) -> &AccountId {
        &self.0
    }

    fn cloud(&self) -> Cloud {
        Cloud::Aws
    }

    fn apart(&self) -> &Apart {
        &self.2
    }

    async fn check(&self) -> CheckReport {
        CheckReport::default()
    }

    fn discover(&self, _: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
        Box::pin(stream::empty())
    }

    async fn survey(&self) -> Survey {
        Survey::default()
    }

    fn formerly(&self, _: &Target) -> Vec<TargetId> {
        Vec::new()
    }

    fn plan(&self, _: &[Due]) -> Vec<Call> {
        Vec::new()
    }

    fn fetch<'a>(&'a self, _: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(stream::iter(std::mem::take(&mut *self.1.lock().unwrap())))
    }
}

/// What arrived.
#[derive(Default)]
struct Kept(Vec<Arrived>);

#[async_trait]
impl Taker for Kept {
    type Error = ();

    fn look(&mut self, _: &Batch) {}

    async fn take(&mut self, arrived: Arrived) -> Result<u64, ()> {
        let points = arrived.points.iter().map(|one| one.points.len()).sum::<usize>();
        self.0.push(arrived);
        Ok(u64::try_from(points).unwrap())
    }
}

fn at(minute: i64) -> UnixNanos {
    UnixNanos::from_seconds(minute * 60)
}

fn target(id: u64) -> Target {
    let group = GroupSpec {
        scope: Scope::new("s"),
        name: "g".into(),
        entry: 0,
        namespace: "n".into(),
        grain: MINUTE,
        on_grain: true,
        every: MINUTE,
        settle: Span::Fixed(Duration::ZERO),
        lookback: Span::Fixed(Duration::ZERO),
        initial: MINUTE,
        retention: 600 * MINUTE,
        longest_window: 60 * MINUTE,
    };
    Target {
        id: TargetId(id),
        members: Members::default(),
        group: Arc::new(group),
        series: 1,
        detail: Arc::new(Nothing),
    }
}

/// A call for targets 1 to 3 over the first ten minutes.
fn call() -> Call {
    Call {
        scope: Scope::new("s"),
        operation: "Read",
        targets: (1..=3).map(target).collect(),
        window: Window::new(at(0), at(10)).unwrap(),
        price: Price::FREE,
        urgency: Urgency::Fresh,
        detail: Arc::new(Nothing),
    }
}

fn points(target: u64, minutes: &[i64]) -> SeriesPoints {
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
    let point = |minute: &i64| Point {
        start: None,
        end: at(*minute),
        value: Value::Int(1),
    };
    SeriesPoints {
        target: TargetId(target),
        series: Series {
            resource: Arc::new(Resource::new(Attributes::default())),
            metric: Arc::new(Metric::new(spec)),
            attributes: Attributes::default(),
        },
        points: minutes.iter().map(point).collect(),
    }
}

fn complete(target: u64, minutes: &[i64]) -> Batch {
    Batch {
        series: vec![points(target, minutes)],
        complete: vec![TargetId(target)],
        ..Batch::default()
    }
}

fn skips(reason: SkipReason, points: u64) -> Batch {
    Batch {
        skipped: vec![Skipped {
            reason,
            metric: "M".into(),
            points,
        }],
        ..Batch::default()
    }
}

async fn read(answer: Answer, settled: i64) -> (Read<()>, Kept, Intake) {
    let told = Told(AccountId("a".into()), Mutex::new(answer), Apart::default());
    let intake = Intake::alone(Arc::new(told), Arc::new(Stopped), Notices::default());
    let mut kept = Kept::default();
    let read = intake.read(&call(), at(settled), &mut kept).await;
    (read, kept, intake)
}

#[tokio::test]
async fn what_is_not_settled_is_left_for_later() {
    let answer = vec![
        Ok(complete(1, &[7, 8, 9])),
        Ok(complete(2, &[9])),
        Ok(complete(3, &[])),
    ];
    let (read, kept, _) = read(answer, 8).await;
    assert_eq!((read.points, read.missing()), (2, 0));
    assert_eq!(read.completed, [1, 2, 3].map(TargetId));
    assert!(kept.0.iter().all(|arrived| arrived.window.end() == at(8)));
    assert_eq!(
        kept.0.iter().map(|arrived| arrived.points.len()).sum::<usize>(),
        1
    );
}

#[tokio::test]
async fn targets_that_failed_and_targets_without_an_answer_are_missing() {
    let failed = Batch {
        failed: vec![Failure {
            target: TargetId(2),
            kind: ErrorKind::NotFound,
            message: "gone".to_owned(),
        }],
        ..Batch::default()
    };
    let (read, _, intake) = read(vec![Ok(complete(1, &[1])), Ok(failed)], 10).await;
    let silent = read.silent.as_ref().unwrap();
    assert_eq!((silent.target, read.missing()), (TargetId(3), 2));
    assert_eq!(silent.message, "no answer for 1 of 3 targets");
    let errors = intake.progress.snapshot()[0].errors.clone();
    assert_eq!(errors, [("bad_response", 1), ("not_found", 1)].into());
}

#[tokio::test]
async fn invalid_points_are_counted_by_reason_and_only_losses_are_missing() {
    let all = || [1, 2, 3].map(|id| Ok(complete(id, &[1])));
    let lost = [
        Ok(skips(SkipReason::NotFinite, 15)),
        Ok(skips(SkipReason::NotFinite, 2)),
    ];
    let (lossy, _, intake) = read(lost.into_iter().chain(all()).collect(), 10).await;
    assert_eq!(
        (lossy.missing(), lossy.skipped.len(), lossy.skipped[0].points),
        (1, 1, 17)
    );
    assert_eq!(intake.progress.snapshot()[0].skipped, [("not_finite", 17)].into());
    let twice = [
        Ok(skips(SkipReason::Repeated, 1)),
        Ok(skips(SkipReason::OutsideWindow, 1)),
    ];
    let (whole, ..) = read(twice.into_iter().chain(all()).collect(), 10).await;
    assert_eq!((whole.missing(), whole.skipped.len()), (0, 2));
}

#[tokio::test]
async fn what_came_before_a_call_broke_stands_and_the_rest_is_not_called_silent() {
    let error = ProviderError::new(Cloud::Aws, "Read", Scope::new("s"), ErrorKind::TimedOut, "late");
    let (read, kept, _) = read(vec![Ok(complete(1, &[1])), Err(error)], 10).await;
    assert_eq!((read.completed.len(), read.points, kept.0.len()), (1, 1, 1));
    assert!(read.silent.is_none() && matches!(read.broken, Some(Broken::Provider(_))));
    assert_eq!(read.missing(), 1);
}
