//! The bodies of Azure Monitor, Resource Graph and ARM as they are on the wire, previews and stable forms alike: what is
//! unknown is ignored, what may be absent is optional. No meaning is given to anything here.

use serde::Deserialize;
use std::collections::BTreeMap;

/// A name; its text for people is not read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Localizable {
    pub(crate) value: String,
}

/// `metrics:getBatch`.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchAnswer {
    pub(crate) values: Vec<ResourceValues>,
}

/// The values of one resource: an item of a batch, or the whole answer of ARM.
#[derive(Debug, Deserialize)]
pub(crate) struct ResourceValues {
    #[serde(default)]
    pub(crate) interval: Option<String>,
    #[serde(default)]
    pub(crate) resourceid: Option<String>,
    pub(crate) value: Vec<MetricValues>,
}

/// One metric of one resource.
#[derive(Debug, Deserialize)]
pub(crate) struct MetricValues {
    #[serde(default)]
    pub(crate) id: Option<String>,
    pub(crate) name: Localizable,
    #[serde(default)]
    pub(crate) unit: String,
    #[serde(default)]
    pub(crate) timeseries: Vec<TimeSeries>,
    #[serde(default, rename = "errorCode")]
    pub(crate) error_code: Option<String>,
    #[serde(default, rename = "errorMessage")]
    pub(crate) error_message: Option<String>,
}

/// One combination of dimension values.
#[derive(Debug, Deserialize)]
pub(crate) struct TimeSeries {
    #[serde(default, rename = "metadatavalues")]
    pub(crate) dimensions: Vec<DimensionValue>,
    #[serde(default)]
    pub(crate) data: Vec<DataPoint>,
}

/// A dimension's value.
#[derive(Debug, Deserialize)]
pub(crate) struct DimensionValue {
    pub(crate) name: Localizable,
    #[serde(default)]
    pub(crate) value: String,
}

/// One bucket; an absent key (or null) is no data.
#[derive(Debug, Deserialize)]
pub(crate) struct DataPoint {
    #[serde(rename = "timeStamp")]
    pub(crate) time_stamp: String,
    #[serde(default, deserialize_with = "number")]
    pub(crate) average: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) minimum: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) maximum: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) total: Option<f64>,
    #[serde(default, deserialize_with = "number")]
    pub(crate) count: Option<f64>,
}

/// What is there but no number (`"NaN"`, a list) counts as not finite: one bad value must not take its batch along.
fn number<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Number(f64),
        Other(serde::de::IgnoredAny),
    }
    Ok(Option::<Given>::deserialize(value)?.map(|given| match given {
        Given::Number(number) => number,
        Given::Other(_) => f64::NAN,
    }))
}

/// An ARM list with its next page.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) value: Vec<T>,
    #[serde(default, rename = "nextLink")]
    pub(crate) next_link: Option<String>,
}

/// A subscription.
#[derive(Debug, Deserialize)]
pub(crate) struct Subscription {
    #[serde(rename = "subscriptionId")]
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) state: Option<String>,
}

/// A resource of Resource Graph or of an ARM list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ListedResource {
    pub(crate) id: String,
    #[serde(default, rename = "type")]
    pub(crate) resource_type: Option<String>,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) location: Option<String>,
    #[serde(default)]
    pub(crate) tags: Option<BTreeMap<String, Option<String>>>,
}

/// A metric's definition.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Definition {
    pub(crate) name: Localizable,
    #[serde(default, rename = "displayDescription")]
    pub(crate) description: Option<String>,
    #[serde(default, rename = "primaryAggregationType")]
    pub(crate) primary: Option<String>,
    #[serde(default, rename = "supportedAggregationTypes")]
    pub(crate) supported: Vec<String>,
    #[serde(default, rename = "metricAvailabilities")]
    pub(crate) availabilities: Vec<Availability>,
    #[serde(default)]
    pub(crate) dimensions: Vec<Localizable>,
    #[serde(default, rename = "isDimensionRequired")]
    pub(crate) dimension_required: bool,
}

/// A grain in which a metric is kept.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Availability {
    #[serde(default, rename = "timeGrain")]
    pub(crate) grain: Option<String>,
}

/// A page of Resource Graph.
#[derive(Debug, Deserialize)]
pub(crate) struct GraphPage {
    pub(crate) data: GraphData,
    #[serde(default, rename = "resultTruncated")]
    pub(crate) truncated: Option<String>,
    #[serde(default, rename = "$skipToken")]
    pub(crate) skip_token: Option<String>,
}

/// The two forms of Resource Graph's rows.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum GraphData {
    /// `objectArray`.
    Objects(Vec<ListedResource>),
    /// `table`, which was the default once; rows are read by column name.
    Table {
        columns: Vec<GraphColumn>,
        rows: Vec<Vec<serde_json::Value>>,
    },
}

/// A column of the table form.
#[derive(Debug, Deserialize)]
pub(crate) struct GraphColumn {
    pub(crate) name: String,
}

impl GraphData {
    /// The resources of either form; rows that are none are left out.
    pub(crate) fn into_resources(self) -> Vec<ListedResource> {
        match self {
            Self::Objects(resources) => resources,
            Self::Table { columns, rows } => rows
                .into_iter()
                .filter_map(|row| {
                    let fields = columns.iter().map(|c| c.name.clone()).zip(row).collect();
                    serde_json::from_value(serde_json::Value::Object(fields)).ok()
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_resource_graph_reads_like_objects() {
        let body = r#"{"data":{"columns":[{"name":"id"},{"name":"location"}],"rows":[["/a","x"],[7,"y"]]}}"#;
        let page: GraphPage = serde_json::from_str(body).expect("a page");
        let ids: Vec<_> = page.data.into_resources().into_iter().map(|r| r.id).collect();
        assert_eq!(ids, ["/a"]);
    }
}
