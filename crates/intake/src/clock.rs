//! Where the time comes from.

use futures::future::BoxFuture;
use provider_api::UnixNanos;
use std::fmt;

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> UnixNanos;

    /// Returns when it is `time`. Right for every clock that runs by itself; one that a test moves brings its own.
    fn sleep_until(&self, time: UnixNanos) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time.since(self.now())))
    }
}
