//! A failure before there was a whole answer: no token, no connection, a cut body.

use super::failure;
use azure_core::error::ErrorKind as SdkKind;
use provider_api::{ErrorKind, ProviderError, Scope};

/// The SDK's error in our words.
pub(super) fn unsent(operation: &'static str, scope: &Scope, error: &azure_core::Error) -> ProviderError {
    let kind = kind_of(error);
    let message = if kind == ErrorKind::Unauthenticated {
        format!("no token: {}", chain_text(error))
    } else {
        chain_text(error)
    };
    // The message holds the whole chain already: the SDK's errors hide their causes from `source`.
    failure(operation, scope, kind, message)
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

fn chain_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(e) = next {
        let words = e.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = e.source();
    }
    text
}
