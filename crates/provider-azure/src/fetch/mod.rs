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

use memory::RestKind;
pub(crate) use memory::{Memory, Standing};
pub(crate) use request::{ARM_METRICS, written};

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

/// Resources that were refused for the first time and are tried by themselves after a listing, in one call.
const MOST_NEW_TRIALS: usize = 16;

impl AzureProvider {
    /// The answer to `call`, a batch per request.
    pub(crate) fn batches<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(async_stream::stream! {
            let Some(detail) = call.detail.as_any().downcast_ref::<CallDetail>() else {
                yield Err(failure(GET_BATCH, &call.scope, ErrorKind::Permanent, "a call of another provider"));
                return;
            };
            let question = &detail.question;
            let now = || start(&call.targets, question, |target| self.memory.standing(target, question));
            let mut begin = now();
            if !begin.resting.is_empty() {
                self.knock(call, question, &begin.resting).await;
                // Those that have answered are asked like all others.
                begin = now();
                yield Ok(at_rest(std::mem::take(&mut begin.resting)));
            }
            let mut work = Work::new(begin, self.memory.turn());
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

    /// Tries those that rest: after a listing, and now and then. Those that answer are asked as all others by the next call.
    async fn knock(&self, call: &Call, question: &Question, resting: &[(Target, Standing)]) {
        let is_due = |standing: &Standing| matches!(standing, Standing::Resting { due: true, .. });
        let after_listing = resting.iter().any(|(_, standing)| is_due(standing));
        if !(after_listing || self.memory.knocks(question)) || self.goes_round(question) {
            return;
        }
        let all: Vec<&Target> = resting.iter().map(|(target, _)| target).collect();
        if self.answers(call, question, &all).await || !after_listing || all.len() == 1 {
            return self.rest_on(resting);
        }
        // Not all of them: those that were refused once only, and some of the others, each by itself.
        let is_new = |standing: &Standing| {
            matches!(
                standing,
                Standing::Resting {
                    due: true,
                    times: 1,
                    ..
                }
            )
        };
        let (new, old): (Vec<_>, Vec<_>) = resting.iter().partition(|(_, standing)| is_new(standing));
        let first = self.memory.turn() % old.len().max(1);
        let some = old
            .iter()
            .cycle()
            .skip(first)
            .take(refused::MOST_TRIALS.min(old.len()));
        for (target, _) in new.iter().take(MOST_NEW_TRIALS).chain(some) {
            self.answers(call, question, &[target]).await;
        }
        self.rest_on(resting);
    }

    /// Whether all of these answer. Then they rest no more.
    async fn answers(&self, call: &Call, question: &Question, targets: &[&Target]) -> bool {
        let Some(metrics) = requests(&question.metrics).into_iter().next() else {
            return false;
        };
        let piece = Piece {
            targets: targets.iter().map(|target| (*target).clone()).collect(),
            metrics,
            way: Way::Trial,
            is_cut: false,
        };
        let answered = self.by_batch(call, question, &piece).await.is_ok();
        if answered {
            for target in targets {
                self.memory.answered(target.id, &question.metrics);
            }
        }
        answered
    }

    /// Those that were due and still are refused rest until the next listing.
    fn rest_on(&self, resting: &[(Target, Standing)]) {
        for (target, standing) in resting {
            let Standing::Resting {
                due: true,
                kind,
                words,
                ..
            } = standing
            else {
                continue;
            };
            let rests = plan::detail(target).is_some_and(|d| {
                matches!(
                    self.memory.standing(target, &d.question),
                    Standing::Resting { .. }
                )
            });
            if rests {
                self.memory.leave_whole(target, &(*kind).into(), words);
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
/// where it is, so that nothing is missing should it be a resource that is only just made. A missing permission hides what
/// there is: when it is granted, all of it is fetched.
fn at_rest(resting: Vec<(Target, Standing)>) -> Batch {
    let mut batch = Batch::default();
    for (target, standing) in resting {
        match standing {
            Standing::Resting {
                times, kind, words, ..
            } if times < REFUSALS_TO_COMPLETE || kind == RestKind::Forbidden => {
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
