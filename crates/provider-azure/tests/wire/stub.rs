//! A small Azure that can be as unlike and as unwell as the real one: resources of one type that have other metrics, one
//! that spoils every call it is in, a region whose data plane is away, refusals that hold for ever.

use axum::Router;
use axum::body::Bytes;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use cloudsim::serve::{Running, TestCa, serve};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a resource answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it should.
    Good,
    /// 404 wherever values are asked for; a call is refused by its name.
    Gone,
    /// The same, in words that name nothing.
    GoneWithoutName,
    /// Every call with it answers 500.
    Poison,
}

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) subscription: &'static str,
    pub(crate) resource_type: &'static str,
    pub(crate) region: &'static str,
    pub(crate) name: String,
    pub(crate) sku: Option<&'static str>,
    /// What it has.
    pub(crate) metrics: Vec<&'static str>,
    /// What its definitions say, where that is something else.
    pub(crate) claims: Option<Vec<&'static str>>,
    pub(crate) fate: Fate,
}

impl Thing {
    pub(crate) fn new(
        resource_type: &'static str,
        name: impl Into<String>,
        metrics: &[&'static str],
    ) -> Self {
        Self {
            subscription: "sub-a",
            resource_type,
            region: "westeurope",
            name: name.into(),
            sku: None,
            metrics: metrics.to_vec(),
            claims: None,
            fate: Fate::Good,
        }
    }

    pub(crate) fn id(&self) -> String {
        let (provider, kind) = self.resource_type.split_once('/').expect("a type");
        format!(
            "/subscriptions/{}/resourceGroups/Prod-RG/providers/{provider}/{kind}/{}",
            self.subscription, self.name
        )
    }
}

/// What may be changed while it runs.
#[derive(Debug, Default)]
pub(crate) struct Ways {
    pub(crate) things: Vec<Thing>,
    /// Regions whose data plane answers 503.
    pub(crate) dark: HashSet<&'static str>,
    /// Subscriptions in which getBatch answers 401.
    pub(crate) unroled: HashSet<&'static str>,
    /// Every call for values answers so.
    pub(crate) all_values: Option<(u16, &'static str)>,
    /// Names of resources that Resource Manager forbids to read.
    pub(crate) forbidden: HashSet<String>,
    /// Types whose definitions answer so: status and body.
    pub(crate) definitions: HashMap<&'static str, (u16, &'static str)>,
    /// Resource Graph answers 403, always or only for queries with this subscription.
    pub(crate) no_graph: Option<&'static str>,
    /// Types that Resource Manager does not list.
    pub(crate) no_list: HashSet<&'static str>,
    /// Metrics of resources that carry an error code inside a 200.
    pub(crate) errors: HashSet<(String, &'static str)>,
    /// Put into rows, definitions and values, where they do not belong.
    pub(crate) odd: bool,
    pub(crate) calls: BTreeMap<&'static str, usize>,
}

/// The cloud and its address.
pub(crate) struct Stub {
    pub(crate) ways: Arc<Mutex<Ways>>,
    pub(crate) ca_pem: String,
    pub(crate) base: String,
    running: Running,
}

impl Stub {
    pub(crate) async fn start(things: Vec<Thing>) -> Self {
        let ways = Arc::new(Mutex::new(Ways {
            things,
            ..Ways::default()
        }));
        let ca = TestCa::new().expect("an authority");
        let shared = Arc::clone(&ways);
        let handle = move |method: Method, uri: Uri, body: Bytes| {
            let answer = answer(&mut lock(&shared), &method, &uri, &body);
            async move { answer }
        };
        let router = Router::new().fallback(handle);
        let running = serve(([127, 0, 0, 1], 0).into(), router, Some(&ca))
            .await
            .expect("listening");
        Self {
            base: format!("https://localhost:{}", running.addr().port()),
            ca_pem: ca.ca_pem.clone(),
            ways,
            running,
        }
    }

    pub(crate) fn ways(&self) -> MutexGuard<'_, Ways> {
        lock(&self.ways)
    }

    /// The calls of an operation since they were asked for the last time.
    pub(crate) fn calls(&self, operation: &'static str) -> usize {
        self.ways().calls.remove(operation).unwrap_or(0)
    }

    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

fn lock(ways: &Mutex<Ways>) -> MutexGuard<'_, Ways> {
    ways.lock().unwrap_or_else(PoisonError::into_inner)
}

type Params = HashMap<String, String>;

fn answer(ways: &mut Ways, method: &Method, uri: &Uri, body: &[u8]) -> Response {
    let params: Params = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let path = uri.path().replace("%3A", ":");
    let lower = path.to_lowercase();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (operation, reply): (&'static str, Reply) = if lower.ends_with("/oauth2/v2.0/token") {
        let token = json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "t"});
        ("token", Ok(token))
    } else if lower == "/subscriptions" {
        ("subscriptions", Ok(subscriptions(ways)))
    } else if lower.ends_with("/providers/microsoft.resourcegraph/resources") {
        ("graph", graph(ways, &body))
    } else if lower.ends_with("/metrics:getbatch") {
        ("batch", batch(ways, &lower, &params, &body))
    } else if let Some((id, _)) = lower.split_once("/providers/microsoft.insights/metricdefinitions") {
        ("definitions", definitions(ways, id))
    } else if let Some((id, _)) = lower.split_once("/providers/microsoft.insights/metrics") {
        ("arm", arm(ways, id, &params))
    } else if lower.ends_with("/resources") && method == Method::GET {
        ("list", list(ways, &lower, &params))
    } else {
        ("unknown", Err((404, "{}".to_owned())))
    };
    *ways.calls.entry(operation).or_default() += 1;
    let (status, body) = match reply {
        Ok(body) => (200, body.to_string()),
        Err(refusal) => refusal,
    };
    let status = StatusCode::from_u16(status).expect("a status");
    let date = [
        ("date", "Sun, 29 Nov 2026 15:00:00 GMT"),
        ("content-type", "application/json"),
    ];
    (status, date, body).into_response()
}

type Reply = Result<Value, (u16, String)>;

fn refused(status: u16, code: &str, message: &str) -> (u16, String) {
    (
        status,
        json!({"error": {"code": code, "message": message}}).to_string(),
    )
}

fn subscriptions(ways: &Ways) -> Value {
    let ids: HashSet<&str> = ways.things.iter().map(|t| t.subscription).collect();
    let mut all: Vec<Value> = ids
        .iter()
        .map(|id| json!({"subscriptionId": id, "displayName": format!("Name of {id}"), "state": "Enabled"}))
        .collect();
    if ways.odd {
        all.insert(0, Value::Null);
        all.push(json!({"subscriptionId": 7.5, "state": "Disabled"}));
    }
    json!({"value": all})
}

fn row(thing: &Thing, odd: bool) -> Value {
    let mut row = json!({"id": thing.id(), "name": thing.name, "type": thing.resource_type.to_lowercase(),
        "location": thing.region, "tags": {"env": "prod"}, "kind": null});
    if let Some(sku) = thing.sku {
        row["sku"] = json!({"name": sku, "tier": null});
    }
    if odd {
        row["tags"] = json!({"number": 7, "none": null, "deep": {"a": []}, "env": "prod"});
        row["kind"] = json!(3);
    }
    row
}

fn graph(ways: &Ways, body: &Value) -> Reply {
    let asked: HashSet<String> = body["subscriptions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str().map(str::to_lowercase))
        .collect();
    if ways.no_graph.is_some_and(|id| id == "*" || asked.contains(id)) {
        return Err(refused(403, "AuthorizationFailed", "no"));
    }
    let mut rows: Vec<Value> = ways
        .things
        .iter()
        .filter(|t| asked.contains(t.subscription))
        .map(|t| row(t, ways.odd))
        .collect();
    if ways.odd {
        rows.insert(0, json!(null));
        rows.push(json!({"id": 7, "type": null}));
    }
    Ok(json!({"totalRecords": rows.len(), "count": rows.len(), "data": rows, "resultTruncated": "false"}))
}

fn list(ways: &Ways, path: &str, params: &Params) -> Reply {
    let filter = params["$filter"].to_lowercase();
    if ways
        .no_list
        .iter()
        .any(|t| filter.contains(&format!("'{}'", t.to_lowercase())))
    {
        return Err(refused(403, "AuthorizationFailed", "no"));
    }
    let here = |t: &&Thing| {
        path.contains(&format!("/{}/", t.subscription))
            && filter.contains(&format!("'{}'", t.resource_type.to_lowercase()))
    };
    let rows: Vec<Value> = ways
        .things
        .iter()
        .filter(here)
        .map(|t| row(t, ways.odd))
        .collect();
    Ok(json!({ "value": rows }))
}

fn definitions(ways: &Ways, id: &str) -> Reply {
    let thing = find(ways, id)?;
    if let Some((status, body)) = ways.definitions.get(thing.resource_type) {
        return Err((*status, (*body).to_owned()));
    }
    let one = |name: &&str| {
        json!({"name": {"value": name, "localizedValue": name}, "unit": "Count", "primaryAggregationType": "Average",
            "supportedAggregationTypes": ["None", "Average", "Minimum", "Maximum", "Total", "Count"],
            "metricAvailabilities": [{"timeGrain": "PT1M"}, {"timeGrain": "PT5M"}], "dimensions": null})
    };
    let mut all: Vec<Value> = thing
        .claims
        .as_ref()
        .unwrap_or(&thing.metrics)
        .iter()
        .map(one)
        .collect();
    if ways.odd {
        all.insert(0, json!({"name": null, "unit": null}));
        all.push(json!("a text"));
        if let Some(Value::Object(last)) = all.get_mut(1) {
            last.insert(
                "supportedAggregationTypes".into(),
                json!(["Average", "Percentile99", null, 4]),
            );
            last.insert("unit".into(), Value::Null);
        }
    }
    Ok(json!({ "value": all }))
}

fn find<'a>(ways: &'a Ways, id: &str) -> Result<&'a Thing, (u16, String)> {
    let found = ways.things.iter().find(|t| t.id().eq_ignore_ascii_case(id));
    found.ok_or_else(|| refused(404, "ResourceNotFound", "there is no such resource"))
}

fn batch(ways: &Ways, path: &str, params: &Params, body: &Value) -> Reply {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (region, subscription) = (parts[0], parts[2]);
    if let Some((status, body)) = ways.all_values {
        return Err((status, body.to_owned()));
    }
    if ways.dark.contains(region) {
        return Err((503, "<html>away</html>".to_owned()));
    }
    if ways.unroled.contains(subscription) {
        return Err(refused(401, "AuthorizationFailed", "no role on the subscription"));
    }
    let ids: Vec<&str> = body["resourceids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    assert!(!ids.is_empty() && ids.len() <= 50, "{} resources", ids.len());
    let mut values = Vec::new();
    for id in ids {
        let thing = find(ways, id)?;
        assert_eq!((thing.region, thing.subscription), (region, subscription));
        let mut value = of_thing(ways, thing, params, ("starttime", "endtime"))?;
        value["resourceid"] = json!(id.to_uppercase());
        values.push(value);
    }
    if ways.odd {
        values.insert(0, json!(null));
        values.push(json!({"resourceid": null, "value": null}));
    }
    Ok(json!({ "values": values }))
}

fn arm(ways: &Ways, id: &str, params: &Params) -> Reply {
    let (start, end) = params["timespan"].split_once('/').expect("a span");
    let mut params = params.clone();
    params.insert("starttime".into(), start.into());
    params.insert("endtime".into(), end.into());
    let thing = find(ways, id)?;
    if let Some((status, body)) = ways.all_values {
        return Err((status, body.to_owned()));
    }
    if ways.forbidden.contains(&thing.name) {
        return Err(refused(403, "AuthorizationFailed", "no"));
    }
    of_thing(ways, thing, &params, ("starttime", "endtime"))
}

fn of_thing(ways: &Ways, thing: &Thing, params: &Params, (start, end): (&str, &str)) -> Reply {
    match thing.fate {
        Fate::Good => {}
        Fate::Gone => {
            let words = format!(
                "The Resource '{}/{}' under resource group 'Prod-RG' was not found.",
                thing.resource_type, thing.name
            );
            return Err(refused(404, "ResourceNotFound", &words));
        }
        Fate::GoneWithoutName => return Err(refused(404, "ResourceNotFound", "not found")),
        Fate::Poison => return Err(refused(500, "InternalServerError", "Detected Internal Error.")),
    }
    let time = |key: &str| {
        params[key]
            .parse::<jiff::Timestamp>()
            .expect("a time")
            .as_second()
    };
    let (start, end) = (time(start), time(end));
    let names: Vec<&str> = params["metricnames"].split(',').collect();
    assert!(names.len() <= 20, "{} names", names.len());
    let aggregations: Vec<&str> = params["aggregation"].split(',').collect();
    let grain_s = if params["interval"] == "PT5M" { 300 } else { 60 };
    let mut metrics = Vec::new();
    for name in names {
        if !thing.metrics.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let words = format!(
                "Failed to find metric configuration for provider: x, resource Type: y, metric: {name}, Valid metrics: {}",
                thing.metrics.join(",")
            );
            return Err(refused(400, "BadRequest", &words));
        }
        let data: Vec<Value> = (0..(end - start) / grain_s)
            .map(|at| point(start + at * grain_s, &aggregations))
            .collect();
        let mut metric = json!({"name": {"value": name}, "unit": "Bytes", "errorCode": "Success",
            "timeseries": [{"metadatavalues": [], "data": data}]});
        if ways.errors.iter().any(|(id, m)| *id == thing.id() && *m == name) {
            metric["timeseries"] = json!([]);
            metric["errorCode"] = json!("InvalidSamplingType");
        }
        metrics.push(metric);
    }
    if ways.odd {
        metrics.insert(0, json!({"name": null, "unit": null, "timeseries": null}));
        metrics.push(json!([]));
    }
    Ok(json!({"interval": params["interval"], "value": metrics}))
}

fn point(at: i64, aggregations: &[&str]) -> Value {
    let stamp = jiff::Timestamp::from_second(at).expect("a time").to_string();
    let mut point = json!({ "timeStamp": stamp });
    for aggregation in aggregations {
        point[*aggregation] = json!(at / 60);
    }
    point
}
