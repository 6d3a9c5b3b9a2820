//! Scripted services over sockets: an HTTP server, with TLS or without, that remembers what it was asked and answers as
//! the test says; and a proxy that remembers whom it was asked for.

use super::Running;
use crate::authority::Authority;
use crate::setup::PATIENCE;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// One request, as it came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub method: String,
    /// Path and query; the whole address where a proxy was asked.
    pub target: String,
    /// By lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A value of the query, or of a form; decoded.
    pub fn field(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let find = |text: &str| {
            let mut pairs = url::form_urlencoded::parse(text.as_bytes());
            pairs
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        find(query).or_else(|| find(&self.body))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(body: &serde_json::Value) -> Self {
        Self::of(200, "application/json", body.to_string())
    }

    pub fn of(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), kind.into())],
            body: body.into(),
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// A scripted service; it ends with the test.
pub struct Stub {
    pub url: String,
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub async fn http(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, "http://127.0.0.1", Arc::new(script)).await
    }

    /// With a certificate for these names; the first is in the URL.
    pub async fn https(
        authority: &Authority,
        names: &[&str],
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (certificate, key) = authority.signs(names);
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                chain.collect::<Result<_, _>>().unwrap(),
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::start(Some(acceptor), &format!("https://{}", names[0]), Arc::new(script)).await
    }

    async fn start(tls: Option<TlsAcceptor>, begin: &str, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else {
                    return;
                };
                let (tls, script, kept) = (tls.clone(), Arc::clone(&script), Arc::clone(&kept));
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, &script, &kept).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(socket).await {
                                serve(stream, &script, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            url: format!("{begin}:{port}"),
            port,
            seen,
            task,
        }
    }

    /// A proxy: every `CONNECT` leads to this port of this machine, whatever was asked for; what is asked in clear is
    /// answered by `script` in the server's place.
    pub async fn proxy(to: u16, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let script: Script = Arc::new(script);
        let task = tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(pass_on(socket, to, Arc::clone(&script), Arc::clone(&kept)));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            seen,
            task,
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits for a request that fits.
    pub async fn comes(&self, what: &str, daemon: &Running, fits: impl Fn(&Seen) -> bool) -> Seen {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(seen) = self.seen().into_iter().find(&fits) {
                return seen;
            }
            assert!(Instant::now() < limit, "{what} did not come:\n{}", daemon.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The first request that fits; a failure shows all there were.
    pub fn asked(&self, what: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let seen = self.seen();
        let found = seen.iter().find(|s| fits(s)).cloned();
        found.unwrap_or_else(|| panic!("{what} was not asked: {seen:#?}"))
    }
}

/// Requests of one connection, one after the other.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: &Script, kept: &Mutex<Vec<Seen>>) {
    while let Some(request) = read(&mut stream).await {
        let answer = script(&request);
        kept.lock().unwrap().push(request);
        if write(&mut stream, &answer).await.is_none() {
            return;
        }
    }
}

async fn pass_on(mut socket: TcpStream, to: u16, script: Script, kept: Arc<Mutex<Vec<Seen>>>) {
    let Some(request) = read(&mut socket).await else {
        return;
    };
    let connect = request.method == "CONNECT";
    let answer = (!connect).then(|| script(&request));
    kept.lock().unwrap().push(request);
    if let Some(answer) = answer {
        if write(&mut socket, &answer).await.is_some() {
            serve(socket, &script, &kept).await;
        }
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", to)).await else {
        return;
    };
    if socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.is_ok() {
        drop(tokio::io::copy_bidirectional(&mut socket, &mut server).await);
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end;
        }
        more(stream, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |l| l.parse().unwrap());
    while bytes.len() < end + 4 + length {
        more(stream, &mut bytes).await?;
    }
    let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    Some(Seen {
        method,
        target,
        headers,
        body,
    })
}

async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 8_192];
    let read = stream.read(&mut chunk).await.ok()?;
    bytes.extend_from_slice(&chunk[..read]);
    (read > 0).then_some(())
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> Option<()> {
    let mut head = format!(
        "HTTP/1.1 {} Scripted\r\ncontent-length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    let whole = [head.as_bytes(), b"\r\n", &answer.body].concat();
    stream.write_all(&whole).await.ok()?;
    stream.flush().await.ok()
}
