//! How far a refusal reaches: to a part of what was asked, to the window, or to getBatch as a whole. `fetch` asks this to
//! know what is left to try.

use provider_api::{ErrorKind, ProviderError};

/// Whether a 400's words name something that can be dropped, so that the rest may still be answered.
pub(crate) fn divisible(error: &ProviderError) -> bool {
    matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::NotFound)
}

/// Whether a failure is the service's and not the question's, or may be: one resource may make a call fail like this for
/// ever.
pub(crate) fn passing(error: &ProviderError) -> bool {
    match error.kind() {
        ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::BadResponse
        | ErrorKind::Permanent => true,
        ErrorKind::Throttled { .. }
        | ErrorKind::Unauthenticated
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::OverBudget => false,
    }
}

/// Whether the gate held the request back, because the host does not answer.
pub(crate) fn not_asked(error: &ProviderError) -> bool {
    passing(error) && error.wait().is_some()
}

/// Whether a 400 is about the window, which halving cannot cure.
pub(crate) fn about_time(error: &ProviderError) -> bool {
    let lower = error.message().to_ascii_lowercase();
    *error.kind() == ErrorKind::InvalidRequest
        && (lower.contains("retention") || lower.contains("time range"))
}

/// Whether a refusal of getBatch is about getBatch and not about what was asked, so that ARM may still answer.
pub(crate) fn batch_unsupported(error: &ProviderError) -> bool {
    let lower = error.message().to_ascii_lowercase();
    let unsupported = ["not supported", "unsupported", "does not support batch"]
        .iter()
        .any(|w| lower.contains(w));
    match error.kind() {
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => true,
        // One resource that is gone says nothing about getBatch.
        ErrorKind::NotFound => {
            !lower.contains("resourcenotfound") && !lower.contains("resourcegroupnotfound")
        }
        ErrorKind::InvalidRequest => unsupported && !lower.contains("dimension"),
        ErrorKind::Throttled { .. }
        | ErrorKind::Unavailable { .. }
        | ErrorKind::TimedOut
        | ErrorKind::BadResponse
        | ErrorKind::OverBudget
        | ErrorKind::Permanent => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{GET_BATCH, Hints, refusal};
    use provider_api::Scope;

    fn refused(status: u16, body: &str) -> ProviderError {
        refusal(
            GET_BATCH,
            &Scope::new("s"),
            status,
            &Hints::default(),
            body.as_bytes(),
        )
    }

    #[test]
    fn a_refusal_of_the_service_is_told_from_one_of_the_question() {
        assert!(batch_unsupported(&refused(401, "")));
        assert!(!batch_unsupported(&refused(
            404,
            r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#
        )));
        let dimensions = r#"{"error":{"code":"BadRequest","message":"does not support requested dimension combination: x, supported ones are: y"}}"#;
        assert!(!batch_unsupported(&refused(400, dimensions)) && divisible(&refused(400, dimensions)));
        let old = r#"{"error":{"code":"BadRequest","message":"out of the Max metrics retention period"}}"#;
        assert!(about_time(&refused(400, old)));
    }
}
