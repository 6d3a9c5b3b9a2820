//! How the running daemon is asked: with a token or a certificate where it wants one, over HTTPS where it speaks that.

use crate::admin::Status;
use crate::cli::{AccessArgs, StatusArgs};
use crate::exit::Failure;
use crate::wiring::with_causes;
use config_file::Lookup as _;
use reqwest::{Certificate, Client, Identity, Response, StatusCode};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a token may stand that is in no file.
const TOKEN: &str = "NEPHOSCOPE_TOKEN";

/// What the daemon says of itself, as it gave it and as it is understood.
pub(super) async fn ask(args: &StatusArgs) -> Result<(String, Status), Failure> {
    let url = format!("{}/api/v1/status", args.url.trim_end_matches('/'));
    let unreachable = |error: reqwest::Error| {
        Failure::unavailable(format!(
            "asking {url}: {}; is the daemon running (`systemctl status nephoscope`), and is this its `listen` address? (--url)",
            with_causes(&error.without_url())
        ))
    };
    let mut request = client(&args.access)?.get(&url);
    if let Some(token) = token(args.access.token.as_deref())? {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.map_err(unreachable)?;
    if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status()) {
        return Err(refused(&url, response).await);
    }
    let response = response.error_for_status().map_err(unreachable)?;
    let text = response.text().await.map_err(unreachable)?;
    let status = serde_json::from_str(&text)
        .map_err(|error| Failure::unavailable(format!("{url} is not answered by Nephoscope: {error}")))?;
    Ok((text.trim_end().to_owned(), status))
}

fn client(access: &AccessArgs) -> Result<Client, Failure> {
    let mut builder = Client::builder().timeout(PATIENCE).no_proxy();
    if let Some(path) = &access.ca {
        let authority = Certificate::from_pem(&read(path)?).map_err(|error| unusable(path, &error))?;
        builder = builder.add_root_certificate(authority);
    }
    if let (Some(cert), Some(key)) = (&access.cert, &access.key) {
        let pem = [read(cert)?, read(key)?].concat();
        builder = builder.identity(Identity::from_pem(&pem).map_err(|error| unusable(cert, &error))?);
    }
    builder
        .build()
        .map_err(|error| Failure::software("preparing a request", &with_causes(&error)))
}

fn token(file: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some(path) = file else {
        return Ok(config_file::System.env(TOKEN).filter(|token| !token.is_empty()));
    };
    let text = String::from_utf8(read(path)?)
        .map_err(|_| Failure::usage(format!("{} holds no token: it is not text", path.display())))?;
    Ok(Some(text.trim().to_owned()))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::usage(format!("reading {}: {error}", path.display())))
}

fn unusable(path: &Path, error: &reqwest::Error) -> Failure {
    Failure::usage(format!(
        "{} cannot be used: {}",
        path.display(),
        with_causes(error)
    ))
}

/// A daemon that does not want to answer us, in its own words.
async fn refused(url: &str, response: Response) -> Failure {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    let why = body.pointer("/error/message").and_then(Value::as_str);
    Failure::permission(format!(
        "asking {url}: {status}: {}; a token is given with --token-file or {TOKEN}, a certificate with --cert-file",
        why.unwrap_or("it does not say why")
    ))
}
