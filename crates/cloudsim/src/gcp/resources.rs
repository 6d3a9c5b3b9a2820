//! Which projects, machines, databases, subscriptions and tasks exist, and so which series a metric type has. Pure:
//! the same world always has the same series in the same order.

use super::catalog::{MetricDef, series_per_vm};
use crate::World;
use crate::churn::Life;

/// A project of the simulated organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) id: &'static str,
    pub(crate) number: &'static str,
    /// How many of each small thing it has.
    size: usize,
}

/// The two projects that exist; any other one answers 403, as the real service does.
pub(crate) const PROJECTS: &[Project] = &[
    Project {
        id: "sim-project",
        number: "415104041262",
        size: 3,
    },
    Project {
        id: "sim-other",
        number: "415104041263",
        size: 1,
    },
];

/// Finds a project by id or number.
pub(crate) fn project(name: &str) -> Option<&'static Project> {
    PROJECTS.iter().find(|p| p.id == name || p.number == name)
}

/// The kind of resource a metric type is written against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Vm,
    Sql,
    Subscription,
    Lb,
    Task,
}

const ZONES: &[&str] = &["europe-west1-b", "europe-west3-a", "us-central1-f", "us-east4-c"];
const REGIONS: &[&str] = &["europe-west1", "europe-west3", "us-central1", "us-east4"];

/// Labels as they go out: key and value.
pub(crate) type Labels = Vec<(&'static str, String)>;

impl Family {
    /// `resource.type`.
    pub(crate) const fn resource_type(self) -> &'static str {
        match self {
            Self::Vm => "gce_instance",
            Self::Sql => "cloudsql_database",
            Self::Subscription => "pubsub_subscription",
            Self::Lb => "https_lb_rule",
            Self::Task => "generic_task",
        }
    }

    /// The metric label that holds the name of the resource, where there is one.
    pub(crate) const fn name_label(self) -> Option<&'static str> {
        match self {
            Self::Vm => Some("instance_name"),
            Self::Sql | Self::Subscription | Self::Lb | Self::Task => None,
        }
    }

    /// How many resources of this family a project has.
    fn count(self, world: &World, project: &Project) -> usize {
        if self != Self::Vm {
            return project.size;
        }
        if world.series == 0 || project != &PROJECTS[0] {
            return project.size * 2;
        }
        let per_vm = usize::try_from(series_per_vm()).unwrap_or(1).max(1);
        world.series.div_ceil(per_vm)
    }

    /// The labels of resource number `index`.
    fn resource_labels(self, world: &World, project: &Project, index: usize) -> Labels {
        let id = || ("project_id", project.id.to_owned());
        let region = REGIONS[index % REGIONS.len()];
        match self {
            Self::Vm => {
                let key = format!("{}/vm-{index}", project.id);
                // 63 bits: instance ids of the real service are 19 digits.
                let instance = (world.hash(&key, 0) >> 2) | (1 << 62);
                vec![
                    id(),
                    ("zone", ZONES[index % ZONES.len()].to_owned()),
                    ("instance_id", instance.to_string()),
                ]
            }
            Self::Sql => vec![
                id(),
                ("database_id", format!("{}:shop-db-{index}", project.id)),
                ("region", region.to_owned()),
            ],
            Self::Subscription => vec![id(), ("subscription_id", format!("orders-sub-{index}"))],
            Self::Lb => vec![
                id(),
                ("url_map_name", format!("web-{index}")),
                ("target_proxy_name", format!("web-proxy-{index}")),
                ("backend_target_name", "web-backend".to_owned()),
                ("region", "global".to_owned()),
            ],
            Self::Task => vec![
                id(),
                ("location", region.to_owned()),
                ("namespace", "shop".to_owned()),
                ("job", "checkout".to_owned()),
                ("task_id", format!("checkout-{index}")),
            ],
        }
    }

    /// Whether resources of this family carry this label.
    pub(crate) fn has_resource_label(self, key: &str) -> bool {
        let labels = self.resource_labels(&World::default(), &PROJECTS[0], 0);
        labels.iter().any(|(known, _)| *known == key)
    }
}

/// One time series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) def: &'static MetricDef,
    pub(crate) project: &'static Project,
    pub(crate) metric_labels: Labels,
    pub(crate) resource_labels: Labels,
    /// What its values are derived from.
    pub(crate) key: String,
    /// When it has points, if not always.
    pub(crate) life: Option<Life>,
}

/// Every series of one metric type in one project.
pub(crate) fn series(world: &World, project: &'static Project, def: &'static MetricDef) -> Vec<Series> {
    let combinations = combinations(def);
    let mut all = Vec::new();
    for index in 0..def.family.count(world, project) {
        let resource_labels = def.family.resource_labels(world, project, index);
        for labels in &combinations {
            let mut metric_labels: Labels = labels.clone();
            if let Some(label) = def.family.name_label() {
                metric_labels.push((label, format!("vm-{index}")));
            }
            let mut key = format!("{}/{}/{index}", project.id, def.name);
            for (_, value) in labels {
                key.push('/');
                key.push_str(value);
            }
            let resource_labels = resource_labels.clone();
            all.push(Series {
                def,
                project,
                metric_labels,
                resource_labels,
                key,
                life: None,
            });
        }
    }
    if def.family == Family::Vm && project == &PROJECTS[0] {
        let machines = world.lives(project.id).into_iter();
        all.extend(machines.flat_map(|life| machine(project, def, life, &combinations)));
    }
    all
}

/// The series of a machine that lives for minutes.
fn machine(
    project: &'static Project,
    def: &'static MetricDef,
    life: Life,
    combinations: &[Labels],
) -> Vec<Series> {
    let name = format!("job-{:x}", life.number);
    let zone = ZONES[usize::try_from(life.within_s(2, 4)).unwrap_or(0)];
    let resource_labels = vec![
        ("project_id", project.id.to_owned()),
        ("zone", zone.to_owned()),
        ("instance_id", ((life.chance >> 2) | (1 << 62)).to_string()),
    ];
    let series = |labels: &Labels| {
        let values: Vec<&str> = labels.iter().map(|(_, value)| value.as_str()).collect();
        Series {
            def,
            project,
            metric_labels: [labels.as_slice(), &[("instance_name", name.clone())]].concat(),
            resource_labels: resource_labels.clone(),
            key: format!("{}/{}/{name}/{}", project.id, def.name, values.join("/")),
            life: Some(life),
        }
    };
    combinations.iter().map(series).collect()
}

fn combinations(def: &MetricDef) -> Vec<Labels> {
    let mut all: Vec<Labels> = vec![Vec::new()];
    for label in def.labels {
        let mut longer = Vec::new();
        for start in &all {
            for value in label.values {
                let mut labels = start.clone();
                labels.push((label.key, (*value).to_owned()));
                longer.push(labels);
            }
        }
        all = longer;
    }
    all
}
