//! Sources of credentials asked one after the other, and why each gave none: that is what a person needs to know when
//! all of them failed, or when the wrong one was asked.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use std::error::Error;
use std::fmt;

/// Longest reason of one source; a process may print pages.
const LONGEST_REASON_CHARS: usize = 300;

/// A source by its name, or why it cannot be asked.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) source: Result<SharedCredentialsProvider, CredentialsError>,
    /// What a person does when it fails.
    pub(super) remedy: Option<String>,
}

/// Asks its links in order; the first that is there decides, also when it fails.
#[derive(Debug)]
pub(super) struct Chain(pub(super) Vec<Link>);

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.first())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let sources = self.0.iter().filter_map(|link| link.source.as_ref().ok());
        sources
            .into_iter()
            .find_map(ProvideCredentials::fallback_on_interrupt)
    }
}

impl Chain {
    async fn first(&self) -> provider::Result {
        let mut tried = Vec::new();
        for link in &self.0 {
            let error = match &link.source {
                Ok(source) => match source.provide_credentials().await {
                    Ok(credentials) => return Ok(credentials),
                    Err(error) => error,
                },
                Err(error) => again(error),
            };
            let remedy = link.remedy.iter().map(|remedy| format!("; {remedy}"));
            tried.push((link.name.clone(), reason(&error) + &remedy.collect::<String>()));
            if !matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
                return Err(with_all(tried, error));
            }
        }
        Err(CredentialsError::not_loaded(Tried { tried, cause: None }))
    }
}

/// The same kind of error with everything that was tried.
fn with_all(tried: Vec<(String, String)>, error: CredentialsError) -> CredentialsError {
    let timed_out = matches!(error, CredentialsError::ProviderTimedOut(_));
    let tried = Tried {
        tried,
        cause: (!timed_out).then(|| Box::new(error)),
    };
    if timed_out {
        return CredentialsError::provider_error(tried);
    }
    CredentialsError::unhandled(tried)
}

/// The SDK's errors cannot be cloned; those that a link keeps are words anyway.
fn again(error: &CredentialsError) -> CredentialsError {
    if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return CredentialsError::not_loaded(reason(error));
    }
    CredentialsError::invalid_configuration(reason(error))
}

/// What lies below the SDK's general sentence, said once.
fn reason(error: &CredentialsError) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut below = error.source();
    while let Some(cause) = below {
        let text = cause.to_string();
        if !words.iter().any(|said| said.contains(&text)) {
            words.push(text);
        }
        below = cause.source();
    }
    if words.is_empty() {
        words.push(error.to_string());
    }
    let text = words.join(": ");
    text.trim_end().chars().take(LONGEST_REASON_CHARS).collect()
}

/// Which sources were asked, in which order, and why each gave nothing.
#[derive(Debug)]
pub(crate) struct Tried {
    tried: Vec<(String, String)>,
    cause: Option<Box<CredentialsError>>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no credentials; tried in this order: ")?;
        for (place, (name, why)) in self.tried.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{}. {name}: {why}", place + 1)?;
        }
        Ok(())
    }
}

impl Error for Tried {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_deref()?;
        Some(cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, source: Result<Credentials, CredentialsError>) -> Link {
        Link {
            name: name.into(),
            source: source.map(SharedCredentialsProvider::new),
            remedy: None,
        }
    }

    fn keys(id: &str) -> Credentials {
        Credentials::from_keys(id, "secret", None)
    }

    #[tokio::test]
    async fn the_first_source_that_is_there_decides() {
        let absent = || CredentialsError::not_loaded("not set");
        let chain = Chain(vec![
            link("environment", Err(absent())),
            link("profile", Ok(keys("A"))),
        ]);
        assert_eq!(chain.first().await.expect("keys").access_key_id(), "A");
        let broken = CredentialsError::invalid_configuration("half a key");
        let links = vec![
            link("environment", Err(absent())),
            link("profile", Err(broken)),
            link("container", Ok(keys("B"))),
        ];
        let error = Chain(links).first().await.expect_err("the profile is broken");
        let said = error.source().expect("what was tried").to_string();
        let wanted = "no credentials; tried in this order: 1. environment: not set; 2. profile: half a key";
        assert_eq!(said, wanted);
        assert!(!matches!(error, CredentialsError::CredentialsNotLoaded(_)));
    }
}
