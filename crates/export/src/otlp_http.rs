//! OTLP as protobuf over HTTP.
//!
//! The stored gzip bytes are the body. Redirects are not followed: a POST would become a GET, and a login page is not
//! a receipt.

use crate::advice::broken;
use crate::body::{Body, body};
use crate::config::{Compression, OtlpConfig, Signal, Tls};
use crate::connect::{Wrong, headers, wrong};
use crate::encode::Encoded;
use crate::endpoint::{full, shown};
use crate::proxy::is_local;
use crate::transport::{Transport, Verdict, causes};
use crate::verdict::{HttpAnswer, http_verdict};
use async_trait::async_trait;
use bytes::BytesMut;
use http::header;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Response, Url, redirect};
use zeroize::Zeroizing;

/// Enough for any partial success and for the first words of an error page.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// An HTTP destination.
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    url: Url,
    /// The URL as texts show it.
    shown: String,
    compression: Compression,
}

impl Http {
    /// Connects lazily, at the first batch.
    pub(crate) fn new(config: &OtlpConfig, signal: Signal) -> Result<Self, Wrong> {
        let base = Url::parse(&config.url()).map_err(|e| wrong("the endpoint", e))?;
        let url = full(base, &config.path, signal);
        let builder = Client::builder()
            .timeout(config.timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("nephoscope/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers(config)?);
        // The library reads the proxy variables itself.
        let builder = if url.host_str().is_some_and(is_local) {
            builder.no_proxy()
        } else {
            builder
        };
        let builder = match &config.tls {
            Some(tls) => with_tls(builder, tls)?,
            None => builder,
        };
        let client = builder.build().map_err(|e| wrong("tls", e))?;
        Ok(Self {
            client,
            shown: shown(&url),
            url,
            compression: config.compression,
        })
    }

    async fn attempt(&self, body: Body) -> Result<Verdict, reqwest::Error> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(body.bytes);
        if let Some(encoding) = body.encoding {
            request = request.header(header::CONTENT_ENCODING, encoding);
        }
        read(request.send().await?).await
    }
}

#[async_trait]
impl Transport for Http {
    async fn deliver(&self, batch: &Encoded) -> Verdict {
        match body(batch, self.compression) {
            Ok(body) => self
                .attempt(body)
                .await
                .unwrap_or_else(|e| broken(causes(&e.without_url())))
                .about(&self.shown),
            Err(e) => Verdict::Drop { why: causes(&e) },
        }
    }
}

async fn read(mut response: Response) -> Result<Verdict, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() >= MAX_ANSWER_BYTES {
            break;
        }
    }
    let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
    let answer = HttpAnswer {
        status: response.status().as_u16(),
        content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
        retry_after: text(header::RETRY_AFTER),
        body: &body,
    };
    Ok(http_verdict(answer, jiff::Timestamp::now()))
}

fn with_tls(mut builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, Wrong> {
    if let Some(ca) = &tls.ca_pem {
        let all = Certificate::from_pem_bundle(ca.as_bytes()).map_err(|e| wrong("tls.ca_file", e))?;
        builder = builder.tls_certs_only(all);
    }
    if let (Some(cert), Some(key)) = (&tls.cert_pem, &tls.key_pem) {
        let both = Zeroizing::new(format!("{cert}\n{}", key.as_str()));
        let identity =
            Identity::from_pem(both.as_bytes()).map_err(|e| wrong("tls.cert_file and key_file", e))?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}
