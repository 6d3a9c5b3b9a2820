//! Asking for values: one getBatch per piece of work, ARM per resource where getBatch is refused, and halving what is
//! refused as a whole until the part that is to blame stands alone. Which part failed is told, the rest is kept.
//!
//! `request` asks, `work` keeps the books of one call, `answer` puts what came into them, `memory` knows where getBatch
//! is refused.

mod answer;
mod memory;
mod request;
mod work;

pub(crate) use memory::Memory;
pub(crate) use request::ARM_METRICS;

use crate::AzureProvider;
use crate::classify::{self, GET_BATCH};
use crate::http::failure;
use crate::plan::CallDetail;
use crate::question::Question;
use futures::stream::BoxStream;
use provider_api::{Batch, Call, ErrorKind, ProviderError};
use request::Values;
use work::{Piece, Work};

impl AzureProvider {
    /// The answer to `call`, a batch per request.
    pub(crate) fn batches<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(async_stream::stream! {
            let Some(detail) = call.detail.as_any().downcast_ref::<CallDetail>() else {
                yield Err(failure(GET_BATCH, &call.scope, ErrorKind::Permanent, "a call of another provider"));
                return;
            };
            let mut work = Work::new(call, &detail.question);
            while let Some(piece) = work.pieces.pop() {
                match self.piece(call, &detail.question, piece, &mut work).await {
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
        let by_arm = piece.arm || self.memory.arm_turn(question);
        if by_arm && piece.targets.len() > 1 {
            work.singles(piece);
            return Ok(None);
        }
        let answer = if by_arm {
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
                batch.cloud_time = date;
                self.take(&values, &piece, call.window, work, &mut batch);
            }
            Err(e) if classify::about_time(&e) => work.blame(&piece, &e, &mut batch),
            Err(e) if classify::divisible(&e) => work.halve(piece, &e, &mut batch),
            Err(e) => return Err(e),
        }
        Ok(Some(batch))
    }

    /// getBatch was refused: when ARM answers for the first resource, the others go to ARM, too; when it does not,
    /// what it says of that resource counts if it is about the resource, else getBatch's refusal.
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
        let about_resource = answer.as_ref().is_err_and(classify::divisible);
        if answer.is_err() && !about_resource {
            return Err(refusal);
        }
        if !rest.is_empty() {
            work.singles(Piece {
                targets: rest,
                metrics: piece.metrics.clone(),
                arm: true,
            });
        }
        if answer.is_ok() && self.memory.prefer_arm(question) {
            tracing::warn!(error = %refusal, namespace = %question.namespace, region = %question.region,
                "getBatch is refused; asking Resource Manager, one request per resource");
        }
        piece.arm = true;
        answer
    }
}
