//! Unlike resources of one type: each gets what it has, and in steady state that costs about what a uniform fleet does.

use crate::stub::{Fate, Stub, Thing};
use crate::{discover, entry, matcher, poll, provider, targets};
use std::time::Duration;

const SERVERS: &str = "Microsoft.Sql/servers";
const VM: &str = "Microsoft.Compute/virtualMachines";
const NIC: &str = "Microsoft.Network/networkInterfaces";

fn databases(count: usize, metrics: impl Fn(usize) -> Vec<&'static str>) -> Vec<Thing> {
    (0..count)
        .map(|i| Thing::new("Microsoft.Sql/databases", format!("db-{i:03}"), &metrics(i)))
        .collect()
}

#[tokio::test]
async fn a_resource_that_lacks_a_metric_costs_the_others_nothing() {
    let lacking = |i| if i == 0 { vec!["cpu", "extra"] } else { vec!["cpu"] };
    let stub = Stub::start(databases(50, lacking)).await;
    let provider = provider(&stub, vec![entry("Microsoft.Sql/databases")], &["sub-a"]);
    let targets = targets(&provider).await;
    for minute in [0, 10] {
        let polled = poll(&provider, &targets, minute).await;
        assert_eq!(
            (polled.resources(), polled.complete),
            (50, 50),
            "{:?}",
            polled.failed
        );
        assert_eq!(polled.points.values().sum::<usize>(), 510);
        assert_eq!(stub.calls("batch"), 2, "the first has a metric more");
    }
    stub.stop().await;
}

#[tokio::test]
async fn definitions_that_promise_too_much_are_found_out_and_remembered() {
    let mut things = databases(50, |i| {
        if i == 7 {
            vec!["cpu", "extra", "io"]
        } else {
            vec!["cpu", "io"]
        }
    });
    for thing in &mut things {
        thing.claims = Some(vec!["cpu", "extra", "io"]);
    }
    let id = things[7].id();
    let stub = Stub::start(things).await;
    let provider = provider(&stub, vec![entry("Microsoft.Sql/databases")], &["sub-a"]);
    let all = targets(&provider).await;
    let first = poll(&provider, &all, 0).await;
    assert_eq!(first.resources(), 50, "{:?}", first.errors);
    let learning = stub.calls("batch");
    let polled = poll(&provider, &all, 10).await;
    assert_eq!(
        (polled.complete, polled.points.len()),
        (50, 101),
        "{:?}",
        polled.failed
    );
    assert_eq!(polled.of(&id, "azure.sql.databases.extra.average"), 10);
    let steady = stub.calls("batch");
    assert!(steady <= 2, "{steady} calls in steady state, {learning} to learn");
    stub.stop().await;
}

#[tokio::test]
async fn the_smallest_sibling_is_not_the_measure() {
    let master = Thing::new(SERVERS, "a/databases/master", &["cpu"]);
    let orders = Thing::new(SERVERS, "a/databases/orders", &["cpu", "io", "log"]);
    let (id, rows) = (orders.id(), vec![master, orders]);
    let stub = Stub::start(rows).await;
    let provider = provider(&stub, vec![entry(SERVERS)], &["sub-a"]);
    let polled = poll(&provider, &targets(&provider).await, 0).await;
    for metric in ["cpu", "io", "log"] {
        assert_eq!(
            polled.of(&id, &format!("azure.sql.servers.{metric}.average")),
            10,
            "{polled:?}"
        );
    }
    stub.stop().await;
}

#[tokio::test]
async fn resources_that_are_not_there_are_found_out_and_left_out() {
    for fate in [Fate::Gone, Fate::GoneWithoutName] {
        let mut things: Vec<Thing> = (0..50)
            .map(|i| Thing::new(NIC, format!("nic-{i}"), &["in", "out"]))
            .collect();
        for thing in things.iter_mut().step_by(2) {
            thing.fate = fate;
        }
        let stub = Stub::start(things).await;
        let provider = provider(&stub, vec![entry(NIC)], &["sub-a"]);
        let targets = targets(&provider).await;
        let first = poll(&provider, &targets, 0).await;
        assert_eq!((first.resources(), first.failed.len()), (25, 25), "{fate:?}");
        stub.calls("batch");
        let second = poll(&provider, &targets, 10).await;
        assert_eq!((second.complete, second.failed.len()), (25, 25));
        assert_eq!(stub.calls("batch"), 1, "{fate:?}: remembered");

        for thing in &mut stub.ways().things {
            thing.fate = Fate::Good;
        }
        discover(&provider).await;
        let third = poll(&provider, &targets, 20).await;
        assert_eq!(
            (third.complete, third.failed.len()),
            (50, 0),
            "asked again after a listing"
        );
        stub.stop().await;
    }
}

#[tokio::test]
async fn an_unlike_fleet_costs_at_most_a_fifth_more_than_a_uniform_one() {
    let sets: [&[&'static str]; 4] = [&["cpu", "io"], &["cpu"], &["cpu", "io", "log"], &["dtu"]];
    let mut cost = Vec::new();
    for unlike in [false, true] {
        let mut things: Vec<Thing> = (0..600)
            .map(|i| {
                let mut thing = Thing::new(VM, format!("vm-{i}"), sets[if unlike { i % 4 } else { 2 }]);
                thing.sku = unlike.then_some(["s0", "s1", "s2", "s3"][i % 4]);
                thing
            })
            .collect();
        if unlike {
            // What no SKU tells: one that lacks a metric, one that is gone, one that spoils its calls.
            things[2].metrics = vec!["cpu", "log"];
            things[2].claims = Some(sets[2].to_vec());
            things[5].fate = Fate::Gone;
            things[8].fate = Fate::Poison;
        }
        let stub = Stub::start(things).await;
        let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
        let targets = targets(&provider).await;
        for minute in 0..3 {
            poll(&provider, &targets, minute * 10).await;
        }
        stub.calls("batch");
        let polled = poll(&provider, &targets, 40).await;
        assert_eq!(polled.resources(), if unlike { 598 } else { 600 });
        cost.push(stub.calls("batch") + stub.calls("arm"));
        stub.stop().await;
    }
    let [uniform, unlike] = cost[..] else {
        panic!("two fleets")
    };
    eprintln!("calls of a poll of 600 resources: {uniform} where all are alike, {unlike} where they are not");
    assert!(
        unlike * 10 <= uniform * 12 + 20,
        "{unlike} calls beside {uniform}"
    );
}

#[tokio::test]
async fn the_first_entry_has_a_metric_and_each_point_comes_once() {
    let stub = Stub::start(vec![Thing::new(VM, "vm", &["Network In", "Percentage CPU"])]).await;
    let mut slow = entry(VM);
    slow.names = vec![matcher("network in")];
    slow.period = Some(Duration::from_secs(300));
    slow.every = Duration::from_secs(300);
    let provider = provider(&stub, vec![slow, entry(VM)], &["SUB-A"]);
    let targets = targets(&provider).await;
    let polled = poll(&provider, &targets, 0).await;
    let id = stub.ways().things[0].id();
    assert_eq!(
        polled.of(&id, "azure.compute.virtual_machines.network_in.average"),
        2
    );
    assert_eq!(
        polled.of(&id, "azure.compute.virtual_machines.percentage_cpu.average"),
        10
    );
    assert_eq!(polled.points.len(), 2);
    stub.stop().await;
}

#[tokio::test]
async fn many_metrics_are_one_target_and_a_changed_set_keeps_it() {
    const NAMES: [&str; 45] = [
        "m00", "m01", "m02", "m03", "m04", "m05", "m06", "m07", "m08", "m09", "m10", "m11", "m12", "m13",
        "m14", "m15", "m16", "m17", "m18", "m19", "m20", "m21", "m22", "m23", "m24", "m25", "m26", "m27",
        "m28", "m29", "m30", "m31", "m32", "m33", "m34", "m35", "m36", "m37", "m38", "m39", "m40", "m41",
        "m42", "m43", "m44",
    ];
    let stub = Stub::start(
        (0..20)
            .map(|i| Thing::new(VM, format!("vm-{i}"), &NAMES))
            .collect(),
    )
    .await;
    let before = provider(&stub, vec![entry(VM)], &["sub-a"]);
    let first = targets(&before).await;
    assert_eq!(first.len(), 20);
    let polled = poll(&before, &first, 0).await;
    assert_eq!(
        (polled.complete, polled.points.len(), stub.calls("batch")),
        (20, 900, 3)
    );
    for thing in &mut stub.ways().things {
        thing.metrics.remove(0);
    }
    let after = provider(&stub, vec![entry(VM)], &["sub-a"]);
    let second = targets(&after).await;
    let ids = |all: &[provider_api::Target]| {
        all.iter()
            .map(|t| t.id)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&first), ids(&second));
    assert_ne!(first[0].members, second[0].members);
    stub.stop().await;
}
