//! The cloud's clock: the `Date` header, which the SDK's outputs do not have.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use gate::{Asked, Gate, Skew};
use provider_api::UnixNanos;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Keeps the `Date` of the newest answer.
#[derive(Clone, Debug, Default)]
pub(super) struct DateSeen(Arc<AtomicI64>);

impl DateSeen {
    pub(super) fn get(&self) -> Option<UnixNanos> {
        Some(self.0.load(Ordering::Relaxed))
            .filter(|n| *n != 0)
            .map(UnixNanos)
    }

    /// An interceptor for a request that leaves now.
    pub(super) fn of(&self, gate: &Gate) -> Dated {
        Dated {
            seen: self.clone(),
            skew: gate.skew().clone(),
            asked: gate.skew().asked(),
        }
    }
}

/// Reads the `Date` of the answer to one request.
#[derive(Clone, Debug)]
pub(super) struct Dated {
    seen: DateSeen,
    skew: Skew,
    asked: Asked,
}

impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "Dated"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|d| DateTime::from_str(d, Format::HttpDate).ok()) {
            let date = nanos(&date);
            self.seen.0.store(date.0, Ordering::Relaxed);
            self.skew.answered(self.asked, date);
        }
        Ok(())
    }
}

/// A time too far away for us becomes the farthest one, which no window holds.
pub(super) fn nanos(time: &DateTime) -> UnixNanos {
    UnixNanos(i64::try_from(time.as_nanos()).unwrap_or(i64::MIN))
}
