//! One GET of Cloud Monitoring's REST API. We send it ourselves instead of through Google's client, because that gives up a
//! whole page for one odd element of it and keeps the date of every answer to itself. Credentials, models and errors are
//! Google's; what an error means says `classify`.

use bytes::{Bytes, BytesMut};
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Status;
use provider_api::Shared;
use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use std::sync::Arc;

/// Where the service is unless the configuration says otherwise.
const PUBLIC_ENDPOINT: &str = "https://monitoring.googleapis.com";

/// More than the largest page that may be configured has; a body beyond it is none of Google's.
const MOST_BYTES: usize = 256 << 20;

/// An answer that is none of the refusals.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is asked for: a list of one project.
#[derive(Clone, Debug)]
pub(crate) struct Get<'a> {
    pub(crate) project: &'a str,
    /// `timeSeries`, `metricDescriptors`.
    pub(crate) list: &'static str,
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// One client for all accounts: reading the system's authorities takes longer than a request.
static CLIENT: Shared<(), Client> = Shared::new();

/// The way to the service.
#[derive(Debug)]
pub(crate) struct Http {
    client: Arc<Client>,
    endpoint: Url,
}

impl Http {
    /// Sends nothing yet. A redirection is not followed: it is not Google's, and would take the token along.
    pub(crate) fn new(endpoint: Option<&str>) -> Result<Self, Error> {
        let client = CLIENT.get((), |()| {
            Client::builder()
                .http1_only()
                .redirect(Policy::none())
                .user_agent(concat!("nephoscope/", env!("CARGO_PKG_VERSION")))
                .build()
        });
        Ok(Self {
            client: client.map_err(Error::io)?,
            endpoint: Url::parse(endpoint.unwrap_or(PUBLIC_ENDPOINT)).map_err(Error::binding)?,
        })
    }

    /// Sends it once.
    pub(crate) async fn get(&self, credentials: &Credentials, get: &Get<'_>) -> Result<Answer, Error> {
        let token = credentials.headers(http::Extensions::new()).await;
        let headers = match token.map_err(Error::authentication)? {
            CacheableResource::New { data, .. } => data,
            CacheableResource::NotModified => HeaderMap::new(),
        };
        let request = self.client.get(self.url(get)?).headers(headers);
        answered(request.send().await.map_err(not_sent)?).await
    }

    fn url(&self, get: &Get<'_>) -> Result<Url, Error> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| Error::binding("the endpoint cannot have a path"))?
            .pop_if_empty()
            .extend(["v3", "projects", get.project, get.list]);
        let given = get.parameters.iter().filter(|(_, value)| !value.is_empty());
        url.query_pairs_mut().extend_pairs(given);
        Ok(url)
    }
}

async fn answered(mut response: Response) -> Result<Answer, Error> {
    let status = response.status();
    let headers = response.headers().clone();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(not_sent)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(Error::deser("the answer has more than 256 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    let body = body.freeze();
    if status.is_success() {
        return Ok(Answer { headers, body });
    }
    let http = status.as_u16();
    Err(match Status::try_from(&body) {
        Ok(said) => Error::service_with_http_metadata(said, Some(http), Some(headers)),
        Err(_) => Error::http(http, headers, body),
    })
}

fn not_sent(error: reqwest::Error) -> Error {
    if error.is_connect() {
        Error::connect(error)
    } else if error.is_timeout() {
        Error::timeout(error)
    } else {
        Error::io(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_escaped_and_empty_ones_left_out() {
        let http = Http::new(Some("http://127.0.0.1:1/monitoring/")).expect("a client");
        let get = Get {
            project: "example.com:p?",
            list: "timeSeries",
            parameters: vec![
                ("filter", "a = \"b\" & c".to_owned()),
                ("pageToken", String::new()),
            ],
        };
        assert_eq!(
            http.url(&get).expect("an address").as_str(),
            "http://127.0.0.1:1/monitoring/v3/projects/example.com:p%3F/timeSeries?filter=a+%3D+%22b%22+%26+c"
        );
    }
}
