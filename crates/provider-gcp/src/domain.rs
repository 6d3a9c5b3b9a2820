//! Whose quota reads count against: Google's 6,000 a minute are the *consumer* project's, not those of the project that is
//! read. Pure.

use crate::config::{CredentialSource, GcpConfig};
use serde_json::Value as Json;
use std::sync::Arc;

/// What the mail address of a service account ends with.
const SERVICE_ACCOUNTS: &str = ".iam.gserviceaccount.com";

/// The consumer project: the configured quota project, or else that of the service account that reads. Nothing where the
/// credentials do not say: then each project that is read is counted by itself, as its own consumer.
pub(crate) fn consumer(config: &GcpConfig) -> Option<Arc<str>> {
    let credentials = &config.credentials;
    if let Some(project) = &config.quota_project {
        return Some(project.as_str().into());
    }
    if let Some(email) = &credentials.impersonate {
        return of_email(email).map(Into::into);
    }
    match &credentials.source {
        CredentialSource::ServiceAccountJson(key) => of_key(&serde_json::from_str(key).ok()?),
        CredentialSource::Default | CredentialSource::Anonymous => None,
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
    use provider_api::AccountId;

    #[test]
    fn the_consumer_is_who_reads_and_not_what_is_read() {
        let config = |quota: Option<&str>, impersonate: Option<&str>, key: Option<&str>| {
            let mut config = GcpConfig::new(AccountId("ml".into()), vec!["read".to_owned()]);
            config.quota_project = quota.map(str::to_owned);
            config.credentials.impersonate = impersonate.map(str::to_owned);
            if let Some(key) = key {
                config.credentials.source = CredentialSource::ServiceAccountJson(key.to_owned().into());
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
        for unknown in [None, Some("{}"), Some("no json")] {
            assert_eq!(config(None, None, unknown), None);
        }
        assert_eq!(config(None, Some("a@developer.gserviceaccount.com"), None), None);
    }
}
