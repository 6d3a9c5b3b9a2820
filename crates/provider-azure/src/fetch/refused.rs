//! What is done about a request that Azure refuses: who is to blame, what is asked otherwise, and what is left out.

use super::work::{Division, Piece, Way, Work};
use crate::AzureProvider;
use crate::classify::{self, Named, names_resource};
use crate::plan;
use crate::question::{AskedMetric, Question};
use provider_api::{Batch, ErrorKind, ProviderError, Target};

/// Resources that are tried by themselves after a trial of all that were refused, each time.
pub(super) const MOST_TRIALS: usize = 4;

impl AzureProvider {
    /// Reacts to a failure. An error is the whole call's.
    pub(super) fn no_answer(
        &self,
        question: &Question,
        piece: &Piece,
        work: &mut Work,
        error: ProviderError,
        batch: &mut Batch,
    ) -> Result<(), ProviderError> {
        if classify::about_time(&error) {
            work.blame(piece, error.kind(), error.message(), batch);
        } else if classify::divisible(&error) {
            if piece.way == Way::Arm {
                work.arm_failures = 0;
            } else {
                self.memory.spoke(&self.region_host(question));
            }
            self.refused(question, piece, work, &error, batch);
        } else if classify::passing(&error) {
            return self.failed(question, piece, work, error, batch);
        } else if piece.way == Way::Arm && *error.kind() == ErrorKind::Forbidden {
            return self.forbidden(piece, work, error, batch);
        } else {
            return Err(error);
        }
        Ok(())
    }

    /// Azure refuses what was asked: it names what would be right, or it is found out by halves.
    fn refused(
        &self,
        question: &Question,
        piece: &Piece,
        work: &mut Work,
        error: &ProviderError,
        batch: &mut Batch,
    ) {
        if piece.way == Way::Trial && piece.targets.len() > 1 {
            return self.tried_in_vain(piece, work, batch);
        }
        match classify::right(error) {
            Some(Named::Metrics(valid)) => {
                let is_valid = |m: &AskedMetric| valid.iter().any(|v| v.eq_ignore_ascii_case(&m.name));
                // Each resource may lack others: what one has is asked of all, the rest is asked apart.
                if piece.targets.len() > 1 && work.sort_out(piece, is_valid, batch) {
                    return;
                }
                if let [target] = piece.targets.as_slice()
                    && self.without(question, piece, target, |m| !is_valid(m), error, work, batch)
                {
                    return;
                }
            }
            Some(Named::Dimensions { metric, supported }) => {
                let is_it = |m: &AskedMetric| m.name.eq_ignore_ascii_case(metric);
                self.knowledge.splits(&question.namespace, metric, supported);
                let some = piece.metrics.iter().filter(|m| is_it(m)).count();
                if some > 0 {
                    self.without_all(question, piece, is_it, error, work, batch);
                    return;
                }
            }
            None => {}
        }
        self.by_halves(question, piece, work, error, batch);
    }

    /// Some of those that were refused before still are. A few are tried by themselves, others another time.
    fn tried_in_vain(&self, piece: &Piece, work: &mut Work, batch: &mut Batch) {
        let first = self.memory.turn() % piece.targets.len();
        for (at, target) in piece.targets.iter().enumerate() {
            self.memory.leave_out(target, &piece.metrics);
            let place = (at + piece.targets.len() - first) % piece.targets.len();
            if place < MOST_TRIALS {
                work.pieces.push_back(Piece {
                    targets: vec![target.clone()],
                    ..piece.clone()
                });
            } else {
                work.close(target.id, batch);
            }
        }
    }

    fn by_halves(
        &self,
        question: &Question,
        piece: &Piece,
        work: &mut Work,
        error: &ProviderError,
        batch: &mut Batch,
    ) {
        if let Some(at) = guilty(piece, error) {
            let mut rest = piece.clone();
            let target = rest.targets.remove(at);
            work.pieces.push_back(rest);
            let alone = Piece {
                targets: vec![target],
                ..piece.clone()
            };
            self.rest(&alone, error, work, batch);
            return;
        }
        let is_gone = *error.kind() == ErrorKind::NotFound;
        // A resource that is not there is not there for any of its metrics.
        let by = if is_gone {
            Division::Resources
        } else {
            Division::Metrics
        };
        // What is asked alone has been refused before: it is not told apart again.
        if piece.way != Way::Alone && work.divide(piece, by, batch) {
            return;
        }
        let all = piece
            .targets
            .first()
            .and_then(plan::detail)
            .map_or(0, |d| d.question.metrics.len());
        if is_gone || piece.way == Way::Alone || piece.metrics.len() == all {
            self.rest(piece, error, work, batch);
        } else {
            self.without_all(question, piece, |_| true, error, work, batch);
        }
    }

    /// The one resource of `piece` is refused as it is.
    pub(super) fn rest(&self, piece: &Piece, error: &ProviderError, work: &mut Work, batch: &mut Batch) {
        let mut times = 0;
        for target in &piece.targets {
            times = self.memory.leave_whole(target, error.kind(), error.message());
            self.doubt(target);
        }
        if times < super::REFUSALS_TO_COMPLETE {
            work.blame(piece, error.kind(), error.message(), batch);
        } else {
            work.nothing(piece, batch);
        }
    }

    /// Leaves out what is `bad` of one resource and asks for the rest. False when nothing is.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request under way")]
    fn without(
        &self,
        question: &Question,
        piece: &Piece,
        target: &Target,
        bad: impl Fn(&AskedMetric) -> bool,
        error: &ProviderError,
        work: &mut Work,
        batch: &mut Batch,
    ) -> bool {
        if !piece.metrics.iter().any(&bad) {
            return false;
        }
        self.doubt(target);
        self.without_all(question, piece, bad, error, work, batch);
        true
    }

    /// Leaves out what is `bad` of all resources of `piece` and asks for the rest.
    fn without_all(
        &self,
        question: &Question,
        piece: &Piece,
        bad: impl Fn(&AskedMetric) -> bool,
        error: &ProviderError,
        work: &mut Work,
        batch: &mut Batch,
    ) {
        let (bad, metrics): (Vec<_>, Vec<_>) = piece.metrics.iter().cloned().partition(|m| bad(m));
        for target in &piece.targets {
            self.memory.leave_out(target, &bad);
        }
        if piece.way != Way::Trial {
            say_left_out(self, question, piece, &bad, error);
        }
        if metrics.is_empty() {
            work.refuse(piece, error.kind(), error.message(), batch);
        } else {
            work.pieces.push_back(Piece {
                metrics,
                ..piece.clone()
            });
        }
    }

    /// The next listing asks this resource for its own definitions.
    fn doubt(&self, target: &Target) {
        if let Some(detail) = plan::detail(target) {
            self.knowledge.doubt(&detail.id);
        }
    }
}

/// The place of the one resource that the words of a refusal name, when there are others beside it.
fn guilty(piece: &Piece, error: &ProviderError) -> Option<usize> {
    if piece.targets.len() < 2 {
        return None;
    }
    let named =
        |target: &Target| plan::detail(target).is_some_and(|d| names_resource(error.message(), &d.id));
    let mut found = piece
        .targets
        .iter()
        .enumerate()
        .filter(|(_, target)| named(target));
    let (at, _) = found.next()?;
    found.next().is_none().then_some(at)
}

/// Each metric of a type is named once, whatever the number of resources that lack it.
fn say_left_out(
    provider: &AzureProvider,
    question: &Question,
    piece: &Piece,
    bad: &[AskedMetric],
    error: &ProviderError,
) {
    let new = |m: &&AskedMetric| !provider.memory.told(question, &format!("{} left out", m.name));
    let names: Vec<&str> = bad.iter().filter(new).map(|m| &*m.name).collect();
    if !names.is_empty() {
        let first = piece
            .targets
            .first()
            .and_then(plan::detail)
            .map(|d| d.id.to_string());
        tracing::warn!(account = %provider.config.account, namespace = %question.namespace, metrics = names.join(", "), resource = first, why = error.message(),
            "metrics left out of resources that refuse them, until the next listing");
    }
}
