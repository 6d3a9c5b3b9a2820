//! Pure: from what is due to `GetMetricData` requests within the API's limits, each with its price.

use crate::discover::AwsTarget;
use provider_api::{Call, Detail, Due, Price, Scope, Target, Urgency, Window};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most queries in one request (API reference of `GetMetricData`). A query is one statistic of one metric.
pub(crate) const MOST_QUERIES: u64 = 500;
/// Most points in one answer page (API reference of `GetMetricData`), and the most that one call asks for.
pub(crate) const MOST_POINTS: u64 = 100_800;
/// Statistics of one metric that are billed as one, when asked for in one request (`CloudWatch` pricing page).
const STATISTICS_PER_UNIT: u64 = 5;
/// $0.01 per 1,000 metrics requested (`CloudWatch` pricing page), in billionths of a dollar per metric.
pub(crate) const USD_NANOS_PER_UNIT: u64 = 10_000;

/// The operation that all calls are.
pub(crate) const OPERATION: &str = "GetMetricData";

/// Nothing is needed beyond what the targets know.
#[derive(Debug)]
struct AwsCall;

impl Detail for AwsCall {
    fn describe(&self) -> String {
        OPERATION.to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Every due target in exactly one call; calls are of one group and one window.
pub(crate) fn plan(due: &[Due]) -> Vec<Call> {
    let detail: Arc<dyn Detail> = Arc::new(AwsCall);
    let mut groups: BTreeMap<(&Scope, &str, Window), Vec<&Target>> = BTreeMap::new();
    for d in due {
        groups
            .entry((&d.target.group.scope, &d.target.group.name, d.window))
            .or_default()
            .push(&d.target);
    }
    groups
        .into_iter()
        .flat_map(|((scope, _, window), targets)| {
            let detail = &detail;
            pack(&targets, window)
                .into_iter()
                .map(move |targets| call(scope, window, targets, detail))
        })
        .collect()
}

/// Fills one request after the other, in the order given.
fn pack(targets: &[&Target], window: Window) -> Vec<Vec<Target>> {
    let mut packs: Vec<Vec<Target>> = Vec::new();
    let (mut queries, mut points) = (0, 0);
    for &target in targets {
        let (q, p) = (queries_of(target), points_of(target, window));
        if let Some(pack) = packs
            .last_mut()
            .filter(|_| queries + q <= MOST_QUERIES && points + p <= MOST_POINTS)
        {
            pack.push(target.clone());
            queries += q;
            points += p;
        } else {
            packs.push(vec![target.clone()]);
            (queries, points) = (q, p);
        }
    }
    packs
}

fn call(scope: &Scope, window: Window, targets: Vec<Target>, detail: &Arc<dyn Detail>) -> Call {
    let price = price(&targets, window);
    Call {
        scope: scope.clone(),
        operation: OPERATION,
        targets,
        window,
        price,
        urgency: Urgency::default(),
        detail: Arc::clone(detail),
    }
}

/// Billed are metrics requested, whether or not there are points, once for all pages.
fn price(targets: &[Target], window: Window) -> Price {
    let units = targets
        .iter()
        .map(|t| queries_of(t).div_ceil(STATISTICS_PER_UNIT))
        .sum();
    let points: u64 = targets.iter().map(|t| points_of(t, window)).sum();
    let requests = u32::try_from(points.div_ceil(MOST_POINTS))
        .unwrap_or(u32::MAX)
        .max(1);
    Price {
        requests,
        units,
        usd_nanos: units * USD_NANOS_PER_UNIT,
    }
}

/// One query per statistic.
fn queries_of(target: &Target) -> u64 {
    AwsTarget::of(target)
        .map_or(1, |t| t.metric.statistics.len())
        .try_into()
        .unwrap_or(u64::MAX)
}

/// Points that the target's answer can have.
pub(crate) fn points_of(target: &Target, window: Window) -> u64 {
    u64::from(target.series).saturating_mul(window.grains(target.group.grain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::synthetic;
    use async_trait::async_trait;
    use futures::stream::BoxStream;
    use provider_api::UnixNanos;
    use provider_api::conformance::{CallLimits, calls_within_limits, each_due_target_in_exactly_one_call};
    use provider_api::{
        AccountId, Apart, Batch, Catalogue, CheckReport, Cloud, MetricsProvider, ProviderError, Reach,
        Survey, TargetId,
    };
    use std::sync::LazyLock;

    static ACCOUNT: LazyLock<AccountId> = LazyLock::new(|| AccountId("a".into()));

    /// Only plans; the conformance functions want a provider.
    #[derive(Debug, Default)]
    struct Planner(Apart);

    #[async_trait]
    impl MetricsProvider for Planner {
        fn account(&self) -> &AccountId {
            &ACCOUNT
        }

        fn cloud(&self) -> Cloud {
            Cloud::Aws
        }

        fn apart(&self) -> &Apart {
            &self.0
        }

        async fn check(&self) -> CheckReport {
            CheckReport::default()
        }

        fn discover(&self, _: Reach) -> BoxStream<'_, Result<Catalogue, ProviderError>> {
            Box::pin(futures::stream::empty())
        }

        async fn survey(&self) -> Survey {
            Survey::default()
        }

        fn formerly(&self, _: &Target) -> Vec<TargetId> {
            Vec::new()
        }

        fn plan(&self, due: &[Due]) -> Vec<Call> {
            plan(due)
        }

        fn fetch<'a>(&'a self, _: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
            Box::pin(futures::stream::empty())
        }
    }

    const LIMITS: CallLimits = CallLimits {
        targets: 500,
        points: MOST_POINTS,
    };

    fn window(from_minute: i64, minutes: i64) -> Window {
        let at = |m: i64| UnixNanos::from_seconds(m * 60);
        Window::new(at(from_minute), at(from_minute + minutes)).expect("not empty")
    }

    fn due(region: &str, count: usize, statistics: &[&str], window: Window) -> Vec<Due> {
        synthetic(region, count, statistics)
            .into_iter()
            .map(|target| Due { target, window })
            .collect()
    }

    fn checked(due: &[Due]) -> Vec<Call> {
        let calls = each_due_target_in_exactly_one_call(&Planner::default(), due);
        calls_within_limits(&calls, LIMITS);
        for call in &calls {
            assert!(call.targets.iter().map(queries_of).sum::<u64>() <= MOST_QUERIES);
        }
        calls
    }

    #[test]
    fn queries_limit_a_call_and_a_metric_stays_whole() {
        let calls = checked(&due("r", 1_001, &["Average", "Maximum", "p99"], window(0, 5)));
        assert_eq!(
            calls.iter().map(|c| c.targets.len()).collect::<Vec<_>>(),
            [166, 166, 166, 166, 166, 166, 5]
        );
    }

    #[test]
    fn points_limit_a_call() {
        let calls = checked(&due("r", 500, &["Average"], window(0, 1_008)));
        assert_eq!(calls.len(), 5);
        assert!(calls.iter().all(|c| c.price.requests == 1));
    }

    #[test]
    fn regions_and_windows_are_not_mixed() {
        let mut all = due("a", 10, &["Average"], window(0, 5));
        all.extend(due("b", 10, &["Average"], window(0, 5)));
        all.iter_mut().take(3).for_each(|d| d.window = window(5, 5));
        assert_eq!(checked(&all).len(), 3);
    }

    #[test]
    fn five_statistics_cost_as_much_as_one() {
        for (statistics, units) in [(1, 1), (5, 1), (6, 2)] {
            let names: Vec<String> = (0..statistics).map(|i| format!("p{i}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let calls = checked(&due("r", 1, &names, window(0, 5)));
            let price = Price {
                requests: 1,
                units,
                usd_nanos: units * 10_000,
            };
            assert_eq!(calls.iter().map(|c| c.price).collect::<Vec<_>>(), [price]);
        }
    }
}
