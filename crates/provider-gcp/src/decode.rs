//! Bodies to pages. The ordinary body is read at once; one with an odd element (null, a number for a label, a time that is
//! none) is read again element by element, and what cannot be read is left out and counted. A series with an odd label is
//! left out as a whole: with the label mended it might be another series, and its points would come as two. Pure.

use bytes::Bytes;
use google_cloud_api::model::MetricDescriptor;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Status;
use google_cloud_monitoring_v3::model::{
    ListMetricDescriptorsResponse, ListTimeSeriesResponse, Point, TimeSeries,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

/// Fields of a descriptor without which it is another one; what else cannot be read of it is left out.
const OF_A_DESCRIPTOR: [&str; 4] = ["type", "metricKind", "valueType", "unit"];

/// A page of series.
#[derive(Debug, Default)]
pub(crate) struct Series {
    pub(crate) page: ListTimeSeriesResponse,
    /// Points that could not be read; a series counts as one at least.
    pub(crate) odd: usize,
    /// What Google says is missing in the answer.
    pub(crate) missing: Vec<String>,
}

/// A page of descriptors.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    pub(crate) list: Vec<MetricDescriptor>,
    pub(crate) next: String,
    /// Descriptors that could not be read, by their type where they have one.
    pub(crate) odd: Vec<String>,
}

/// A page of `ListTimeSeries`.
pub(crate) fn series(body: &[u8]) -> Result<Series, Error> {
    if let Ok(mut page) = serde_json::from_slice::<ListTimeSeriesResponse>(body) {
        let given = std::mem::take(&mut page.time_series);
        // The library keeps what its model lacks only for writing the answer out again.
        let missing = missing(&serde_json::to_value(&page).unwrap_or_default());
        page.time_series = given;
        return Ok(Series {
            page,
            odd: 0,
            missing,
        });
    }
    let mut body = object(body)?;
    let (mut read, mut odd) = (Vec::new(), 0);
    for mut element in list(body.remove("timeSeries")) {
        let points = element["points"].as_array().map_or(0, Vec::len);
        let left_out = leave_out_points(&mut element);
        match serde_json::from_value::<TimeSeries>(element) {
            Ok(one) => {
                odd += left_out;
                read.push(one);
            }
            Err(_) => odd += points.max(1),
        }
    }
    let missing = missing(&Json::Object(body.clone()));
    let page = ListTimeSeriesResponse::new()
        .set_time_series(read)
        .set_next_page_token(text(&body, "nextPageToken"))
        .set_unit(text(&body, "unit"));
    Ok(Series { page, odd, missing })
}

/// A page of `ListMetricDescriptors`. A success that is an error is one: it would read as "there are no types".
pub(crate) fn descriptors(body: &[u8]) -> Result<Descriptors, Error> {
    let mut page = if let Ok(mut page) = serde_json::from_slice::<ListMetricDescriptorsResponse>(body) {
        let list = std::mem::take(&mut page.metric_descriptors);
        no_error_inside(&serde_json::to_value(&page).unwrap_or_default())?;
        Descriptors {
            list,
            next: page.next_page_token,
            odd: Vec::new(),
        }
    } else {
        let mut body = object(body)?;
        let list = list(body.remove("metricDescriptors"));
        let next = text(&body, "nextPageToken");
        no_error_inside(&Json::Object(body))?;
        one_by_one(list, next)
    };
    let before = page.list.len();
    page.list.retain(|one| !one.r#type.is_empty());
    let nameless = before - page.list.len();
    page.odd.extend(std::iter::repeat_n(String::new(), nameless));
    Ok(page)
}

fn no_error_inside(body: &Json) -> Result<(), Error> {
    let Some(inside) = body.get("error").filter(|inside| !inside.is_null()) else {
        return Ok(());
    };
    let said = Bytes::from(json!({ "error": inside }).to_string());
    Err(match Status::try_from(&said) {
        Ok(status) => Error::service_with_http_metadata(status, None, None),
        Err(_) => Error::deser(format!("an error inside a success: {inside}")),
    })
}

fn one_by_one(elements: Vec<Json>, next: String) -> Descriptors {
    let mut page = Descriptors {
        next,
        ..Descriptors::default()
    };
    for element in elements {
        let name = element["type"].as_str().unwrap_or_default().to_owned();
        match readable(element) {
            Some(descriptor) => page.list.push(descriptor),
            None => page.odd.push(name),
        }
    }
    page
}

/// A descriptor with all of its fields that can be read, if those can that say what it is.
fn readable(element: Json) -> Option<MetricDescriptor> {
    let Json::Object(fields) = element else {
        return None;
    };
    let can_be_read = |(name, value): &(String, Json)| {
        let alone = Json::Object([(name.clone(), value.clone())].into_iter().collect());
        OF_A_DESCRIPTOR.contains(&name.as_str()) || reads::<MetricDescriptor>(alone)
    };
    let fields: Map<String, Json> = fields.into_iter().filter(can_be_read).collect();
    serde_json::from_value(Json::Object(fields)).ok()
}

fn reads<T: DeserializeOwned>(value: Json) -> bool {
    serde_json::from_value::<T>(value).is_ok()
}

/// Leaves out points that cannot be read; how many.
fn leave_out_points(series: &mut Json) -> usize {
    let Some(points) = series.get_mut("points").and_then(Json::as_array_mut) else {
        return 0;
    };
    let before = points.len();
    points.retain(|point| reads::<Point>(point.clone()));
    before - points.len()
}

/// The words for each gap in an answer: errors and regions that are named, and an error inside a success, which would
/// otherwise read as "no series".
fn missing(body: &Json) -> Vec<String> {
    let errors = items(body, "executionErrors").filter_map(|e| {
        let code = e.get("code").and_then(Json::as_i64).unwrap_or(0);
        let words = e.get("message").and_then(Json::as_str).unwrap_or_default();
        let said = code != 0 || !words.is_empty();
        said.then(|| format!("{words} (code {code})"))
    });
    let regions = items(body, "unreachable").filter(|region| !region.is_null());
    let regions = regions.map(|r| format!("unreachable: {}", r.as_str().unwrap_or("?")));
    let inside = body.get("error").filter(|inside| !inside.is_null());
    let inside = inside.map(|e| format!("an error inside a success: {e}"));
    errors.chain(regions).chain(inside).collect()
}

fn items<'a>(body: &'a Json, list: &str) -> impl Iterator<Item = &'a Json> {
    body.get(list).and_then(Json::as_array).into_iter().flatten()
}

fn object(body: &[u8]) -> Result<Map<String, Json>, Error> {
    serde_json::from_slice(body).map_err(Error::deser)
}

fn list(value: Option<Json>) -> Vec<Json> {
    match value {
        Some(Json::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn text(body: &Map<String, Json>, name: &str) -> String {
    body.get(name)
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Json {
        json!({"metric": {"type": "t", "labels": {"a": "b"}}, "resource": {"type": "r"}, "metricKind": "GAUGE",
            "valueType": "DOUBLE", "points": [point()]})
    }

    fn point() -> Json {
        json!({"interval": {"endTime": "2026-01-01T00:00:00Z"}, "value": {"doubleValue": 1.5}})
    }

    fn read(elements: &[Json]) -> Series {
        series(&page(elements)).expect("a page")
    }

    fn page(elements: &[Json]) -> Vec<u8> {
        let page = json!({"timeSeries": elements, "unit": null, "nextPageToken": "next"});
        page.to_string().into_bytes()
    }

    #[test]
    fn an_odd_element_leaves_the_others() {
        for (odd, points) in [
            (json!(null), 1),
            (json!("words"), 1),
            (json!([]), 1),
            (json!({"metric": "words", "points": [point(), point()]}), 2),
            (json!({"metricKind": true}), 1),
        ] {
            let read = read(&[good(), odd.clone(), good()]);
            assert_eq!((read.page.time_series.len(), read.odd), (2, points), "{odd}");
            assert_eq!(read.page.next_page_token, "next", "{odd}");
        }
    }

    #[test]
    fn an_odd_point_leaves_the_others_of_its_series() {
        for odd in [
            json!(null),
            json!({"interval": {"endTime": "yesterday"}}),
            json!({"value": {"doubleValue": "many"}}),
            json!({"value": {"int64Value": 1.5}}),
        ] {
            let mut one = good();
            one["points"] = json!([point(), odd, point()]);
            let read = read(&[one]);
            assert_eq!((read.page.time_series[0].points.len(), read.odd), (2, 1), "{odd}");
        }
    }

    #[test]
    fn a_series_with_a_label_that_is_no_text_is_left_out_rather_than_taken_for_another() {
        for value in [json!(7), json!(true), json!(null)] {
            let mut odd = good();
            odd["metric"]["labels"]["n"] = value;
            odd["points"] = json!([point(), point()]);
            let read = read(&[odd, good()]);
            assert_eq!((read.page.time_series.len(), read.odd), (1, 2));
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for body in ["", "<html>", "[]", "\"words\"", "{\"timeSeries\":"] {
            assert!(series(body.as_bytes()).is_err() && descriptors(body.as_bytes()).is_err());
        }
        assert!(series(b"{\"timeSeries\": null}").is_ok_and(|read| read.page.time_series.is_empty()));
    }

    #[test]
    fn gaps_are_named_beside_odd_elements_too() {
        for elements in [vec![good()], vec![good(), json!(null)]] {
            let page = json!({"timeSeries": elements, "executionErrors": [{"code": 14, "message": "cell down"}],
                "unreachable": ["us-east1", null], "error": {"code": 503}});
            let read = series(page.to_string().as_bytes()).expect("a page");
            assert_eq!(
                read.missing,
                [
                    "cell down (code 14)",
                    "unreachable: us-east1",
                    "an error inside a success: {\"code\":503}"
                ]
            );
        }
        assert!(read(&[good()]).missing.is_empty());
        let none = series(b"{\"executionErrors\": [null], \"error\": null}").expect("a page");
        assert!(none.missing.is_empty());
    }

    #[test]
    fn a_success_that_is_an_error_is_no_empty_list() {
        for list in [json!([]), json!([null])] {
            let body = json!({"metricDescriptors": list, "error": {"code": 503, "status": "UNAVAILABLE", "message": "no"}});
            let error = descriptors(body.to_string().as_bytes()).expect_err("an error");
            assert_eq!(error.status().map(|status| status.message.as_str()), Some("no"));
        }
        let error = descriptors(br#"{"error": "words"}"#).expect_err("an error");
        assert!(error.is_deserialization(), "{error}");
        assert!(descriptors(br#"{"error": null}"#).is_ok());
    }

    #[test]
    fn descriptors_keep_what_can_be_read_of_them() {
        let list = json!([
            null,
            {"type": "a/x", "valueType": "DOUBLE", "displayName": 7, "labels": [null], "metadata": {"samplePeriod": "60s"}},
            {"type": "a/y", "metadata": {"ingestDelay": 240}},
            {"valueType": "INT64"},
            {"type": 5},
        ]);
        let body = json!({"metricDescriptors": list, "nextPageToken": "next"}).to_string();
        let page = descriptors(body.as_bytes()).expect("a page");
        let names: Vec<_> = page.list.iter().map(|d| d.r#type.as_str()).collect();
        assert_eq!(names, ["a/x", "a/y"]);
        assert!(page.list[0].metadata.is_some() && page.list[1].metadata.is_none());
        assert_eq!((page.odd.len(), page.next.as_str()), (3, "next"));
    }
}
