//! What the simulated cloud holds, without asking it over the wire: every point of every series, published or not.

use super::catalog::{CATALOGUE, Kind, ValueType};
use super::resources::{self, Labels, PROJECTS, Series};
use super::values::{self, GcpValue, Point, SECOND_NS};
use crate::World;
use crate::sight::Version;

/// Knows all points of a simulator.
#[derive(Clone, Debug)]
pub struct GcpTruths {
    pub(crate) world: World,
}

/// One point and the whole identity of its series.
#[derive(Clone, Debug, PartialEq)]
pub struct GcpTruth {
    /// Project id.
    pub project: String,
    /// `metric.type`.
    pub metric_type: String,
    /// `metricKind`.
    pub kind: Kind,
    /// `valueType`.
    pub value_type: ValueType,
    /// UCUM unit, "" where the descriptor has none.
    pub unit: String,
    /// `metric.labels`.
    pub metric_labels: Vec<(String, String)>,
    /// `resource.type`.
    pub resource_type: String,
    /// `resource.labels`.
    pub resource_labels: Vec<(String, String)>,
    /// Start in nanoseconds since the epoch; gauges have none.
    pub start_ns: Option<i64>,
    /// End in nanoseconds since the epoch.
    pub end_ns: i64,
    /// How many seconds after its end the point can be read.
    pub visible_after_s: i64,
    /// How many seconds after its end it no longer changes.
    pub final_after_s: i64,
    /// The value that stays.
    pub value: GcpValue,
    /// The value that it has when it comes into sight, where that is another one.
    pub preliminary: Option<GcpValue>,
}

impl GcpTruths {
    /// Every point of both projects whose end lies in `(from, to]`, in seconds since the epoch.
    pub fn points(&self, from_unix_s: i64, to_unix_s: i64) -> Vec<GcpTruth> {
        let (from_ns, to_ns) = (
            from_unix_s.saturating_mul(SECOND_NS),
            to_unix_s.saturating_mul(SECOND_NS),
        );
        let mut out = Vec::new();
        for series in self.all_series() {
            let points = values::points(&self.world, &series, (from_ns, to_ns), None);
            out.extend(points.into_iter().map(|point| self.truth(&series, point)));
        }
        out
    }

    /// How many series there are in both projects.
    pub fn series_count(&self) -> usize {
        self.all_series().count()
    }

    fn all_series(&self) -> impl Iterator<Item = Series> {
        let world = &self.world;
        let of = move |project| {
            CATALOGUE
                .iter()
                .flat_map(move |def| resources::series(world, project, def))
        };
        PROJECTS.iter().flat_map(of)
    }

    fn truth(&self, series: &Series, point: Point) -> GcpTruth {
        let sight = values::sight(&self.world, series, point.end_ns);
        let (visible_s, final_s) = sight.unix_s();
        let end_s = point.end_ns.div_euclid(SECOND_NS);
        let first = sight.at(sight.visible_unix_ms).unwrap_or(Version::Final);
        let preliminary = values::point(&self.world, series, point.end_ns, first).value;
        GcpTruth {
            project: series.project.id.to_owned(),
            metric_type: series.def.name.to_owned(),
            kind: series.def.kind,
            value_type: series.def.value,
            unit: series.def.unit.to_owned(),
            metric_labels: owned(&series.metric_labels),
            resource_type: series.def.family.resource_type().to_owned(),
            resource_labels: owned(&series.resource_labels),
            start_ns: point.start_ns,
            end_ns: point.end_ns,
            visible_after_s: visible_s - end_s,
            final_after_s: final_s - end_s,
            preliminary: (preliminary != point.value).then_some(preliminary),
            value: point.value,
        }
    }
}

fn owned(labels: &Labels) -> Vec<(String, String)> {
    labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}
