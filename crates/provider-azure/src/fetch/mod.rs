//! Asking for values: one getBatch per piece of work, ARM per resource where getBatch is refused or does not answer, and
//! dividing what is refused or fails as a whole until the part that is to blame stands alone. Which part failed is told,
//! the rest is kept, and what Azure cannot answer is remembered.
//!
//! `start` says what a call begins with, `request` asks, `refused` and `silent` react to what is no answer, `work` keeps the books of
//! one call, `answer` puts what came into them, `memory` knows what to do otherwise than usual.

mod answer;
mod memory;
mod refused;
mod request;
mod silent;
mod start;
mod work;

pub(crate) use memory::{Memory, Standing};
pub(crate) use request::ARM_METRICS;

use crate::AzureProvider;
use crate::classify::{self, GET_BATCH};
use crate::http::failure;
use crate::plan::{self, CallDetail};
use crate::question::{Question, requests};
use futures::stream::BoxStream;
use provider_api::{Batch, Call, ErrorKind, Failure, ProviderError, Target};
use request::Values;
use start::start;
use work::{Piece, Way, Work};

/// A refused resource fails so often; after that it counts as complete, because Azure has nothing to say of it.
const REFUSALS_TO_COMPLETE: u32 = 2;

impl AzureProvider {
    /// The answer to `call`, a batch per request.
    pub(crate) fn batches<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(async_stream::stream! {
            let Some(detail) = call.detail.as_any().downcast_ref::<CallDetail>() else {
                yield Err(failure(GET_BATCH, &call.scope, ErrorKind::Permanent, "a call of another provider"));
                return;
            };
            let question = &detail.question;
            let mut start = start(&call.targets, question, |target| self.memory.standing(target, question));
            let resting = std::mem::take(&mut start.resting);
            if !resting.is_empty() {
                self.knock(call, question, &resting).await;
                yield Ok(at_rest(resting));
            }
            let mut work = Work::new(start, self.memory.turn());
            while let Some(piece) = work.pieces.pop_front() {
                match self.piece(call, question, piece, &mut work).await {
                    Ok(Some(batch)) => yield Ok(batch),
                    Ok(None) => {}
                    Err(e) => {
                        yield Err(e);
                        return;
                    }
                }
            }
        })
    }

    /// Asks for one piece. `None` when it was only put back to work in another form.
    async fn piece(
        &self,
        call: &Call,
        question: &Question,
        mut piece: Piece,
        work: &mut Work,
    ) -> Result<Option<Batch>, ProviderError> {
        let is_lone = matches!(piece.way, Way::Alone | Way::Trial);
        let by_arm = piece.way == Way::Arm || self.goes_round(question);
        let door = self.door(question, by_arm);
        if is_lone && self.memory.lone_waits(&door) {
            let mut batch = Batch::default();
            let words = "not asked this time: it failed the last time, and so did others just now";
            let kind = ErrorKind::Unavailable { retry_after: None };
            work.blame(&piece, &kind, words, &mut batch);
            return Ok(Some(batch));
        }
        if by_arm && piece.targets.len() > 1 {
            work.singles(piece);
            return Ok(None);
        }
        let answer = if by_arm {
            piece.way = Way::Arm;
            self.by_arm(call, question, &piece).await
        } else {
            match self.by_batch(call, question, &piece).await {
                Err(e) if classify::batch_unsupported(&e) => {
                    self.after_refusal(call, question, &mut piece, work, e).await
                }
                other => other,
            }
        };
        let mut batch = Batch::default();
        match answer {
            Ok((values, date)) => {
                self.memory.door_opened(&door);
                self.heard(question, &piece, work);
                batch.cloud_time = date;
                self.take(&values, &piece, call.window, work, &mut batch);
            }
            Err(error) => {
                if is_lone && classify::passing(&error) {
                    self.memory.lone_failed(&door);
                }
                self.no_answer(question, &piece, work, error, &mut batch)?;
            }
        }
        Ok(Some(batch))
    }

    /// Tries those that rest, all at once and seldom. When they answer, what was refused was not their own: the next call
    /// asks for them as for all others.
    async fn knock(&self, call: &Call, question: &Question, resting: &[(Target, Standing)]) {
        if !self.memory.knocks(question) || self.goes_round(question) {
            return;
        }
        let Some(metrics) = requests(&question.metrics).into_iter().next() else {
            return;
        };
        let piece = Piece {
            targets: resting.iter().map(|(target, _)| target.clone()).collect(),
            metrics,
            way: Way::Trial,
            is_cut: false,
        };
        if self.by_batch(call, question, &piece).await.is_ok() {
            for target in &piece.targets {
                self.memory.answered(target.id, &question.metrics);
            }
        }
    }

    /// Whether the data plane of the region is refused, or known to be down.
    fn goes_round(&self, question: &Question) -> bool {
        self.memory.arm_turn(question) || self.memory.is_down(&self.region_host(question))
    }

    /// What the memory calls the data plane of a region.
    fn region_host(&self, question: &Question) -> String {
        self.api.cloud().metrics_base(&question.region)
    }

    /// What the breaker of the gate goes by: the subscription and the host.
    fn door(&self, question: &Question, by_arm: bool) -> String {
        let host = if by_arm {
            self.api.cloud().arm_base().to_owned()
        } else {
            self.region_host(question)
        };
        format!("{} {host}", question.subscription)
    }

    fn heard(&self, question: &Question, piece: &Piece, work: &mut Work) {
        if piece.way == Way::Arm {
            (work.arm_failures, work.arm_answered) = (0, true);
        } else if self.memory.spoke(&self.region_host(question)) {
            tracing::info!(account = %self.config.account, region = %question.region,
                "metrics data plane of region {} answers again: reading through it", question.region);
        }
    }

    /// getBatch was refused: the resources go to ARM, one by one. When that fails for the first in a way that cannot be its
    /// own, getBatch's refusal is what counts.
    async fn after_refusal(
        &self,
        call: &Call,
        question: &Question,
        piece: &mut Piece,
        work: &mut Work,
        refusal: ProviderError,
    ) -> Values {
        let rest = piece.targets.split_off(1);
        let answer = self.by_arm(call, question, piece).await;
        if answer.as_ref().is_err_and(|e| !may_be_its_own(e)) {
            return Err(refusal);
        }
        piece.way = Way::Arm;
        if !rest.is_empty() {
            work.singles(Piece {
                targets: rest,
                ..piece.clone()
            });
        }
        if answer.is_ok() && self.memory.prefer_arm(question) {
            tracing::warn!(account = %self.config.account, error = %refusal, subscription = %question.subscription, namespace = %question.namespace,
                region = %question.region,
                "getBatch is refused in subscription {}: reading {} in {} through Resource Manager, one request per resource",
                question.subscription, question.namespace, question.region);
        }
        answer
    }
}

/// Whether ARM's failure may be the resource's, so that it answers for others.
fn may_be_its_own(error: &ProviderError) -> bool {
    classify::divisible(error)
        || *error.kind() == ErrorKind::Forbidden
        || (classify::passing(error) && !classify::not_asked(error))
}

/// Targets that are not asked for. One that was refused again after its rest has nothing to say; until then it stays
/// where it is, so that nothing is missing should it be a resource that is only just made.
fn at_rest(resting: Vec<(Target, Standing)>) -> Batch {
    let mut batch = Batch::default();
    for (target, standing) in resting {
        match standing {
            Standing::Resting { times, kind, words } if times < REFUSALS_TO_COMPLETE => {
                let id = plan::detail(&target)
                    .map(|d| d.id.to_string())
                    .unwrap_or_default();
                batch.failed.push(Failure {
                    target: target.id,
                    kind: kind.into(),
                    message: format!("{id} is left out until the next listing: {words}"),
                });
            }
            Standing::Plain | Standing::Without { .. } | Standing::Alone | Standing::Resting { .. } => {
                batch.complete.push(target.id);
            }
        }
    }
    batch
}
