//! How long Azure asks us to wait: in one of two headers, or only in its words.

use super::words::Words;
use std::time::Duration;

/// ARM sometimes asks for "0 seconds"; asking again at once is only refused again.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The headers of an answer that a failure is judged by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    /// `Retry-After`, seconds.
    pub(crate) retry_after: Option<String>,
    /// `x-ms-user-quota-resets-after`, hh:mm:ss.
    pub(crate) quota_resets_after: Option<String>,
    /// `x-ms-request-id`.
    pub(crate) request_id: Option<String>,
}

/// After a refusal for a quota: the header, the other header, the words.
pub(super) fn wait(hints: &Hints, words: Option<&Words>) -> Option<Duration> {
    header_wait(hints)
        .or_else(|| hints.quota_resets_after.as_deref().and_then(clock))
        .or_else(|| words.and_then(|w| quoted_seconds(&w.message)))
        .map(|d| d.max(SHORTEST_WAIT))
}

/// What the standard header says.
pub(super) fn header_wait(hints: &Hints) -> Option<Duration> {
    hints
        .retry_after
        .as_deref()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

/// `00:00:05`.
fn clock(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    for part in text.split(':') {
        let part: u64 = part.split('.').next()?.trim().parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    Some(Duration::from_secs(seconds))
}

/// `Please try again after '309' seconds.`
fn quoted_seconds(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("try again after '")?;
    rest.split('\'').next()?.parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_go_before_words() {
        let words = Words {
            message: "Please try again after '309' seconds.".into(),
            ..Words::default()
        };
        let seconds = |hints: &Hints| wait(hints, Some(&words)).map(|d| d.as_secs());
        let mut hints = Hints::default();
        assert_eq!(seconds(&hints), Some(309));
        hints.quota_resets_after = Some("00:01:05".into());
        assert_eq!(seconds(&hints), Some(65));
        hints.retry_after = Some("17".into());
        assert_eq!(seconds(&hints), Some(17));
        hints.retry_after = Some("0".into());
        assert_eq!(seconds(&hints), Some(1), "at once is only refused again");
    }
}
