//! The identity of the machine: virtual machines and AKS nodes (instance metadata), App Service, Functions and Container
//! Apps, Arc servers, Machine Learning, Cloud Shell. Which of them is decided as Azure's own libraries do; none is ever
//! asked through a proxy.

use super::token::{Answered, Refused, Source};
use crate::SetupError;
use crate::config::ManagedId;
use async_trait::async_trait;
use azure_core::credentials::AccessToken;
use azure_core::time::OffsetDateTime;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where virtual machines ask; `AZURE_POD_IDENTITY_AUTHORITY_HOST` names another, as for Azure's own libraries.
const METADATA: &str = "http://169.254.169.254";
/// Where Arc's agent listens when the environment does not say it, as in a service that systemd starts.
const ARC_ENDPOINT: &str = "http://localhost:40342/metadata/identity/oauth2/token";
/// What shows that the agent is installed.
const ARC_AGENT: &str = "/opt/azcmagent/bin/himds";
/// The only folder that Arc's agent may name: whoever else answered on its port could have any file read.
const ARC_KEYS: &str = "/var/opt/azcmagent/tokens";
/// Longest key file; Azure's own libraries read no more.
const LONGEST_KEY_BYTES: u64 = 4_096;

/// Which service gives this machine's tokens.
#[derive(Clone, PartialEq, Eq)]
enum Issuer {
    Metadata {
        host: String,
    },
    AppService {
        endpoint: String,
        header: Zeroizing<String>,
    },
    Arc {
        endpoint: String,
    },
    MachineLearning {
        endpoint: String,
        secret: Zeroizing<String>,
    },
    CloudShell {
        endpoint: String,
    },
}

impl Issuer {
    /// From the environment; `agent` says whether Arc's agent is installed.
    fn of(env: &BTreeMap<String, String>, agent: bool) -> Result<Self, SetupError> {
        let get = |name: &str| env.get(name).filter(|value| !value.is_empty()).cloned();
        if let Some(endpoint) = get("IDENTITY_ENDPOINT") {
            if get("IDENTITY_SERVER_THUMBPRINT").is_some() {
                let why = "the identity of Service Fabric is not supported; use an app registration";
                return Err(SetupError::new(why));
            }
            if let Some(header) = get("IDENTITY_HEADER") {
                let header = Zeroizing::new(header);
                return Ok(Self::AppService { endpoint, header });
            }
            return Ok(Self::Arc { endpoint });
        }
        if let Some(endpoint) = get("MSI_ENDPOINT") {
            return Ok(match get("MSI_SECRET").map(Zeroizing::new) {
                Some(secret) => Self::MachineLearning { endpoint, secret },
                None => Self::CloudShell { endpoint },
            });
        }
        if agent {
            let endpoint = ARC_ENDPOINT.to_owned();
            return Ok(Self::Arc { endpoint });
        }
        let host = get("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| METADATA.to_owned());
        Ok(Self::Metadata { host })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Metadata { .. } => "the instance metadata service",
            Self::AppService { .. } => "App Service's identity endpoint",
            Self::Arc { .. } => "the Arc agent",
            Self::MachineLearning { .. } => "Machine Learning's identity endpoint",
            Self::CloudShell { .. } => "Cloud Shell",
        }
    }

    /// How the service calls a user-assigned identity; nothing where it knows only the machine's own.
    fn parameter(&self, id: &ManagedId) -> Option<&'static str> {
        match (self, id) {
            (Self::Metadata { .. } | Self::AppService { .. }, ManagedId::Client(_)) => Some("client_id"),
            (Self::Metadata { .. } | Self::AppService { .. }, ManagedId::Object(_)) => Some("object_id"),
            (Self::Metadata { .. }, ManagedId::Resource(_)) => Some("msi_res_id"),
            (Self::AppService { .. }, ManagedId::Resource(_)) => Some("mi_res_id"),
            (Self::MachineLearning { .. }, ManagedId::Client(_)) => Some("clientid"),
            (Self::MachineLearning { .. } | Self::Arc { .. } | Self::CloudShell { .. }, _) => None,
        }
    }

    fn address(&self) -> (String, &'static str) {
        match self {
            Self::Metadata { host } => {
                let host = host.trim_end_matches('/');
                (format!("{host}/metadata/identity/oauth2/token"), "2018-02-01")
            }
            Self::AppService { endpoint, .. } => (endpoint.clone(), "2019-08-01"),
            Self::Arc { endpoint } => (endpoint.clone(), "2019-11-01"),
            Self::MachineLearning { endpoint, .. } => (endpoint.clone(), "2017-09-01"),
            Self::CloudShell { endpoint } => (endpoint.clone(), ""),
        }
    }
}

/// The identity of this machine.
pub(super) struct Managed {
    client: reqwest::Client,
    issuer: Issuer,
    id: Option<ManagedId>,
    keys: PathBuf,
}

impl fmt::Debug for Managed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Managed");
        shown.field("issuer", &self.issuer.name()).field("id", &self.id);
        shown.finish_non_exhaustive()
    }
}

impl Managed {
    /// `client` knows no proxy.
    pub(super) fn new(
        client: &reqwest::Client,
        env: &BTreeMap<String, String>,
        id: Option<&ManagedId>,
    ) -> Result<Self, SetupError> {
        let issuer = Issuer::of(env, Path::new(ARC_AGENT).exists())?;
        if id.is_some_and(|id| issuer.parameter(id).is_none()) {
            let name = issuer.name();
            return Err(SetupError::new(format!(
                "{name} does not know user-assigned identities by this id; use `managed_identity: {{}}`"
            )));
        }
        Ok(Self {
            client: client.clone(),
            issuer,
            id: id.cloned(),
            keys: ARC_KEYS.into(),
        })
    }

    fn request(&self, scope: &str) -> Result<reqwest::RequestBuilder, Refused> {
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let (address, version) = self.issuer.address();
        let wrong = |e| {
            Refused::for_good(format!(
                "{} is at `{address}`, which is no URL: {e}",
                self.issuer.name()
            ))
        };
        let mut url = url::Url::parse(&address).map_err(wrong)?;
        if let Issuer::CloudShell { .. } = self.issuer {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("resource", resource)
                .finish();
            let request = self.client.post(url).header("metadata", "true");
            return Ok(request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form));
        }
        url.query_pairs_mut()
            .append_pair("api-version", version)
            .append_pair("resource", resource);
        if let Some((name, id)) = self
            .id
            .as_ref()
            .and_then(|id| Some((self.issuer.parameter(id)?, id)))
        {
            url.query_pairs_mut().append_pair(name, id.text());
        }
        let request = self.client.get(url).header("metadata", "true");
        Ok(match &self.issuer {
            Issuer::AppService { header, .. } => request.header("x-identity-header", header.as_str()),
            Issuer::MachineLearning { secret, .. } => request.header("secret", secret.as_str()),
            Issuer::Metadata { .. } | Issuer::Arc { .. } | Issuer::CloudShell { .. } => request,
        })
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Refused> {
        let sent = request.send().await;
        sent.map_err(|e| Refused::unreachable(self.issuer.name(), &e))
    }

    /// Arc's agent proves that we may read its folder: it names a file there, whose content is the password.
    async fn challenged(
        &self,
        scope: &str,
        response: &reqwest::Response,
    ) -> Result<reqwest::Response, Refused> {
        let asked = response
            .headers()
            .get("www-authenticate")
            .and_then(|v| v.to_str().ok());
        let named = asked
            .and_then(|text| text.split_once("realm="))
            .map(|(_, file)| file.trim_matches('"').trim());
        let file = named.ok_or_else(|| Refused::for_good("the Arc agent named no key file"))?;
        let path = key_file(&self.keys, file).ok_or_else(|| {
            Refused::for_good(format!(
                "the Arc agent named {file}, which is no key in {}",
                self.keys.display()
            ))
        })?;
        let unreadable = |why: String| {
            let help = "add the daemon's user to the group himds (SupplementaryGroups=himds in the unit)";
            Refused::for_good(format!("the Arc agent's key {}: {why}; {help}", path.display()))
        };
        let about = tokio::fs::metadata(&path)
            .await
            .map_err(|e| unreadable(e.to_string()))?;
        if about.len() > LONGEST_KEY_BYTES {
            return Err(unreadable(format!("it has {} bytes", about.len())));
        }
        let key = tokio::fs::read_to_string(&path).await.map(Zeroizing::new);
        let key = key.map_err(|e| unreadable(e.to_string()))?;
        let request = self
            .request(scope)?
            .header("authorization", format!("Basic {}", key.trim()));
        self.ask(request).await
    }
}

/// A file of the folder itself that ends in `.key`.
fn key_file(folder: &Path, named: &str) -> Option<PathBuf> {
    let path = Path::new(named);
    let right = path.parent() == Some(folder) && path.extension().is_some_and(|end| end == "key");
    right.then(|| path.to_path_buf())
}

#[async_trait]
impl Source for Managed {
    async fn token(&self, scope: &str) -> Result<AccessToken, Refused> {
        let mut response = self.ask(self.request(scope)?).await?;
        if matches!(self.issuer, Issuer::Arc { .. }) && response.status().as_u16() == 401 {
            response = self.challenged(scope, &response).await?;
        }
        let who = self.issuer.name();
        let answer = Answered::read(who, response).await?;
        let token = answer.token(who, OffsetDateTime::now_utc());
        token.map_err(|refused| self.judged(answer.status, refused))
    }
}

impl Managed {
    /// Instance metadata answers 404 and 410 while it is being renewed (learn, "How to use managed identities to get a
    /// token", error handling).
    fn judged(&self, status: u16, refused: Refused) -> Refused {
        if matches!(self.issuer, Issuer::Metadata { .. }) && matches!(status, 404 | 410) {
            let kind = provider_api::ErrorKind::Unavailable { retry_after: None };
            return Refused { kind, ..refused };
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn the_environment_says_which_service() {
        let endpoint = ("IDENTITY_ENDPOINT", "http://e");
        let msi = ("MSI_ENDPOINT", "http://m");
        for (pairs, agent, wanted) in [
            (vec![], false, "the instance metadata service"),
            (vec![], true, "the Arc agent"),
            (vec![endpoint], false, "the Arc agent"),
            (
                vec![endpoint, ("IMDS_ENDPOINT", "http://i")],
                false,
                "the Arc agent",
            ),
            (
                vec![endpoint, ("IDENTITY_HEADER", "h")],
                true,
                "App Service's identity endpoint",
            ),
            (
                vec![msi, ("MSI_SECRET", "s")],
                false,
                "Machine Learning's identity endpoint",
            ),
            (vec![msi], false, "Cloud Shell"),
        ] {
            let issuer = Issuer::of(&env(&pairs), agent).expect("a service");
            assert_eq!(issuer.name(), wanted, "{pairs:?}");
        }
        let fabric = env(&[
            endpoint,
            ("IDENTITY_HEADER", "h"),
            ("IDENTITY_SERVER_THUMBPRINT", "t"),
        ]);
        assert!(Issuer::of(&fabric, false).is_err());
    }

    #[test]
    fn only_keys_of_the_agents_own_folder_are_read() {
        let folder = Path::new(ARC_KEYS);
        assert!(key_file(folder, "/var/opt/azcmagent/tokens/a.key").is_some());
        for named in [
            "/var/opt/azcmagent/tokens/a.txt",
            "/var/opt/azcmagent/tokens/../x.key",
            "/var/opt/azcmagent/tokens/x/a.key",
            "/etc/shadow.key",
            "a.key",
            "",
        ] {
            assert!(key_file(folder, named).is_none(), "{named}");
        }
    }

    /// Answers each connection with the next answer; gives what was asked.
    async fn answers(listener: TcpListener, answers: Vec<String>) -> Vec<String> {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut bytes = vec![0; 4_096];
            let read = socket.read(&mut bytes).await.expect("a request");
            asked.push(String::from_utf8_lossy(&bytes[..read]).into_owned());
            socket.write_all(answer.as_bytes()).await.expect("sent");
        }
        asked
    }

    #[tokio::test]
    async fn the_arc_agents_challenge_is_met() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("a.key");
        std::fs::write(&key, "the key\n").expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}/token", listener.local_addr().expect("an address"));
        let managed = Managed {
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            issuer: Issuer::Arc { endpoint },
            id: None,
            keys: folder.path().to_path_buf(),
        };
        let head = |status: &str, more: &str, body: &str| {
            format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\n{more}content-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        let realm = format!("www-authenticate: Basic realm={}\r\n", key.display());
        let script = vec![
            head("401 Unauthorized", &realm, ""),
            head(
                "200 OK",
                "",
                r#"{"access_token":"arc","expires_on":"4102444800"}"#,
            ),
        ];
        let (token, asked) = tokio::join!(
            managed.token("https://management.azure.com/.default"),
            answers(listener, script)
        );
        assert_eq!(token.expect("a token").token.secret(), "arc");
        assert!(
            asked[0].contains("/token?api-version=2019-11-01&resource=https%3A%2F%2Fmanagement.azure.com ")
        );
        assert!(!asked[0].contains("authorization") && asked[1].contains("authorization: Basic the key\r\n"));
    }
}
