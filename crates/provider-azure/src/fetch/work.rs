//! One call under way: its pieces, what came of each target, and the halving of what is refused as a whole until the
//! part that is to blame stands alone. Pure.

use crate::convert::Metrics;
use crate::question::{AskedMetric, Question, requests};
use provider_api::{Batch, Call, ErrorKind, Failure, ProviderError, Target, TargetId};
use std::collections::HashMap;

/// Most requests that one call may become by halving; what is then still refused fails as it is.
const MOST_HALVINGS: u32 = 64;

/// A part of a call: some of its targets and some of its metrics.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) targets: Vec<Target>,
    pub(super) metrics: Vec<AskedMetric>,
    /// Asked of ARM and not of getBatch.
    pub(super) arm: bool,
}

impl Piece {
    /// Two halves, by resources first; nothing when it is one metric of one resource.
    fn halves(mut self) -> Result<[Self; 2], Self> {
        let mut other = self.clone();
        if self.targets.len() > 1 {
            other.targets = self.targets.split_off(self.targets.len() / 2);
        } else if self.metrics.len() > 1 {
            other.metrics = self.metrics.split_off(self.metrics.len() / 2);
        } else {
            return Err(self);
        }
        Ok([self, other])
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
}

/// One call under way.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) pieces: Vec<Piece>,
    pub(super) progress: HashMap<TargetId, Progress>,
    pub(super) metrics: Metrics,
    halvings: u32,
}

impl Work {
    pub(super) fn new(call: &Call, question: &Question) -> Self {
        let piece = |metrics: Vec<AskedMetric>| Piece {
            targets: call.targets.clone(),
            metrics,
            arm: false,
        };
        let pieces: Vec<Piece> = requests(&question.metrics).into_iter().map(piece).collect();
        let open = |t: &Target| {
            (
                t.id,
                Progress {
                    open: pieces.len(),
                    ..Progress::default()
                },
            )
        };
        let progress = call.targets.iter().map(open).collect();
        Self {
            pieces,
            progress,
            metrics: Metrics::default(),
            halvings: 0,
        }
    }

    /// Puts the halves of `piece` back to work, or says that it is to blame.
    pub(super) fn halve(&mut self, piece: Piece, error: &ProviderError, batch: &mut Batch) {
        self.halvings += 1;
        if self.halvings > MOST_HALVINGS {
            return self.blame(&piece, error, batch);
        }
        let by_metric = piece.targets.len() == 1;
        match piece.halves() {
            Err(alone) => self.blame(&alone, error, batch),
            Ok([first, second]) => {
                for target in first.targets.iter().filter(|_| by_metric) {
                    self.progress.entry(target.id).or_default().open += 1;
                }
                self.pieces.extend([second, first]);
            }
        }
    }

    pub(super) fn blame(&mut self, piece: &Piece, error: &ProviderError, batch: &mut Batch) {
        let names: Vec<&str> = piece.metrics.iter().map(|m| &*m.name).collect();
        let words = format!("{} ({})", error.message(), names.join(", "));
        for target in &piece.targets {
            let progress = self.progress.entry(target.id).or_default();
            progress
                .failure
                .get_or_insert((error.kind().clone(), words.clone()));
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
        match progress.failure.take() {
            Some((kind, message)) => batch.failed.push(Failure {
                target: id,
                kind,
                message,
            }),
            None if progress.lacking => {}
            None => batch.complete.push(id),
        }
    }

    /// One piece per resource, to be asked of ARM.
    pub(super) fn singles(&mut self, piece: Piece) {
        for target in piece.targets.into_iter().rev() {
            self.pieces.push(Piece {
                targets: vec![target],
                metrics: piece.metrics.clone(),
                arm: true,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::GET_BATCH;
    use crate::http::failure;
    use crate::plan;
    use crate::testing::{call, question_of};
    use provider_api::Scope;
    use provider_api::conformance::batches_fit_their_call;

    fn refused() -> ProviderError {
        failure(
            GET_BATCH,
            &Scope::new("sub"),
            ErrorKind::InvalidRequest,
            "Valid metrics: A",
        )
    }

    #[test]
    fn halving_finds_the_one_to_blame_and_completes_the_others() {
        let call = call(&["/a", "/b", "/c"], &["A", "B"]);
        let mut work = Work::new(&call, question_of(&call));
        let mut batch = Batch::default();
        // The cloud refuses whatever holds metric B of /b.
        while let Some(piece) = work.pieces.pop() {
            let bad = piece.metrics.iter().any(|m| &*m.name == "B")
                && piece
                    .targets
                    .iter()
                    .any(|t| plan::detail(t).is_some_and(|d| &*d.id == "/b"));
            if bad {
                work.halve(piece, &refused(), &mut batch);
            } else {
                piece.targets.iter().for_each(|t| work.close(t.id, &mut batch));
            }
        }
        assert_eq!((batch.complete.len(), batch.failed.len()), (2, 1));
        assert!(
            batch.failed[0].message.ends_with("(B)"),
            "{}",
            batch.failed[0].message
        );
        batches_fit_their_call(&call, &[batch]);
    }

    #[test]
    fn halving_ends() {
        let ids: Vec<String> = (0..50).map(|i| format!("/r{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let names: Vec<String> = (0..20).map(|i| format!("m{i:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let call = call(&ids, &names);
        let mut work = Work::new(&call, question_of(&call));
        let mut batch = Batch::default();
        let mut requests: u32 = 0;
        while let Some(piece) = work.pieces.pop() {
            requests += 1;
            work.halve(piece, &refused(), &mut batch);
        }
        assert!(requests <= 2 * MOST_HALVINGS + 1, "{requests}");
        assert_eq!((batch.failed.len(), batch.complete.len()), (50, 0));
    }
}
