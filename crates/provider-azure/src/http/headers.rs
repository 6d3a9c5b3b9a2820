//! What matters of the head of an answer: its time, and what a refusal is judged by.

use crate::classify::Hints;
use azure_core::http::headers::Headers;
use provider_api::UnixNanos;

fn header(headers: &Headers, wanted: &str) -> Option<String> {
    let mut all = headers.iter();
    all.find(|(name, _)| name.as_str().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.as_str().to_owned())
}

pub(super) fn hints(headers: &Headers) -> Hints {
    Hints {
        retry_after: header(headers, "retry-after"),
        quota_resets_after: header(headers, "x-ms-user-quota-resets-after"),
        request_id: header(headers, "x-ms-request-id"),
    }
}

/// The cloud's clock.
pub(super) fn date(headers: &Headers) -> Option<UnixNanos> {
    parse_date(&header(headers, "date")?)
}

/// An HTTP date.
pub(crate) fn parse_date(text: &str) -> Option<UnixNanos> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(UnixNanos::from_seconds(time.timestamp().as_second()))
}
