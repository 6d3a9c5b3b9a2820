//! The door as a whole, on a paused clock.

use super::*;
use provider_api::{ErrorKind, Price, ProviderError, Urgency};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::time::{sleep, timeout};

fn gate(config: GateConfig) -> Gate {
    Gate::new(Cloud::Aws, AccountId("a".into()), config)
}

fn request() -> Request {
    let price = Price {
        requests: 1,
        units: 2,
        usd_nanos: 3,
    };
    Request::new(Scope::new("r"), "Op", price)
}

fn failed(kind: ErrorKind) -> ProviderError {
    ProviderError::new(Cloud::Aws, "Op", Scope::new("r"), kind, "no")
}

#[tokio::test(start_paused = true)]
async fn tries_again_until_it_works_and_counts_each_attempt() {
    let gate = gate(GateConfig::default());
    let calls = AtomicU32::new(0);
    let answer = gate
        .send(&request(), || async {
            match calls.fetch_add(1, Ordering::Relaxed) {
                0 => Err(failed(ErrorKind::Throttled { retry_after: None })),
                1 => Err(failed(ErrorKind::Unavailable {
                    retry_after: Some(Duration::from_secs(2)),
                })),
                _ => Ok(7),
            }
        })
        .await;
    assert_eq!(answer.ok(), Some(7));
    let snapshot = gate.snapshot();
    let outcomes: Vec<_> = snapshot
        .requests
        .iter()
        .map(|c| (c.outcome, c.requests))
        .collect();
    assert_eq!(outcomes, [("ok", 1), ("throttled", 1), ("unavailable", 1)]);
    assert_eq!(snapshot.usd_nanos, 9);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_is_configured_anew_counts_on_and_keeps_its_quotas_where_nothing_differs() {
    let config = |per_second| GateConfig {
        quotas: vec![("Op", Quota { per_second, burst: 1 })],
        ..GateConfig::default()
    };
    let first = gate(config(1.0));
    let begun = Instant::now();
    for config in [config(1.0), config(1.0), config(2.0)] {
        let again = first.reconfigured(config);
        assert!(again.send(&request(), || async { Ok(()) }).await.is_ok());
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "the bucket of the second was the first's"
    );
    assert_eq!(first.snapshot().requests[0].requests, 3);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_cut_off_and_given_up_in_the_end() {
    let gate = gate(GateConfig {
        attempt_timeout: Duration::from_secs(1),
        ..GateConfig::default()
    });
    let answer: Result<(), _> = gate.send(&request(), std::future::pending).await;
    assert_eq!(answer.err().map(|e| e.kind().clone()), Some(ErrorKind::TimedOut));
}

/// The pause of twenty seconds is over, whatever the runtime's clock rounds.
const PROBED_BY: Duration = Duration::from_secs(21);

#[tokio::test(start_paused = true)]
async fn a_scope_that_does_not_answer_is_probed_until_it_does() {
    let gate = gate(GateConfig {
        attempt_timeout: Duration::from_secs(1),
        ..GateConfig::default()
    });
    for question in 0..3 {
        let one = Request {
            question: Some(question),
            ..request()
        };
        let silent: Result<(), _> = gate.send(&one, std::future::pending).await;
        assert!(silent.is_err());
    }
    let asked = gate.snapshot().requests[0].requests;
    let refused = gate.send(&request(), || async { Ok(()) }).await.unwrap_err();
    assert_eq!(refused.kind(), &ErrorKind::TimedOut);
    assert!(refused.message().contains("next probe within 2"), "{refused}");
    assert_eq!(gate.snapshot().requests[0].requests, asked, "nothing was sent");
    assert_eq!(gate.breakers(), [(Scope::new("r"), true)]);
    sleep(PROBED_BY).await;
    let probe: Result<(), _> = gate.send(&request(), std::future::pending).await;
    assert!(probe.is_err());
    assert_eq!(
        gate.snapshot().requests[0].requests,
        asked + 1,
        "a probe goes once"
    );
    sleep(PROBED_BY).await;
    assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
    assert_eq!(gate.breakers(), [(Scope::new("r"), false)]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_paces_requests_per_scope() {
    let quota = Quota {
        per_second: 2.0,
        burst: 1,
    };
    let gate = gate(GateConfig {
        quotas: vec![("Op", quota)],
        ..GateConfig::default()
    });
    let begun = Instant::now();
    for _ in 0..5 {
        assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
    }
    let elapsed = begun.elapsed();
    assert!(
        elapsed >= Duration::from_millis(1_900),
        "five at two a second took {elapsed:?}"
    );
    let other = Request {
        scope: Scope::new("other"),
        ..request()
    };
    assert!(gate.send(&other, || async { Ok(()) }).await.is_ok());
    assert_eq!(begun.elapsed(), elapsed, "another scope has its own bucket");
}

#[tokio::test(start_paused = true)]
async fn the_past_leaves_half_of_a_quota_to_the_present() {
    let quota = Quota {
        per_second: 2.0,
        burst: 4,
    };
    let gate = gate(GateConfig {
        quotas: vec![("Op", quota)],
        ..GateConfig::default()
    });
    let past = Request {
        urgency: Urgency::Backlog,
        ..request()
    };
    let begun = Instant::now();
    let catching_up = {
        let gate = gate.clone();
        tokio::spawn(async move {
            for _ in 0..12 {
                assert!(gate.send(&past, || async { Ok(()) }).await.is_ok());
            }
            begun.elapsed()
        })
    };
    sleep(Duration::from_millis(1)).await;
    for _ in 0..2 {
        assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
    }
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "the rest of the burst"
    );
    for _ in 0..8 {
        assert!(gate.send(&request(), || async { Ok(()) }).await.is_ok());
    }
    let fresh = begun.elapsed();
    assert!(
        fresh <= Duration::from_millis(8_200),
        "eight at one a second took {fresh:?}"
    );
    let past = catching_up.await.unwrap();
    assert!(
        past >= Duration::from_millis(9_900),
        "ten at one a second took {past:?}"
    );
}

/// Eight groups ask one subscription at once, all are told to come back in 40 s, and so is a ninth that comes meanwhile.
#[tokio::test(start_paused = true)]
async fn a_pause_holds_for_everybody_and_one_request_goes_first() {
    let gate = gate(GateConfig::default());
    let begun = Instant::now();
    let sent = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ask = |group: u64| {
        let (gate, sent) = (gate.clone(), Arc::clone(&sent));
        let one = Request {
            question: Some(group),
            ..request()
        };
        tokio::spawn(async move {
            let answer = gate.send(&one, || async {
                sent.lock().unwrap().push(begun.elapsed().as_secs());
                sleep(Duration::from_secs(2)).await;
                if begun.elapsed() < Duration::from_secs(40) {
                    let retry_after = Some(Duration::from_secs(40));
                    return Err(failed(ErrorKind::Throttled { retry_after }));
                }
                Ok(())
            });
            answer.await.is_ok()
        })
    };
    let mut asked: Vec<_> = (0..8).map(ask).collect();
    sleep(Duration::from_secs(20)).await;
    asked.push(ask(8));
    let elsewhere = Request {
        host: Some("other".into()),
        ..request()
    };
    assert!(gate.send(&elsewhere, || async { Ok(()) }).await.is_ok());
    assert_eq!(begun.elapsed().as_secs(), 20, "another host goes on");
    for one in asked {
        assert!(one.await.unwrap());
    }
    let mut wanted = vec![0; 8];
    wanted.push(42);
    wanted.extend([44; 8]);
    assert_eq!(*sent.lock().unwrap(), wanted);
}

#[tokio::test(start_paused = true)]
async fn a_pause_beyond_the_time_of_a_request_refuses_it_in_the_clouds_words_over_polls_and_reloads() {
    let first = gate(GateConfig::default());
    let told = |seconds| {
        let retry_after = Some(Duration::from_secs(seconds));
        Err::<(), _>(failed(ErrorKind::Throttled { retry_after }))
    };
    assert!(first.send(&request(), || async { told(250) }).await.is_err());
    sleep(Duration::from_secs(30)).await;
    let again = first.reconfigured(GateConfig {
        attempt_timeout: Duration::from_secs(7),
        ..GateConfig::default()
    });
    let refused = again.send(&request(), || async { Ok(()) }).await.unwrap_err();
    let ErrorKind::Throttled {
        retry_after: Some(rest),
    } = refused.kind()
    else {
        panic!("{refused}")
    };
    assert_eq!(rest.as_secs(), 220);
    assert!(
        refused.message().starts_with("no (not sent: throttled for"),
        "{refused}"
    );
    assert_eq!(again.snapshot().requests[0].requests, 1, "nothing was sent");
    sleep(Duration::from_secs(120)).await;
    let begun = Instant::now();
    assert!(again.send(&request(), || async { Ok(()) }).await.is_ok());
    assert_eq!(begun.elapsed().as_secs(), 100, "it waited");
}

#[tokio::test(start_paused = true)]
async fn a_first_one_that_gives_up_leaves_its_place_to_the_next() {
    let gate = gate(GateConfig::default());
    let retry_after = Some(Duration::from_secs(10));
    let told = || async { Err::<(), _>(failed(ErrorKind::Unavailable { retry_after })) };
    let one = request();
    let spoken = timeout(Duration::from_secs(5), gate.send(&one, told)).await;
    assert!(spoken.is_err(), "it waits");
    let silence = gate.send(&one, std::future::pending::<Result<(), _>>);
    let hanging = timeout(Duration::from_secs(30), silence);
    let (hanging, next) = tokio::join!(hanging, gate.send(&one, || async { Ok(()) }));
    assert!(hanging.is_err() && next.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_query_that_fails_for_ever_leaves_its_neighbours_their_retries() {
    let gate = gate(GateConfig::default());
    let unwell = || async { Err::<(), _>(failed(ErrorKind::Unavailable { retry_after: None })) };
    let mut bad = 0;
    for _ in 0..60 {
        for question in 0..10 {
            let one = Request {
                question: Some(question),
                ..request()
            };
            if question == 5 {
                let before = gate.snapshot().requests.iter().map(|c| c.requests).sum::<u64>();
                assert!(gate.send(&one, unwell).await.is_err());
                bad += gate.snapshot().requests.iter().map(|c| c.requests).sum::<u64>() - before;
            } else {
                assert!(gate.send(&one, || async { Ok(()) }).await.is_ok());
            }
        }
        sleep(Duration::from_secs(60)).await;
    }
    assert!(bad <= 3 * 8 + 57, "{bad} requests for one query in an hour");
    assert_eq!(gate.breakers(), [(Scope::new("r"), false)]);
}

#[tokio::test(start_paused = true)]
async fn a_quota_domain_is_shared_by_scopes_accounts_and_reloads() {
    let config = |concurrency| GateConfig {
        quotas: vec![(
            "Op",
            Quota {
                per_second: 1.0,
                burst: 1,
            },
        )],
        concurrency: NonZeroUsize::new(concurrency).unwrap(),
        ..GateConfig::default()
    };
    let domains = Domains::default();
    let of = |account: &str| {
        let account = AccountId(account.into());
        Gate::paying(Cloud::Gcp, account, config(8), Budget::default(), domains.clone())
    };
    let (a, b) = (of("a"), of("b"));
    let begun = Instant::now();
    for (gate, project) in [
        (a.clone(), "p"),
        (b.clone(), "q"),
        (a.reconfigured(config(9)), "r"),
    ] {
        let one = Request {
            scope: Scope::new(project),
            domain: Some("consumer".into()),
            ..request()
        };
        assert!(gate.send(&one, || async { Ok(()) }).await.is_ok());
    }
    assert!(begun.elapsed() >= Duration::from_millis(1_900));
    let used = b.busiest().expect("it was used");
    assert_eq!((&*used.scope.0, used.domain.as_deref()), ("r", Some("consumer")));
}
