//! The simulated Azure over the wire: tokens, lists, numbers against the truth, limits and errors.
#![allow(clippy::unwrap_used, clippy::too_many_lines, missing_docs)]

use cloudsim::azure::{
    AzureSim, CLIENT_ID, CLIENT_SECRET, FEDERATED_TOKEN, SUBSCRIPTION_1, SUBSCRIPTION_2, TENANT_ID,
};
use cloudsim::{BadAnswer, Faults, How, Odd, PartFault, Rule, World};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ARM: &str = "https://management.azure.com/.default";
const METRICS: &str = "https://metrics.monitor.azure.com/.default";

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
    text: String,
}

struct Client {
    sim: AzureSim,
    tls: tokio_rustls::TlsConnector,
    port: u16,
}

impl Client {
    async fn start(world: World, faults: Faults) -> Self {
        let sim = AzureSim::start(world, faults, ([127, 0, 0, 1], 0).into())
            .await
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(sim.ca_pem().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let port = sim.endpoint().rsplit(':').next().unwrap().parse().unwrap();
        Self {
            sim,
            tls: Arc::new(config).into(),
            port,
        }
    }

    async fn send(&self, method: &str, target: &str, token: &str, body: &str) -> Answer {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port))
            .await
            .unwrap();
        let mut stream = self
            .tls
            .connect(ServerName::try_from("localhost").unwrap(), stream)
            .await
            .unwrap();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\nmetadata: true\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        // A cut connection ends without a close notify; what came is judged by the caller.
        drop(stream.read_to_end(&mut bytes).await);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .map_or(0, |word| word.parse().unwrap());
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_lowercase(), value.to_owned()))
            .collect();
        Answer {
            status,
            headers,
            body: serde_json::from_str(body).unwrap_or(Value::Null),
            text: body.to_owned(),
        }
    }

    async fn token(&self, scope: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&scope={scope}"
        );
        let answer = self
            .send("POST", &format!("/{TENANT_ID}/oauth2/v2.0/token"), "", &form)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    async fn get(&self, target: &str, token: &str) -> Answer {
        self.send("GET", target, token, "").await
    }
}

/// The start of the present hour.
fn last_hour(world: &World) -> i64 {
    world.clock.now_unix_s() / 3_600 * 3_600
}

fn iso(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s).unwrap().to_string()
}

fn vm(index: u32) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION_1}/resourceGroups/RG-Compute/providers/Microsoft.Compute/virtualMachines/vm-{index:05}"
    )
}

fn batch_target(start_s: i64, end_s: i64, more: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION_1}/metrics:getBatch?api-version=2024-02-01&starttime={}&endtime={}&metricnamespace=Microsoft.Compute/virtualMachines{more}",
        iso(start_s),
        iso(end_s)
    )
}

#[tokio::test]
async fn tokens_are_for_one_audience_and_one_secret() {
    let client = Client::start(World::default(), Faults::new()).await;
    let target = format!("/{TENANT_ID}/oauth2/v2.0/token");
    let wrong = format!("grant_type=client_credentials&client_id={CLIENT_ID}&client_secret=no&scope={ARM}");
    let answer = client.send("POST", &target, "", &wrong).await;
    assert_eq!(
        (answer.status, answer.body["error_codes"][0].as_i64()),
        (401, Some(7_000_215))
    );
    let federated = format!(
        "grant_type=client_credentials&client_id={CLIENT_ID}&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={FEDERATED_TOKEN}&scope={METRICS}"
    );
    assert_eq!(client.send("POST", &target, "", &federated).await.status, 200);
    let own = client.token(&format!("{}/.default", client.sim.endpoint())).await;
    assert_eq!(
        client
            .get("/subscriptions?api-version=2022-12-01", &own)
            .await
            .body["value"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let metrics = client.token(METRICS).await;
    let refused = client
        .get("/subscriptions?api-version=2022-12-01", &metrics)
        .await;
    assert_eq!(
        (refused.status, refused.body["error"]["code"].as_str()),
        (401, Some("InvalidAuthenticationToken"))
    );
    let imds = client
        .get(
            "/metadata/identity/oauth2/token?api-version=2019-08-01&resource=https://management.azure.com",
            "",
        )
        .await;
    assert!(imds.body["expires_in"].is_string(), "{}", imds.text);
    assert_eq!(
        client
            .send("POST", &batch_target(0, 60, ""), &own, "{}")
            .await
            .status,
        401
    );
    client.sim.set_token_life_s(0);
    let old = client.token(ARM).await;
    assert_eq!(
        client
            .get("/subscriptions?api-version=2022-12-01", &old)
            .await
            .body["error"]["code"],
        "ExpiredAuthenticationToken"
    );
    assert!(client.sim.counts().operation("token") >= 5);
    client.sim.stop().await;
}

#[tokio::test]
async fn lists_page_with_an_empty_page_and_graph_agrees() {
    let client = Client::start(
        World {
            series: 400,
            ..World::default()
        },
        Faults::new(),
    )
    .await;
    let token = client.token(ARM).await;
    let mut target = format!("/subscriptions/{SUBSCRIPTION_1}/resources?api-version=2021-04-01");
    let (mut listed, mut empty_pages) = (BTreeSet::new(), 0);
    loop {
        let answer = client.get(&target, &token).await;
        let items = answer.body["value"].as_array().unwrap();
        empty_pages += i32::from(items.is_empty());
        listed.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match answer.body["nextLink"].as_str() {
            Some(link) => target = link.strip_prefix(&client.sim.endpoint()).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!((listed.len(), empty_pages), (50 + 12, 1));
    let mut seen = BTreeSet::new();
    let mut skip = Value::Null;
    loop {
        let body = json!({"subscriptions": [SUBSCRIPTION_1], "query": "resources | project id, type | order by id asc",
            "options": {"resultFormat": "objectArray", "$top": 25, "$skipToken": skip}});
        let answer = client
            .send(
                "POST",
                "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01",
                &token,
                &body.to_string(),
            )
            .await;
        assert_eq!(answer.body["resultTruncated"], "false", "{}", answer.text);
        assert!(answer.headers.contains_key("x-ms-user-quota-remaining"));
        seen.extend(
            answer.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        skip = answer.body["$skipToken"].clone();
        if skip.is_null() {
            break;
        }
    }
    assert_eq!(seen, listed);
    let bad = client
        .send(
            "POST",
            "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01",
            &token,
            "{\"query\":\"resources | frob\"}",
        )
        .await;
    assert_eq!(
        (bad.status, bad.body["error"]["details"][0]["code"].as_str()),
        (400, Some("InvalidQuery"))
    );
    client.sim.stop().await;
}

#[tokio::test]
async fn numbers_are_the_truth_in_both_apis() {
    let world = World {
        gaps_per_thousand: 50,
        ..World::default()
    };
    let client = Client::start(world.clone(), Faults::new()).await;
    let end = last_hour(&world);
    let start = end - 3_600;
    let truth: BTreeMap<_, _> = client
        .sim
        .truth()
        .points(start, end, 300, "average")
        .into_iter()
        .map(|point| {
            (
                (point.resource_id, point.metric, iso(point.bucket_start_unix_s)),
                point.value,
            )
        })
        .collect();
    let token = client.token(METRICS).await;
    let more = "&metricnames=Percentage%20CPU,Data%20Disk%20Read%20Bytes/sec&aggregation=Average,Count&interval=PT5M";
    let body = json!({"resourceids": [vm(0), vm(1)]}).to_string();
    let answer = client
        .send("POST", &batch_target(start, end, more), &token, &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let arm = client.token(ARM).await;
    let mut compared = 0;
    for item in answer.body["values"].as_array().unwrap() {
        let id = item["resourceid"].as_str().unwrap();
        let one = client
            .get(
                &format!(
                    "{id}/providers/Microsoft.Insights/metrics?api-version=2024-02-01&timespan={}/{}{more}",
                    iso(start),
                    iso(end)
                ),
                &arm,
            )
            .await;
        assert_eq!(one.body["value"], item["value"]);
        for metric in item["value"].as_array().unwrap() {
            for point in metric["timeseries"][0]["data"].as_array().unwrap() {
                let key = (
                    id.to_owned(),
                    metric["name"]["value"].as_str().unwrap().to_owned(),
                    point["timeStamp"].as_str().unwrap().to_owned(),
                );
                assert!(
                    (truth[&key] - point["average"].as_f64().unwrap()).abs()
                        < 1e-6 * truth[&key].abs().max(1.0),
                    "{key:?}"
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 48);
    let split = client
        .sim
        .truth()
        .points_split_by(start, start + 60, 60, "total", &["ResponseType"]);
    assert!(
        split
            .iter()
            .any(|point| point.dimensions == [("ResponseType".to_owned(), "Success".to_owned())])
    );
    client.sim.stop().await;
}

#[tokio::test]
async fn the_batch_api_refuses_what_azure_refuses() {
    let world = World::default();
    let client = Client::start(world.clone(), Faults::new()).await;
    let end = last_hour(&world);
    let token = client.token(METRICS).await;
    let names = "&metricnames=Percentage%20CPU";
    let one = json!({"resourceids": [vm(0)]}).to_string();
    let many = json!({"resourceids": (0..51).map(vm).collect::<Vec<_>>()}).to_string();
    let foreign = json!({"resourceids": [vm(0).replace(SUBSCRIPTION_1, SUBSCRIPTION_2)]}).to_string();
    for (more, body, status) in [
        (names, one.as_str(), 200),
        (names, many.as_str(), 400),
        (names, foreign.as_str(), 404),
        ("", one.as_str(), 400),
        ("&metricnames=Nonsense", one.as_str(), 400),
        ("&metricnames=Percentage%20CPU&timespan=PT1H", one.as_str(), 400),
        (
            "&metricnames=Percentage%20CPU&filter=LUN%20eq%20'*'",
            one.as_str(),
            400,
        ),
    ] {
        let answer = client
            .send("POST", &batch_target(end - 600, end, more), &token, body)
            .await;
        assert_eq!(answer.status, status, "{more} {}", answer.text);
    }
    let old = client
        .send(
            "POST",
            &batch_target(end - 100 * 86_400, end, names),
            &token,
            &one,
        )
        .await;
    assert!(old.text.contains("93.00:00:00"), "{}", old.text);
    let elsewhere = client
        .send(
            "POST",
            &format!("/eastus{}", batch_target(end - 600, end, names)),
            &token,
            &one,
        )
        .await;
    assert_eq!(elsewhere.body["values"][0]["value"][0]["timeseries"], json!([]));
    client.sim.stop().await;
}

#[tokio::test]
async fn arm_metrics_keep_azures_rules() {
    let world = World {
        publish_delay: std::time::Duration::from_secs(120),
        ..World::default()
    };
    let client = Client::start(world.clone(), Faults::new()).await;
    let arm = client.token(ARM).await;
    let now = world.clock.now_unix_s();
    let ask = |id: String, more: &str| {
        let target = format!(
            "{id}/providers/microsoft.insights/metrics?api-version=2024-02-01&timespan={}/{}{more}",
            iso(now - 600),
            iso(now + 120)
        );
        let (client, arm) = (&client, arm.as_str());
        async move { client.get(&target, arm).await }
    };
    let answer = ask(vm(0), "&metricnames=Percentage%20CPU").await;
    let points = answer.body["value"][0]["timeseries"][0]["data"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        points.first().unwrap().get("average").is_some() && points.last().unwrap().get("average").is_none()
    );
    let unknown = ask(vm(0), "&metricnames=InvalidMetric").await;
    assert_eq!(
        (unknown.status, unknown.body["code"].as_str()),
        (400, Some("BadRequest"))
    );
    let split = ask(
        vm(0),
        "&metricnames=Data%20Disk%20Read%20Bytes/sec&$filter=LUN%20eq%20'*'",
    )
    .await;
    assert_eq!(split.body["value"][0]["timeseries"].as_array().unwrap().len(), 2);
    assert_eq!(
        split.body["value"][0]["timeseries"][0]["metadatavalues"][0]["name"]["value"],
        "lun"
    );
    let blob = format!(
        "/subscriptions/{SUBSCRIPTION_1}/resourceGroups/RG-Data/providers/Microsoft.Storage/storageAccounts/simstore0/blobServices/default"
    );
    assert_eq!(ask(blob.clone(), "&metricnames=BlobCapacity").await.status, 400);
    let adjusted = ask(blob.clone(), "&metricnames=BlobCapacity&AutoAdjustTimegrain=true").await;
    assert_eq!(adjusted.body["interval"], "PT1H");
    let top = ask(
        blob.clone(),
        "&metricnames=Transactions&$filter=ApiName%20eq%20'*'%20and%20ResponseType%20eq%20'*'",
    )
    .await;
    assert_eq!(top.body["value"][0]["timeseries"].as_array().unwrap().len(), 10);
    let definitions = client
        .get(
            &format!("{blob}/providers/microsoft.insights/metricDefinitions?api-version=2024-02-01"),
            &arm,
        )
        .await;
    assert_eq!(
        definitions.body["value"][0]["metricAvailabilities"][0]["timeGrain"],
        "PT1H"
    );
    assert_eq!(
        client
            .get(
                &format!(
                    "{}x/providers/microsoft.insights/metrics?api-version=2024-02-01",
                    vm(0)
                ),
                &arm
            )
            .await
            .status,
        404
    );
    client.sim.stop().await;
}

#[tokio::test]
async fn quotas_and_faults_show() {
    let faults = Faults::new();
    let client = Client::start(World::default(), faults.clone()).await;
    let arm = client.token(ARM).await;
    faults.set_real_quotas(true);
    let mut throttled = None;
    for _ in 0..20 {
        let answer = client
            .send(
                "POST",
                "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01",
                &arm,
                "{\"query\":\"resources | limit 1\"}",
            )
            .await;
        if answer.status == 429 {
            throttled = answer.headers.get("retry-after").cloned();
        }
    }
    assert!(throttled.is_some());
    faults.set_real_quotas(false);
    faults.set_bad_answer(Some(BadAnswer::Html));
    let target = format!(
        "{}/providers/microsoft.insights/metrics?api-version=2024-02-01",
        vm(0)
    );
    assert!(client.get(&target, &arm).await.text.starts_with("<html"));
    faults.set_bad_answer(None);
    faults.unavailable_every(1);
    assert_eq!(client.get(&target, &arm).await.status, 503);
    faults.cut_every(1);
    assert_eq!(client.get(&target, &arm).await.body, Value::Null);
    client.sim.stop().await;
}

#[tokio::test]
async fn late_points_come_late_and_revised_ones_change() {
    let world = World {
        late_per_thousand: 300,
        late_by: std::time::Duration::from_secs(1800),
        revised_per_thousand: 300,
        revised_after: std::time::Duration::from_secs(1800),
        ..World::default()
    };
    let client = Client::start(world.clone(), Faults::new()).await;
    let end = world.clock.now_unix_s() / 60 * 60 - 60;
    let start = end - 3_600;
    let mut truth = client.sim.truth().points(start, end, 60, "average");
    truth.retain(|p| p.resource_id == vm(0) && p.metric == "Percentage CPU");
    assert_eq!(truth.len(), 60);
    let more = "&metricnames=Percentage%20CPU&aggregation=Average&interval=PT1M";
    let body = json!({"resourceids": [vm(0)]}).to_string();
    let [mut hidden, mut preliminary] = [0, 0];
    for _ in 0..3 {
        let token = client.token(METRICS).await;
        let before = world.clock.now_unix_s();
        let answer = client
            .send("POST", &batch_target(start, end, more), &token, &body)
            .await;
        let after = world.clock.now_unix_s();
        let data = answer.body["values"][0]["value"][0]["timeseries"][0]["data"]
            .as_array()
            .unwrap();
        let seen: BTreeMap<&str, Option<f64>> = data
            .iter()
            .map(|point| (point["timeStamp"].as_str().unwrap(), point["average"].as_f64()))
            .collect();
        for p in &truth {
            let changes = [p.visible_unix_s, p.final_unix_s];
            // A bucket that changes within this very second may show either.
            if changes.iter().any(|s| (before..=after + 1).contains(s)) {
                continue;
            }
            let shown = match before {
                now if now < p.visible_unix_s => None,
                now if now < p.final_unix_s => Some(p.preliminary.expect("another value")),
                _ => Some(p.value),
            };
            hidden += usize::from(shown.is_none());
            preliminary += usize::from(before >= p.visible_unix_s && before < p.final_unix_s);
            let seen = seen[iso(p.bucket_start_unix_s).as_str()];
            assert_eq!(seen.map(f64::to_bits), shown.map(f64::to_bits), "{p:?}");
        }
        world.clock.advance_ms(1_300_000);
    }
    assert!(
        hidden > 0 && preliminary > 0,
        "{hidden} hidden, {preliminary} preliminary"
    );
    client.sim.stop().await;
}

/// A batch call for these machines and metrics over the last ten minutes.
async fn batch(client: &Client, token: &str, ids: &[&str], names: &str) -> Answer {
    let end_s = jiff::Timestamp::now().as_second() / 60 * 60;
    let time = |s: i64| jiff::Timestamp::from_second(s).unwrap().to_string();
    let target = format!(
        "/westeurope/subscriptions/{SUBSCRIPTION_1}/metrics:getBatch?api-version=2024-02-01&metricnamespace=Microsoft.Compute/virtualMachines&metricnames={}&interval=PT1M&starttime={}&endtime={}",
        names.replace(' ', "%20"),
        time(end_s - 600),
        time(end_s)
    );
    let body = json!({ "resourceids": ids }).to_string();
    client.send("POST", &target, token, &body).await
}

fn machine(number: usize) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION_1}/resourceGroups/RG-Compute/providers/Microsoft.Compute/virtualMachines/vm-{number:05}"
    )
}

#[tokio::test]
async fn a_hit_machine_fails_its_batch_and_a_hit_metric_only_itself() {
    let faults = Faults::new();
    let client = Client::start(World::default(), faults.clone()).await;
    let (arm, metrics) = (client.token(ARM).await, client.token(METRICS).await);
    let (a, b) = (machine(0), machine(2));
    let rule = faults.add(
        Rule::new(How::Status(500))
            .operation("metrics.getBatch")
            .id("*vm-00002"),
    );
    let both = batch(&client, &metrics, &[&a, &b], "Percentage CPU").await;
    assert_eq!(
        (both.status, both.body["error"]["code"].as_str()),
        (500, Some("InternalServerError"))
    );
    assert_eq!(
        batch(&client, &metrics, &[&a], "Percentage CPU").await.status,
        200
    );
    assert_eq!(faults.struck(rule), 1);
    faults.clear_rules();

    faults.add(
        Rule::new(How::Part(PartFault::Failed))
            .id("*vm-00002")
            .metric("percentage cpu"),
    );
    faults.add(
        Rule::new(How::Part(PartFault::Odd(Odd::NullList)))
            .id("*vm-00000")
            .metric("Disk *"),
    );
    let answer = batch(&client, &metrics, &[&a, &b], "Percentage CPU,Disk Read Bytes").await;
    let values = &answer.body["values"];
    assert_eq!(values[0]["value"][0]["errorCode"], "Success");
    assert!(values[0]["value"][1]["timeseries"].is_null(), "{}", answer.text);
    assert_eq!(values[1]["value"][0]["errorCode"], "InternalServerError");
    assert_eq!(values[1]["value"][1]["errorCode"], "Success");
    faults.clear_rules();

    // One region's host throttles; the other one and ARM do not.
    faults.add(Rule::new(How::Throttle { retry_after_s: 40 }).host("westeurope"));
    let throttled = batch(&client, &metrics, &[&a], "Percentage CPU").await;
    assert_eq!(
        (throttled.status, throttled.headers["retry-after"].as_str()),
        (429, "40")
    );
    let list = format!("/subscriptions/{SUBSCRIPTION_1}/resources?api-version=2021-04-01");
    assert_eq!(client.get(&list, &arm).await.status, 200);
    faults.clear_rules();

    // A query of both subscriptions goes on without the one that may not be read, without a word.
    faults.add(Rule::new(How::Status(403)).scope(SUBSCRIPTION_2));
    let body = json!({"query": "resources | project subscriptionId", "subscriptions": [SUBSCRIPTION_1, SUBSCRIPTION_2]});
    let target = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";
    let answer = client.send("POST", target, &arm, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.contains(SUBSCRIPTION_1) && !answer.text.contains(SUBSCRIPTION_2));
    let other = format!("/subscriptions/{SUBSCRIPTION_2}/resources?api-version=2021-04-01");
    let refused = client.get(&other, &arm).await;
    assert_eq!(
        (refused.status, refused.body["error"]["code"].as_str()),
        (403, Some("AuthorizationFailed"))
    );
}

#[tokio::test]
async fn resources_of_one_type_differ_and_say_what_they_have() {
    let world = World {
        unlike: true,
        ..World::default()
    };
    let client = Client::start(world.clone(), Faults::new()).await;
    let (arm, metrics) = (client.token(ARM).await, client.token(METRICS).await);
    let sub = format!("/subscriptions/{SUBSCRIPTION_1}/resourceGroups");
    let of = |group: &str, rest: &str| format!("{sub}/{group}/providers/{rest}");
    let master = of("RG-Data", "Microsoft.Sql/servers/sql-u/databases/master");
    let definitions =
        |id: &str| format!("{id}/providers/microsoft.insights/metricDefinitions?api-version=2018-01-01");
    let answer = client.get(&definitions(&master), &arm).await;
    assert_eq!(
        answer.body["value"].as_array().unwrap().len(),
        1,
        "{}",
        answer.text
    );
    let read = |id: &str, name: &str| {
        format!("{id}/providers/microsoft.insights/metrics?api-version=2018-01-01&metricnames={name}")
    };
    let refused = client.get(&read(&master, "cpu_percent"), &arm).await;
    assert_eq!(refused.status, 400);
    let message = refused.body["message"].as_str().unwrap();
    assert!(
        message.ends_with("metric: cpu_percent, Valid metrics: connection_successful"),
        "{message}"
    );

    let (small, large) = (
        of("RG-Compute", "Microsoft.Compute/virtualMachines/vm-u4"),
        of("RG-Compute", "Microsoft.Compute/virtualMachines/vm-00002"),
    );
    assert_eq!(
        batch(
            &client,
            &metrics,
            &[&small, &large],
            "Percentage CPU,Available Memory Bytes"
        )
        .await
        .status,
        200
    );
    let odd = of("RG-Compute", "Microsoft.Compute/virtualMachines/vm-u1");
    let refused = batch(&client, &metrics, &[&odd, &large], "Available Memory Bytes").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.text.contains("Valid metrics: Percentage CPU,"),
        "{}",
        refused.text
    );

    let private = of("RG-Net", "Microsoft.Network/networkInterfaces/nic-1");
    assert_eq!(client.get(&definitions(&private), &arm).await.status, 404);
    let account = of("RG-Data", "Microsoft.Storage/storageAccounts/simunlike1");
    let missing = format!("{account}/fileServices/default");
    assert_eq!(client.get(&definitions(&missing), &arm).await.status, 404);
    let list = format!("/subscriptions/{SUBSCRIPTION_1}/resources?api-version=2021-04-01&$top=1000");
    let listed = client.get(&list, &arm).await;
    assert!(listed.text.contains(&private) && listed.text.contains("\"kind\":\"BlockBlobStorage\""));
}

#[tokio::test]
async fn machines_that_live_for_minutes_come_and_go() {
    let world = World {
        churn: 4,
        ..World::default()
    };
    let client = Client::start(world.clone(), Faults::new()).await;
    let now_s = world.clock.now_unix_s();
    let (mut seen, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..12 {
        let arm = client.token(ARM).await;
        let list = format!(
            "/subscriptions/{SUBSCRIPTION_1}/resourceGroups/RG-Jobs/resources?api-version=2021-04-01&$top=1000"
        );
        let listed = client.get(&list, &arm).await;
        let ids: BTreeSet<String> = listed.body["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        assert!(ids.len() <= 8, "{}", listed.text);
        gone.extend(seen.difference(&ids).cloned());
        seen.extend(ids);
        for id in &gone {
            let read = format!("{id}/providers/microsoft.insights/metrics?api-version=2018-01-01");
            assert_eq!(client.get(&read, &arm).await.status, 404);
        }
        world.clock.advance_ms(600_000);
    }
    assert!(seen.len() > 8 && gone.len() > 4, "{seen:?}");
    let points = client
        .sim
        .truth()
        .points(now_s - 3600, now_s + 7000, 60, "primary");
    let of_one = |id: &str| {
        points
            .iter()
            .filter(|p| p.resource_id == id && p.metric == "Percentage CPU")
            .count()
    };
    assert!(gone.iter().all(|id| (3..=40).contains(&of_one(id))), "{gone:?}");
}
