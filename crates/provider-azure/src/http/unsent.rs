//! A failure before there was a whole answer: no token, no connection, a cut body.

use super::failure;
use crate::credentials::{Refused, words};
use azure_core::error::ErrorKind as SdkKind;
use provider_api::{ErrorKind, ProviderError, Scope};

/// The SDK's error in our words.
pub(super) fn unsent(operation: &'static str, scope: &Scope, error: &azure_core::Error) -> ProviderError {
    let refused = refused(error);
    let kind = refused.map_or_else(|| kind_of(error), |refused| refused.kind.clone());
    let message = if refused.is_some() || kind == ErrorKind::Unauthenticated {
        format!("no token: {}", words(error))
    } else {
        words(error)
    };
    // The message holds the whole chain already: the SDK's errors hide their causes from `source`.
    let failed = failure(operation, scope, kind, message);
    if refused.is_none() && is_unreached(error) {
        failed.with_nobody_reached()
    } else {
        failed
    }
}

/// Whether there was no connection at all: that says more of the host than of what was asked.
fn is_unreached(error: &azure_core::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = next {
        let known = e.downcast_ref::<azure_core::Error>();
        if known.is_some_and(|e| matches!(e.kind(), SdkKind::Connection)) {
            return true;
        }
        next = e.source();
    }
    false
}

fn kind_of(error: &azure_core::Error) -> ErrorKind {
    let mut kind = ErrorKind::Unavailable { retry_after: None };
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = next {
        if let Some(e) = e.downcast_ref::<azure_core::Error>() {
            match e.kind() {
                SdkKind::HttpResponse { status, .. } => return status_kind(u16::from(*status)),
                SdkKind::Connection | SdkKind::Io => return ErrorKind::Unavailable { retry_after: None },
                SdkKind::Credential => kind = ErrorKind::Unauthenticated,
                SdkKind::DataConversion => kind = ErrorKind::BadResponse,
                SdkKind::Other => {}
            }
        }
        next = e.source();
    }
    kind
}

fn status_kind(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::Throttled { retry_after: None },
        500..=599 => ErrorKind::Unavailable { retry_after: None },
        _ => ErrorKind::Unauthenticated,
    }
}

/// What a token service said.
fn refused(error: &azure_core::Error) -> Option<&Refused> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = next {
        if let Some(refused) = e.downcast_ref::<Refused>() {
            return Some(refused);
        }
        next = e.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_without_a_connection_was_not_reached() {
        for (kind, unreached) in [
            (SdkKind::Connection, true),
            (SdkKind::Io, false),
            (SdkKind::Credential, false),
        ] {
            let error = azure_core::Error::with_message(kind, "no");
            let error = unsent("op", &Scope::new("s"), &error);
            assert_eq!(error.unreached(), unreached, "{error}");
        }
    }
}
