//! From due targets to calls. Google answers one metric type per query, so each target is a call of its own; the price
//! is by series returned, as many as the last time. Pure.

use crate::discover::GcpTarget;
use provider_api::{Call, Detail, Due, Price, Target, Urgency};

/// The one operation that reads points.
pub(crate) const OPERATION: &str = "ListTimeSeries";

/// $0.50 per million time series returned (price list of 2025-10-02), in billionths of a dollar.
const USD_NANOS_PER_SERIES: u64 = 500;

/// One call per due target.
pub(crate) fn plan(due: &[Due]) -> Vec<Call> {
    due.iter().filter_map(call).collect()
}

/// `None` for a target that is not Google's; nobody hands us such a one.
fn call(due: &Due) -> Option<Call> {
    let seen = of(&due.target)?.seen.get();
    Some(Call {
        scope: due.target.group.scope.clone(),
        operation: OPERATION,
        targets: vec![due.target.clone()],
        window: due.window,
        price: price(seen.into()),
        urgency: Urgency::default(),
        detail: due.target.detail.clone(),
    })
}

/// What a read that returns this many series costs; a read that returns none is counted as one.
pub(crate) fn price(series: u64) -> Price {
    let units = series.max(1);
    Price {
        requests: 1,
        units,
        usd_nanos: units * USD_NANOS_PER_SERIES,
    }
}

/// Our own knowledge of a target.
pub(crate) fn of(target: &Target) -> Option<&GcpTarget> {
    let detail: &dyn Detail = target.detail.as_ref();
    detail.as_any().downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::target;
    use provider_api::conformance::{CallLimits, calls_within_limits};
    use provider_api::{UnixNanos, Window};

    fn due(metric_type: &str, series: u64, start: i64) -> Due {
        let window = Window::new(
            UnixNanos::from_seconds(start),
            UnixNanos::from_seconds(start + 300),
        );
        let target = target(metric_type, None);
        of(&target).expect("Google's").seen.set(series);
        Due {
            target,
            window: window.expect("not empty"),
        }
    }

    #[test]
    fn each_target_is_a_call_over_its_own_window() {
        let due = [
            due("a.googleapis.com/x", 3, 0),
            due("a.googleapis.com/y", 1, 60),
            due("b.googleapis.com/x", 2, 0),
        ];
        let calls = plan(&due);
        calls_within_limits(
            &calls,
            CallLimits {
                targets: 1,
                points: 0,
            },
        );
        let asked: Vec<_> = calls.iter().map(|c| (c.targets[0].id, c.window)).collect();
        let wanted: Vec<_> = due.iter().map(|d| (d.target.id, d.window)).collect();
        assert_eq!(asked, wanted);
    }

    #[test]
    fn a_million_series_cost_half_a_dollar() {
        assert_eq!(price(1_000_000).usd_nanos, 500_000_000);
        assert_eq!(
            price(0),
            Price {
                requests: 1,
                units: 1,
                usd_nanos: 500
            }
        );
        assert_eq!(plan(&[due("a/x", 7, 0)])[0].price.units, 7);
    }
}
