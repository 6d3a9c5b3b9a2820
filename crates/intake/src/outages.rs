//! What fails and lasts, as lines of a log: one when it begins, one when its reason changes, a reminder with a count every
//! hour, one when it is over. What fails and works by turns gets a few lines an hour. Pure.

use provider_api::UnixNanos;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often what lasts is written again, and the time in which [`MOST_LINES`] are counted.
const REMIND_EVERY: Duration = Duration::from_secs(3_600);

/// Lines of one outage in [`REMIND_EVERY`]: it begins, changes, ends and begins again.
const MOST_LINES: u32 = 4;

/// Outages remembered; those beyond are not told apart from the last, so that hostile names cannot fill memory or the log.
const REMEMBERED: usize = 4_096;

/// Stands for all outages beyond those remembered.
const OTHERS: &str = "others";

#[derive(Debug)]
struct Outage {
    since: UnixNanos,
    /// Who meets it: it is over when all of them have got through.
    sources: BTreeSet<String>,
    reason: String,
    /// Failures since the beginning, and how many of them had been when it was last written.
    times: u64,
    told: u64,
    /// When its last failure or reminder was written.
    written: UnixNanos,
    /// When the lines began to be counted, and how many there were.
    lines: (UnixNanos, u32),
    /// It is over and nobody has been told yet.
    owed: Option<UnixNanos>,
}

/// Something has failed, and it is time to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasts {
    /// Since when.
    pub since: UnixNanos,
    /// Failures since it was last written, without this one.
    pub more: u64,
}

impl Lasts {
    /// What comes before the text of a failure that has been written before; nothing the first time.
    pub fn said(&self, now: UnixNanos) -> String {
        let lasted = now.since(self.since);
        if lasted.is_zero() {
            return String::new();
        }
        format!(
            "failing for {} ({} since the last line): ",
            span(lasted),
            self.more + 1
        )
    }
}

/// In the largest unit of which there are two.
pub(crate) fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

/// Something works again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// What had failed.
    pub what: String,
    /// How long.
    pub lasted: Duration,
    /// How often.
    pub times: u64,
}

/// All outages of one account, or of all.
#[derive(Debug, Default)]
pub struct Outages(Mutex<BTreeMap<String, Outage>>);

impl Outages {
    /// `what` has failed for this reason when `source` tried. Nothing when it is to be kept quiet.
    pub fn failed(&self, what: &str, source: &str, reason: &str, now: UnixNanos) -> Option<Lasts> {
        let mut all = self.all();
        let full = all.len() >= REMEMBERED && !all.contains_key(what);
        let what = if full { OTHERS } else { what };
        let outage = all.entry(what.to_owned()).or_insert_with(|| Outage::new(now));
        let begins = outage.sources.is_empty();
        if begins && outage.owed.take().is_none() {
            (outage.since, outage.times, outage.told) = (now, 0, 0);
        }
        outage.sources.insert(source.to_owned());
        outage.times += 1;
        let changed = begins || outage.reason != reason;
        let due = now.since(outage.written) >= REMIND_EVERY;
        let written = due || (changed && outage.may_write(now));
        if !written {
            return None;
        }
        reason.clone_into(&mut outage.reason);
        outage.written = now;
        let more = outage.times - outage.told - 1;
        outage.told = outage.times;
        Some(Lasts {
            since: outage.since,
            more,
        })
    }

    /// `source` got through with everything but what `still` names.
    pub fn worked(&self, source: &str, now: UnixNanos, still: impl Fn(&str) -> bool) -> Vec<Recovered> {
        let mut over = Vec::new();
        for (what, outage) in self.all().iter_mut() {
            if !still(what) && outage.sources.remove(source) && outage.sources.is_empty() {
                outage.owed = Some(now);
            }
            let Some(ended) = outage.owed.filter(|_| outage.may_write(now)) else {
                continue;
            };
            outage.owed = None;
            over.push(Recovered {
                what: what.clone(),
                lasted: ended.since(outage.since),
                times: outage.times,
            });
        }
        self.all().retain(|_, outage| !outage.is_past(now));
        over
    }

    /// As if it had never failed: somebody has changed something, and is told anew.
    pub fn forget(&self, what: &str) {
        self.all().remove(what);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Outage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outage {
    fn new(now: UnixNanos) -> Self {
        Self {
            since: now,
            sources: BTreeSet::new(),
            reason: String::new(),
            times: 0,
            told: 0,
            written: now,
            lines: (now, 0),
            owed: None,
        }
    }

    /// Whether there may be another line; counts it.
    fn may_write(&mut self, now: UnixNanos) -> bool {
        let (since, lines) = &mut self.lines;
        if now.since(*since) >= REMIND_EVERY {
            (*since, *lines) = (now, 0);
        }
        *lines += 1;
        *lines <= MOST_LINES
    }

    /// Nothing of it need be remembered.
    fn is_past(&self, now: UnixNanos) -> bool {
        self.sources.is_empty() && self.owed.is_none() && now.since(self.lines.0) >= REMIND_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHAT: &str = "GetMetricData in eu-west-1";

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos::from_seconds(seconds)
    }

    fn nothing(_: &str) -> bool {
        false
    }

    #[test]
    fn an_outage_of_hours_is_a_line_an_hour_and_one_when_it_is_over() {
        let outages = Outages::default();
        let failed = |s| {
            outages
                .failed(WHAT, "g", "unavailable", at(s))
                .map(|lasts| lasts.more)
        };
        let written: Vec<(i64, u64)> = (0..10_800)
            .step_by(30)
            .filter_map(|s| Some((s, failed(s)?)))
            .collect();
        assert_eq!(written, [(0, 0), (3_600, 119), (7_200, 119)]);
        let over = outages.worked("g", at(10_800), nothing);
        let lasted = Duration::from_secs(10_800);
        assert_eq!(
            over,
            [Recovered {
                what: WHAT.to_owned(),
                lasted,
                times: 360
            }]
        );
        assert!(outages.worked("g", at(10_801), nothing).is_empty());
    }

    #[test]
    fn another_reason_is_said_at_once() {
        let outages = Outages::default();
        let failed = |reason, s| outages.failed(WHAT, "g", reason, at(s)).is_some();
        assert!(failed("unavailable", 0));
        assert!(!failed("unavailable", 1));
        assert!(failed("forbidden", 2));
        assert!(!failed("forbidden", 3));
    }

    #[test]
    fn it_is_over_when_everybody_who_met_it_got_through() {
        let outages = Outages::default();
        assert!(outages.failed(WHAT, "a", "unavailable", at(0)).is_some());
        assert!(outages.failed(WHAT, "b", "unavailable", at(1)).is_none());
        assert!(outages.worked("a", at(2), nothing).is_empty());
        assert!(
            outages.worked("b", at(3), |what| what == WHAT).is_empty(),
            "it still fails"
        );
        assert_eq!(outages.worked("b", at(4), nothing).len(), 1);
    }

    #[test]
    fn what_fails_and_works_by_turns_is_a_few_lines_an_hour_and_its_end_is_said() {
        let outages = Outages::default();
        let mut lines = 0;
        for s in (0..7_200).step_by(60) {
            lines += usize::from(outages.failed(WHAT, "g", "unavailable", at(s)).is_some());
            lines += outages.worked("g", at(s + 30), nothing).len();
        }
        assert!(lines <= 10, "{lines}");
        let later = (7_200..14_400).step_by(60);
        let over: usize = later.map(|s| outages.worked("g", at(s), nothing).len()).sum();
        assert!(over <= 1);
        assert_eq!(outages.all().len(), 0, "it is forgotten");
    }

    #[test]
    fn a_flood_of_names_shares_one_place() {
        let outages = Outages::default();
        let written = (0..10_000)
            .filter(|n| outages.failed(&format!("{n}"), "g", "no", at(0)).is_some())
            .count();
        assert_eq!(written, REMEMBERED + 1);
    }
}
