//! One call under way: its pieces, what came of each target, and the dividing of what is refused or fails as a whole
//! until the part that is to blame stands alone. Pure.

use super::start::Start;
use crate::convert::Metrics;
use crate::question::AskedMetric;
use provider_api::{Batch, ErrorKind, Failure, Members, Target, TargetId};
use std::collections::{HashMap, VecDeque};

/// Most pieces that one call may become by dividing. What is then left is asked for by the next call: what was found out
/// until then is remembered, so it gets further.
const MOST_DIVISIONS: u32 = 128;

/// How a piece is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With getBatch.
    Batch,
    /// With getBatch, known to fail or doubtful: it says nothing of the host.
    Alone,
    /// With getBatch, for metrics that were refused before: a refusal is no news.
    Trial,
    /// Of ARM.
    Arm,
}

/// Why a piece is divided, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Division {
    /// It was refused: down to one metric of one resource.
    Metrics,
    /// It was refused for a resource: down to one resource.
    Resources,
    /// It was not answered: down to one resource.
    Silence,
}

/// A part of a call: some of its targets and some of its metrics.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) targets: Vec<Target>,
    pub(super) metrics: Vec<AskedMetric>,
    pub(super) way: Way,
    /// Cut from what failed with all its tries: once is enough to see whether it fails as well.
    pub(super) is_cut: bool,
}

impl Piece {
    /// Whether it may fail by itself, so that it is tried once only.
    pub(super) fn is_doubtful(&self) -> bool {
        self.is_cut || matches!(self.way, Way::Alone | Way::Trial)
    }

    /// The same number for the same targets and metrics, whatever the window.
    pub(super) fn question(&self) -> u64 {
        let mut ids: Vec<String> = self.targets.iter().map(|t| t.id.0.to_string()).collect();
        ids.sort();
        let names = self.metrics.iter().map(|m| &*m.name);
        Members::of(ids.iter().map(String::as_str).chain(names)).0
    }

    /// Two halves, by resources first; nothing when it is one metric of one resource.
    fn halves(mut self) -> Option<[Self; 2]> {
        let mut other = self.clone();
        if self.targets.len() > 1 {
            other.targets = self.targets.split_off(self.targets.len() / 2);
        } else if self.metrics.len() > 1 {
            other.metrics = self.metrics.split_off(self.metrics.len() / 2);
        } else {
            return None;
        }
        Some([self, other])
    }
}

/// How far a target is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Pieces that have not been answered.
    open: usize,
    pub(super) failure: Option<(ErrorKind, String)>,
    /// Something is missing in the answer: neither complete nor failed.
    pub(super) lacking: bool,
    /// Something was answered.
    pub(super) answered: bool,
    /// Why something was left out. It counts when nothing was answered: then the target has failed.
    pub(super) refused: Option<(ErrorKind, String)>,
}

/// One call under way.
#[derive(Debug)]
pub(super) struct Work {
    /// The halves of what was divided come behind everything else, so that one bad part does not keep the good ones
    /// waiting, and answers come between its failures.
    pub(super) pieces: VecDeque<Piece>,
    pub(super) progress: HashMap<TargetId, Progress>,
    pub(super) metrics: Metrics,
    divisions: u32,
    /// Which half comes first.
    turn: usize,
    /// Failures of ARM in a row.
    pub(super) arm_failures: u32,
    /// Whether ARM has answered.
    pub(super) arm_answered: bool,
}

impl Work {
    pub(super) fn new(start: Start, turn: usize) -> Self {
        let mut progress: HashMap<TargetId, Progress> = HashMap::new();
        for target in start.pieces.iter().flat_map(|piece| &piece.targets) {
            progress.entry(target.id).or_default().open += 1;
        }
        // The well first, then the doubtful, each in turns.
        let is_well = |piece: &Piece| piece.way == Way::Batch;
        let (mut well, mut lone): (Vec<_>, Vec<_>) = start.pieces.into_iter().partition(is_well);
        for pieces in [&mut well, &mut lone] {
            let first = turn % pieces.len().max(1);
            pieces.rotate_left(first);
        }
        let pieces = well.into_iter().chain(lone).collect();
        Self {
            pieces,
            progress,
            metrics: Metrics::default(),
            divisions: 0,
            turn,
            arm_failures: 0,
            arm_answered: false,
        }
    }

    /// Puts the halves of `piece` back to work. False when it is one metric of one resource, or one resource and only
    /// those are to be told apart. What is beyond the limit is left for the next call.
    pub(super) fn divide(&mut self, piece: &Piece, by: Division, batch: &mut Batch) -> bool {
        if piece.targets.len() == 1 && by != Division::Metrics {
            return false;
        }
        let by_metric = piece.targets.len() == 1;
        let Some([mut first, mut second]) = piece.clone().halves() else {
            return false;
        };
        if by == Division::Silence {
            (first.is_cut, second.is_cut) = (true, true);
        }
        if !self.may_divide() {
            self.leave(piece, batch);
            return true;
        }
        for target in first.targets.iter().filter(|_| by_metric) {
            self.progress.entry(target.id).or_default().open += 1;
        }
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(2) {
            self.pieces.extend([first, second]);
        } else {
            self.pieces.extend([second, first]);
        }
        true
    }

    /// Puts the metrics of `piece` that are in `good` and those that are not back to work, apart. False when all or none are.
    pub(super) fn sort_out(
        &mut self,
        piece: &Piece,
        good: impl Fn(&AskedMetric) -> bool,
        batch: &mut Batch,
    ) -> bool {
        let (good, rest): (Vec<_>, Vec<_>) = piece.metrics.iter().cloned().partition(|m| good(m));
        if good.is_empty() || rest.is_empty() {
            return false;
        }
        if !self.may_divide() {
            self.leave(piece, batch);
            return true;
        }
        for target in &piece.targets {
            self.progress.entry(target.id).or_default().open += 1;
        }
        for metrics in [good, rest] {
            self.pieces.push_back(Piece {
                metrics,
                ..piece.clone()
            });
        }
        true
    }

    fn may_divide(&mut self) -> bool {
        self.divisions += 1;
        self.divisions <= MOST_DIVISIONS
    }

    /// Nothing is said of the targets: they are asked for again.
    pub(super) fn leave(&mut self, piece: &Piece, batch: &mut Batch) {
        for target in &piece.targets {
            self.progress.entry(target.id).or_default().lacking = true;
            self.close(target.id, batch);
        }
    }

    pub(super) fn blame(&mut self, piece: &Piece, kind: &ErrorKind, words: &str, batch: &mut Batch) {
        let names: Vec<&str> = piece.metrics.iter().map(|m| &*m.name).collect();
        let words = format!("{words} ({})", names.join(", "));
        for target in &piece.targets {
            let progress = self.progress.entry(target.id).or_default();
            progress.failure.get_or_insert((kind.clone(), words.clone()));
            self.close(target.id, batch);
        }
    }

    /// What `piece` asks for is left out of its targets.
    pub(super) fn refuse(&mut self, piece: &Piece, kind: &ErrorKind, words: &str, batch: &mut Batch) {
        for target in &piece.targets {
            let progress = self.progress.entry(target.id).or_default();
            progress
                .refused
                .get_or_insert_with(|| (kind.clone(), words.to_owned()));
            self.close(target.id, batch);
        }
    }

    /// The targets of `piece` have nothing to answer to it.
    pub(super) fn nothing(&mut self, piece: &Piece, batch: &mut Batch) {
        for target in &piece.targets {
            self.close(target.id, batch);
        }
    }

    /// One piece of `id` is done; after the last one it is complete or failed.
    pub(super) fn close(&mut self, id: TargetId, batch: &mut Batch) {
        let Some(progress) = self.progress.get_mut(&id) else {
            return;
        };
        progress.open = progress.open.saturating_sub(1);
        if progress.open > 0 {
            return;
        }
        let refused = progress.refused.take().filter(|_| !progress.answered);
        match progress.failure.take().or(refused) {
            Some((kind, message)) => batch.failed.push(Failure {
                target: id,
                kind,
                message,
            }),
            None if progress.lacking => {}
            None => batch.complete.push(id),
        }
    }

    /// One piece per resource, to be asked of ARM, before everything else.
    pub(super) fn singles(&mut self, piece: Piece) {
        for target in piece.targets.into_iter().rev() {
            self.pieces.push_front(Piece {
                targets: vec![target],
                metrics: piece.metrics.clone(),
                way: Way::Arm,
                is_cut: false,
            });
        }
    }
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
