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
    pub(crate) average: Option<f64>,
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) total: Option<f64>,
    pub(crate) count: Option<f64>,
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
    use serde::de::DeserializeOwned;
    use std::path::PathBuf;

    fn read<T: DeserializeOwned>(name: &str, bytes: &[u8]) {
        if let Err(e) = serde_json::from_slice::<T>(bytes) {
            panic!("{name}: {e}");
        }
    }

    fn decode(name: &str, bytes: &[u8]) {
        match name {
            n if n.starts_with("error_") || n.contains("_error_400") => {
                assert!(
                    crate::classify::parse(bytes).is_some_and(|e| !e.message.is_empty()),
                    "{n}"
                );
            }
            n if n.starts_with("metrics_batch") => read::<BatchAnswer>(n, bytes),
            n if n.starts_with("metrics_") => read::<ResourceValues>(n, bytes),
            n if n.starts_with("metric_definitions") => read::<Page<Definition>>(n, bytes),
            n if n.starts_with("resource_graph") => read::<GraphPage>(n, bytes),
            n if n.starts_with("resources_list") || n.starts_with("arm_list") => {
                read::<Page<ListedResource>>(n, bytes)
            }
            n if n.starts_with("subscriptions") => read::<Page<Subscription>>(n, bytes),
            n => read::<Page<serde_json::Value>>(n, bytes),
        }
    }

    #[test]
    fn every_body_of_the_fixtures_decodes() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/azure");
        let Ok(files) = std::fs::read_dir(&folder) else {
            eprintln!("no fixtures at {}: nothing decoded", folder.display());
            return;
        };
        let mut read = 0;
        for path in files
            .flatten()
            .map(|f| f.path())
            .filter(|p| p.extension().is_some_and(|e| e == "json"))
        {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .expect("a name")
                .to_owned();
            decode(&name, &std::fs::read(&path).expect("readable"));
            read += 1;
        }
        eprintln!("{read} bodies decoded");
        assert!(read > 0);
    }

    #[test]
    fn a_table_of_resource_graph_reads_like_objects() {
        let body = r#"{"data":{"columns":[{"name":"id"},{"name":"location"}],"rows":[["/a","x"],[7,"y"]]}}"#;
        let page: GraphPage = serde_json::from_str(body).expect("a page");
        let ids: Vec<_> = page.data.into_resources().into_iter().map(|r| r.id).collect();
        assert_eq!(ids, ["/a"]);
    }
}
