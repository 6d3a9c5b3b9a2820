//! Who may ask the real binary: tokens, scopes, networks, rates, pages of other sites, certificates. The cloud behind it
//! cannot be reached; it answers all the same.

use crate::authority::Authority;
use crate::commands::nephoscope;
use crate::setup::{Daemon, wait_for};
use reqwest::{Certificate, Client, ClientBuilder, Identity, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::path::Path;

/// A daemon with this `api` section, and where it is.
struct Guarded {
    daemon: Daemon,
    address: String,
    client: Client,
    folder: tempfile::TempDir,
}

impl Guarded {
    async fn start(api: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), api).await
    }

    async fn start_in(folder: tempfile::TempDir, api: &str) -> Self {
        let path = folder.path().display();
        // Port 9 of loopback is `discard`; nothing listens there.
        let yaml = format!(
            "state: {{ dir: {path}/state }}\nlisten: 127.0.0.1:0\napi: {api}\ndestinations: [{{ name: out, file: {{ path: {path}/out }} }}]\n\
             aws:\n  - name: a\n    regions: [eu-west-1]\n    endpoint: http://127.0.0.1:9\n    credentials: {{ static: {{ access_key_id: x, \
             secret_access_key: y }} }}\n    metrics: [{{ namespace: AWS/EC2 }}]\n"
        );
        let daemon = Daemon::start(folder.path(), &yaml);
        let address = daemon.address().await;
        Self {
            daemon,
            address,
            client: client(Client::builder()),
            folder,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.address))
    }

    async fn status(&self, request: RequestBuilder, status: u16, wanted: &str) -> Response {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{}", self.daemon.log());
        let headers = response.headers().clone();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(headers.contains_key("content-security-policy"));
        if status < 400 {
            return response;
        }
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], wanted, "{body}");
        let mut bare = http_response(status);
        *bare.headers_mut() = headers;
        bare
    }
}

/// A response whose body has been read.
fn http_response(status: u16) -> Response {
    let builder = axum::http::Response::builder().status(status);
    builder.body(String::new()).unwrap().into()
}

fn client(builder: ClientBuilder) -> Client {
    // Each on a connection of its own, as most callers come.
    builder.no_proxy().pool_max_idle_per_host(0).build().unwrap()
}

/// A token from the real command, and the entry that it prints for the configuration.
async fn token(name: &str, scopes: &[&str]) -> (String, String) {
    let mut arguments = vec!["config", "token", "--name", name];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
    let output = nephoscope(&arguments).await;
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let token = lines.next().unwrap().to_owned();
    let entry = lines.next().unwrap().trim_start_matches("- ").to_owned();
    assert!(token.len() > 40 && !entry.contains(&token), "{text}");
    (token, entry)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_decide_who_may_do_what() {
    let (reader, read) = token("ci \"main\"", &["read"]).await;
    let (poller, poll) = token("cron", &["poll"]).await;
    let guarded = Guarded::start(&format!("{{ tokens: [{read}, {poll}] }}")).await;
    let path = "/api/v1/accounts";
    let silent = guarded.status(guarded.get(path), 401, "unauthenticated").await;
    let challenges = silent.headers().get_all("www-authenticate").iter();
    let schemes: Vec<&str> = challenges
        .map(|line| line.to_str().unwrap().split(' ').next().unwrap())
        .collect();
    assert_eq!(schemes, ["Bearer", "Basic"], "one a line, as browsers read them");
    for wrong in ["nsc_no", "", &reader[1..], &format!("{reader}x")] {
        guarded
            .status(guarded.get(path).bearer_auth(wrong), 401, "token_unknown")
            .await;
    }
    guarded
        .status(guarded.get(path).bearer_auth(&poller), 403, "scope_missing")
        .await;
    for request in [
        guarded.get(path).bearer_auth(&reader),
        guarded.get(path).header("x-api-key", &reader),
        guarded.get(path).basic_auth("anybody", Some(&reader)),
    ] {
        guarded.status(request, 200, "").await;
    }
    for closed in [
        "/",
        "/metrics",
        "/federate",
        "/api/v1/openapi.json",
        "/api/v1/status",
    ] {
        guarded.status(guarded.get(closed), 401, "unauthenticated").await;
    }
    probes_need_no_token(&guarded, &reader).await;
    let browser = guarded.get("/").header("accept", "text/html,*/*;q=0.8");
    let shown = browser.send().await.unwrap();
    assert_eq!(
        (
            shown.status().as_u16(),
            shown.headers()["content-type"].to_str().unwrap()
        ),
        (401, "text/html; charset=utf-8")
    );
    assert!(shown.headers().contains_key("www-authenticate"));
    let shown = shown.text().await.unwrap();
    assert!(shown.contains("the password is a token"), "{shown}");
    status_shows_the_token(&guarded, &reader).await;
    let log = guarded.daemon.log();
    assert!(
        log.contains("refused a request: token cron lacks the scope `read`"),
        "{log}"
    );
    assert!(
        !log.contains(&reader) && !log.contains(&poller) && !log.contains("sha256"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_lets_others_in_without_a_new_listener() {
    let (first, entry) = token("first", &["read"]).await;
    let (second, other) = token("second", &["read"]).await;
    let guarded = Guarded::start(&format!("{{ tokens: [{entry}] }}")).await;
    let get = |token: &str| guarded.get("/api/v1/accounts").bearer_auth(token);
    guarded.status(get(&first), 200, "").await;
    let path = guarded.folder.path().join("nephoscope.yaml");
    let yaml = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, yaml.replace(&entry, &other)).unwrap();
    guarded.daemon.signal("-HUP");
    wait_for("the configuration taken up", || {
        guarded.daemon.log().contains("loaded anew").then_some(())
    })
    .await;
    guarded.status(get(&first), 401, "token_unknown").await;
    guarded.status(get(&second), 200, "").await;
}

/// A probe is answered whoever asks, without a name; what there is to say is for readers.
async fn probes_need_no_token(guarded: &Guarded, reader: &str) {
    for alive in ["/healthz", "/livez", "/-/healthy"] {
        guarded.status(guarded.get(alive), 200, "").await;
    }
    for ready in ["/readyz", "/-/ready"] {
        // Its account reaches nobody.
        let bare = guarded.get(ready).send().await.unwrap();
        assert_eq!(bare.status().as_u16(), 503);
        assert_eq!(bare.text().await.unwrap(), "{\"ready\":false}");
        let full = guarded.get(ready).bearer_auth(reader).send().await.unwrap();
        assert_eq!(full.status().as_u16(), 503);
        let full: Value = full.json().await.unwrap();
        assert_eq!(full["accounts"]["a"]["ready"], false, "{full}");
        assert!(
            full["reason"].as_str().unwrap().contains("not ready: a"),
            "{full}"
        );
        let wrong = guarded.get(ready).bearer_auth("nsc_wrong");
        guarded.status(wrong, 401, "token_unknown").await;
    }
}

/// `status` from a file and from the environment; without a token it says what is missing.
async fn status_shows_the_token(guarded: &Guarded, token: &str) {
    let url = format!("http://{}", guarded.address);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let shown = nephoscope(&["status", "--url", &url, "--token-file", file.to_str().unwrap()]).await;
    assert!(shown.status.success());
    assert!(String::from_utf8(shown.stdout).unwrap().contains("ACCOUNT"));
    let refused = nephoscope(&["status", "--url", &url]).await;
    assert_eq!(refused.status.code(), Some(77));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("--token-file") && text.contains("401"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_asks_only_so_often() {
    let guarded = Guarded::start("{ rate_limit: { per_second: 1, burst: 3 } }").await;
    let mut left = Vec::new();
    let refused = loop {
        let response = guarded.get("/healthz").send().await.unwrap();
        assert_eq!(response.headers()["ratelimit-limit"], "3");
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            break response;
        }
        left.push(
            response.headers()["ratelimit-remaining"]
                .to_str()
                .unwrap()
                .to_owned(),
        );
        assert!(
            left.len() < 1000,
            "a machine that takes a second for each request"
        );
    };
    assert_eq!(left.first().map(String::as_str), Some("2"));
    assert_eq!(refused.headers()["ratelimit-remaining"], "0");
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=4).contains(&wait), "{wait}");
    let other = client(Client::builder().local_address(Some([127, 0, 0, 2].into())));
    let other = other.get(format!("http://{}/healthz", guarded.address));
    guarded.status(other, 200, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_networks_may_ask() {
    let guarded = Guarded::start("{ allow: [127.0.0.2, 10.0.0.0/8] }").await;
    guarded
        .status(guarded.get("/healthz"), 403, "address_not_allowed")
        .await;
    let listed = client(Client::builder().local_address(Some([127, 0, 0, 2].into())));
    let listed = listed.get(format!("http://{}/api/v1/accounts", guarded.address));
    guarded.status(listed, 200, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_changes_nothing() {
    let guarded = Guarded::start("{ hosts: [proxy.example.com] }").await;
    let get = |host: &str| guarded.get("/api/v1/status").header("host", host);
    guarded
        .status(get("evil.example.com"), 403, "host_not_allowed")
        .await;
    for host in ["localhost:1", "proxy.example.com", "[::1]:9464"] {
        guarded.status(get(host), 200, "").await;
    }
    let post = || {
        guarded
            .client
            .post(format!("http://{}/api/v1/status", guarded.address))
    };
    let evil = post().header("origin", "https://evil.example.com");
    guarded.status(evil, 403, "cross_origin").await;
    guarded
        .status(post().header("sec-fetch-site", "cross-site"), 403, "cross_origin")
        .await;
    let own = post().header("origin", format!("http://{}", guarded.address));
    guarded.status(own, 405, "method_not_allowed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_taken_instead_of_tokens() {
    let (reader, read) = token("ci", &["read"]).await;
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (cert, key) = ours.signs(&["localhost", "127.0.0.1"]);
    let (client_cert, client_key) = ours.signs(&["client"]);
    let ca = write("ca.pem", &ours.pem);
    let api = format!(
        "{{ tls: {{ cert_file: {}, key_file: {} }}, mtls: {{ ca_file: {ca} }}, tokens: [{read}] }}",
        write("server.crt", &cert),
        write("server.key", &key)
    );
    let files = [
        write("client.crt", &client_cert),
        write("client.key", &client_key),
    ];
    let guarded = Guarded::start_in(folder, &api).await;
    let url = format!("https://{}/api/v1/accounts", guarded.address);
    let trusting = || {
        let authority = Certificate::from_pem(ours.pem.as_bytes()).unwrap();
        Client::builder().add_root_certificate(authority)
    };
    let anonymous = client(trusting());
    guarded.status(anonymous.get(&url), 401, "unauthenticated").await;
    guarded
        .status(anonymous.get(&url).bearer_auth(&reader), 200, "")
        .await;
    let identity =
        |(cert, key): &(String, String)| Identity::from_pem(format!("{cert}{key}").as_bytes()).unwrap();
    let known = client(trusting().identity(identity(&(client_cert, client_key))));
    guarded.status(known.get(&url), 200, "").await;
    let stranger = client(trusting().identity(identity(&theirs.signs(&["client"]))));
    assert!(stranger.get(&url).send().await.is_err(), "the handshake fails");
    assert!(
        guarded.get("/healthz").send().await.is_err(),
        "nothing is said without TLS"
    );
    status_over_https(&guarded.address, Path::new(&ca), &files).await;
}

async fn status_over_https(address: &str, ca: &Path, [cert, key]: &[String; 2]) {
    let url = format!("https://{address}");
    let asked = [
        "status",
        "--url",
        &url,
        "--json",
        "--ca-file",
        ca.to_str().unwrap(),
    ];
    let refused = nephoscope(&asked).await;
    assert_eq!(refused.status.code(), Some(77));
    let shown = nephoscope(&[&asked[..], &["--cert-file", cert, "--key-file", key]].concat()).await;
    assert!(
        shown.status.success(),
        "{}",
        String::from_utf8_lossy(&shown.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_something_needs_its_scope_and_is_logged_by_name() {
    let (reader, read) = token("reader", &["read"]).await;
    let (robot, act) = token("robot", &["read", "reload", "poll"]).await;
    let guarded = Guarded::start(&format!("{{ tokens: [{read}, {act}] }}")).await;
    let post = |path: &str, token: &str| {
        guarded
            .client
            .post(format!("http://{}{path}", guarded.address))
            .bearer_auth(token)
    };
    let (reload, poll) = ("/api/v1/reload", "/api/v1/poll");
    guarded.status(post(reload, &reader), 403, "scope_missing").await;
    guarded.status(post(poll, &reader), 403, "scope_missing").await;
    guarded
        .status(guarded.get(reload).bearer_auth(&robot), 405, "method_not_allowed")
        .await;
    let json = |path: &str, body: &'static str| {
        post(path, &robot)
            .header("content-type", "application/json")
            .body(body)
    };
    guarded
        .status(post(poll, &robot).body("account=a"), 415, "not_json")
        .await;
    guarded
        .status(json(poll, "{\"acount\":\"a\"}"), 400, "bad_request")
        .await;
    guarded
        .status(json(poll, "{\"account\":\"nobody\"}"), 404, "account_unknown")
        .await;
    guarded
        .status(
            post(poll, &robot).body(vec![b' '; 1 << 20]),
            413,
            "body_too_large",
        )
        .await;
    guarded.status(json(poll, "{\"account\":\"a\"}"), 202, "").await;
    guarded.status(post(poll, &robot), 202, "").await;
    let path = guarded.folder.path().join("nephoscope.yaml");
    let yaml = std::fs::read_to_string(&path).unwrap();
    let same = guarded
        .status(post(reload, &robot), 200, "")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(same, "{\"added\":[],\"changed\":[],\"removed\":[]}");
    std::fs::write(&path, yaml.replace("eu-west-1", "eu-wset-1")).unwrap();
    guarded
        .status(post(reload, &robot), 422, "configuration_refused")
        .await;
    std::fs::write(
        &path,
        yaml.replace("name: reader", "name: \"somebody\"")
            .replace("\"reader\"", "\"somebody\""),
    )
    .unwrap();
    let changed = guarded
        .status(post(reload, &robot), 200, "")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(changed, "{\"added\":[],\"changed\":[\"api\"],\"removed\":[]}");
    let log = guarded.daemon.log();
    assert!(
        log.contains("asked over the API") && log.contains("token robot") && log.contains("127.0.0.1"),
        "{log}"
    );
    events_say_what_the_log_says(&guarded, &robot).await;
}

async fn events_say_what_the_log_says(guarded: &Guarded, token: &str) {
    let get = |query: &str| guarded.get(&format!("/api/v1/events{query}")).bearer_auth(token);
    let items = async |query: &str| -> Vec<Value> {
        let response = guarded.status(get(query), 200, "").await;
        let body: Value = response.json().await.unwrap();
        body["items"].as_array().unwrap().clone()
    };
    let asked: Vec<Value> = items("?limit=1000")
        .await
        .into_iter()
        .filter(|e| e["message"] == "asked over the API")
        .collect();
    assert!(asked.len() >= 4, "{asked:?}");
    assert_eq!(asked[0]["fields"]["caller"], "token robot");
    assert_eq!(asked[0]["fields"]["action"], "poll");
    let bad = items("?level=error&limit=1000").await;
    assert!(
        !bad.is_empty() && bad.iter().all(|event| event["level"] == "error"),
        "{bad:?}"
    );
    let first = &items("?limit=1").await[0];
    let next = &items(&format!("?limit=1&cursor={}", first["id"])).await[0];
    assert!(next["id"].as_u64() > first["id"].as_u64());
    guarded.status(get("?level=loud"), 400, "bad_request").await;
}
