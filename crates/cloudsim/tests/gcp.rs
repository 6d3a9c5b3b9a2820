//! The simulated Google Cloud over the wire: every point against the truth, and the refusals.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloudsim::gcp::{GcpOptions, GcpSim, GcpTruth, GcpValue};
use cloudsim::{BadAnswer, Faults, How, Odd, PartFault, Rule, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const CPU: &str = "compute.googleapis.com/instance/cpu/utilization";

async fn sim(world: World, faults: Faults, allow_anonymous: bool) -> GcpSim {
    let options = GcpOptions { allow_anonymous };
    GcpSim::start_with(world, faults, ([127, 0, 0, 1], 0).into(), options)
        .await
        .unwrap()
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn error(&self) -> (u16, String) {
        (
            self.status,
            self.json()["error"]["status"].as_str().unwrap_or("").to_owned(),
        )
    }
}

async fn send(sim: &GcpSim, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let endpoint = sim.endpoint();
    let mut stream = tokio::net::TcpStream::connect(endpoint.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    assert!(!head.contains("chunked"), "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head,
        body: bytes[end + 4..].to_vec(),
    }
}

async fn read(sim: &GcpSim, path: &str) -> Answer {
    send(sim, "GET", path, "", "").await
}

fn path(project: &str, filter: &str, from_s: i64, to_s: i64, more: &[(&str, &str)]) -> String {
    let time = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("filter", filter);
    query
        .append_pair("interval.startTime", &time(from_s))
        .append_pair("interval.endTime", &time(to_s));
    query.extend_pairs(more);
    format!("/v3/projects/{project}/timeSeries?{}", query.finish())
}

/// A scoping project shows the series of others, too, unless the filter names it.
fn alone(metric_type: &str, project: &str) -> String {
    format!("{} AND project = \"{project}\"", of_type(metric_type))
}

fn of_type(name: &str) -> String {
    format!("metric.type = \"{name}\"")
}

/// All series of all pages, as (identity, points).
async fn all_pages(
    sim: &GcpSim,
    project: &str,
    filter: &str,
    span: (i64, i64),
    size: &str,
) -> (Vec<Value>, usize) {
    let (mut token, mut pages, mut out) = (String::new(), 0, Vec::new());
    loop {
        let more = [
            ("pageSize", size),
            ("pageToken", &token),
            ("orderBy", ""),
            ("view", "0"),
        ];
        let answer = read(sim, &path(project, filter, span.0, span.1, &more)).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let page = answer.json();
        out.extend(page["timeSeries"].as_array().cloned().unwrap_or_default());
        pages += 1;
        page["nextPageToken"]
            .as_str()
            .unwrap_or("")
            .clone_into(&mut token);
        if token.is_empty() {
            return (out, pages);
        }
    }
}

fn ns(value: &Value) -> i64 {
    let time: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
    i64::try_from(time.as_nanosecond()).unwrap()
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned()))
        .collect()
}

fn identity(t: &GcpTruth) -> String {
    let all: BTreeMap<_, _> = t.metric_labels.iter().cloned().collect();
    let resource: BTreeMap<_, _> = t.resource_labels.iter().cloned().collect();
    format!("{} {all:?} {} {resource:?}", t.metric_type, t.resource_type)
}

fn wire_identity(v: &Value) -> String {
    let all = labels(&v["metric"]["labels"]);
    let resource = labels(&v["resource"]["labels"]);
    format!(
        "{} {all:?} {} {resource:?}",
        v["metric"]["type"].as_str().unwrap(),
        v["resource"]["type"].as_str().unwrap()
    )
}

/// Equal but for the last bit: without its feature `float_roundtrip`, `serde_json` reads some numbers one step off.
fn near(value: &Value, truth: f64) -> bool {
    (value.as_f64().unwrap_or(0.0) - truth).abs() <= truth.abs() * f64::EPSILON
}

fn same(value: &Value, truth: &GcpValue) -> bool {
    match truth {
        GcpValue::Bool(b) => value["boolValue"] == *b,
        GcpValue::Int(n) => value["int64Value"].as_str() == Some(n.to_string().as_str()),
        GcpValue::Double(x) => near(&value["doubleValue"], *x),
        GcpValue::String(s) => value["stringValue"] == s.as_str(),
        GcpValue::Distribution(d) => {
            let it = &value["distributionValue"];
            let number = |v: &Value| v.as_str().map_or(0, |text| text.parse::<i64>().unwrap());
            let mut counts: Vec<i64> = it["bucketCounts"]
                .as_array()
                .into_iter()
                .flatten()
                .map(number)
                .collect();
            assert!(counts.last() != Some(&0), "trailing zeros are cut");
            counts.resize(d.bounds.len() + 1, 0);
            let exemplars = it["exemplars"].as_array().map_or(0, Vec::len);
            assert_eq!(d.count, d.bucket_counts.iter().sum::<i64>());
            number(&it["count"]) == d.count
                && near(&it["mean"], d.mean)
                && counts == d.bucket_counts
                && exemplars == d.exemplars.len()
        }
    }
}

#[tokio::test]
async fn every_point_is_the_truth_on_pages_of_any_size() {
    let world = World {
        publish_delay: Duration::from_secs(1),
        gaps_per_thousand: 50,
        ..World::default()
    };
    let now = world.clock.now_unix_s();
    let span = (now - 3600, now - 600);
    let sim = sim(world, Faults::new(), true).await;
    let truth = sim.truth().points(span.0, span.1);
    let types: BTreeSet<&str> = truth.iter().map(|t| t.metric_type.as_str()).collect();
    assert!(types.len() > 25, "{}", types.len());
    let mut empty = 0;
    let mut exemplars = 0;
    for project in ["sim-project", "sim-other"] {
        for name in &types {
            let filter = format!("{} AND project = \"{project}\"", of_type(name));
            let (series, pages) = all_pages(&sim, project, &filter, span, "37").await;
            assert!(pages > 1, "{name}");
            let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for one in &series {
                let points = one["points"].as_array().unwrap();
                assert!(!points.is_empty());
                seen.entry(wire_identity(one))
                    .or_default()
                    .extend(points.iter().cloned());
            }
            let mut wanted: BTreeMap<String, Vec<&GcpTruth>> = BTreeMap::new();
            for t in truth
                .iter()
                .filter(|t| t.project == project && t.metric_type == *name)
            {
                wanted.entry(identity(t)).or_default().push(t);
                if let GcpValue::Distribution(d) = &t.value {
                    empty += usize::from(d.count == 0);
                    exemplars += d.exemplars.len();
                }
            }
            assert_eq!(seen.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
            for (key, points) in seen {
                let wanted = &wanted[&key];
                assert_eq!(points.len(), wanted.len(), "{key}");
                for (point, t) in points.iter().zip(wanted.iter().rev()) {
                    let interval = &point["interval"];
                    assert_eq!(ns(&interval["endTime"]), t.end_ns, "newest first: {key}");
                    assert_eq!(ns(&interval["startTime"]), t.start_ns.unwrap_or(t.end_ns));
                    assert!(same(&point["value"], &t.value), "{key} {point} {t:?}");
                }
            }
        }
    }
    assert!(empty > 0 && exemplars > 0);
    assert!(sim.counts().units("time series returned") > 0);
    sim.stop().await;
}

#[tokio::test]
async fn totals_never_fall_but_at_a_reset() {
    let sim = sim(World::default(), Faults::new(), true).await;
    let now = World::default().clock.now_unix_s();
    let mut last: BTreeMap<String, (i64, f64)> = BTreeMap::new();
    let mut resets = 0;
    for t in sim.truth().points(now - 2 * 86_400, now) {
        let Some(start) = t.start_ns.filter(|_| t.kind == cloudsim::gcp::Kind::Cumulative) else {
            continue;
        };
        assert!(start < t.end_ns);
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "small counts")]
        let value = match &t.value {
            GcpValue::Int(n) => *n as f64,
            GcpValue::Double(x) => *x,
            GcpValue::Distribution(d) => d.count as f64,
            GcpValue::Bool(_) | GcpValue::String(_) => panic!("{t:?}"),
        };
        let before = last.insert(identity(&t), (start, value));
        if let Some((before_start, before_value)) = before {
            resets += usize::from(before_start != start);
            assert!(
                before_start < start || (before_start == start && before_value <= value),
                "{t:?}"
            );
        }
    }
    assert!(resets > 0 && last.len() > 5);
    sim.stop().await;
}

#[tokio::test]
async fn filters_choose_and_are_checked() {
    let world = World {
        publish_delay: Duration::from_secs(1),
        ..World::default()
    };
    let now = world.clock.now_unix_s();
    let sim = sim(world, Faults::new(), true).await;
    let of_project = async |project: &str, more: &str| {
        let filter = format!("{} {more}", of_type(CPU));
        all_pages(&sim, project, &filter, (now - 600, now), "")
            .await
            .0
            .len()
    };
    // The first project is a scoping project, the other one is not.
    assert_eq!(of_project("sim-project", "").await, 8);
    assert_eq!(of_project("sim-project", "AND project = \"sim-other\"").await, 2);
    assert_eq!(of_project("sim-other", "").await, 2);
    let count =
        async |more: &str| of_project("sim-project", &format!("AND project = \"sim-project\" {more}")).await;
    assert_eq!(count("").await, 6);
    assert_eq!(
        count(
            "AND NOT (resource.labels.zone = \"europe-west1-b\" OR metric.labels.instance_name = \"vm-1\")"
        )
        .await,
        3
    );
    assert_eq!(
        count("AND resource.labels.zone = starts_with(\"europe-\")").await,
        4
    );
    assert_eq!(count("resource.label.zone != \"europe-west1-b\"").await, 4);
    assert_eq!(
        count("AND NOT metric.labels.instance_name = one_of(\"vm-0\",\"vm-5\")").await,
        4
    );
    assert_eq!(
        count("AND (metric.labels.instance_name = \"vm-0\" OR metric.labels.instance_name = \"vm-1\")").await,
        2
    );
    // OR binds tighter than AND.
    assert_eq!(
        count("AND metric.labels.instance_name = \"vm-0\" OR metric.labels.instance_name = \"vm-1\"").await,
        2
    );
    assert_eq!(
        count("AND resource.labels.zone = monitoring.regex.full_match(\"(europe|us)-(west[13]|east4)-.\")")
            .await,
        5
    );
    assert_eq!(count("AND resource.labels.zone : \"west\"").await, 4);
    assert_eq!(count("AND resource.labels.zone = ends_with(\"-b\")").await, 2);
    assert_eq!(count("AND resource.type = \"other\"").await, 0);
    let refused = [
        "",
        "resource.type = \"gce_instance\"",
        "metric.type = starts_with(\"compute.googleapis.com/\")",
        &format!("{0} OR {0}", of_type(CPU)),
        &format!("NOT {}", of_type(CPU)),
        &format!("{} AND metric.labels.nope = \"x\"", of_type(CPU)),
        &format!("{} AND (", of_type(CPU)),
        "metric.type = \"unfinished",
    ];
    for filter in refused {
        let answer = read(&sim, &path("sim-project", filter, now - 600, now, &[])).await;
        assert_eq!(answer.error(), (400, "INVALID_ARGUMENT".to_owned()), "{filter}");
        assert!(answer.json()["error"]["details"][0]["fieldViolations"].is_array());
    }
    let nothing = read(
        &sim,
        &path("sim-project", &of_type(CPU), now + 600, now + 1200, &[]),
    )
    .await
    .json();
    assert_eq!(nothing, json!({"unit": "10^2.%"}));
    sim.stop().await;
}

#[tokio::test]
async fn requests_are_refused_as_google_refuses_them() {
    let faults = Faults::new();
    let sim = sim(World::default(), faults.clone(), true).await;
    let now = World::default().clock.now_unix_s();
    let cpu = of_type(CPU);
    let cases: [(String, u16, &str); 9] = [
        (path("nobody", &cpu, now - 60, now, &[]), 403, "PERMISSION_DENIED"),
        (
            path(
                "sim-project",
                &of_type("custom.googleapis.com/no"),
                now - 60,
                now,
                &[],
            ),
            404,
            "NOT_FOUND",
        ),
        (path("sim-project", &cpu, now, now, &[]), 400, "INVALID_ARGUMENT"),
        (
            path("sim-project", &cpu, now - 60, now, &[("orderBy", "x")]),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            path("sim-project", &cpu, now - 60, now, &[("pageToken", "abc")]),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            path(
                "sim-project",
                &cpu,
                now - 60,
                now,
                &[("aggregation.perSeriesAligner", "ALIGN_RATE")],
            ),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            path("sim-project", &cpu, now - 60, now, &[("what", "x")]),
            400,
            "INVALID_ARGUMENT",
        ),
        (
            "/v3/projects/sim-project/metricDescriptors/no/such".to_owned(),
            404,
            "NOT_FOUND",
        ),
        ("/v3/elsewhere".to_owned(), 404, "NOT_FOUND"),
    ];
    for (path, code, status) in cases {
        assert_eq!(
            read(&sim, &path).await.error(),
            (code, status.to_owned()),
            "{path}"
        );
    }
    let good = path("sim-project", &cpu, now - 1200, now, &[("pageSize", "1")]);
    let token = read(&sim, &good).await.json()["nextPageToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = path("sim-project", &cpu, now - 1201, now, &[("pageToken", &token)]);
    assert_eq!(
        read(&sim, &other).await.status,
        400,
        "a token is bound to its query"
    );
    faults.throttle_every(1);
    let throttled = read(&sim, &good).await;
    assert_eq!(throttled.error(), (429, "RESOURCE_EXHAUSTED".to_owned()));
    assert!(throttled.head.to_lowercase().contains("retry-after: 1"));
    assert_eq!(throttled.json()["error"]["details"][1]["retryDelay"], "1s");
    faults.throttle_every(0);
    faults.unavailable_every(1);
    assert_eq!(read(&sim, &good).await.error(), (503, "UNAVAILABLE".to_owned()));
    faults.unavailable_every(0);
    sim.set_partial(true);
    assert_eq!(read(&sim, &good).await.json()["executionErrors"][0]["code"], 14);
    assert_eq!(sim.counts().outcome("ListTimeSeries", "RESOURCE_EXHAUSTED"), 1);
    sim.stop().await;
}

#[tokio::test]
async fn the_real_quota_is_a_minute_long() {
    let faults = Faults::new();
    faults.set_real_quotas(true);
    let world = World::default();
    let clock = world.clock.clone();
    // Well inside a minute, so that it does not turn under the test.
    clock.advance_ms((60 - clock.now_unix_s().rem_euclid(60)) * 1000);
    let sim = sim(world, faults, true).await;
    let one = format!("/v3/projects/sim-project/metricDescriptors/{CPU}");
    let endpoint = sim.endpoint();
    let mut stream = tokio::net::TcpStream::connect(endpoint.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let many = format!("GET {one} HTTP/1.1\r\nhost: x\r\n\r\n").repeat(6_000);
    let last = format!("GET {one} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let (mut half, mut other) = stream.split();
    let mut bytes = Vec::new();
    let write = async { other.write_all((many + &last).as_bytes()).await.unwrap() };
    let ((), read_all) = tokio::join!(write, half.read_to_end(&mut bytes));
    read_all.unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("HTTP/1.1 200").count(), 6_000);
    assert_eq!(text.matches("HTTP/1.1 429").count(), 1);
    clock.advance_ms(60_000);
    assert_eq!(read(&sim, &one).await.status, 200);
    sim.stop().await;
}

#[tokio::test]
async fn descriptors_are_listed_in_pages() {
    let sim = sim(World::default(), Faults::new(), true).await;
    let first = read(
        &sim,
        "/v3/projects/sim-project/metricDescriptors?pageSize=10&activeOnly=true",
    )
    .await
    .json();
    assert_eq!(first["metricDescriptors"].as_array().unwrap().len(), 10);
    let token = first["nextPageToken"].as_str().unwrap();
    let second = read(
        &sim,
        &format!("/v3/projects/sim-project/metricDescriptors?activeOnly=true&pageToken={token}"),
    )
    .await
    .json();
    assert_eq!(second["metricDescriptors"].as_array().unwrap().len(), 22);
    assert!(second.get("nextPageToken").is_none());
    let filter: String =
        url::form_urlencoded::byte_serialize(b"metric.type = starts_with(\"compute.googleapis.com/\")")
            .collect();
    let compute = read(
        &sim,
        &format!(
            "/v3/projects/415104041262/metricDescriptors?filter={filter}&%24alt=json%3Benum-encoding%3Dint"
        ),
    )
    .await
    .json();
    let all = compute["metricDescriptors"].as_array().unwrap();
    assert_eq!(all.len(), 12);
    assert_eq!(all[1]["metricKind"], 2);
    let one = read(&sim, &format!("/v3/projects/sim-project/metricDescriptors/{CPU}"))
        .await
        .json();
    assert_eq!(
        (&one["type"], &one["metricKind"], &one["unit"]),
        (&json!(CPU), &json!("GAUGE"), &json!("10^2.%"))
    );
    assert_eq!(one["metadata"]["ingestDelay"], "240s");
    sim.stop().await;
}

#[tokio::test]
async fn points_appear_after_their_ingest_delay() {
    let world = World::default();
    let now = world.clock.now_unix_s();
    let clock = world.clock.clone();
    let sim = sim(world, Faults::new(), true).await;
    let newest = async || {
        let page = read(
            &sim,
            &path("sim-project", &of_type(CPU), now - 3600, now + 600, &[]),
        )
        .await
        .json();
        ns(&page["timeSeries"][0]["points"][0]["interval"]["endTime"]) / 1_000_000_000
    };
    assert!(newest().await <= now + 5 - 240 && newest().await > now - 310);
    clock.advance_ms(120_000);
    assert!(newest().await > now - 190);
    sim.stop().await;
}

#[tokio::test]
async fn aggregation_gzip_headers_and_scale() {
    let world = World {
        publish_delay: Duration::from_secs(1),
        series: 1600,
        ..World::default()
    };
    let now = world.clock.now_unix_s() / 600 * 600;
    let sim = sim(world, Faults::new(), true).await;
    let all = sim.truth().points(now - 60, now);
    let compute = all
        .iter()
        .filter(|t| t.project == "sim-project" && t.metric_type.starts_with("compute"))
        .count();
    assert_eq!(compute, 1600);
    let aligner = [
        ("aggregation.perSeriesAligner", "ALIGN_MEAN"),
        ("aggregation.alignmentPeriod", "300s"),
    ];
    let page = read(
        &sim,
        &path("sim-project", &of_type(CPU), now - 600, now, &aligner),
    )
    .await
    .json();
    assert_eq!(page["timeSeries"][0]["points"].as_array().unwrap().len(), 2);
    let heads = path(
        "sim-project",
        &of_type(CPU),
        now - 600,
        now,
        &[("view", "HEADERS"), ("pageSize", "7")],
    );
    let page = read(&sim, &heads).await.json();
    assert_eq!(page["timeSeries"].as_array().unwrap().len(), 7);
    assert!(page["timeSeries"][0].get("points").is_none() && page["nextPageToken"].is_string());
    let packed = send(&sim, "GET", &heads, "accept-encoding: gzip\r\n", "").await;
    assert!(packed.head.contains("content-encoding: gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed.body[..])
        .read_to_string(&mut text)
        .unwrap();
    assert!(serde_json::from_str::<Value>(&text).unwrap()["timeSeries"].is_array());
    sim.stop().await;
}

#[tokio::test]
async fn bad_answers_are_bad_in_their_own_way() {
    let faults = Faults::new();
    let world = World {
        publish_delay: Duration::from_secs(1),
        ..World::default()
    };
    let now = world.clock.now_unix_s();
    let sim = sim(world, faults.clone(), true).await;
    let ask = |name: &str| path("sim-project", &of_type(name), now - 600, now, &[]);
    let cpu = ask(CPU);
    let usual = read(&sim, &cpu).await.body.len();
    let set = |bad| faults.set_bad_answer(Some(bad));
    set(BadAnswer::Html);
    assert!(read(&sim, &cpu).await.head.contains("text/html"));
    set(BadAnswer::Truncated);
    assert!(serde_json::from_slice::<Value>(&read(&sim, &cpu).await.body).is_err());
    set(BadAnswer::ErrorInside200);
    assert_eq!(read(&sim, &cpu).await.error(), (200, "UNAVAILABLE".to_owned()));
    set(BadAnswer::TenfoldPoints);
    assert!(read(&sim, &cpu).await.body.len() > 5 * usual);
    set(BadAnswer::NotANumber);
    assert_eq!(
        read(&sim, &cpu).await.json()["timeSeries"][0]["points"][0]["value"]["doubleValue"],
        "NaN"
    );
    set(BadAnswer::WrongBucketCounts);
    let sizes = read(&sim, &ask("custom.googleapis.com/shop/message_size"))
        .await
        .json();
    let counts = &sizes["timeSeries"][0]["points"][0]["value"]["distributionValue"]["bucketCounts"];
    assert_eq!(counts.as_array().unwrap().len(), 26);
    for (bad, same) in [(BadAnswer::LoopingToken, true), (BadAnswer::EndlessPages, false)] {
        set(bad);
        let first = read(&sim, &cpu).await.json()["nextPageToken"]
            .as_str()
            .unwrap()
            .to_owned();
        let again = read(&sim, &format!("{cpu}&pageToken={first}")).await.json();
        assert_eq!(again["nextPageToken"] == first.as_str(), same, "{bad:?}");
    }
    sim.stop().await;
}

/// A JWT signed with the key of the simulator's own key file.
fn jwt(file: &str, claims: &Value) -> String {
    let file: Value = serde_json::from_str(file).unwrap();
    let pem: String = file["private_key"]
        .as_str()
        .unwrap()
        .lines()
        .filter(|l| !l.starts_with("--"))
        .collect();
    let key = KeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let head = json!({"alg": "RS256", "typ": "JWT", "kid": file["private_key_id"]});
    let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let signed = format!("{}.{}", encode(&head), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
        .unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn tokens_are_checked() {
    let world = World::default();
    let clock = world.clock.clone();
    let now = clock.now_unix_s();
    let sim = sim(world, Faults::new(), false).await;
    let one = format!("/v3/projects/sim-project/metricDescriptors/{CPU}");
    let status = async |token: &str| {
        send(
            &sim,
            "GET",
            &one,
            &format!("authorization: Bearer {token}\r\n"),
            "",
        )
        .await
        .status
    };
    assert_eq!(
        read(&sim, &one).await.error(),
        (401, "UNAUTHENTICATED".to_owned())
    );
    let file = sim.service_account_json();
    let who = serde_json::from_str::<Value>(&file).unwrap()["client_email"].clone();
    let claims = |more: Value| {
        let mut claims = json!({"iss": who, "sub": who, "iat": now - 10, "exp": now + 3610});
        claims
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        claims
    };
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    let good = jwt(&file, &claims(json!({"scope": scope})));
    assert_eq!(status(&good).await, 200);
    assert_eq!(
        status(&jwt(
            &file,
            &claims(json!({"aud": "https://monitoring.googleapis.com/"}))
        ))
        .await,
        200
    );
    assert_eq!(
        status(&jwt(&file, &claims(json!({"aud": "https://other/"})))).await,
        401
    );
    assert_eq!(status(&jwt(&file, &claims(json!({"scope": "email"})))).await, 401);
    assert_eq!(
        status(&jwt(&file, &claims(json!({"scope": scope, "exp": now - 1})))).await,
        401
    );
    assert_eq!(
        status(&jwt(&file, &claims(json!({"scope": scope, "iss": "x"})))).await,
        401
    );
    // One signature in four ends with an A anyway.
    let other = if good.ends_with('A') { 'Q' } else { 'A' };
    assert_eq!(status(&format!("{}{other}", &good[..good.len() - 1])).await, 401);
    assert_eq!(status("nonsense").await, 401);

    let assertion = jwt(
        &file,
        &claims(json!({"scope": scope, "aud": format!("{}/token", sim.endpoint())})),
    );
    let form =
        format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
    let granted = send(&sim, "POST", "/token", "", &form).await.json();
    let token = granted["access_token"].as_str().unwrap();
    assert_eq!(status(token).await, 200);
    let wrong = send(&sim, "POST", "/token", "", &form.replace(&assertion, &good)).await;
    assert_eq!(
        (wrong.status, wrong.json()["error"].as_str().unwrap()),
        (400, "invalid_grant")
    );

    let metadata = "/computeMetadata/v1/instance/service-accounts/default/token?scopes=x";
    assert_eq!(read(&sim, metadata).await.status, 403);
    let given = send(&sim, "GET", metadata, "metadata-flavor: Google\r\n", "")
        .await
        .json();
    assert_eq!(status(given["access_token"].as_str().unwrap()).await, 200);

    let path = "/v1/projects/-/serviceAccounts/other@p.iam.gserviceaccount.com:generateAccessToken";
    let body = json!({"scope": [scope], "lifetime": "60s"}).to_string();
    assert_eq!(send(&sim, "POST", path, "", &body).await.status, 401);
    let headers = format!("authorization: Bearer {token}\r\n");
    let borrowed = send(&sim, "POST", path, &headers, &body).await.json();
    let borrowed = borrowed["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(status(&borrowed).await, 200);
    clock.advance_ms(61_000);
    assert_eq!(status(&borrowed).await, 401);
    assert_eq!(status(token).await, 200);
    sim.stop().await;
}

#[tokio::test]
async fn late_points_come_late_and_revised_ones_change() {
    let world = World {
        late_per_thousand: 300,
        late_by: Duration::from_secs(1800),
        revised_per_thousand: 300,
        revised_after: Duration::from_secs(1800),
        ..World::default()
    };
    let clock = world.clock.clone();
    let now = world.clock.now_unix_s();
    let span = (now - 3600, now - 300);
    let sim = sim(world, Faults::new(), true).await;
    let mut truth = sim.truth().points(span.0, span.1);
    truth.retain(|t| t.metric_type == CPU && t.project == "sim-project");
    let [mut hidden, mut preliminary] = [0, 0];
    for _ in 0..4 {
        let before = clock.now_unix_s();
        let (series, _) = all_pages(&sim, "sim-project", &of_type(CPU), span, "37").await;
        let after = clock.now_unix_s();
        let mut seen: BTreeMap<(String, i64), Value> = BTreeMap::new();
        for one in &series {
            for point in one["points"].as_array().unwrap() {
                let key = (wire_identity(one), ns(&point["interval"]["endTime"]));
                assert!(seen.insert(key, point["value"].clone()).is_none(), "twice");
            }
        }
        for t in &truth {
            let end = t.end_ns / 1_000_000_000;
            let [visible, fixed] = [t.visible_after_s, t.final_after_s].map(|s| end + s);
            // A point that changes while the pages are read may show either.
            if (before..=after + 1).contains(&visible) || (before..=after + 1).contains(&fixed) {
                continue;
            }
            let value = seen.get(&(identity(t), t.end_ns));
            match before {
                now if now < visible => {
                    hidden += 1;
                    assert!(value.is_none(), "{t:?}");
                }
                now if now < fixed => {
                    preliminary += 1;
                    assert!(same(value.unwrap(), t.preliminary.as_ref().unwrap()), "{t:?}");
                }
                _ => assert!(same(value.unwrap(), &t.value), "{t:?}"),
            }
        }
        clock.advance_ms(1_300_000);
    }
    assert!(
        hidden > 0 && preliminary > 0,
        "{hidden} hidden, {preliminary} preliminary"
    );
    sim.stop().await;
}

#[tokio::test]
async fn tokens_live_as_long_as_they_are_told() {
    let world = World::default();
    let clock = world.clock.clone();
    let sim = sim(world, Faults::new(), false).await;
    sim.set_token_life_s(20);
    let answer = send(
        &sim,
        "GET",
        "/computeMetadata/v1/instance/service-accounts/default/token",
        "metadata-flavor: Google\r\n",
        "",
    )
    .await;
    let token = answer.json();
    assert_eq!(token["expires_in"], 20);
    let bearer = format!(
        "authorization: Bearer {}\r\n",
        token["access_token"].as_str().unwrap()
    );
    let one = format!("/v3/projects/sim-project/metricDescriptors/{CPU}");
    assert_eq!(send(&sim, "GET", &one, &bearer, "").await.status, 200);
    clock.advance_ms(21_000);
    assert_eq!(send(&sim, "GET", &one, &bearer, "").await.status, 401);
    sim.stop().await;
}

#[tokio::test]
async fn a_hit_type_fails_alone_and_hit_series_are_left_out_with_a_word() {
    let faults = Faults::new();
    let world = World::default();
    let sim = sim(world.clone(), faults.clone(), true).await;
    let to_s = world.clock.now_unix_s() / 60 * 60 - 600;
    let of = |project: &str, name: &str| path(project, &alone(name, project), to_s - 600, to_s, &[]);
    let uptime = "compute.googleapis.com/instance/uptime_total";

    faults.add(Rule::new(How::Status(500)).scope("sim-project").metric(CPU));
    let hit = read(&sim, &of("sim-project", CPU)).await;
    assert_eq!(hit.error(), (500, "INTERNAL".to_owned()));
    assert_eq!(read(&sim, &of("sim-project", uptime)).await.status, 200);
    assert_eq!(read(&sim, &of("sim-other", CPU)).await.status, 200);
    faults.clear_rules();

    faults.add(Rule::new(How::Throttle { retry_after_s: 40 }).scope("sim-other"));
    let throttled = read(&sim, &of("sim-other", CPU)).await;
    assert!(throttled.head.contains("retry-after: 40"), "{}", throttled.head);
    assert!(throttled.json().to_string().contains("\"retryDelay\":\"40s\""));
    faults.clear_rules();

    faults.add(Rule::new(How::Part(PartFault::Partial)).id("*zone=europe-west1-b*"));
    faults.add(Rule::new(How::Part(PartFault::Odd(Odd::NullList))).id("*zone=europe-west3-a*"));
    let answer = read(&sim, &of("sim-project", CPU)).await.json();
    assert_eq!(answer["executionErrors"][0]["code"], 14);
    let series = answer["timeSeries"].as_array().unwrap();
    assert!(
        series.len() == 4 && series.iter().any(|one| one["points"].is_null()),
        "{answer}"
    );
}

#[tokio::test]
async fn machines_that_live_for_minutes_have_points_for_as_long() {
    let world = World {
        churn: 3,
        ..World::default()
    };
    let to_s = world.clock.now_unix_s() / 60 * 60 - 300;
    let from_s = to_s - 7200;
    let sim = sim(world, Faults::new(), true).await;
    let (seen, _) = all_pages(
        &sim,
        "sim-project",
        &alone(CPU, "sim-project"),
        (from_s, to_s),
        "1000",
    )
    .await;
    let truth = sim.truth();
    let wanted: Vec<GcpTruth> = truth
        .points(from_s, to_s)
        .into_iter()
        .filter(|t| t.project == "sim-project" && t.metric_type == CPU)
        .collect();
    let is_job = |t: &&GcpTruth| t.metric_labels.iter().any(|(_, value)| value.starts_with("job-"));
    let jobs: BTreeSet<_> = wanted
        .iter()
        .filter(is_job)
        .map(|t| t.metric_labels.clone())
        .collect();
    assert!(jobs.len() >= 4, "{jobs:?}");
    assert_eq!(
        seen.iter()
            .map(|series| series["points"].as_array().unwrap().len())
            .sum::<usize>(),
        wanted.len()
    );
}
