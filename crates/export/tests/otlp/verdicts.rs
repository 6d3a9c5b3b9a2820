//! Answers of a real server, read.

use crate::back_end::{receiver, taken, transport};
use crate::points::one_of_each;
use export::receiver::Fault;
use export::{Limits, Protocol, Verdict, encode};
use std::time::Duration;

#[tokio::test]
async fn answers_become_verdicts() {
    let receiver = receiver().await;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    let after = Duration::from_secs(7);
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let t = transport(&receiver, protocol);
        receiver.script(vec![
            Fault::Unavailable,
            Fault::SlowDown { after },
            Fault::TooLarge,
            Fault::Invalid,
            Fault::Unauthenticated,
            Fault::Internal,
            Fault::Partial {
                rejected: 2,
                message: "old".into(),
            },
        ]);
        assert!(matches!(
            t.deliver(batch).await,
            Verdict::Retry { after: None, .. }
        ));
        assert!(matches!(t.deliver(batch).await, Verdict::Retry { after: Some(a), .. } if a == after));
        assert!(matches!(t.deliver(batch).await, Verdict::Refused { .. }));
        assert!(matches!(t.deliver(batch).await, Verdict::Refused { .. }));
        assert!(matches!(t.deliver(batch).await, Verdict::Hold { .. }));
        assert!(matches!(t.deliver(batch).await, Verdict::Retry { .. }));
        assert_eq!(t.deliver(batch).await, taken(2, "old"));
    }
    receiver.script(vec![Fault::Page]);
    let page = transport(&receiver, Protocol::Http).deliver(batch).await;
    assert!(matches!(page, Verdict::Hold { .. }), "{page:?}");
}

#[tokio::test]
async fn nobody_there_is_a_retry() {
    let receiver = receiver().await;
    let (grpc, http) = (
        transport(&receiver, Protocol::Grpc),
        transport(&receiver, Protocol::Http),
    );
    receiver.stop().await;
    let batch = &encode(&one_of_each(), Limits::default())[0];
    for t in [grpc, http] {
        let v = t.deliver(batch).await;
        assert!(matches!(v, Verdict::Retry { after: None, .. }), "{v:?}");
    }
}
