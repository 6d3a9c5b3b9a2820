//! Which metrics the simulated account has: tens of types that look like the real ones, on a number of resources.
//!
//! Names, units and dimensions only; values come from `data`.

use std::collections::HashMap;

use super::shapes::{ALIKE, MetricType, Resource, SHAPES};
use crate::churn::Life;
use crate::world::World;

/// Where machines come and go.
const MACHINES: &str = "AWS/EC2";

/// The regions that have resources; every other region is valid and empty.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// Resources of each shape when the world does not ask for a number of series.
const NATURAL_RESOURCES: usize = 3;

/// One metric of one resource.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) namespace: &'static str,
    pub(super) metric: &'static MetricType,
    pub(super) dimensions: Vec<(String, String)>,
    /// What its values derive from.
    pub(super) seed: u64,
    /// When it has data, if not always.
    pub(super) life: Option<Life>,
}

/// What one region has.
#[derive(Clone, Debug, Default)]
pub(super) struct Region {
    pub(super) series: Vec<Series>,
    pub(super) resources: Vec<Resource>,
    index: HashMap<String, usize>,
}

impl Region {
    /// The series with exactly these dimensions, in whatever order.
    pub(super) fn find(
        &self,
        namespace: &str,
        metric: &str,
        dimensions: &[(String, String)],
    ) -> Option<&Series> {
        self.index
            .get(&key(namespace, metric, dimensions))
            .and_then(|&at| self.series.get(at))
    }

    fn build(world: &World, region: &str, account: &str) -> Self {
        let wanted = if region == REGIONS[0] { world.series } else { 0 };
        let mut built = Self::default();
        for number in 0.. {
            let enough = if wanted == 0 {
                number >= NATURAL_RESOURCES
            } else {
                built.series.len() >= wanted
            };
            if enough {
                break;
            }
            built.add_one_of_each(world, region, account, number);
        }
        if wanted > 0 {
            built.series.truncate(wanted);
        }
        world
            .lives(region)
            .into_iter()
            .for_each(|life| built.add_machine(world, region, life));
        built.index = built
            .series
            .iter()
            .enumerate()
            .map(|(at, series)| (key(series.namespace, series.metric.name, &series.dimensions), at))
            .collect();
        built
    }

    fn add_one_of_each(&mut self, world: &World, region: &str, account: &str, number: usize) {
        let alike = if world.alike { ALIKE } else { &[] };
        for shape in SHAPES.iter().chain(alike) {
            let id = world.hash(
                &format!("{region}/{}", shape.namespace),
                i64::try_from(number).unwrap_or(i64::MAX),
            );
            let instance = (shape.make)(number, id);
            for group in shape.groups {
                let dimensions = (group.dimensions)(&instance);
                for metric in group.metrics {
                    let key = format!("{region}\0{}", key(shape.namespace, metric.name, &dimensions));
                    let seed = world.series_seed(&key);
                    let dimensions = dimensions.clone();
                    self.series.push(Series {
                        namespace: shape.namespace,
                        metric,
                        dimensions,
                        seed,
                        life: None,
                    });
                }
            }
            if let Some(resource) = Resource::of(shape, &instance, region, account, number) {
                self.resources.push(resource);
            }
        }
    }
}

impl Region {
    /// A machine that lives for minutes. Nobody gave it a tag.
    fn add_machine(&mut self, world: &World, region: &str, life: Life) {
        let machines = SHAPES.iter().filter(|shape| shape.namespace == MACHINES);
        for (shape, group) in machines.flat_map(|shape| shape.groups.iter().map(move |group| (shape, group)))
        {
            let dimensions = (group.dimensions)(&format!("i-0c{:015x}", life.number));
            for metric in group.metrics {
                let key = format!("{region}\0{}", key(shape.namespace, metric.name, &dimensions));
                self.series.push(Series {
                    namespace: shape.namespace,
                    metric,
                    dimensions: dimensions.clone(),
                    seed: world.series_seed(&key),
                    life: Some(life),
                });
            }
        }
    }
}

/// All regions.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    regions: Vec<(&'static str, Region)>,
    empty: Region,
}

impl Catalog {
    pub(super) fn new(world: &World, account: &str) -> Self {
        let regions = REGIONS
            .map(|region| (region, Region::build(world, region, account)))
            .into();
        Self {
            regions,
            empty: Region::default(),
        }
    }

    /// A region by its name; one that has nothing when the name is not among [`REGIONS`].
    pub(super) fn region(&self, name: &str) -> &Region {
        self.regions
            .iter()
            .find(|(region, _)| *region == name)
            .map_or(&self.empty, |(_, region)| region)
    }

    pub(super) fn regions(&self) -> impl Iterator<Item = (&'static str, &Region)> {
        self.regions.iter().map(|(name, region)| (*name, region))
    }
}

fn key(namespace: &str, metric: &str, dimensions: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = dimensions.iter().collect();
    sorted.sort();
    let mut key = format!("{namespace}\0{metric}");
    for (name, value) in sorted {
        key.push('\0');
        key.push_str(name);
        key.push('\0');
        key.push_str(value);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_number_of_series_is_made_and_all_differ() {
        let world = World {
            series: 1234,
            ..World::default()
        };
        let catalog = Catalog::new(&world, "123456789012");
        let region = catalog.region("eu-west-1");
        assert_eq!(region.series.len(), 1234);
        assert_eq!(region.index.len(), 1234);
        assert!(catalog.region("us-east-1").series.len() > 90);
        assert!(catalog.region("sa-east-1").series.is_empty());
    }

    #[test]
    fn dimensions_are_found_in_any_order_and_only_complete() {
        let catalog = Catalog::new(&World::default(), "123456789012");
        let region = catalog.region("us-east-1");
        let series = region
            .series
            .iter()
            .find(|series| series.dimensions.len() == 2)
            .expect("two dimensions");
        let mut turned = series.dimensions.clone();
        turned.reverse();
        assert!(
            region
                .find(series.namespace, series.metric.name, &turned)
                .is_some()
        );
        turned.pop();
        let fewer = region.find(series.namespace, series.metric.name, &turned);
        assert!(fewer.is_none_or(|other| other.dimensions.len() == 1));
    }
}
