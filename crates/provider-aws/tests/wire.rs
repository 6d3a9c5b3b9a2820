//! The real SDK against a canned server: discover, plan and fetch over RPC v2 CBOR, and a refusal.
#![expect(clippy::large_futures, reason = "a test has stack enough")]

use futures::StreamExt;
use gate::{Gate, GateConfig};
use provider_api::{
    AccountId, Cloud, Due, ErrorKind, MetricsProvider, Outcome, Reach, Span, UnixNanos, Window,
};
use provider_aws::{AwsConfig, AwsCredentials, AwsEndpoints, AwsEntry, AwsProvider, CredentialSource};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn head(major: u8, n: usize) -> Vec<u8> {
    let n = u8::try_from(n).expect("short");
    if n < 24 {
        vec![major << 5 | n]
    } else {
        vec![major << 5 | 0x18, n]
    }
}

fn text(s: &str) -> Vec<u8> {
    [head(3, s.len()), s.as_bytes().to_vec()].concat()
}

fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs_encoded = pairs.iter().flat_map(|(k, v)| [text(k), v.clone()].concat());
    head(5, pairs.len()).into_iter().chain(pairs_encoded).collect()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len()), items.concat()].concat()
}

fn double(value: f64) -> Vec<u8> {
    [vec![0xfb], value.to_be_bytes().to_vec()].concat()
}

fn time(seconds: f64) -> Vec<u8> {
    [vec![0xc1], double(seconds)].concat()
}

/// Status, more headers and body for an operation.
fn answer(request: &str) -> (&'static str, Vec<u8>) {
    if request.contains("operation/ListMetrics") {
        let dimension = map(&[("Name", text("InstanceId")), ("Value", text("i-1"))]);
        let metric = map(&[
            ("Namespace", text("AWS/EC2")),
            ("MetricName", text("CPUUtilization")),
            ("Dimensions", list(&[dimension])),
        ]);
        ("200 OK", map(&[("Metrics", list(&[metric]))]))
    } else if request.contains("operation/GetMetricData") {
        let result = map(&[
            ("Id", text("t0_0")),
            ("Timestamps", list(&[time(60.0), time(120.0)])),
            ("Values", list(&[double(1.5), double(2.5)])),
            ("StatusCode", text("Complete")),
        ]);
        ("200 OK", map(&[("MetricDataResults", list(&[result]))]))
    } else if request.contains("ResourceGroupsTaggingAPI_20170126.GetResources") {
        (
            "400 Bad Request\r\nx-amzn-errortype: AccessDeniedException",
            b"{}".to_vec(),
        )
    } else {
        let error =
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        ("403 Forbidden", error.into())
    }
}

fn whole_request(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|w| w == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

async fn serve_one(mut socket: TcpStream) {
    let mut request = Vec::new();
    let mut chunk = [0; 16_384];
    while !whole_request(&request) {
        match socket.read(&mut chunk).await {
            Ok(n) if n > 0 => request.extend_from_slice(&chunk[..n]),
            _ => return,
        }
    }
    let (status, body) = answer(&String::from_utf8_lossy(&request));
    let head = format!(
        "HTTP/1.1 {status}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: application/cbor\r\n\
         date: Thu, 01 Jan 1970 00:10:00 GMT\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let whole = [head.into_bytes(), body].concat();
    assert!(socket.write_all(&whole).await.is_ok());
    assert!(socket.shutdown().await.is_ok());
}

/// Serves beside the test's body until that ends.
async fn against_server<T>(body: impl AsyncFnOnce(String) -> T) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = async {
        loop {
            let (socket, _) = listener.accept().await.expect("a connection");
            serve_one(socket).await;
        }
    };
    tokio::select! {
        never = server => never,
        done = body(url) => done,
    }
}

fn config(url: String) -> AwsConfig {
    let source = CredentialSource::Static {
        access_key_id: "AKIA".into(),
        secret_access_key: "secret".to_owned().into(),
        session_token: None,
    };
    let entry = AwsEntry {
        namespace: "AWS/EC2".into(),
        names: Vec::new(),
        statistics: Vec::new(),
        period: None,
        dimensions: Vec::new(),
        tags: Vec::new(),
        copy_tags: Vec::new(),
        every: Duration::from_mins(5),
        settle: Span::Fixed(Duration::from_mins(3)),
        lookback: Span::Fixed(Duration::from_mins(10)),
        initial: Duration::from_mins(15),
    };
    AwsConfig {
        account: AccountId("prod".into()),
        regions: vec!["eu-west-1".into()],
        credentials: AwsCredentials {
            source,
            assume_role: None,
        },
        account_id: Some("123456789012".into()),
        endpoints: AwsEndpoints {
            cloudwatch: Some(url.clone()),
            tagging: Some(url.clone()),
            sts: Some(url),
        },
        ca_pem: None,
        entries: vec![entry],
    }
}

#[tokio::test]
async fn discovers_plans_and_fetches() {
    against_server(async |url| {
        let gate = Gate::new(Cloud::Aws, AccountId("prod".into()), GateConfig::default());
        let provider = AwsProvider::connect(config(url), gate.clone())
            .await
            .expect("a provider");
        let catalogue = provider
            .discover(Reach::of_all(Duration::from_secs(3_600)))
            .next()
            .await
            .expect("a region")
            .expect("a catalogue");
        let window =
            Window::new(UnixNanos::from_seconds(60), UnixNanos::from_seconds(180)).expect("not empty");
        let due: Vec<Due> = catalogue
            .targets
            .into_iter()
            .map(|target| Due { target, window })
            .collect();
        let calls = provider.plan(&due);
        assert_eq!((calls.len(), calls[0].price.usd_nanos), (1, 10_000));
        let batches: Vec<_> = provider
            .fetch(&calls[0])
            .map(|b| b.expect("a batch"))
            .collect()
            .await;
        provider_api::conformance::batches_fit_their_call(&calls[0], &batches);
        assert_eq!(batches[0].complete, [due[0].target.id]);
        assert_eq!(batches[0].series[0].points.len(), 2);
        assert_eq!(batches[0].cloud_time, Some(UnixNanos::from_seconds(600)));
        assert_eq!(gate.snapshot().usd_nanos, 10_000);
    })
    .await;
}

#[tokio::test]
async fn a_missing_permission_is_named_by_the_check() {
    against_server(async |url| {
        let gate = Gate::new(Cloud::Aws, AccountId("prod".into()), GateConfig::default());
        let mut config = config(url);
        config.entries[0].copy_tags = vec!["team".into()];
        let provider = AwsProvider::connect(config, gate.clone())
            .await
            .expect("a provider");
        let report = provider.check().await;
        let seen: Vec<_> = report
            .checks
            .iter()
            .map(|c| (c.what.as_str(), c.outcome))
            .collect();
        let wanted = [
            ("GetCallerIdentity", Outcome::Forbidden),
            ("ListMetrics", Outcome::Passed),
            ("GetMetricData", Outcome::Passed),
            ("GetResources", Outcome::Forbidden),
        ];
        assert_eq!(seen, wanted, "{report:?}");
        assert_eq!(gate.snapshot().usd_nanos, 10_000, "one metric was read");
        let listed = provider
            .discover(Reach::of_all(Duration::from_secs(3_600)))
            .next()
            .await
            .expect("a region");
        assert!(
            listed.is_err_and(|e| *e.kind() == ErrorKind::Forbidden),
            "a region without its tags is an error"
        );
    })
    .await;
}
