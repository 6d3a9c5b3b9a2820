//! A cloud of a few series, a store that polls it, and a model that remembers everything ever taken.

use crate::common::{self, MINUTE, account, commit, drain, open, options, point, power_cut, series, window};
use provider_api::{SeriesPoints, TargetId, UnixNanos, Window};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Committed, Progress, Store};

pub(crate) const LOOKBACK_MINUTES: i64 = 10;
pub(crate) const TARGET: u64 = 7;
pub(crate) const START_S: i64 = 1_700_000_040;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Minutes pass.
    Wait(i64),
    /// A poll of what touches the watermark: at most so many minutes, in pages of so many points, newest first or not,
    /// failing after so many pages.
    Main {
        longest: i64,
        page: usize,
        newest_first: bool,
        fails_after: Option<usize>,
    },
    /// A poll of the newest minutes beyond a gap.
    Ahead {
        length: i64,
        page: usize,
        newest_first: bool,
        fails_after: Option<usize>,
    },
    /// The process is killed.
    Kill,
}

/// A series writes every `every` seconds at an offset; one in `late_one_in` points comes late.
#[derive(Clone, Debug)]
pub(crate) struct Writes {
    pub(crate) every: i64,
    pub(crate) offset: i64,
    pub(crate) late_one_in: i64,
    pub(crate) late_s: i64,
    pub(crate) born: i64,
}

impl Writes {
    /// Ends in the window that have been published at `now`.
    fn ends(&self, w: Window, now_s: i64) -> Vec<i64> {
        let first = START_S + self.born * MINUTE + self.offset;
        let from = (w.start().seconds() - first).max(-1).div_euclid(self.every) + 1;
        let published = |end: &i64| {
            let late = (end / self.every) % self.late_one_in == 0;
            *end <= w.end().seconds() && end + i64::from(late) * self.late_s <= now_s
        };
        (from.max(0)..i64::MAX)
            .map(|n| first + n * self.every)
            .take_while(|end| *end <= w.end().seconds())
            .filter(published)
            .collect()
    }
}

/// Where the gap before a window ends: at the stretch that it lengthens, or where it starts.
fn gap_end(p: Progress, w: Window) -> UnixNanos {
    let lengthens = p.ahead.iter().find(|(_, to)| w.start() <= *to);
    lengthens.map_or(w.start(), |(from, _)| from)
}

/// The model: everything ever taken, and intervals as sets of minutes.
pub(crate) struct World {
    store: Option<Arc<Store>>,
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    generation: usize,
    now_s: i64,
    series: Vec<Writes>,
    taken: BTreeSet<(usize, i64)>,
    handed: BTreeMap<(String, i64), u32>,
    /// Minutes of which everything has been read.
    covered: BTreeSet<i64>,
    first_minute: Option<i64>,
}

impl World {
    pub(crate) fn new(series: Vec<Writes>, on_disk: bool) -> Self {
        let dir = on_disk.then(|| tempfile::tempdir().unwrap());
        let path = dir.as_ref().map_or_else(PathBuf::new, |dir| dir.path().join("0"));
        let mut world = Self {
            store: None,
            dir,
            path,
            generation: 0,
            now_s: START_S + 60 * MINUTE,
            series,
            taken: BTreeSet::new(),
            handed: BTreeMap::new(),
            covered: BTreeSet::new(),
            first_minute: None,
        };
        world.reopen();
        world
    }

    pub(crate) fn reopen(&mut self) {
        let options = options(&self.path).destination("d");
        self.store = Some(match self.dir {
            Some(_) => open(&options),
            None => Store::in_memory(&options, Box::new(common::Lines)).unwrap(),
        });
    }

    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(self.store.as_ref().unwrap())
    }

    pub(crate) fn kill(&mut self) {
        if let Some(dir) = &self.dir {
            self.generation += 1;
            let next = dir.path().join(self.generation.to_string());
            power_cut(&self.path, &next);
            self.store = None;
            self.path = next;
            self.reopen();
        }
    }

    pub(crate) fn progress(&self) -> Option<Progress> {
        self.store().progress(&account(), TargetId(TARGET))
    }

    /// Reads a window page by page and compares each page with the model.
    pub(crate) async fn read(
        &mut self,
        w: Window,
        page: usize,
        newest_first: bool,
        fails_after: Option<usize>,
    ) {
        let now = self.now_s;
        let mut all: Vec<(usize, i64)> = (0..self.series.len())
            .flat_map(|s| self.series[s].ends(w, now).into_iter().map(move |end| (s, end)))
            .collect();
        all.sort_by_key(|(s, end)| (*end, *s));
        if newest_first {
            all.reverse();
        }
        let before = self.progress();
        let gap = before.and_then(|p| (w.start() > p.upto).then(|| gap_end(p, w)));
        let pages: Vec<Vec<(usize, i64)>> = all.chunks(page).map(<[_]>::to_vec).collect();
        let count = pages.len();
        for (n, of_page) in pages.into_iter().enumerate() {
            if fails_after == Some(n) {
                return;
            }
            let complete: &[u64] = if n + 1 == count { &[TARGET] } else { &[] };
            let done = self.send(w, &of_page, complete).await;
            self.compare(&of_page, gap, done);
        }
        if count == 0 {
            self.send(w, &[], &[TARGET]).await;
        }
        self.cover(w, before, gap);
    }

    pub(crate) async fn send(&self, w: Window, page: &[(usize, i64)], complete: &[u64]) -> Committed {
        let mut by_series: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        for (s, end) in page {
            by_series.entry(*s).or_default().push(*end);
        }
        let points = by_series.into_iter().map(|(s, mut ends)| {
            ends.sort_unstable();
            SeriesPoints {
                target: TargetId(TARGET),
                series: series(&s.to_string()),
                points: ends.iter().map(|end| point(*end, 1.0)).collect(),
            }
        });
        let lookback = (LOOKBACK_MINUTES * MINUTE).unsigned_abs();
        commit(&self.store(), lookback, w, points.collect(), complete)
            .await
            .unwrap()
    }

    pub(crate) fn compare(&mut self, page: &[(usize, i64)], gap: Option<UnixNanos>, done: Committed) {
        let (mut fresh, mut repeated, mut deferred) = (0, 0, 0);
        for one in page {
            if gap.is_some_and(|gap| one.1 <= gap.seconds()) {
                deferred += 1;
            } else if self.taken.insert(*one) {
                fresh += 1;
            } else {
                repeated += 1;
            }
        }
        let counts = (
            done.fresh,
            done.repeated,
            done.deferred,
            done.too_old,
            done.revised,
        );
        assert_eq!(counts, (fresh, repeated, deferred, 0, 0));
    }

    /// The naive interval set, in minutes.
    pub(crate) fn cover(&mut self, w: Window, before: Option<Progress>, gap: Option<UnixNanos>) {
        let to = w.end().seconds() / MINUTE;
        let from = w.start().max(gap.unwrap_or(w.start())).seconds() / MINUTE + 1;
        if before.is_none() {
            self.first_minute = Some(from);
        }
        let first = self.first_minute.unwrap();
        self.covered.extend(from.max(first)..=to);
        let p = self.progress().unwrap();
        let upto = (first..i64::MAX)
            .take_while(|m| self.covered.contains(m))
            .last()
            .unwrap();
        assert_eq!(p.upto.seconds() / MINUTE, upto);
        let beyond: Vec<i64> = self.covered.range(upto + 1..).copied().collect();
        let runs = beyond.chunk_by(|a, b| a + 1 == *b);
        let runs: Vec<(i64, i64)> = runs.map(|run| (run[0] - 1, run[run.len() - 1])).collect();
        let minutes = |(a, b): (UnixNanos, UnixNanos)| (a.seconds() / MINUTE, b.seconds() / MINUTE);
        assert_eq!(p.ahead.iter().map(minutes).collect::<Vec<_>>(), runs);
    }

    pub(crate) fn main_window(&self, longest: i64) -> Option<Window> {
        let end = self.now_s / MINUTE * MINUTE;
        let Some(p) = self.progress() else {
            return Some(window(end - 15 * MINUTE, end));
        };
        let to = end.min(p.upto.seconds() + longest * MINUTE);
        // What lies beyond the gap has been read.
        let to = p.ahead.first().map_or(to, |(gap, _)| to.min(gap.seconds()));
        (to > p.upto.seconds()).then(|| window(p.upto.seconds() - LOOKBACK_MINUTES * MINUTE, to))
    }

    pub(crate) fn ahead_window(&self, length: i64) -> Option<Window> {
        let end = self.now_s / MINUTE * MINUTE;
        let p = self.progress()?;
        let new = end - length * MINUTE;
        let from = match p.ahead.last() {
            // As the scheduler does it: not beyond where the stretch begins, before which nothing was taken.
            Some((begin, newest)) if new <= newest.seconds() || p.ahead.is_full() => {
                begin.seconds().max(newest.seconds() - LOOKBACK_MINUTES * MINUTE)
            }
            Some(_) | None => new,
        };
        (from > p.upto.seconds() && end > from).then(|| window(from, end))
    }

    pub(crate) async fn step(&mut self, step: &Step) {
        match step {
            Step::Wait(minutes) => self.now_s += minutes * MINUTE + 13,
            Step::Main {
                longest,
                page,
                newest_first,
                fails_after,
            } => {
                if let Some(w) = self.main_window(*longest) {
                    self.read(w, *page, *newest_first, *fails_after).await;
                }
            }
            Step::Ahead {
                length,
                page,
                newest_first,
                fails_after,
            } => {
                if let Some(w) = self.ahead_window(*length) {
                    self.read(w, *page, *newest_first, *fails_after).await;
                }
            }
            Step::Kill => self.kill(),
        }
        self.deliver().await;
    }

    pub(crate) async fn deliver(&mut self) {
        for (id, _, end, _) in drain(&self.store(), 0).await {
            *self.handed.entry((id, end)).or_default() += 1;
        }
    }

    /// Catches up; then everything that was taken has been delivered once, and nothing else.
    pub(crate) async fn end(&mut self) {
        self.now_s += MINUTE;
        while let Some(w) = self.main_window(500) {
            self.read(w, 50, false, None).await;
        }
        self.deliver().await;
        assert!(self.progress().unwrap().ahead.is_empty());
        assert!(self.handed.values().all(|times| *times == 1));
        let handed: BTreeSet<_> = self.handed.keys().cloned().collect();
        let name = |s: usize| format!("{:032x}", series(&s.to_string()).id().0);
        let taken: BTreeSet<_> = self
            .taken
            .iter()
            .map(|(s, end)| (name(*s), end * 1_000_000_000))
            .collect();
        assert_eq!(handed, taken);
        self.nothing_is_missing();
    }

    /// Everything published within the lookback is there, from the first window on.
    pub(crate) fn nothing_is_missing(&self) {
        let from = (self.first_minute.unwrap() - 1) * MINUTE;
        let upto = self.progress().unwrap().upto.seconds();
        let w = window(from, upto);
        for (s, series) in self.series.iter().enumerate() {
            for end in series.ends(w, upto - LOOKBACK_MINUTES * MINUTE) {
                assert!(self.taken.contains(&(s, end)), "series {s} lacks {end}");
            }
        }
    }
}
