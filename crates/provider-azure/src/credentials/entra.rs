//! Tokens of an app registration from Entra, by secret, certificate or federated token (`client_credentials`).

use super::assertion::Assertion;
use super::token::{Answered, Refused, Source};
use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use azure_core::time::OffsetDateTime;
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const WHO: &str = "Entra";

/// How an app proves who it is.
pub(super) enum Proof {
    /// A word.
    Secret(Zeroizing<String>),
    /// What a certificate's key signed.
    Certificate(Assertion),
    /// A token of somebody whom Entra trusts, in a file that is replaced now and then and so read each time.
    TokenFile(PathBuf),
}

/// An app of a tenant.
pub(super) struct Entra {
    client: reqwest::Client,
    url: String,
    client_id: String,
    proof: Proof,
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Entra");
        shown.field("url", &self.url).field("client_id", &self.client_id);
        shown.finish_non_exhaustive()
    }
}

impl Entra {
    pub(super) fn new(client: &reqwest::Client, url: String, client_id: &str, proof: Proof) -> Self {
        Self {
            client: client.clone(),
            url,
            client_id: client_id.to_owned(),
            proof,
        }
    }

    async fn form(&self, scope: &str) -> Result<Zeroizing<String>, Refused> {
        // Read before there is a form: its serializer may not be kept over a wait.
        let (name, word) = match &self.proof {
            Proof::Secret(secret) => ("client_secret", secret.clone()),
            Proof::Certificate(assertion) => ("client_assertion", assertion.signed()?.into()),
            Proof::TokenFile(path) => ("client_assertion", federated(path).await?.into()),
        };
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("client_id", &self.client_id);
        form.append_pair("scope", scope);
        form.append_pair(name, &word);
        if name == "client_assertion" {
            form.append_pair("client_assertion_type", ASSERTION_TYPE);
        }
        Ok(Zeroizing::new(form.finish()))
    }
}

/// Without the line end that editors and shells put there.
async fn federated(path: &PathBuf) -> Result<String, Refused> {
    let file = path.display();
    let text = tokio::fs::read_to_string(path).await;
    let text = text.map_err(|e| Refused::for_good(format!("the federated token {file}: {e}")))?;
    match text.trim() {
        "" => Err(Refused::for_good(format!(
            "the federated token {file}: the file is empty"
        ))),
        token => Ok(token.to_owned()),
    }
}

#[async_trait]
impl Source for Entra {
    async fn token(&self, scope: &str) -> Result<AccessToken, Refused> {
        let form = self.form(scope).await?;
        let request = self.client.post(&self.url).header("accept", "application/json");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(form.to_string()).send().await;
        let response = response.map_err(|e| Refused::unreachable(WHO, &e))?;
        let answer = Answered::read(WHO, response).await?;
        answer.token(WHO, OffsetDateTime::now_utc())
    }
}
