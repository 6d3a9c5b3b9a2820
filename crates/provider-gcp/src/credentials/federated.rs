//! An external account whose token is the text of a file: the library would send the line end with it, which Google
//! refuses. Everything else of external accounts is the library's.

use google_cloud_auth::credentials::external_account::ProgrammaticBuilder;
use google_cloud_auth::credentials::subject_token::{Builder, SubjectToken, SubjectTokenProvider};
use google_cloud_auth::errors::SubjectTokenProviderError;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// The file, read for each exchange.
#[derive(Debug)]
struct TokenFile(PathBuf);

/// Why there is no token in it.
#[derive(Debug, thiserror::Error)]
#[error("the token file {file}: {why}")]
struct Unreadable {
    file: String,
    why: String,
}

impl SubjectTokenProviderError for Unreadable {
    /// Another tool replaces it; it may come.
    fn is_transient(&self) -> bool {
        false
    }
}

impl SubjectTokenProvider for TokenFile {
    type Error = Unreadable;

    async fn subject_token(&self) -> Result<SubjectToken, Unreadable> {
        let failed = |why: String| Unreadable {
            file: self.0.display().to_string(),
            why,
        };
        let text = tokio::fs::read_to_string(&self.0).await;
        let text = text.map_err(|e| failed(e.to_string()))?;
        match text.trim() {
            "" => Err(failed("the file is empty".to_owned())),
            token => Ok(Builder::new(token).build()),
        }
    }
}

/// Nothing for any other kind of source, and for a file that lacks something: the library says what.
pub(super) fn of(json: &Value) -> Option<ProgrammaticBuilder> {
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let source = json.get("credential_source")?;
    let file = source.get("file")?.as_str()?;
    let format = source
        .get("format")
        .and_then(|format| format.get("type")?.as_str());
    if !matches!(format, None | Some("text")) {
        return None;
    }
    let mut builder = ProgrammaticBuilder::new(Arc::new(TokenFile(file.into())))
        .with_audience(text("audience")?)
        .with_subject_token_type(text("subject_token_type")?)
        .with_token_url(text("token_url")?);
    if let Some(url) = text("service_account_impersonation_url") {
        builder = builder.with_target_principal(principal(url)?);
    }
    if let (Some(id), Some(secret)) = (text("client_id"), text("client_secret")) {
        builder = builder.with_client_id(id).with_client_secret(secret);
    }
    if let Some(project) = text("workforce_pool_user_project") {
        builder = builder.with_workforce_pool_user_project(project);
    }
    if let Some(universe) = text("universe_domain") {
        builder = builder.with_universe_domain(universe);
    }
    Some(builder)
}

/// `…/serviceAccounts/EMAIL:generateAccessToken`.
pub(crate) fn principal(url: &str) -> Option<&str> {
    let (_, rest) = url.rsplit_once("/serviceAccounts/")?;
    rest.strip_suffix(":generateAccessToken")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_files_with_plain_tokens_are_read_here() {
        let with = |source: Value| {
            json!({"audience": "a", "subject_token_type": "t", "token_url": "u", "credential_source": source,
                "service_account_impersonation_url": "https://i/v1/projects/-/serviceAccounts/x@y:generateAccessToken"})
        };
        assert!(of(&with(json!({"file": "f"}))).is_some());
        assert!(of(&with(json!({"file": "f", "format": {"type": "text"}}))).is_some());
        assert!(
            of(&with(
                json!({"file": "f", "format": {"type": "json", "subject_token_field_name": "n"}})
            ))
            .is_none()
        );
        assert!(of(&with(json!({"url": "http://f"}))).is_none());
        assert!(
            of(&json!({"credential_source": {"file": "f"}})).is_none(),
            "the library says what is missing"
        );
        assert_eq!(
            principal("https://i/serviceAccounts/a@b:generateAccessToken"),
            Some("a@b")
        );
    }
}
