//! What is done about a request that was not answered: one resource may be to blame, or the host, or ARM does not let us.

use super::memory::Silence;
use super::work::{Division, Piece, Way, Work};
use crate::AzureProvider;
use crate::classify;
use crate::question::Question;
use provider_api::{Batch, ProviderError};

/// Requests for different resources that ARM leaves without an answer, and none that it answers, until the call is given up.
const ARM_FAILURES: u32 = 5;
/// Resources in a row that may not be read, and none that may, until the call is given up.
const FORBIDDEN_IN_A_ROW: u32 = 5;

impl AzureProvider {
    /// No answer within all tries: one resource may be to blame, or the host.
    pub(super) fn failed(
        &self,
        question: &Question,
        piece: &Piece,
        work: &mut Work,
        error: ProviderError,
        batch: &mut Batch,
    ) -> Result<(), ProviderError> {
        match piece.way {
            Way::Arm => {
                work.arm_failures += 1;
                let nobody_answers = !work.arm_answered && work.arm_failures >= ARM_FAILURES;
                if nobody_answers || classify::not_asked(&error) {
                    return Err(error);
                }
                if work.arm_answered {
                    piece
                        .targets
                        .iter()
                        .for_each(|target| self.memory.isolate(target, None));
                }
                work.blame(piece, error.kind(), error.message(), batch);
            }
            // It may be the host all the same, which others have found out.
            Way::Alone | Way::Trial if !self.is_out(question, &error) => {
                work.blame(piece, error.kind(), error.message(), batch);
            }
            Way::Alone | Way::Trial => work.singles(piece.clone()),
            Way::Batch => self.silence(question, piece, work, &error, batch),
        }
        Ok(())
    }

    fn is_out(&self, question: &Question, error: &ProviderError) -> bool {
        classify::not_asked(error) || self.memory.is_known_down(&self.region_host(question))
    }

    fn silence(
        &self,
        question: &Question,
        piece: &Piece,
        work: &mut Work,
        error: &ProviderError,
        batch: &mut Batch,
    ) {
        let host = self.region_host(question);
        match self.memory.silent(&host, classify::not_asked(error)) {
            Silence::Once if work.divide(piece, Division::Silence, batch) => {}
            Silence::Once => {
                piece
                    .targets
                    .iter()
                    .for_each(|target| self.memory.isolate(target, Some(host.as_str())));
                work.blame(piece, error.kind(), error.message(), batch);
            }
            silence @ (Silence::News | Silence::Known) => {
                if silence == Silence::News {
                    tracing::warn!(account = %self.config.account, %error, region = %question.region,
                        "metrics data plane of region {} does not answer: reading through Resource Manager, one request \
                         per resource, until it does", question.region);
                }
                work.singles(piece.clone());
            }
        }
    }

    /// ARM knows permissions on single resources. That nothing can be read is the call's failure.
    pub(super) fn forbidden(
        &self,
        piece: &Piece,
        work: &mut Work,
        error: ProviderError,
        batch: &mut Batch,
    ) -> Result<(), ProviderError> {
        work.arm_failures += 1;
        if !work.arm_answered && work.arm_failures >= FORBIDDEN_IN_A_ROW {
            return Err(error);
        }
        if work.arm_answered {
            self.rest(piece, &error, work, batch);
        } else {
            work.blame(piece, error.kind(), error.message(), batch);
        }
        Ok(())
    }
}
