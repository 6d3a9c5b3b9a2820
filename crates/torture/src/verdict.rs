//! Compares what a destination has taken with the truth: what is missing, what is false, and what came twice without
//! an excuse.

use crate::tally::{Acknowledgement, Point, Taken, Tally};
use crate::truth::{True, Truth};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// A kill excuses batches that are taken so long after it: they were on their way.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// An acknowledgement has been noted durably so long after the batch was taken; a later kill excuses nothing.
const NOTED_AFTER: Duration = Duration::from_secs(3);

/// Which points must have arrived: those that end after, and were visible and due before, these seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Required {
    pub(crate) after_unix_s: i64,
    pub(crate) by_unix_s: i64,
}

impl Required {
    pub(crate) fn holds(self, time_ns: u64, point: &True) -> bool {
        const NANOS: u64 = 1_000_000_000;
        let end_s = i64::try_from(time_ns / NANOS).unwrap_or(i64::MAX);
        end_s > self.after_unix_s && point.visible_unix_s.max(point.due_unix_s) <= self.by_unix_s
    }
}

/// What is to be said of one destination.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) required: usize,
    pub(crate) late: usize,
    pub(crate) revised: usize,
    /// Points that were taken with their preliminary value.
    pub(crate) preliminary: usize,
    pub(crate) batches: usize,
    pub(crate) resent_batches: usize,
    /// Those among them whose acknowledgement the destination had kept back.
    pub(crate) resent_unacknowledged: usize,
    /// Batches that nothing would have excused to come again.
    pub(crate) sharp_batches: usize,
    /// Batches whose acknowledgement the destination kept back.
    pub(crate) unacknowledged: usize,
    pub(crate) missing: Vec<String>,
    /// Points that no cloud has, or with another value.
    pub(crate) untrue: Vec<String>,
    /// Repetitions that nothing excuses, or with another content.
    pub(crate) repeated: BTreeSet<String>,
}

impl Verdict {
    /// All promises are kept.
    pub(crate) fn is_good(&self) -> bool {
        self.missing.is_empty() && self.untrue.is_empty() && self.repeated.is_empty()
    }
}

/// How many required points have not arrived.
pub(crate) fn missing(truth: &Truth, required: Required, tally: &Tally) -> usize {
    let seen = seen(truth, tally);
    required_points(truth, required)
        .filter(|(key, _)| !seen.contains(*key))
        .count()
}

/// The whole verdict; `breaks` are the moments at which the daemon was killed or the line to it was cut.
pub(crate) fn judge(truth: &Truth, required: Required, tally: &Tally, breaks: &[Instant]) -> Verdict {
    let seen = seen(truth, tally);
    let mut verdict = Verdict {
        batches: tally.batches.len(),
        resent_batches: resent(&tally.batches),
        resent_unacknowledged: resent_unacknowledged(&tally.batches),
        sharp_batches: tally
            .batches
            .iter()
            .filter(|b| !may_come_again(b, breaks))
            .count(),
        unacknowledged: unacknowledged(&tally.batches),
        ..Verdict::default()
    };
    for (key, point) in required_points(truth, required) {
        verdict.required += 1;
        verdict.late += usize::from(point.is_late);
        verdict.revised += usize::from(point.preliminary.is_some());
        if !seen.contains(key) {
            verdict.missing.push(described(truth, *key));
        }
    }
    judge_values(truth, tally, &mut verdict);
    judge_repetitions(truth, tally, breaks, &mut verdict);
    verdict
}

fn required_points(truth: &Truth, required: Required) -> impl Iterator<Item = (&(usize, u64), &True)> {
    let points = truth.points.iter();
    points.filter(move |((_, time_ns), point)| required.holds(*time_ns, point))
}

/// The true series of each series of the tally.
fn identified(truth: &Truth, tally: &Tally) -> Vec<Option<usize>> {
    tally.series.iter().map(|point| truth.series_of(point)).collect()
}

fn key(series: &[Option<usize>], point: &Point) -> Option<(usize, u64)> {
    let series = series.get(point.series).copied().flatten()?;
    Some((series, point.time_ns))
}

fn seen(truth: &Truth, tally: &Tally) -> HashSet<(usize, u64)> {
    let series = identified(truth, tally);
    tally
        .points
        .iter()
        .filter_map(|point| key(&series, point))
        .collect()
}

fn judge_values(truth: &Truth, tally: &Tally, verdict: &mut Verdict) {
    let series = identified(truth, tally);
    for point in &tally.points {
        let Some(key) = key(&series, point) else {
            let of = tally.series.get(point.series);
            verdict.untrue.push(format!("no such series: {of:?}"));
            continue;
        };
        match truth.points.get(&key) {
            None => verdict
                .untrue
                .push(format!("no such point: {}", described(truth, key))),
            Some(known) if known.value == point.value => {}
            Some(known) if known.preliminary == Some(point.value) => verdict.preliminary += 1,
            Some(_) => verdict
                .untrue
                .push(format!("another value: {}", described(truth, key))),
        }
    }
}

fn judge_repetitions(truth: &Truth, tally: &Tally, breaks: &[Instant], verdict: &mut Verdict) {
    let series = identified(truth, tally);
    let mut last: HashMap<(usize, u64), usize> = HashMap::new();
    for point in &tally.points {
        let Some(key) = key(&series, point) else { continue };
        let Some(before) = last.insert(key, point.batch) else {
            continue;
        };
        let pair = (tally.batches.get(before), tally.batches.get(point.batch));
        let (Some(first), Some(second)) = pair else {
            continue;
        };
        let wrong = match () {
            () if before == point.batch => "twice in one batch",
            () if first.body != second.body => "again in another batch than before",
            () if !is_excused(first, second, breaks) => "again although its acknowledgement was not lost",
            () => continue,
        };
        let batches = format!("batches {before} and {}", point.batch);
        if !verdict.repeated.iter().any(|known| known.starts_with(&batches)) {
            let of = described(truth, key);
            verdict
                .repeated
                .insert(format!("{batches}: {wrong}, for example {of}"));
        }
    }
}

/// Whether the acknowledgement of the first may have been lost before the second came.
fn is_excused(first: &Taken, second: &Taken, breaks: &[Instant]) -> bool {
    lost_by(first, second.at, breaks)
}

/// Whether the acknowledgement of a batch may have been lost at any time.
fn may_come_again(batch: &Taken, breaks: &[Instant]) -> bool {
    lost_by(batch, batch.at + NOTED_AFTER, breaks)
}

fn lost_by(batch: &Taken, until: Instant, breaks: &[Instant]) -> bool {
    let from = batch.at.checked_sub(ON_ITS_WAY).unwrap_or(batch.at);
    let to = until.min(batch.at + NOTED_AFTER);
    let is_between = |at: &Instant| from <= *at && *at <= to;
    batch.acknowledgement == Acknowledgement::Withheld || breaks.iter().any(is_between)
}

/// Batches that came again after the destination had kept their acknowledgement back.
fn resent_unacknowledged(batches: &[Taken]) -> usize {
    let mut last: HashMap<u64, Acknowledgement> = HashMap::new();
    let again =
        |batch: &&Taken| last.insert(batch.body, batch.acknowledgement) == Some(Acknowledgement::Withheld);
    batches.iter().filter(again).count()
}

fn resent(batches: &[Taken]) -> usize {
    let different: HashSet<u64> = batches.iter().map(|batch| batch.body).collect();
    batches.len() - different.len()
}

fn unacknowledged(batches: &[Taken]) -> usize {
    let withheld = |batch: &&Taken| batch.acknowledgement == Acknowledgement::Withheld;
    batches.iter().filter(withheld).count()
}

fn described(truth: &Truth, (series, time_ns): (usize, u64)) -> String {
    format!("{} at {time_ns}", truth.name(series))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(body: u64, at: Instant, acknowledgement: Acknowledgement) -> Taken {
        Taken {
            body,
            at,
            acknowledgement,
        }
    }

    #[test]
    fn a_repetition_needs_a_lost_acknowledgement_and_a_break_at_the_right_moment() {
        let s = Duration::from_secs;
        let start = Instant::now() + s(100);
        let sent = taken(1, start, Acknowledgement::Sent);
        let again = taken(1, start + s(10), Acknowledgement::Sent);
        let withheld = taken(1, start, Acknowledgement::Withheld);
        assert!(is_excused(&withheld, &again, &[]));
        assert!(!is_excused(&sent, &again, &[]));
        assert!(is_excused(&sent, &again, &[start + s(2)]));
        assert!(is_excused(&sent, &again, &[start - Duration::from_millis(500)]));
        assert!(!is_excused(&sent, &again, &[start + s(5)]));
        assert!(!is_excused(
            &sent,
            &taken(1, start + s(1), Acknowledgement::Sent),
            &[start + s(2)]
        ));
        assert_eq!(resent(&[sent, again, taken(2, start, Acknowledgement::Sent)]), 1);
    }
}
