//! Credentials by what their file is: its `type` tells (service account, external account, user, impersonated service
//! account); without a file the metadata server. On top of each another service account may be impersonated. Files are
//! read at each build, so that a rotated one is used; tokens are the library's to get and to renew.

mod federated;

pub(crate) use federated::principal;

use crate::config::{CredentialSource, GcpConfig};
use google_cloud_auth::build_errors;
use google_cloud_auth::credentials::{
    Credentials, anonymous, external_account, impersonated, mds, service_account, user_account,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// All that reading series and descriptors needs.
const READ_SCOPE: &str = "https://www.googleapis.com/auth/monitoring.read";

/// What a source needs that impersonates: it has to be let into IAM Credentials, which `monitoring.read` does not do.
const CLOUD_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where Google's own services are.
const GOOGLES_UNIVERSE: &str = "googleapis.com";

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unusable(String);

impl From<build_errors::Error> for Unusable {
    fn from(error: build_errors::Error) -> Self {
        Self(with_causes(&error))
    }
}

/// Credentials, and where they came from.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) credentials: Credentials,
    /// The Google cloud that they belong to, where it is not the usual one.
    pub(crate) universe: Option<String>,
    /// Nothing but the metadata server was left to ask, and why.
    pub(crate) last_resort: Option<String>,
}

/// The file that the credentials are in, if any.
pub(crate) fn file(config: &GcpConfig) -> Option<PathBuf> {
    match &config.credentials.source {
        CredentialSource::Anonymous => None,
        CredentialSource::File(path) => Some(path.clone()),
        CredentialSource::Default => named(config).or_else(|| usual(config)),
    }
}

/// The content of that file, if it can be read now.
pub(crate) fn json(config: &GcpConfig) -> Option<Value> {
    read(&file(config)?).ok()
}

/// `GOOGLE_APPLICATION_CREDENTIALS`.
fn named(config: &GcpConfig) -> Option<PathBuf> {
    let told = config.environment.get("GOOGLE_APPLICATION_CREDENTIALS");
    told.filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Where `gcloud auth application-default login` writes.
fn usual(config: &GcpConfig) -> Option<PathBuf> {
    let own = config.environment.get("CLOUDSDK_CONFIG").map(PathBuf::from);
    let home = || Some(Path::new(config.environment.get("HOME")?).join(".config/gcloud"));
    let folder = own.or_else(home)?;
    Some(folder.join("application_default_credentials.json"))
}

/// Credentials as the configuration and the files say now.
pub(crate) fn make(config: &GcpConfig) -> Result<Made, Unusable> {
    let (json, last_resort) = match &config.credentials.source {
        CredentialSource::Anonymous => return Ok(nobody()),
        CredentialSource::File(path) => (Some(read(path)?), None),
        CredentialSource::Default => default_file(config)?,
    };
    let universe = json
        .as_ref()
        .and_then(|json| json.get("universe_domain")?.as_str());
    let universe = universe
        .filter(|universe| *universe != GOOGLES_UNIVERSE)
        .map(str::to_owned);
    let quota_project = quota_project(config);
    let credentials = match &config.credentials.impersonate {
        None => source(json, READ_SCOPE, quota_project)?,
        Some(principal) => {
            let builder = impersonated::Builder::from_source_credentials(source(json, CLOUD_SCOPE, None)?)
                .with_target_principal(principal)
                .with_scopes([READ_SCOPE]);
            match quota_project {
                Some(project) => builder.with_quota_project_id(project).build()?,
                None => builder.build()?,
            }
        }
    };
    Ok(Made {
        credentials,
        universe,
        last_resort,
    })
}

fn nobody() -> Made {
    Made {
        credentials: anonymous::Builder::new().build(),
        universe: None,
        last_resort: None,
    }
}

/// The configuration's before the environment's: it is for one account, that is for all.
pub(crate) fn quota_project(config: &GcpConfig) -> Option<&str> {
    let told = config.environment.get("GOOGLE_CLOUD_QUOTA_PROJECT");
    let told = told.map(String::as_str).filter(|project| !project.is_empty());
    config.quota_project.as_deref().or(told)
}

/// Application default credentials (AIP-4110): a file that is named has to be there, the usual one need not.
fn default_file(config: &GcpConfig) -> Result<(Option<Value>, Option<String>), Unusable> {
    if let Some(path) = named(config) {
        let named = |e: Unusable| Unusable(format!("GOOGLE_APPLICATION_CREDENTIALS: {e}"));
        return Ok((Some(read(&path).map_err(named)?), None));
    }
    let usual = usual(config);
    if let Some(path) = usual.as_deref().filter(|path| path.exists()) {
        return Ok((Some(read(path)?), None));
    }
    let looked = usual.map_or_else(|| "no home".to_owned(), |path| format!("no {}", path.display()));
    let tried = format!(
        "no credentials; tried in this order: 1. GOOGLE_APPLICATION_CREDENTIALS: not set; 2. gcloud's file: {looked}; \
         3. metadata server"
    );
    Ok((None, Some(tried)))
}

fn read(path: &Path) -> Result<Value, Unusable> {
    let failed =
        |what: &dyn std::fmt::Display| Unusable(format!("the credential file {}: {what}", path.display()));
    let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new);
    let text = text.map_err(|e| failed(&e))?;
    serde_json::from_str(&text).map_err(|e| failed(&format!("it is no JSON (line {})", e.line())))
}

/// Files of service accounts had no `type` once.
fn type_of(json: &Value) -> &str {
    json.get("type")
        .and_then(Value::as_str)
        .unwrap_or("service_account")
}

/// The builders are alike and have no trait in common.
macro_rules! built {
    ($builder:expr, $quota_project:expr) => {{
        let builder = $builder;
        match $quota_project {
            Some(project) => builder.with_quota_project_id(project).build(),
            None => builder.build(),
        }
    }};
}

fn source(json: Option<Value>, scope: &str, quota_project: Option<&str>) -> Result<Credentials, Unusable> {
    let Some(json) = json else {
        return Ok(built!(
            mds::Builder::default().with_scopes([CLOUD_SCOPE]),
            quota_project
        )?);
    };
    Ok(match type_of(&json) {
        "service_account" => {
            let scopes = service_account::AccessSpecifier::from_scopes([scope]);
            let builder = service_account::Builder::new(json).with_access_specifier(scopes);
            built!(builder, quota_project)?
        }
        // A person's refresh token may not be narrowed.
        "authorized_user" => built!(user_account::Builder::new(json), quota_project)?,
        "impersonated_service_account" => built!(
            impersonated::Builder::new(json).with_scopes([scope]),
            quota_project
        )?,
        "external_account" => match federated::of(&json) {
            Some(builder) => built!(builder.with_scopes([CLOUD_SCOPE]), quota_project)?,
            None => built!(
                external_account::Builder::new(json).with_scopes([CLOUD_SCOPE]),
                quota_project
            )?,
        },
        other => {
            return Err(Unusable(format!(
                "credentials of type `{other}` are not supported; possible are service_account, authorized_user, \
                 external_account and impersonated_service_account"
            )));
        }
    })
}

/// An error with all that lies below it.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::AccountId;

    fn config(pairs: &[(&str, &str)]) -> GcpConfig {
        let mut config = GcpConfig::new(AccountId("ml".into()), vec!["p".into()]);
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        config.environment = pairs.collect();
        config
    }

    #[test]
    fn the_named_file_comes_before_gclouds() {
        let home = ("HOME", "/home/me");
        let usual = "/home/me/.config/gcloud/application_default_credentials.json";
        for (pairs, wanted) in [
            (vec![home], usual),
            (
                vec![home, ("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")],
                "/k.json",
            ),
            (vec![home, ("GOOGLE_APPLICATION_CREDENTIALS", "")], usual),
            (
                vec![home, ("CLOUDSDK_CONFIG", "/c")],
                "/c/application_default_credentials.json",
            ),
        ] {
            assert_eq!(file(&config(&pairs)), Some(PathBuf::from(wanted)), "{pairs:?}");
        }
        assert_eq!(file(&config(&[])), None);
    }

    #[test]
    fn the_configured_quota_project_comes_before_the_environments() {
        let mut config = config(&[("GOOGLE_CLOUD_QUOTA_PROJECT", "all")]);
        assert_eq!(quota_project(&config), Some("all"));
        config.quota_project = Some("own".into());
        assert_eq!(quota_project(&config), Some("own"));
    }
}
