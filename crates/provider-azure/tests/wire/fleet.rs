//! Whole fleets: the simulated Azure with its unlike resources against its own truth, and random misfortune by seed.

use crate::stub::{Fate, Stub, Thing};
use crate::{cloud_of, discover, entry, poll, provider, provider_of};
use cloudsim::azure::{AzureSim, CLIENT_ID, CLIENT_SECRET, SUBSCRIPTIONS, TENANT_ID};
use cloudsim::{Faults, World};
use provider_azure::{AzureCredentials, AzureEntry};
use std::collections::BTreeMap;

const TYPES: [&str; 9] = [
    "Microsoft.Compute/virtualMachines",
    "Microsoft.Sql/servers/databases",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/fileServices",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/loadBalancers",
    "Microsoft.Cache/redis",
    "Microsoft.Web/sites",
];

/// Every point that the simulation says there is, of resources that are alike and of those that are not.
#[tokio::test]
async fn an_unlike_fleet_gives_all_that_it_has() {
    let world = World {
        unlike: true,
        ..World::default()
    };
    let until = world.clock.now_unix_s().div_euclid(60) - 5;
    let sim = AzureSim::start(world, Faults::new(), ([127, 0, 0, 1], 0).into())
        .await
        .expect("a simulator");
    let credentials = AzureCredentials::ClientSecret {
        client_id: CLIENT_ID.into(),
        secret: CLIENT_SECRET.to_owned().into(),
    };
    let entries: Vec<AzureEntry> = TYPES.iter().map(|of| entry(of)).collect();
    let cloud = cloud_of(&sim.endpoint(), sim.ca_pem());
    let provider = provider_of(TENANT_ID, credentials, cloud, entries, &SUBSCRIPTIONS);
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for point in sim.truth().points((until - 10) * 60, until * 60, 60, "primary") {
        if TYPES
            .iter()
            .any(|of| of.eq_ignore_ascii_case(&point.resource_type))
        {
            *wanted.entry(point.resource_id.to_lowercase()).or_default() += 1;
        }
    }
    // Hourly metrics have no whole bucket in these ten minutes.
    let targets: Vec<_> = discover(&provider)
        .await
        .into_iter()
        .flat_map(|c| c.targets)
        .filter(|target| target.group.grain == crate::MINUTE)
        .collect();
    let mut calls = Vec::new();
    for _ in 0..3 {
        let polled = poll(&provider, &targets, until - 10).await;
        let mut got: BTreeMap<String, usize> = BTreeMap::new();
        for ((id, _), points) in &polled.points {
            *got.entry(id.to_lowercase()).or_default() += points;
        }
        assert_eq!(got, wanted, "{:?} {:?}", polled.failed, polled.errors);
        calls.push(sim.counts().operation("metrics.getBatch"));
    }
    assert!(wanted.len() > 40, "{}", wanted.len());
    let steady = calls[2] - calls[1];
    assert!(
        steady <= 45,
        "{steady} calls for {} resources: {calls:?}",
        wanted.len()
    );
    sim.stop().await;
}

/// A small generator, so that a seed tells everything.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

const METRICS: [&str; 4] = ["cpu", "io", "log", "net"];
const KINDS: [&str; 3] = ["Microsoft.A/as", "Microsoft.B/bs", "Microsoft.C/cs"];

fn misfortune(dice: &mut Dice) -> Vec<Thing> {
    let count = 20 + dice.below(60);
    let mut things = Vec::new();
    for i in 0..count {
        let kind = KINDS[usize::try_from(dice.below(3)).expect("small")];
        let mut thing = Thing::new(
            kind,
            format!("t-{i:03}"),
            &METRICS[..usize::try_from(1 + dice.below(4)).expect("small")],
        );
        thing.region = if dice.one_in(2) { "westeurope" } else { "eastus" };
        thing.subscription = if dice.one_in(2) { "sub-a" } else { "sub-b" };
        thing.sku = dice.one_in(2).then_some("premium");
        if dice.one_in(5) {
            thing.claims = Some(METRICS.to_vec());
        }
        thing.fate = match dice.below(12) {
            0 => Fate::Gone,
            1 => Fate::GoneWithoutName,
            2 if dice.one_in(2) => Fate::Poison,
            _ => Fate::Good,
        };
        things.push(thing);
    }
    things
}

/// Whatever subset fails, everything else has all its points after two polls at most.
#[tokio::test]
async fn whatever_fails_the_others_are_complete() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let things = misfortune(&mut dice);
        let stub = Stub::start(things.clone()).await;
        let mut errors = Vec::new();
        {
            let mut ways = stub.ways();
            ways.odd = dice.one_in(3);
            if dice.one_in(3) {
                ways.unroled.insert("sub-b");
            }
            if dice.one_in(4) {
                ways.dark.insert("eastus");
            }
            if dice.one_in(4) {
                ways.definitions.insert(KINDS[2], (403, "{}"));
            }
            if dice.one_in(4) {
                ways.no_graph = Some("sub-b");
            }
            for thing in things.iter().filter(|_| dice.one_in(10)) {
                errors.push((thing.id(), thing.metrics[0]));
            }
            ways.errors = errors.iter().cloned().collect();
        }
        let entries = KINDS.iter().map(|of| entry(of)).collect();
        let provider = provider(&stub, entries, &["sub-a", "sub-b"]);
        let targets: Vec<_> = discover(&provider)
            .await
            .into_iter()
            .flat_map(|c| c.targets)
            .collect();
        let first = poll(&provider, &targets, 0).await;
        if first.errors.iter().any(|error| error.contains("circuit breaker")) {
            // The next poll is a minute later, and the breaker lets a probe go after twenty seconds.
            tokio::time::sleep(std::time::Duration::from_secs(21)).await;
        }
        let second = poll(&provider, &targets, 0).await;
        let refused: Vec<&str> = stub.ways().definitions.keys().copied().collect();
        let healthy = |t: &&Thing| t.fate == Fate::Good && !refused.contains(&t.resource_type);
        for thing in things.iter().filter(healthy) {
            let id = thing.id();
            for metric in thing
                .metrics
                .iter()
                .filter(|m| !errors.contains(&(id.clone(), m)))
            {
                let kind = thing
                    .resource_type
                    .trim_start_matches("Microsoft.")
                    .to_lowercase()
                    .replace('/', ".");
                let name = format!("azure.{kind}.{metric}.average");
                let got = first.of(&id, &name).max(second.of(&id, &name));
                assert_eq!(
                    got, 10,
                    "seed {seed}: {id} {name}\n{:?}\n{:?}",
                    second.failed, second.errors
                );
            }
        }
        stub.stop().await;
    }
}
