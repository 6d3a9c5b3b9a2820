//! Whose quota reads count against: Google's 6,000 a minute are the *consumer* project's, not those of the project that is
//! read. Pure.

use crate::config::GcpConfig;
use crate::credentials;
use serde_json::Value as Json;
use std::sync::Arc;

/// What the mail address of a service account ends with.
const SERVICE_ACCOUNTS: &str = ".iam.gserviceaccount.com";

/// The consumer project: the configured quota project, or else that of the service account that reads. Nothing where the
/// credentials do not say: then each project that is read is counted by itself, as its own consumer.
pub(crate) fn consumer(config: &GcpConfig) -> Option<Arc<str>> {
    if let Some(project) = credentials::quota_project(config) {
        return Some(project.into());
    }
    if let Some(email) = &config.credentials.impersonate {
        return of_email(email).map(Into::into);
    }
    of_file(&credentials::json(config)?)
}

/// A service account that a file impersonates reads in its own project's name, as one does whose key it is.
fn of_file(json: &Json) -> Option<Arc<str>> {
    let acts = json
        .get("service_account_impersonation_url")
        .and_then(Json::as_str);
    match acts.and_then(credentials::principal) {
        Some(email) => json
            .get("quota_project_id")
            .and_then(Json::as_str)
            .map(Into::into)
            .or_else(|| of_email(email).map(Into::into)),
        None => of_key(json),
    }
}

fn of_key(key: &Json) -> Option<Arc<str>> {
    let text = |field: &str| key.get(field).and_then(Json::as_str);
    let own = || text("client_email").and_then(of_email);
    let named = text("quota_project_id").or_else(|| text("project_id"));
    named.map(Into::into).or_else(|| own().map(Into::into))
}

/// The project of `name@project.iam.gserviceaccount.com`; one of a domain is `name@project.domain.iam.…`.
fn of_email(email: &str) -> Option<String> {
    let (_, host) = email.split_once('@')?;
    let project = host.strip_suffix(SERVICE_ACCOUNTS)?;
    Some(match project.split_once('.') {
        Some((project, domain)) => format!("{domain}:{project}"),
        None => project.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CredentialSource;
    use provider_api::AccountId;

    #[test]
    fn the_consumer_is_who_reads_and_not_what_is_read() {
        let config = |quota: Option<&str>, impersonate: Option<&str>, key: Option<&str>| {
            let mut config = GcpConfig::new(AccountId("ml".into()), vec!["read".to_owned()]);
            config.quota_project = quota.map(str::to_owned);
            config.credentials.impersonate = impersonate.map(str::to_owned);
            let folder = tempfile::tempdir().expect("a folder");
            if let Some(key) = key {
                let path = folder.path().join("key.json");
                std::fs::write(&path, key).expect("written");
                config.credentials.source = CredentialSource::File(path);
            }
            consumer(&config).map(|project| project.to_string())
        };
        let key = r#"{"project_id": "of-key", "client_email": "a@other.iam.gserviceaccount.com"}"#;
        let acts = "metrics@of-account.iam.gserviceaccount.com";
        let wanted = |name: &str| Some(name.to_owned());
        assert_eq!(config(Some("billing"), Some(acts), Some(key)), wanted("billing"));
        assert_eq!(config(None, Some(acts), Some(key)), wanted("of-account"));
        assert_eq!(config(None, None, Some(key)), wanted("of-key"));
        let mail_only = r#"{"client_email": "a@p.example.com.iam.gserviceaccount.com"}"#;
        assert_eq!(config(None, None, Some(mail_only)), wanted("example.com:p"));
        let federated = r#"{"type": "external_account", "service_account_impersonation_url":
            "https://i/v1/projects/-/serviceAccounts/a@acts.iam.gserviceaccount.com:generateAccessToken"}"#;
        assert_eq!(config(None, None, Some(federated)), wanted("acts"));
        for unknown in [None, Some("{}"), Some("no json")] {
            assert_eq!(config(None, None, unknown), None);
        }
        assert_eq!(config(None, Some("a@developer.gserviceaccount.com"), None), None);
    }
}
