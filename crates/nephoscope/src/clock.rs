//! The one place that reads the system's clock, and where a rehearsal makes it run faster.

use futures::future::BoxFuture;
use provider_api::UnixNanos;
use scheduler::Clock;
use std::time::Duration;

/// The machine's own time, at the pace of a rehearsal if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl SystemClock {
    /// How long a span of this clock takes.
    #[expect(clippy::unused_self, reason = "it is this clock's span")]
    pub(crate) fn true_span(self, span: Duration) -> Duration {
        pace::true_span(span)
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixNanos {
        let nanos = pace::now().as_nanosecond();
        UnixNanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, time: UnixNanos) -> BoxFuture<'_, ()> {
        let span: Duration = time.since(self.now());
        Box::pin(tokio::time::sleep(pace::true_span(span)))
    }
}

#[cfg(feature = "simulate")]
pub(crate) use pace::hurry;

#[cfg(feature = "simulate")]
mod pace {
    use cloudsim::Pace;
    use jiff::Timestamp;
    use std::sync::OnceLock;
    use std::time::Duration;

    static PACE: OnceLock<Pace> = OnceLock::new();

    /// From now on all of this process goes by `pace`; asked once, before anything has started.
    pub(crate) fn hurry(pace: Pace) {
        tracing::warn!(%pace, "a rehearsal: this clock does not show the true time");
        PACE.get_or_init(|| pace);
    }

    pub(super) fn now() -> Timestamp {
        let now = Timestamp::now();
        PACE.get().map_or(now, |pace| pace.at(now))
    }

    pub(super) fn true_span(span: Duration) -> Duration {
        PACE.get().map_or(span, |pace| pace.true_span(span))
    }
}

#[cfg(not(feature = "simulate"))]
mod pace {
    use jiff::Timestamp;
    use std::time::Duration;

    pub(super) fn now() -> Timestamp {
        Timestamp::now()
    }

    pub(super) fn true_span(span: Duration) -> Duration {
        span
    }
}
