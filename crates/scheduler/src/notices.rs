//! Keeps the log readable: the first event of a kind is written at once, what follows only now and then with a count.

use provider_api::UnixNanos;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the same event stays quiet after it was written.
const QUIET: Duration = Duration::from_secs(300);

/// How long something that lasts, ends and begins again stays quiet after it was written.
const QUIET_AGAIN: Duration = Duration::from_secs(3_600);

/// Kinds of events remembered; beyond them every new one shares the last place, so that hostile names cannot fill
/// memory or the log.
const REMEMBERED: usize = 4_096;

/// Stands for all events beyond those remembered.
const OTHERS: &str = "others";

#[derive(Clone, Copy, Debug)]
struct Seen {
    written: UnixNanos,
    since: u64,
    /// It was written that it has begun, and not that it has ended.
    lasts: bool,
}

/// What has been written, by event.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<HashMap<String, Seen>>);

impl Notices {
    /// Nothing if the event is to be kept quiet; else how often it has happened since it was last written.
    pub(crate) fn due(&self, event: String, now: UnixNanos) -> Option<u64> {
        self.after(event, now, Some(QUIET))
    }

    /// Something lasts. Nothing if that is known, or is to be kept quiet; else how often it has been kept quiet.
    pub(crate) fn begins(&self, event: &str, now: UnixNanos) -> Option<u64> {
        if self.with(event, |seen| seen.lasts) == Some(true) {
            return None;
        }
        let since = self.after(event.to_owned(), now, Some(QUIET_AGAIN))?;
        self.with(event, |seen| seen.lasts = true);
        Some(since)
    }

    /// It has ended. True if it was written that it had begun.
    pub(crate) fn ends(&self, event: &str) -> bool {
        self.with(event, |seen| std::mem::take(&mut seen.lasts)) == Some(true)
    }

    fn with<T>(&self, event: &str, f: impl FnOnce(&mut Seen) -> T) -> Option<T> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get_mut(event).map(f)
    }

    /// True for the first of its kind ever.
    pub(crate) fn first(&self, event: String, now: UnixNanos) -> bool {
        self.after(event, now, None).is_some()
    }

    fn after(&self, event: String, now: UnixNanos, quiet: Option<Duration>) -> Option<u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let event = if seen.len() < REMEMBERED || seen.contains_key(&event) {
            event
        } else {
            OTHERS.to_owned()
        };
        let Some(known) = seen.get_mut(&event) else {
            seen.insert(
                event,
                Seen {
                    written: now,
                    since: 0,
                    lasts: false,
                },
            );
            return Some(0);
        };
        known.since += 1;
        if quiet.is_none_or(|quiet| now.since(known.written) < quiet) {
            return None;
        }
        known.written = now;
        Some(std::mem::take(&mut known.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos::from_seconds(seconds)
    }

    #[test]
    fn an_event_is_written_at_once_and_then_with_its_count() {
        let notices = Notices::default();
        let due = |event: &str, s| notices.due(event.to_owned(), at(s));
        assert_eq!(due("throttled", 0), Some(0));
        assert_eq!(due("throttled", 1), None);
        assert_eq!(due("html", 2), Some(0));
        assert_eq!(due("throttled", 299), None);
        assert_eq!(due("throttled", 300), Some(3));
        assert_eq!(due("throttled", 301), None);
    }

    #[test]
    fn what_lasts_is_written_when_it_begins_and_when_it_ends_and_not_too_often() {
        let notices = Notices::default();
        let begins = |s| notices.begins("waits", at(s));
        assert!(!notices.ends("waits"));
        assert_eq!([begins(0), begins(1), begins(9_000)], [Some(0), None, None]);
        assert!(notices.ends("waits") && !notices.ends("waits"));
        assert_eq!(
            [begins(3_000), begins(3_599), begins(3_600)],
            [None, None, Some(3)]
        );
        assert!(notices.ends("waits"));
    }

    #[test]
    fn a_flood_of_names_shares_one_place() {
        let notices = Notices::default();
        let written = (0..10_000)
            .filter(|i| notices.first(format!("metric {i}"), at(0)))
            .count();
        assert_eq!(written, REMEMBERED + 1);
    }
}
