//! How fast requests of a quota leave: a sliding minute, so that a person sees a quota fill up before the cloud throttles.
//! Pure.

use provider_api::Scope;
use std::sync::Arc;
use std::time::Duration;

/// What rates are measured over: long enough to even out a poll's burst, short enough to be about the present.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// How much of a quota is used that is used most.
#[derive(Clone, Debug, PartialEq)]
pub struct QuotaUse {
    /// The API operation.
    pub operation: &'static str,
    /// The scope that asks most, or that asked last of those who share the quota.
    pub scope: Scope,
    /// Whose quota it is, where several scopes share it.
    pub domain: Option<Arc<str>>,
    /// Of what the quota lets through in a minute; 1 is all of it.
    pub share: f64,
}

/// Requests of this window and of the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    index: u64,
    current: u32,
    previous: u32,
}

impl Window {
    /// A request leaves, so long after the beginning.
    pub(crate) fn count(&mut self, since: Duration) {
        let (index, _) = place(since);
        self.turn(index);
        self.current = self.current.saturating_add(1);
    }

    /// Requests in the last minute: the window before counts by the part of it that lies within that minute.
    pub(crate) fn requests(mut self, since: Duration) -> f64 {
        let (index, elapsed) = place(since);
        self.turn(index);
        f64::from(self.previous) * (1.0 - elapsed) + f64::from(self.current)
    }

    fn turn(&mut self, index: u64) {
        if index != self.index {
            self.previous = if index == self.index + 1 { self.current } else { 0 };
            self.current = 0;
            self.index = index;
        }
    }
}

/// The number of the window, and how much of it has passed, from 0 to 1.
fn place(since: Duration) -> (u64, f64) {
    let index = since.as_secs() / WINDOW.as_secs();
    let passed = since.as_secs_f64() % WINDOW.as_secs_f64();
    (index, passed / WINDOW.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_slide_over_a_minute() {
        let at = Duration::from_secs;
        let mut window = Window::default();
        (0..60).for_each(|second| window.count(at(second)));
        for (second, wanted) in [(59, 60.0), (90, 30.0), (120, 0.0), (1_000, 0.0)] {
            let requests = window.requests(at(second));
            assert!((requests - wanted).abs() < 0.1, "{requests} at {second}");
        }
    }
}
