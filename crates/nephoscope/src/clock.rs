//! The one place that reads the system's clock.

use provider_api::UnixNanos;
use scheduler::Clock;

/// The machine's own time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixNanos {
        let nanos = jiff::Timestamp::now().as_nanosecond();
        UnixNanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}
