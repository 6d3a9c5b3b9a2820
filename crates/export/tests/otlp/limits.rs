//! How large a request may be, and what shares one.

use crate::back_end::{deliver, receiver, taken, transport};
use crate::points::{many, point, series};
use export::{Limits, Protocol, Verdict, encode};
use provider_api::Value;

#[tokio::test]
async fn above_the_limit_it_is_split_oldest_first() {
    let receiver = receiver().await;
    let points = many(80_000);
    let batches = encode(
        &points,
        Limits {
            max_bytes: 3 << 20,
            max_points: 1_000_000,
        },
    );
    assert!(
        batches.len() > 1 && batches.iter().all(|b| b.raw_len <= 3 << 20),
        "{}",
        batches.len()
    );
    assert!(batches.is_sorted_by(|a, b| a.newest_end <= b.oldest_end));
    let whole = encode(
        &points,
        Limits {
            max_bytes: usize::MAX,
            max_points: usize::MAX,
        },
    )
    .remove(0);
    assert!(whole.raw_len > 4 << 20);
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let t = transport(&receiver, protocol);
        let refused = t.deliver(&whole).await;
        assert!(matches!(refused, Verdict::Refused { .. }), "{refused:?}");
        for b in &batches {
            assert_eq!(t.deliver(b).await, taken(0, ""));
        }
        assert_eq!(receiver.take().len(), 80_000);
    }
    let stats = deliver(&receiver, vec![whole]).await;
    assert_eq!((stats.delivered_points, stats.dropped_points), (80_000, 0));
}

#[test]
fn points_of_different_age_do_not_share_a_request() {
    let old_and_new = vec![
        point(0, Value::Int(1)),
        point(9_000, Value::Int(2)),
        point(9_060, Value::Int(3)),
    ];
    let batches = encode(
        &[series("eu", "a", provider_api::Kind::Gauge, "i", old_and_new)],
        Limits::default(),
    );
    assert_eq!(batches.iter().map(|b| b.points).collect::<Vec<_>>(), [1, 2]);
}
