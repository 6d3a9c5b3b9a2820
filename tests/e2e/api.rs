//! The REST API of the real binary: rows, filters, pages, forms, versions and failures, as a program that uses it would
//! see them.

use crate::setup::{PATIENCE, Setup, wait_for};
use cloudsim::Faults;
use export::receiver::{FlatPoint, FlatValue};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;

/// Asks a daemon.
pub struct Api {
    client: Client,
    base: String,
}

impl Api {
    pub async fn of(setup: &Setup) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        let base = format!("http://{}", setup.daemon.address().await);
        Self { client, base }
    }

    async fn get(&self, path: &str) -> Response {
        self.with(path, &[]).await
    }

    async fn with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.client.get(format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |r, (k, v)| r.header(*k, *v));
        request.send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        let body = self.json(path).await;
        body["items"].as_array().unwrap().clone()
    }

    /// Asks until there are rows.
    async fn some_items(&self, path: &str) -> Vec<Value> {
        let limit = Instant::now() + PATIENCE;
        loop {
            let items = self.items(path).await;
            if !items.is_empty() {
                return items;
            }
            assert!(Instant::now() < limit, "{path} stays empty");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Every row, page by page.
    async fn all(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let body = self.json(&format!("{path}&limit={limit}{cursor}")).await;
            let items = body["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            rows.extend(items.iter().cloned());
            match body["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }
}

async fn code(response: Response) -> String {
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    let error = &body["error"];
    assert_eq!(error["request_id"], id.as_str());
    assert!(error["message"].as_str().unwrap().len() > 10, "{error}");
    assert!(error["timestamp"].as_str().unwrap().ends_with('Z'), "{error}");
    error["code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_points_are_shown_as_the_clouds_gave_them() {
    let setup = Setup::start("grpc", &Faults::new()).await;
    let api = Api::of(&setup).await;
    for cloud in ["aws", "azure", "gcp"] {
        api.some_items(&format!("/api/v1/series?cloud={cloud}")).await;
    }
    filters_narrow(&api).await;
    pages_hold_every_row_once(&api).await;
    points_are_those_that_were_sent(&api, &setup).await;
    forms(&api).await;
    versions(&api).await;
    failures(&api).await;
    health(&api).await;
    setup.stop().await;
}

async fn filters_narrow(api: &Api) {
    let names = |rows: &[Value]| -> BTreeSet<String> {
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let part = api
        .some_items("/api/v1/series?cloud=aws&name=CPUutilization")
        .await;
    assert!(
        names(&part).iter().all(|n| n.contains("cpu_utilization")),
        "{part:?}"
    );
    let whole = api.items("/api/v1/series?name=aws.ec2.*.average").await;
    assert!(!whole.is_empty() && names(&whole).iter().all(|n| n.starts_with("aws.ec2.")));
    let region = api.items("/api/v1/series?attribute=cloud.region=eu-west-1").await;
    assert!(!region.is_empty());
    assert!(
        region
            .iter()
            .all(|row| row["resource"]["cloud.region"] == "eu-west-1")
    );
    assert!(api.items("/api/v1/series?account=a&cloud=gcp").await.is_empty());
    let accounts = api.items("/api/v1/accounts").await;
    let names: Vec<&str> = accounts
        .iter()
        .map(|row| row["account"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "g", "z"]);
    assert_eq!(
        api.items("/api/v1/destinations").await[0]["destination"],
        "receiver"
    );
}

async fn pages_hold_every_row_once(api: &Api) {
    let ids = |rows: Vec<Value>| -> Vec<String> {
        rows.iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let path = "/api/v1/series?account=a&name=ec2";
    let (small, large) = (ids(api.all(path, 3).await), ids(api.all(path, 1000).await));
    assert!(large.len() > 6, "{large:?}");
    let held: BTreeSet<&String> = small.iter().collect();
    assert_eq!(held.len(), small.len(), "none twice");
    // Series may have come between the two.
    assert!(small.iter().all(|id| large.contains(id)));
    let coverage = &api.json("/api/v1/series?limit=1").await["coverage"];
    assert!(coverage["held_series"].as_u64().unwrap() <= coverage["known_series"].as_u64().unwrap());
    assert!(coverage["bytes"].as_u64().unwrap() <= coverage["max_bytes"].as_u64().unwrap());
}

fn double(value: &FlatValue) -> f64 {
    match value {
        FlatValue::Double(value) => *value,
        other @ (FlatValue::Int(_) | FlatValue::Histogram { .. }) => {
            panic!("AWS has only doubles: {other:?}")
        }
    }
}

/// Every point that is shown of a window is one that the receiver gets, with its time and value.
async fn points_are_those_that_were_sent(api: &Api, setup: &Setup) {
    let window = setup.window;
    let path = format!(
        "/api/v1/points?account=a&name=aws.ec2.*&from={}&to={}",
        window.from + 1,
        window.to
    );
    let points = api.all(&path, 70).await;
    let shown = |point: &Value| {
        let time: jiff::Timestamp = point["time"].as_str().unwrap().parse().unwrap();
        (
            point["name"].as_str().unwrap().to_owned(),
            time.as_nanosecond(),
            point["value"].as_f64().unwrap().to_bits(),
        )
    };
    let shown: BTreeSet<_> = points.iter().map(shown).collect();
    assert!(shown.len() > 7, "{points:?}");
    let sent = |p: FlatPoint| (p.metric, i128::from(p.time), double(&p.value).to_bits());
    wait_for("every shown point at the receiver", || {
        let aws = setup
            .in_window()
            .into_iter()
            .filter(|p| p.metric.starts_with("aws."));
        shown.is_subset(&aws.map(sent).collect()).then_some(())
    })
    .await;
    let series = points[0]["series"].as_str().unwrap();
    let one = api.all(&format!("/api/v1/points?series={series}"), 1000).await;
    assert!(one.iter().all(|point| point["series"] == series));
    let times: Vec<&str> = one.iter().map(|point| point["time"].as_str().unwrap()).collect();
    assert!(times.len() > 1 && times.is_sorted(), "{times:?}");
}

async fn forms(api: &Api) {
    let csv = api.with("/api/v1/accounts", &[("accept", "text/csv")]).await;
    assert!(
        csv.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    let text = csv.text().await.unwrap();
    assert!(
        text.starts_with("account,cloud,state,") && text.lines().count() == 4,
        "{text}"
    );
    let xml = api.get("/api/v1/series?format=xml&limit=1").await;
    assert!(
        xml.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/xml")
    );
    assert!(xml.headers()["link"].to_str().unwrap().contains("rel=\"next\""));
    let text = xml.text().await.unwrap();
    assert!(
        text.contains("<items><series><id>") && text.contains("<entry name=\"cloud.region\">"),
        "{text}"
    );
    let refused = api.with("/api/v1/points", &[("accept", "image/png")]).await;
    assert_eq!(refused.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(code(refused).await, "not_acceptable");
}

async fn versions(api: &Api) {
    // A filter that finds nothing: its answer stays the same while points come.
    let path = "/api/v1/points?account=nobody&format=csv";
    let first = api.get(path).await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let again = api.with(path, &[("if-none-match", &etag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"].to_str().unwrap(), etag);
    assert!(again.bytes().await.unwrap().is_empty());
    let head = api
        .client
        .head(format!("{}{path}", api.base))
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert!(head.headers()["etag"].to_str().unwrap() == etag && head.bytes().await.unwrap().is_empty());
}

async fn failures(api: &Api) {
    for (path, status, wanted) in [
        ("/api/v1/nothing", 404, "not_found"),
        ("/api/v1/series?nam=x", 400, "bad_request"),
        ("/api/v1/series?limit=0", 400, "bad_request"),
        ("/api/v1/series?cloud=oracle", 400, "bad_request"),
        ("/api/v1/series?series=12", 400, "bad_request"),
        ("/api/v1/series?attribute=region", 400, "bad_request"),
        ("/api/v1/points?from=yesterday", 400, "bad_request"),
        ("/api/v1/points?cursor=zz", 400, "bad_request"),
        ("/api/v1/points?cursor=00", 400, "bad_request"),
        ("/api/v1/points?format=yaml", 400, "bad_request"),
    ] {
        let response = api.get(path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        assert_eq!(code(response).await, wanted, "{path}");
    }
    let url = format!("{}/api/v1/series", api.base);
    let put = api.client.request(Method::PUT, url).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(put.headers()["allow"].to_str().unwrap().contains("GET"));
    assert_eq!(code(put).await, "method_not_allowed");
    let named = api.with("/api/v1/status", &[("x-request-id", "mine-1")]).await;
    assert_eq!(named.headers()["x-request-id"], "mine-1");
}

async fn health(api: &Api) {
    assert_eq!(api.get("/healthz").await.text().await.unwrap(), "ok\n");
    let ready = api.json("/readyz").await;
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["accounts"]["a"]["ready"], true);
    assert_eq!(ready["destinations"]["receiver"]["up"], true);
}
