//! Keeps the log readable: the first event of a kind is written at once, what follows only now and then with a count.

use crate::outages::{Lasts, Outages, Recovered};
use provider_api::UnixNanos;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the same event stays quiet after it was written.
const QUIET: Duration = Duration::from_secs(3_600);

/// What has not been there for so long has ended; what comes again before has lasted.
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
    /// It has begun and not ended.
    lasts: bool,
}

/// What has been written, by event.
#[derive(Debug, Default)]
pub struct Notices {
    seen: Mutex<HashMap<String, Seen>>,
    /// Nothing is kept quiet but what is to be said once.
    all: bool,
    outages: Outages,
}

impl Notices {
    /// For what ends soon: everything that happens is written, and how often it has happened is left to a summary.
    pub fn of_all() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Whether what fails is said each time, because nothing tries it again.
    pub(crate) fn says_all(&self) -> bool {
        self.all
    }

    /// Nothing if the event is to be kept quiet; else how often it has happened since it was last written.
    pub fn due(&self, event: String, now: UnixNanos) -> Option<u64> {
        if self.all {
            return Some(0);
        }
        self.after(event, now, Some(QUIET))
    }

    /// `what` has failed for this reason when `source` tried. Nothing when that is to be kept quiet.
    pub fn failed(&self, what: &str, source: &str, reason: &str, now: UnixNanos) -> Option<Lasts> {
        let lasts = self.outages.failed(what, source, reason, now);
        let each = Lasts { since: now, more: 0 };
        lasts.or(self.all.then_some(each))
    }

    /// `source` got through with everything but what `still` names: what is over by that.
    pub fn worked(&self, source: &str, now: UnixNanos, still: impl Fn(&str) -> bool) -> Vec<Recovered> {
        self.outages.worked(source, now, still)
    }

    /// Something lasts, or comes again and again. True when it has begun.
    pub fn begins(&self, event: &'static str, now: UnixNanos) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.entry(event.to_owned()).or_insert(Seen {
            written: now,
            since: 0,
            lasts: false,
        });
        known.written = now;
        !std::mem::replace(&mut known.lasts, true)
    }

    /// It is not there now. True when it has just ended: it has not been there for a while.
    pub fn ends(&self, event: &'static str, now: UnixNanos) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |known: &&mut Seen| known.lasts && now.since(known.written) >= QUIET_AGAIN;
        let Some(known) = seen.get_mut(event).filter(over) else {
            return false;
        };
        known.lasts = false;
        true
    }

    /// What lasts and nothing else: an account that is taken on anew says its failures again, but not that it still waits.
    #[must_use]
    pub fn lasting(&self) -> Self {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting = seen.iter().filter(|(_, known)| known.lasts);
        Self {
            seen: Mutex::new(lasting.map(|(event, known)| (event.clone(), *known)).collect()),
            all: self.all,
            outages: Outages::default(),
        }
    }

    /// True for the first of its kind ever.
    pub fn first(&self, event: String, now: UnixNanos) -> bool {
        self.after(event, now, None).is_some()
    }

    fn after(&self, event: String, now: UnixNanos, quiet: Option<Duration>) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
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
        assert_eq!(due("throttled", 3_599), None);
        assert_eq!(due("throttled", 3_600), Some(3));
        assert_eq!(due("throttled", 3_601), None);
    }

    #[test]
    fn what_lasts_or_comes_again_soon_begins_and_ends_once() {
        let notices = Notices::default();
        let (begins, ends) = (
            |s| notices.begins("waits", at(s)),
            |s| notices.ends("waits", at(s)),
        );
        assert!(!ends(0));
        assert_eq!([begins(0), begins(1), begins(9_000)], [true, false, false]);
        assert_eq!([ends(9_001), ends(12_599)], [false, false]);
        assert!(!begins(12_599), "it has lasted");
        assert_eq!([ends(16_198), ends(16_199), ends(16_200)], [false, true, false]);
        assert!(begins(16_201));
        assert_eq!(notices.due("failed".to_owned(), at(0)), Some(0));
        let anew = notices.lasting();
        assert!(!anew.begins("waits", at(16_202)));
        assert_eq!(anew.due("failed".to_owned(), at(1)), Some(0));
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
