//! Random clouds against a model that remembers everything: each point is handed over once, whatever the order of
//! pages, failures, outages, gaps and crashes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod world;

use crate::common::{self, MINUTE, commit, lines, open, options, window};
use proptest::prelude::*;
use world::{LOOKBACK_MINUTES, Step, World, Writes};

fn step() -> impl Strategy<Value = Step> {
    let fails = || prop_oneof![3 => Just(None), 1 => (0_usize..4).prop_map(Some)];
    let pages = || (1_usize..40, any::<bool>(), fails());
    prop_oneof![
        4 => (1_i64..8).prop_map(Step::Wait),
        1 => (60_i64..400).prop_map(Step::Wait),
        6 => (5_i64..200, pages()).prop_map(|(longest, (page, newest_first, fails_after))|
            Step::Main { longest, page, newest_first, fails_after }),
        3 => (1_i64..150, pages()).prop_map(|(length, (page, newest_first, fails_after))|
            Step::Ahead { length, page, newest_first, fails_after }),
        1 => Just(Step::Kill),
    ]
}

fn writes() -> impl Strategy<Value = Writes> {
    let every = prop_oneof![4 => Just(60_i64), 1 => Just(120), 1 => Just(17), 1 => Just(3600)];
    (
        every,
        0_i64..60,
        2_i64..9,
        0_i64..LOOKBACK_MINUTES * MINUTE,
        0_i64..300,
    )
        .prop_map(|(every, offset, late_one_in, late_s, born)| Writes {
            every,
            offset,
            late_one_in,
            late_s,
            born,
        })
}

fn run(series: Vec<Writes>, steps: &[Step], on_disk: bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(series, on_disk);
        for step in steps {
            world.step(step).await;
        }
        world.end().await;
    });
}

// `PROPTEST_CASES=15000` for a night.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_point_is_handed_over_once(
        series in prop::collection::vec(writes(), 1..4),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        run(series, &steps, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_point_is_handed_over_once_across_power_cuts(
        series in prop::collection::vec(writes(), 1..4),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        run(series, &steps, true);
    }
}

/// Found by the properties above.
#[test]
fn a_window_that_failed_and_one_ahead_of_it_agree() {
    let writes = |every| Writes {
        every,
        offset: 0,
        late_one_in: 2,
        late_s: 0,
        born: 0,
    };
    let main = |longest, newest_first, fails_after| Step::Main {
        longest,
        page: 1,
        newest_first,
        fails_after,
    };
    let ahead = |length, page, fails_after| Step::Ahead {
        length,
        page,
        newest_first: false,
        fails_after,
    };
    let first = main(5, false, None);
    run(
        vec![writes(17)],
        &[
            first.clone(),
            Step::Wait(6),
            Step::Wait(5),
            Step::Wait(4),
            main(5, true, Some(1)),
            ahead(11, 1, Some(1)),
        ],
        false,
    );
    // What had been taken ahead joins, and the next window looks back over the place where it does.
    run(
        vec![writes(60)],
        &[
            first.clone(),
            Step::Wait(358),
            main(50, false, None),
            Step::Wait(1),
            ahead(144, 28, Some(2)),
            main(32, false, None),
            main(133, false, None),
            ahead(1, 1, None),
        ],
        false,
    );
    run(
        vec![writes(120)],
        &[
            first,
            Step::Wait(65),
            Step::Wait(175),
            ahead(103, 10, Some(3)),
            main(137, false, None),
            Step::Wait(1),
        ],
        false,
    );
}

#[tokio::test]
async fn an_entry_keeps_its_bytes_until_it_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(dir.path()).destination("d");
    let store = open(&options);
    commit(
        &store,
        0,
        window(0, 600),
        vec![common::points(1, "a", &[60, 120])],
        &[1],
    )
    .await
    .unwrap();
    let first = store.next("d").await.unwrap();
    store.close().await.unwrap();
    let store = open(&options);
    let second = store.next("d").await.unwrap();
    assert_eq!(first, second);
    assert_eq!(lines(&second.1).len(), 2);
}
