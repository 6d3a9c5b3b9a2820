//! The resources of the simulated tenant: two subscriptions, two regions, every type of `metrics_table.rs`.
//! A pure function of the wished number of series; no request, no clock, no numbers.

use super::metrics_table::{MetricSpec, TypeSpec, VM_METRICS};
use super::unlike;
use crate::churn::Life;
use crate::world::World;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The simulated Entra tenant.
pub const TENANT_ID: &str = "11111111-aaaa-4bbb-8ccc-000000000001";
/// The one application that may sign in.
pub const CLIENT_ID: &str = "22222222-aaaa-4bbb-8ccc-000000000002";
/// Its secret.
pub const CLIENT_SECRET: &str = "simulated~client~secret";
/// The text that workload identity's token file must hold.
pub const FEDERATED_TOKEN: &str =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InNpbSJ9.eyJzdWIiOiJuZXBob3Njb3BlIn0.c2ltdWxhdGVk";
/// The subscription that grows with `World::series`.
pub const SUBSCRIPTION_1: &str = "33333333-aaaa-4bbb-8ccc-000000000003";
/// A small second subscription.
pub const SUBSCRIPTION_2: &str = "44444444-aaaa-4bbb-8ccc-000000000004";
/// Both subscriptions, in list order.
pub const SUBSCRIPTIONS: [&str; 2] = [SUBSCRIPTION_1, SUBSCRIPTION_2];
/// Both regions.
pub const REGIONS: [&str; 2] = ["westeurope", "eastus"];

/// Virtual machines of subscription 1 when nobody asks for a number of series.
const DEFAULT_VMS: usize = 6;
/// Lists learn of what is new within so many seconds.
const LISTING_LAG_S: u64 = 90;
/// What has stopped is deleted after five minutes to half an hour.
const SHORTEST_REST_S: i64 = 5 * 60;
const LONGER_REST_S: u64 = 25 * 60;
/// The path piece that separates the id's scope from the type.
const PROVIDERS: &str = "/providers/";

/// One simulated resource.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// Subscription id.
    pub(super) subscription: &'static str,
    /// Resource group, ARM's spelling.
    pub(super) group: String,
    /// Last name of the id.
    pub(super) name: String,
    /// Region, short form.
    pub(super) region: &'static str,
    /// Type and metrics.
    pub(super) spec: &'static TypeSpec,
    /// Full resource id, ARM's spelling.
    pub(super) id: String,
    /// Tags, possibly none.
    pub(super) tags: Vec<(&'static str, &'static str)>,
    /// `kind` and `sku.name` of the lists, which say what differs between resources of one type.
    pub(super) kind: &'static str,
    pub(super) sku: &'static str,
    /// Metrics of the type that this one lacks.
    pub(super) lacks: &'static [&'static str],
    /// False for one that answers 404 to whoever asks for metrics, as interfaces of private endpoints do.
    pub(super) measured: bool,
    /// When it exists, if not always.
    pub(super) life: Option<Life>,
}

impl Resource {
    /// The item of an ARM resource list.
    pub(super) fn arm_item(&self) -> Value {
        let mut item =
            json!({"id": self.id, "name": self.name, "type": self.spec.name, "location": self.region});
        if !self.kind.is_empty() {
            item["kind"] = self.kind.into();
        }
        if !self.sku.is_empty() {
            item["sku"] = json!({"name": self.sku});
        }
        if !self.tags.is_empty() {
            item["tags"] = self.tags_object();
        }
        item
    }

    /// The row of Resource Graph's `resources` table; type, location and group are lower case there.
    pub(super) fn graph_row(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "type": self.spec.name.to_lowercase(), "location": self.region,
            "resourceGroup": self.group.to_lowercase(), "subscriptionId": self.subscription, "tenantId": TENANT_ID,
            "kind": self.kind, "sku": if self.sku.is_empty() { Value::Null } else { json!({"name": self.sku}) }, "tags": self.tags_object(), "properties": {},
        })
    }

    /// The metrics that it has.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &'static MetricSpec> + use<> {
        let lacks = self.lacks;
        let all = self.spec.metrics.iter();
        all.filter(move |metric| !lacks.contains(&metric.name))
    }

    /// Whether it exists then. What has stopped is deleted a while later, and what is deleted answers 404.
    pub(super) fn exists(&self, now_s: i64) -> bool {
        self.life.is_none_or(|life| {
            let deleted_s = life.ended_s + SHORTEST_REST_S + life.within_s(3, LONGER_REST_S);
            (life.born_s..deleted_s).contains(&now_s)
        })
    }

    /// Whether lists show it then; they learn of what is new within a minute and a half.
    fn is_listed(&self, now_s: i64) -> bool {
        let known = |life: Life| life.born_s + life.within_s(0, LISTING_LAG_S) <= now_s;
        self.spec.listed && self.exists(now_s) && self.life.is_none_or(known)
    }

    fn tags_object(&self) -> Value {
        self.tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// Every resource, and how to find one by id.
#[derive(Debug)]
pub(super) struct Catalogue {
    resources: Vec<Resource>,
    by_id: HashMap<String, usize>,
}

impl Catalogue {
    /// A tenant with about `world.series` virtual-machine series in subscription 1; zero means the small default.
    pub(super) fn new(world: &World) -> Self {
        let vms = if world.series == 0 {
            DEFAULT_VMS
        } else {
            world.series.div_ceil(VM_METRICS.len())
        };
        let mut resources = Vec::new();
        for index in 0..vms {
            add(
                &mut resources,
                SUBSCRIPTION_1,
                "RG-Compute",
                "Microsoft.Compute/virtualMachines",
                &format!("vm-{index:05}"),
                index,
            );
        }
        for index in 0..REGIONS.len() {
            add(
                &mut resources,
                SUBSCRIPTION_1,
                "RG-Data",
                "Microsoft.Sql/servers/databases",
                &format!("sql-{index}/orders"),
                index,
            );
            add_storage(&mut resources, SUBSCRIPTION_1, &format!("simstore{index}"), index);
            add(
                &mut resources,
                SUBSCRIPTION_1,
                "RG-Net",
                "Microsoft.Network/loadBalancers",
                &format!("lb-{index}"),
                index,
            );
            add(
                &mut resources,
                SUBSCRIPTION_1,
                "RG-Net",
                "Microsoft.Network/applicationGateways",
                &format!("gw-{index}"),
                index,
            );
            add(
                &mut resources,
                SUBSCRIPTION_1,
                "RG-Data",
                "Microsoft.Cache/redis",
                &format!("cache-{index}"),
                index,
            );
            add(
                &mut resources,
                SUBSCRIPTION_1,
                "RG-Web",
                "Microsoft.Web/sites",
                &format!("site-{index}"),
                index,
            );
            add(
                &mut resources,
                SUBSCRIPTION_2,
                "RG-Lab",
                "Microsoft.Compute/virtualMachines",
                &format!("lab-{index}"),
                index,
            );
        }
        add_storage(&mut resources, SUBSCRIPTION_2, "labstore", 0);
        if world.unlike {
            unlike::add_all(&mut resources);
        }
        for life in world.lives(SUBSCRIPTION_1) {
            add_machine(&mut resources, life);
        }
        let by_id = resources
            .iter()
            .enumerate()
            .map(|(index, resource)| (resource.id.to_lowercase(), index))
            .collect();
        Self { resources, by_id }
    }

    /// Everything, sub-services of storage included.
    pub(super) fn all(&self) -> &[Resource] {
        &self.resources
    }

    /// What lists show of one subscription.
    pub(super) fn listed<'a>(
        &'a self,
        subscription: &'a str,
        now_s: i64,
    ) -> impl Iterator<Item = &'a Resource> + 'a {
        self.resources.iter().filter(move |resource| {
            resource.is_listed(now_s) && resource.subscription.eq_ignore_ascii_case(subscription)
        })
    }

    /// The resource of this id, any case, if it exists then and has metrics.
    pub(super) fn by_id(&self, id: &str, now_s: i64) -> Option<&Resource> {
        let index = self.by_id.get(&id.to_lowercase())?;
        let found = self.resources.get(*index);
        found.filter(|resource| resource.measured && resource.exists(now_s))
    }
}

/// The subscription in ARM's spelling, if it exists.
pub(super) fn subscription(id: &str) -> Option<&'static str> {
    SUBSCRIPTIONS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(id))
}

/// A machine that lives for minutes.
fn add_machine(resources: &mut Vec<Resource>, life: Life) {
    let number = usize::try_from(life.within_s(2, 6)).unwrap_or(0);
    let name = format!("job-{:x}", life.number);
    let kind = "Microsoft.Compute/virtualMachines";
    add(resources, SUBSCRIPTION_1, "RG-Jobs", kind, &name, number);
    if let Some(machine) = resources.last_mut() {
        machine.life = Some(life);
    }
}

/// Adds one resource; `names` has one part per level of the type (`server/database`).
pub(super) fn add(
    resources: &mut Vec<Resource>,
    subscription: &'static str,
    group: &str,
    type_name: &str,
    names: &str,
    index: usize,
) {
    let Some(spec) = TypeSpec::find(type_name) else {
        return;
    };
    let Some((provider, kinds)) = spec.name.split_once('/') else {
        return;
    };
    let mut id = format!("/subscriptions/{subscription}/resourceGroups/{group}{PROVIDERS}{provider}");
    for (kind, name) in kinds.split('/').zip(names.split('/')) {
        id = format!("{id}/{kind}/{name}");
    }
    let tags = match index % 3 {
        0 => vec![("env", "prod"), ("team", "core")],
        1 => vec![("env", "test")],
        _ => Vec::new(),
    };
    resources.push(Resource {
        subscription,
        group: group.to_owned(),
        name: names.to_owned(),
        region: REGIONS[index % REGIONS.len()],
        spec,
        id,
        tags,
        kind: "",
        sku: "",
        lacks: &[],
        measured: true,
        life: None,
    });
}

/// An account and its four sub-services, each called `default`.
fn add_storage(resources: &mut Vec<Resource>, subscription: &'static str, account: &str, index: usize) {
    const ACCOUNT: &str = "Microsoft.Storage/storageAccounts";
    add(resources, subscription, "RG-Data", ACCOUNT, account, index);
    for service in ["blobServices", "fileServices", "queueServices", "tableServices"] {
        add(
            resources,
            subscription,
            "RG-Data",
            &format!("{ACCOUNT}/{service}"),
            &format!("{account}/default"),
            index,
        );
    }
}
