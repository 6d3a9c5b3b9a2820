//! The bodies of Azure Monitor, Resource Graph and ARM as they are on the wire, previews and stable forms alike: what is
//! unknown is ignored, what may be absent is optional, and lists are read element by element. No meaning is given to
//! anything here.

mod lenient;

pub(crate) use lenient::{Flag, List, Number, Object, Text, Texts};

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::collections::BTreeMap;
use std::fmt;

/// A name; its text for people is not read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Localizable {
    #[serde(default)]
    pub(crate) value: Text,
}

/// A name that may be missing, or a bare text where a name with its translation is expected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Name(pub(crate) Text);

impl Name {
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Object(name) = Object::<Localizable>::deserialize(from)?;
        Ok(Self(name.unwrap_or_default().value))
    }
}

/// `metrics:getBatch`.
#[derive(Debug, Deserialize)]
pub(crate) struct BatchAnswer {
    pub(crate) values: List<ResourceValues>,
}

/// The values of one resource: an item of a batch, or the whole answer of ARM.
#[derive(Debug, Deserialize)]
pub(crate) struct ResourceValues {
    #[serde(default)]
    pub(crate) interval: Text,
    #[serde(default)]
    pub(crate) resourceid: Text,
    /// Absent in what is no answer at all.
    #[serde(default)]
    pub(crate) value: Option<List<MetricValues>>,
}

impl ResourceValues {
    pub(crate) fn metrics(&self) -> &[MetricValues] {
        self.value.as_ref().map_or(&[], |list| &list.items)
    }
}

/// One metric of one resource.
#[derive(Debug, Deserialize)]
pub(crate) struct MetricValues {
    #[serde(default)]
    pub(crate) id: Text,
    #[serde(default)]
    pub(crate) name: Name,
    #[serde(default)]
    pub(crate) unit: Text,
    #[serde(default)]
    pub(crate) timeseries: List<TimeSeries>,
    #[serde(default, rename = "errorCode")]
    pub(crate) error_code: Text,
    #[serde(default, rename = "errorMessage")]
    pub(crate) error_message: Text,
}

/// One combination of dimension values.
#[derive(Debug, Deserialize)]
pub(crate) struct TimeSeries {
    #[serde(default, rename = "metadatavalues")]
    pub(crate) dimensions: List<DimensionValue>,
    #[serde(default)]
    pub(crate) data: List<DataPoint>,
}

/// A dimension's value.
#[derive(Debug, Deserialize)]
pub(crate) struct DimensionValue {
    #[serde(default)]
    pub(crate) name: Name,
    #[serde(default)]
    pub(crate) value: Text,
}

/// One bucket; an absent key (or null) is no data.
#[derive(Debug, Deserialize)]
pub(crate) struct DataPoint {
    #[serde(default, rename = "timeStamp")]
    pub(crate) time_stamp: Text,
    #[serde(default)]
    pub(crate) average: Number,
    #[serde(default)]
    pub(crate) minimum: Number,
    #[serde(default)]
    pub(crate) maximum: Number,
    #[serde(default)]
    pub(crate) total: Number,
    #[serde(default)]
    pub(crate) count: Number,
}

/// An ARM list with its next page.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(crate) struct Page<T> {
    pub(crate) value: List<T>,
    #[serde(default, rename = "nextLink")]
    pub(crate) next_link: Text,
}

/// A subscription.
#[derive(Debug, Deserialize)]
pub(crate) struct Subscription {
    #[serde(default, rename = "subscriptionId")]
    pub(crate) id: Text,
    #[serde(default, rename = "displayName")]
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) state: Text,
}

/// A resource of Resource Graph or of an ARM list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ListedResource {
    #[serde(default)]
    pub(crate) id: Text,
    #[serde(default, rename = "type")]
    pub(crate) resource_type: Text,
    #[serde(default)]
    pub(crate) kind: Text,
    #[serde(default)]
    pub(crate) location: Text,
    #[serde(default)]
    pub(crate) sku: Object<Sku>,
    #[serde(default)]
    pub(crate) tags: Object<BTreeMap<String, Text>>,
}

/// What a resource is bought as.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sku {
    #[serde(default)]
    pub(crate) name: Text,
    #[serde(default)]
    pub(crate) tier: Text,
}

/// A metric's definition.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Definition {
    #[serde(default)]
    pub(crate) name: Name,
    #[serde(default, rename = "displayDescription")]
    pub(crate) description: Text,
    #[serde(default, rename = "primaryAggregationType")]
    pub(crate) primary: Text,
    #[serde(default, rename = "supportedAggregationTypes")]
    pub(crate) supported: Texts,
    #[serde(default, rename = "metricAvailabilities")]
    pub(crate) availabilities: List<Availability>,
    #[serde(default)]
    pub(crate) dimensions: List<Localizable>,
    #[serde(default)]
    pub(crate) unit: Text,
    #[serde(default, rename = "isDimensionRequired")]
    pub(crate) dimension_required: Flag,
}

/// A grain in which a metric is kept.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Availability {
    #[serde(default, rename = "timeGrain")]
    pub(crate) grain: Text,
}

/// A page of Resource Graph.
#[derive(Debug, Deserialize)]
pub(crate) struct GraphPage {
    pub(crate) data: GraphData,
    #[serde(default, rename = "resultTruncated")]
    pub(crate) truncated: Text,
    #[serde(default, rename = "$skipToken")]
    pub(crate) skip_token: Text,
}

/// Resource Graph's rows, from either of their two forms: objects, or a table whose cells are read by column name.
#[derive(Debug)]
pub(crate) struct GraphData(pub(crate) List<ListedResource>);

/// The table form, which was the default once.
#[derive(Debug, Deserialize)]
struct Table {
    #[serde(default)]
    columns: List<Column>,
    #[serde(default)]
    rows: Vec<serde_json::Value>,
}

/// A column of the table form.
#[derive(Debug, Deserialize)]
struct Column {
    #[serde(default)]
    name: Text,
}

impl<'de> Deserialize<'de> for GraphData {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = GraphData;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rows or a table")
            }

            fn visit_unit<E: Error>(self) -> Result<GraphData, E> {
                Ok(GraphData(List::default()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<GraphData, A::Error> {
                let rows = serde::de::value::SeqAccessDeserializer::new(seq);
                List::deserialize(rows).map(GraphData)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GraphData, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(|table| GraphData(table.resources()))
            }
        }
        from.deserialize_any(Either)
    }
}

impl Table {
    fn resources(self) -> List<ListedResource> {
        let names: Vec<&str> = self.columns.items.iter().map(|c| c.name.or_empty()).collect();
        let mut list = List::default();
        for row in self.rows {
            let serde_json::Value::Array(cells) = row else {
                list.odd += 1;
                continue;
            };
            let fields = names.iter().map(|name| (*name).to_owned()).zip(cells).collect();
            match serde_json::from_value(serde_json::Value::Object(fields)) {
                Ok(resource) => list.items.push(resource),
                Err(_) => list.odd += 1,
            }
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(body: &str) -> (Vec<String>, usize) {
        let page: GraphPage = serde_json::from_str(body).unwrap_or_else(|e| panic!("{body}: {e}"));
        let List { items, odd } = page.data.0;
        (items.iter().map(|r| r.id.or_empty().to_owned()).collect(), odd)
    }

    #[test]
    fn a_table_of_resource_graph_reads_like_objects() {
        let table =
            r#"{"data":{"columns":[{"name":"id"},{"name":"location"}],"rows":[["/a","x"],7,["/b",null]]}}"#;
        let objects = r#"{"data":[{"id":"/a","location":"x"},7,{"id":"/b","location":null}]}"#;
        assert_eq!(ids(table), (vec!["/a".to_owned(), "/b".to_owned()], 1));
        assert_eq!(ids(objects), ids(table));
    }

    #[test]
    fn odd_values_cost_themselves_only() {
        let body = r#"{"values":[null,{"resourceid":"/a","value":[{"name":{"value":"A"},"unit":null,"timeseries":null},
            {"name":null,"unit":7,"timeseries":[{"metadatavalues":null,"data":[{"timeStamp":null,"average":null},3]}]}]},
            {"resourceid":7,"value":null}]}"#;
        let answer: BatchAnswer = serde_json::from_str(body).expect("a batch");
        assert_eq!((answer.values.items.len(), answer.values.odd), (2, 1));
        let metrics = answer.values.items[0].metrics();
        assert_eq!((metrics[0].name.get(), metrics[1].name.get()), (Some("A"), None));
        assert_eq!(metrics[1].timeseries.items[0].data.odd, 1);
        let tagged =
            r#"{"data":[{"id":"/a","tags":{"n":7,"t":"x","o":{}},"sku":"Basic"},{"id":"/b","tags":[]}]}"#;
        assert_eq!(ids(tagged).0.len(), 2);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in [r#"{"error":{"code":"x"}}"#, "[]", "7"] {
            assert!(serde_json::from_str::<BatchAnswer>(body).is_err(), "{body}");
            assert!(serde_json::from_str::<GraphPage>(body).is_err(), "{body}");
        }
    }
}
