//! What a token service answers: a token with its end, or a refusal in Azure's own words. Entra, instance metadata, App
//! Service and Arc write much the same JSON, with numbers that may be texts.

use async_trait::async_trait;
use azure_core::Error;
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind as SdkKind;
use azure_core::time::{Duration, OffsetDateTime};
use provider_api::ErrorKind;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use tokio::sync::Mutex;

/// A token is replaced this long before it ends; Azure's own libraries do the same.
const REPLACED_BEFORE: Duration = Duration::minutes(5);
/// Life of a token whose answer does not say it in a way that we can read: soon asked again.
const UNKNOWN_LIFE: Duration = Duration::minutes(10);
/// Longest part of an answer that is no JSON.
const LONGEST_RAW_CHARS: usize = 200;

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Refused {
    pub(crate) kind: ErrorKind,
    pub(crate) words: String,
}

impl Refused {
    /// Nothing that asking again would change.
    pub(super) fn for_good(words: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Unauthenticated,
            words: words.into(),
        }
    }

    /// The service could not be asked.
    pub(super) fn unreachable(who: &str, error: &reqwest::Error) -> Self {
        let mut words = format!("{who} cannot be reached: {error}");
        let mut below = std::error::Error::source(error);
        while let Some(cause) = below {
            words = format!("{words}: {cause}");
            below = cause.source();
        }
        Self {
            kind: ErrorKind::Unavailable { retry_after: None },
            words,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let words = refused.words.clone();
        Error::with_error(SdkKind::Credential, refused, words)
    }
}

/// Who gives tokens.
#[async_trait]
pub(super) trait Source: fmt::Debug + Send + Sync {
    /// A new token for a scope, which ends in `/.default`.
    async fn token(&self, scope: &str) -> Result<AccessToken, Refused>;
}

/// A source and its tokens, until shortly before they end.
#[derive(Debug)]
pub(super) struct Cached<S> {
    source: S,
    tokens: Mutex<HashMap<String, AccessToken>>,
}

impl<S> Cached<S> {
    pub(super) fn new(source: S) -> Self {
        Self {
            source,
            tokens: Mutex::default(),
        }
    }
}

#[async_trait]
impl<S: Source> TokenCredential for Cached<S> {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let scope = scopes.join(" ");
        let mut tokens = self.tokens.lock().await;
        let now = OffsetDateTime::now_utc();
        let kept = tokens.get(&scope).filter(|token| token.expires_on > now).cloned();
        if let Some(token) = kept
            .clone()
            .filter(|token| token.expires_on > now + REPLACED_BEFORE)
        {
            return Ok(token);
        }
        match (self.source.token(&scope).await, kept) {
            (Ok(token), _) => {
                tokens.insert(scope, token.clone());
                Ok(token)
            }
            // What is still good is used while the service has a bad minute.
            (Err(_), Some(token)) => Ok(token),
            (Err(refused), None) => Err(refused.into()),
        }
    }
}

/// An answer with its status, and its `Retry-After` in seconds.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) retry_after: Option<std::time::Duration>,
    pub(super) body: Vec<u8>,
}

impl Answered {
    pub(super) async fn read(who: &str, response: reqwest::Response) -> Result<Self, Refused> {
        let status = response.status().as_u16();
        let after = response
            .headers()
            .get("retry-after")
            .and_then(|v| v.to_str().ok());
        let retry_after = after
            .and_then(|text| text.trim().parse().ok())
            .map(std::time::Duration::from_secs);
        let body = response
            .bytes()
            .await
            .map_err(|e| Refused::unreachable(who, &e))?;
        Ok(Self {
            status,
            retry_after,
            body: body.to_vec(),
        })
    }

    /// The token of it, at `now`.
    pub(super) fn token(&self, who: &str, now: OffsetDateTime) -> Result<AccessToken, Refused> {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        if !(200..300).contains(&self.status) {
            return Err(self.refused(who, &json));
        }
        let token = json
            .get("access_token")
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty());
        let token = token.ok_or_else(|| Refused {
            kind: ErrorKind::BadResponse,
            words: format!("{who} answered without a token: {}", raw(&self.body)),
        })?;
        Ok(AccessToken::new(Secret::new(token.to_owned()), end(&json, now)))
    }

    fn refused(&self, who: &str, json: &Value) -> Refused {
        let retry_after = self.retry_after;
        let busy = json.get("error").and_then(Value::as_str) == Some("temporarily_unavailable");
        let kind = match self.status {
            429 => ErrorKind::Throttled { retry_after },
            408 | 500..=599 => ErrorKind::Unavailable { retry_after },
            _ if busy => ErrorKind::Unavailable { retry_after },
            _ => ErrorKind::Unauthenticated,
        };
        let said = words(json).unwrap_or_else(|| raw(&self.body));
        Refused {
            kind,
            words: format!("{who} answered HTTP {}: {said}", self.status),
        }
    }
}

/// The end of the token that the answer names, in whichever way it does.
fn end(json: &Value, now: OffsetDateTime) -> OffsetDateTime {
    let number = |key: &str| match json.get(key) {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let at = number("expires_on").and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    at.or_else(|| now.checked_add(Duration::seconds(number("expires_in")?)))
        .unwrap_or(now + UNKNOWN_LIFE)
}

/// Azure's own words. Entra adds a trace, a correlation and a time, which differ each time; the first line says it.
fn words(json: &Value) -> Option<String> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let error = json.get("error");
    let nested = error.and_then(|e| Some((text(e.get("code"))?, text(e.get("message"))?)));
    let said = text(json.get("error_description"))
        .or_else(|| nested.map(|(code, message)| format!("{code}: {message}")))
        .or_else(|| text(json.get("message")))
        .or_else(|| text(json.get("Message")))
        .or_else(|| text(error))?;
    let first = said.lines().next().unwrap_or_default();
    let first = first.split(" Trace ID: ").next().unwrap_or_default().trim();
    (!first.is_empty()).then(|| first.to_owned())
}

fn raw(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return "nothing".to_owned();
    }
    text.chars().take(LONGEST_RAW_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Answered {
        Answered {
            status,
            retry_after: None,
            body: body.into(),
        }
    }

    #[test]
    fn ends_are_read_in_every_form() {
        let now = OffsetDateTime::from_unix_timestamp(1_000).expect("a time");
        for (body, wanted_s) in [
            (r#"{"access_token":"t","expires_in":60}"#, 1_060),
            (r#"{"access_token":"t","expires_in":"60"}"#, 1_060),
            (
                r#"{"access_token":"t","expires_on":"5000","expires_in":"1"}"#,
                5_000,
            ),
            (r#"{"access_token":"t","expires_on":5000}"#, 5_000),
            (
                r#"{"access_token":"t","expires_on":"11/29/2026 3:00:00 PM +00:00","expires_in":"9"}"#,
                1_009,
            ),
            (r#"{"access_token":"t"}"#, 1_600),
        ] {
            let token = answered(200, body).token("x", now).expect("a token");
            assert_eq!(token.expires_on.unix_timestamp(), wanted_s, "{body}");
        }
    }

    #[test]
    fn refusals_are_in_azures_words_and_have_a_kind() {
        let now = OffsetDateTime::from_unix_timestamp(1_000).expect("a time");
        let long = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret.\r\nTrace ID: 1"}"#;
        let flat =
            r#"{"error":"x","error_description":"AADSTS700016: No app. Trace ID: 1 Correlation ID: 2"}"#;
        let later = r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: later"}"#;
        for (status, body, kind, wanted) in [
            (
                401,
                long,
                "unauthenticated",
                "AADSTS7000215: Invalid client secret.",
            ),
            (400, flat, "unauthenticated", "AADSTS700016: No app."),
            (400, later, "unavailable", "AADSTS90033: later"),
            (
                400,
                r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
                "unauthenticated",
                "Identity not found",
            ),
            (
                404,
                r#"{"error":{"code":"NotFound","message":"no"}}"#,
                "unauthenticated",
                "NotFound: no",
            ),
            (
                400,
                r#"{"statusCode":400,"message":"No identity"}"#,
                "unauthenticated",
                "No identity",
            ),
            (503, "<html> <body>busy", "unavailable", "<html> <body>busy"),
            (429, "", "throttled", "nothing"),
        ] {
            let refused = answered(status, body).token("it", now).expect_err("refused");
            assert_eq!(refused.kind.label(), kind, "{body}");
            assert_eq!(refused.words, format!("it answered HTTP {status}: {wanted}"));
        }
        let odd = answered(200, "{}").token("it", now).expect_err("no token");
        assert_eq!(odd.kind, ErrorKind::BadResponse);
    }
}
