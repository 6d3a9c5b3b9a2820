//! What the unit tests of this crate share.

use provider_api::{Detail, Due, GroupSpec, Members, Scope, Span, Target, TargetId, UnixNanos, Window};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
struct Nothing;

impl Detail for Nothing {
    fn describe(&self) -> String {
        "nothing".to_owned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

const MINUTE: Duration = Duration::from_secs(60);

/// A target that is due over its first minute.
pub(crate) fn due(id: u64) -> Due {
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
    let (start, end) = (UnixNanos::from_seconds(0), UnixNanos::from_seconds(60));
    Due {
        target: Target {
            id: TargetId(id),
            members: Members::default(),
            group: Arc::new(group),
            series: 1,
            detail: Arc::new(Nothing),
        },
        window: Window::new(start, end).expect("a minute"),
    }
}
