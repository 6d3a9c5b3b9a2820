//! Failures: of one resource, one metric, one type, one region, one subscription.

use crate::stub::{Fate, Stub, Thing};
use crate::{discover, entry, poll, provider, targets};
use provider_api::{MetricsProvider as _, Reach};

const VM: &str = "Microsoft.Compute/virtualMachines";
const IP: &str = "Microsoft.Network/publicIPAddresses";

fn machines(count: usize) -> Vec<Thing> {
    (0..count)
        .map(|i| Thing::new(VM, format!("vm-{i:03}"), &["cpu", "net"]))
        .collect()
}

#[tokio::test]
async fn one_machine_that_spoils_its_calls_spoils_no_other() {
    for bad in [0, 57, 119] {
        let mut things = machines(120);
        things[bad].fate = Fate::Poison;
        let stub = Stub::start(things).await;
        let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
        let targets = targets(&provider).await;
        let first = poll(&provider, &targets, 0).await;
        assert_eq!(
            (first.resources(), first.failed.len(), first.errors.len()),
            (119, 1, 0),
            "{bad}"
        );
        stub.calls("batch");
        let second = poll(&provider, &targets, 10).await;
        assert_eq!((second.complete, second.failed.len()), (119, 1));
        let (calls, arm) = (stub.calls("batch"), stub.calls("arm"));
        assert!(
            calls <= 4 && arm == 0,
            "three calls and the bad one alone: {calls}, {arm} of ARM"
        );
        stub.ways().things[bad].fate = Fate::Good;
        let third = poll(&provider, &targets, 20).await;
        assert_eq!((third.complete, third.failed.len()), (120, 0));
        stub.stop().await;
    }
}

#[tokio::test]
async fn a_region_that_is_away_is_read_through_resource_manager_and_probed() {
    let mut things = machines(40);
    for thing in things.iter_mut().skip(20) {
        thing.region = "northeurope";
    }
    let stub = Stub::start(things).await;
    stub.ways().dark.insert("northeurope");
    let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
    let targets = targets(&provider).await;
    for minute in [0, 10] {
        let polled = poll(&provider, &targets, minute).await;
        assert_eq!(
            (polled.resources(), polled.complete),
            (40, 40),
            "{:?} {:?}",
            polled.failed,
            polled.errors
        );
    }
    assert!(stub.calls("arm") >= 40);
    stub.ways().dark.clear();
    for minute in 2..10 {
        let polled = poll(&provider, &targets, minute * 10).await;
        assert_eq!(polled.complete, 40);
    }
    stub.calls("arm");
    stub.calls("batch");
    // The breaker of the gate lets a probe go after twenty seconds; before that it is only asked through ARM.
    let polled = poll(&provider, &targets, 200).await;
    assert_eq!((polled.complete, polled.errors.len()), (40, 0));
    stub.stop().await;
}

#[tokio::test]
async fn a_missing_role_sends_only_its_subscription_to_resource_manager() {
    let mut things = machines(20);
    for thing in things.iter_mut().skip(10) {
        thing.subscription = "sub-b";
    }
    let stub = Stub::start(things).await;
    stub.ways().unroled.insert("sub-b");
    let provider = provider(&stub, vec![entry(VM)], &["sub-a", "sub-b"]);
    let targets = targets(&provider).await;
    for minute in [0, 10] {
        assert_eq!(poll(&provider, &targets, minute).await.complete, 20);
    }
    let (batch, arm) = (stub.calls("batch"), stub.calls("arm"));
    assert_eq!(arm, 20, "ten resources of the one, twice");
    assert!(batch <= 4, "{batch}");
    stub.stop().await;
}

#[tokio::test]
async fn a_type_whose_definitions_are_refused_is_named_and_the_others_are_listed() {
    for (status, body) in [
        (403, "{}"),
        (500, "<html>"),
        (429, "{}"),
        (200, "<html>"),
        (200, "[1]"),
    ] {
        let mut things = machines(3);
        things.push(Thing::new(IP, "ip", &["bytes"]));
        let stub = Stub::start(things).await;
        stub.ways().definitions.insert(IP, (status, body));
        let provider = provider(&stub, vec![entry(IP), entry(VM)], &["sub-a"]);
        let listed = discover(&provider).await;
        assert_eq!(listed[0].targets.len(), 3, "{status}");
        let unlisted: Vec<&str> = listed[0].unlisted.iter().map(|u| &*u.namespace).collect();
        assert_eq!(unlisted, [IP], "{status} {body}");
        stub.stop().await;
    }
}

#[tokio::test]
async fn one_query_lists_all_subscriptions_and_a_refusal_leaves_the_others_to_it() {
    let mut things = machines(6);
    things[4].subscription = "sub-b";
    things[5].subscription = "sub-c";
    let stub = Stub::start(things).await;
    let all = ["sub-a", "Sub-B", "sub-c"];
    let both = provider(&stub, vec![entry(VM)], &all);
    assert_eq!(
        (
            discover(&both).await.len(),
            stub.calls("graph"),
            stub.calls("list")
        ),
        (3, 1, 0)
    );
    stub.ways().no_graph = Some("sub-b");
    assert_eq!(
        (
            targets(&both).await.len(),
            stub.calls("graph"),
            stub.calls("list")
        ),
        (6, 4, 1)
    );
    stub.ways().no_graph = Some("*");
    assert_eq!((targets(&both).await.len(), stub.calls("list")), (6, 3));
    let absent = provider(&stub, vec![entry(VM)], &[]);
    assert_eq!(targets(&absent).await.len(), 6);
    stub.stop().await;
}

#[tokio::test]
async fn a_list_that_is_refused_is_its_types_only_and_all_of_them_the_subscriptions() {
    let mut things = machines(3);
    things.push(Thing::new(IP, "ip", &["bytes"]));
    let stub = Stub::start(things).await;
    let provider = provider(&stub, vec![entry(IP), entry(VM)], &["sub-a", "sub-x"]);
    stub.ways().no_graph = Some("*");
    stub.ways().no_list.insert(IP);
    let listed: Vec<_> =
        futures::StreamExt::collect::<Vec<_>>(provider.discover(Reach::of_all(crate::MINUTE))).await;
    let first = listed[0].as_ref().expect("the first subscription");
    assert_eq!((first.targets.len(), &*first.unlisted[0].namespace), (3, IP));
    let unseen = listed[1]
        .as_ref()
        .expect_err("the credential does not see it")
        .to_string();
    assert!(
        unseen.contains("sub-x") && unseen.contains("does not see"),
        "{unseen}"
    );
    stub.ways().no_list.insert(VM);
    let listed: Vec<_> =
        futures::StreamExt::collect::<Vec<_>>(provider.discover(Reach::of_all(crate::MINUTE))).await;
    assert!(listed.iter().all(Result::is_err), "nothing could be listed");
    stub.stop().await;
}

#[tokio::test]
async fn nulls_and_odd_types_cost_themselves_only() {
    let stub = Stub::start(machines(5)).await;
    stub.ways().odd = true;
    let provider = provider(&stub, vec![entry(VM)], &[]);
    let listed = discover(&provider).await;
    assert!(
        listed[0].skipped.iter().any(|s| s.points > 0),
        "{:?}",
        listed[0].skipped
    );
    let polled = poll(&provider, &listed[0].targets, 0).await;
    assert_eq!(
        (polled.complete, polled.points.len()),
        (5, 10),
        "{:?}",
        polled.failed
    );
    stub.stop().await;
}

#[tokio::test]
async fn a_metric_that_fails_for_ever_is_left_out_after_the_second_time() {
    let stub = Stub::start(machines(3)).await;
    let id = stub.ways().things[1].id();
    stub.ways().errors.insert((id.clone(), "net"));
    let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
    let targets = targets(&provider).await;
    let first = poll(&provider, &targets, 0).await;
    assert_eq!(
        (first.complete, first.failed.len(), first.points.len()),
        (2, 1, 5)
    );
    for minute in 1..4 {
        let polled = poll(&provider, &targets, minute * 10).await;
        assert_eq!(
            (polled.complete, polled.failed.len(), polled.points.len()),
            (3, 0, 5)
        );
    }
    stub.ways().errors.clear();
    discover(&provider).await;
    let polled = poll(&provider, &targets, 50).await;
    assert_eq!((polled.complete, polled.points.len()), (3, 6));
    stub.stop().await;
}

#[tokio::test]
async fn a_resource_says_its_name_group_and_subscription() {
    let stub = Stub::start(machines(1)).await;
    let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
    let polled = poll(&provider, &targets(&provider).await, 0).await;
    let wanted = [
        ("azure.resource.name", "vm-000"),
        ("azure.resource_group", "Prod-RG"),
        ("azure.subscription.name", "Name of sub-a"),
        ("cloud.account.id", "sub-a"),
        ("cloud.platform", "azure.vm"),
    ];
    for (key, value) in wanted {
        assert_eq!(
            polled.described.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }
    stub.stop().await;
}

#[tokio::test]
async fn what_is_refused_for_all_is_nobodys_own_and_comes_back_by_itself() {
    for refusal in [
        (400, r#"{"error":{"code":"BadRequest","message":"x"}}"#),
        (404, "{}"),
    ] {
        let stub = Stub::start(machines(10)).await;
        let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
        let targets = targets(&provider).await;
        stub.ways().all_values = Some(refusal);
        for minute in 0..2 {
            let polled = poll(&provider, &targets, minute * 10).await;
            assert_eq!(
                polled.complete, 0,
                "nothing was fetched, so nothing is complete: {refusal:?}"
            );
        }
        stub.ways().all_values = None;
        let mut polls = 0;
        while poll(&provider, &targets, 20).await.complete < 10 {
            polls += 1;
            assert!(polls < 15, "{refusal:?}: without a listing");
        }
        stub.stop().await;
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_failed_and_the_rest_is_read() {
    let stub = Stub::start(machines(20)).await;
    {
        let mut ways = stub.ways();
        ways.unroled.insert("sub-a");
        ways.forbidden = ["vm-000", "vm-007", "vm-019"].map(str::to_owned).into();
    }
    let provider = provider(&stub, vec![entry(VM)], &["sub-a"]);
    let targets = targets(&provider).await;
    for minute in [0, 10] {
        let polled = poll(&provider, &targets, minute).await;
        assert_eq!(
            (polled.complete, polled.failed.len(), polled.errors.len()),
            (17, 3, 0)
        );
    }
    stub.stop().await;
}

#[tokio::test]
async fn a_pattern_that_fits_nothing_is_told() {
    let stub = Stub::start(machines(2)).await;
    let mut misspelt = entry(VM);
    misspelt.names = vec![crate::matcher("cpu"), crate::matcher("nett")];
    let provider = provider(&stub, vec![misspelt], &["sub-a"]);
    let listed = discover(&provider).await;
    let none: Vec<_> = listed[0].matched.iter().filter(|m| m.count == 0).collect();
    assert_eq!(none.len(), 1, "{none:?}");
    assert_eq!((none[0].key, &*none[0].nearest[0]), ("names", "net"));
    stub.stop().await;
}
