//! The name of a request, to find it again in a log: the caller's own if it is a plain word, else one of ours.

use axum::http::{HeaderMap, HeaderName};
use std::sync::Arc;

/// Longest name that is taken over from a caller.
const MOST_LETTERS: usize = 128;

/// A request's name.
#[derive(Clone, Debug)]
pub(in crate::admin) struct RequestId(Arc<str>);

impl RequestId {
    /// Where it stands.
    pub(in crate::admin) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

    /// The caller's, or a new one.
    pub(in crate::admin) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(Self::HEADER).and_then(|value| value.to_str().ok());
        match given.filter(|id| is_plain(id)) {
            Some(id) => Self(id.into()),
            None => Self(format!("{:016x}", fastrand::u64(..)).into()),
        }
    }

    /// As text.
    pub(in crate::admin) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller must not write lines of its own into our log.
fn is_plain(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    !id.is_empty() && id.len() <= MOST_LETTERS && id.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(RequestId::HEADER, value.parse().unwrap());
        RequestId::of(&headers).as_str().to_owned()
    }

    #[test]
    fn a_plain_name_is_kept_and_any_other_replaced() {
        assert_eq!(of("trace-7.a_b:1"), "trace-7.a_b:1");
        for odd in ["", "a b", "a\tb", &"x".repeat(MOST_LETTERS + 1)] {
            let id = of(odd);
            assert!(id != odd && id.len() == 16, "{id}");
        }
    }
}
