//! When breakers open and close, by place and question.

use super::*;

fn place(scope: &str) -> Place {
    Place::new(&Scope::new(scope), None)
}

fn failure(question: u64) -> GivenUp {
    GivenUp {
        question,
        unreached: false,
        last: (ErrorKind::TimedOut, "silence".into()),
    }
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// A place whose third request was given up just now; its questions are 1, 2 and 3.
fn opened(now: Instant) -> Breakers {
    let breakers = Breakers::default();
    for question in 1..=3 {
        assert_eq!(breakers.admit(now, &place("a"), question), Admission::Go);
        let change = (question == 3).then_some(Change::Opened(3));
        assert_eq!(breakers.failed(now, &place("a"), failure(question)), change);
    }
    breakers
}

#[test]
fn it_opens_at_the_third_failure_and_only_for_its_place() {
    let now = Instant::now();
    let breakers = opened(now);
    let refused = Admission::Refused {
        wait: seconds(15),
        last: (ErrorKind::TimedOut, "silence".into()),
    };
    assert_eq!(breakers.admit(now + seconds(5), &place("a"), 1), refused);
    assert_eq!(breakers.admit(now, &place("b"), 1), Admission::Go);
    let host = Place::new(&Scope::new("a"), Some(&"westeurope".into()));
    assert_eq!(breakers.admit(now, &host, 1), Admission::Go);
    let list = [(Scope::new("a"), true), (Scope::new("b"), false)];
    assert_eq!(breakers.list(), list);
}

#[test]
fn a_question_that_fails_for_ever_opens_nothing_and_goes_without_retries() {
    let (now, breakers, place) = (Instant::now(), Breakers::default(), place("a"));
    for poll in 0..100 {
        let wanted = if poll < 3 { Admission::Go } else { Admission::Once };
        assert_eq!(breakers.admit(now, &place, 5), wanted);
        assert_eq!(breakers.failed(now, &place, failure(5)), None);
    }
    // Two others fail once each: with the bad one they would be three.
    assert_eq!(breakers.admit(now, &place, 6), Admission::Go);
    assert_eq!(breakers.answered(now, &place, 6), None);
    for question in [6, 5, 5, 7] {
        breakers.admit(now, &place, question);
        assert_eq!(breakers.failed(now, &place, failure(question)), None);
    }
    assert_eq!(breakers.answered(now, &place, 5), None);
    assert_eq!(breakers.admit(now, &place, 5), Admission::Go, "it is well again");
}

#[test]
fn nine_healthy_questions_go_in_whatever_order_beside_a_bad_one() {
    for order in 0..10 {
        let (now, breakers, place) = (Instant::now(), Breakers::default(), place("a"));
        for poll in 0..50 {
            for turn in 0..10 {
                let question = (order * poll + turn) % 10;
                let admitted = breakers.admit(now, &place, question);
                assert!(matches!(admitted, Admission::Go | Admission::Once));
                if question == 5 {
                    assert_eq!(breakers.failed(now, &place, failure(5)), None);
                } else {
                    assert_eq!(admitted, Admission::Go);
                    breakers.answered(now, &place, question);
                }
            }
        }
    }
}

#[test]
fn neighbours_that_are_answered_with_errors_are_no_outage_until_they_are_many() {
    let (now, breakers, place) = (Instant::now(), Breakers::default(), place("a"));
    let refused = |question| GivenUp {
        last: (ErrorKind::Unavailable { retry_after: None }, "500".into()),
        ..failure(question)
    };
    for question in 0..20 {
        breakers.admit(now, &place, question);
    }
    for question in (0..7).chain(0..2) {
        assert_eq!(breakers.failed(now, &place, refused(question)), None);
    }
    assert_eq!(breakers.failed(now, &place, refused(7)), Some(Change::Opened(10)));
    // One that is asked three questions, all of which fail.
    let breakers = Breakers::default();
    for question in 0..3 {
        breakers.admit(now, &place, question);
    }
    let opened = [0, 1, 2].map(|question| breakers.failed(now, &place, refused(question)));
    assert_eq!(opened, [None, None, Some(Change::Opened(3))]);
}

#[test]
fn a_place_that_is_not_reached_at_all_opens_by_one_question() {
    let (now, breakers, place) = (Instant::now(), Breakers::default(), place("a"));
    let unreached = GivenUp {
        unreached: true,
        ..failure(1)
    };
    breakers.admit(now, &place, 1);
    assert_eq!(breakers.failed(now, &place, unreached.clone()), None);
    assert_eq!(breakers.failed(now, &place, unreached.clone()), None);
    let opened = breakers.failed(now, &place, unreached);
    assert_eq!(opened, Some(Change::Opened(3)));
}

#[test]
fn an_answer_in_between_begins_the_count_anew() {
    let (now, breakers, place) = (Instant::now(), Breakers::default(), place("a"));
    for question in 0..9 {
        assert_eq!(breakers.admit(now, &place, question), Admission::Go);
        assert_eq!(breakers.failed(now, &place, failure(question)), None);
        assert_eq!(breakers.failed(now, &place, failure(question + 100)), None);
        assert_eq!(breakers.refused(now, &place), None);
    }
}

#[test]
fn one_probe_at_a_time_goes_and_its_answer_closes() {
    let (start, place) = (Instant::now(), place("a"));
    let breakers = opened(start);
    let at = |s| start + seconds(s);
    assert_eq!(breakers.admit(at(20), &place, 1), Admission::Probe);
    let refused = |s| matches!(breakers.admit(at(s), &place, 2), Admission::Refused { .. });
    assert!(refused(21));
    assert_eq!(breakers.failed(at(25), &place, failure(1)), None);
    assert!(refused(44));
    assert_eq!(breakers.admit(at(45), &place, 1), Admission::Probe);
    let closed = Some(Change::Closed(seconds(46)));
    assert_eq!(breakers.answered(at(46), &place, 1), closed);
    assert_eq!(breakers.admit(at(46), &place, 1), Admission::Go);
}

#[test]
fn what_failed_by_itself_before_an_outage_does_not_probe_before_others() {
    let (start, place) = (Instant::now(), place("a"));
    let breakers = opened(start);
    for _ in 0..2 {
        breakers.failed(start, &place, failure(1));
    }
    let at = |s| start + seconds(s);
    let refused = matches!(breakers.admit(at(20), &place, 1), Admission::Refused { .. });
    assert!(refused);
    assert_eq!(breakers.admit(at(20), &place, 9), Admission::Probe);
    assert_eq!(
        breakers.admit(at(60), &place, 1),
        Admission::Probe,
        "nobody else came"
    );
}

#[test]
fn whatever_happens_to_the_probes_a_recovery_is_seen_within_a_minute() {
    let (start, place) = (Instant::now(), place("a"));
    let breakers = opened(start);
    // No probe ever reports, as when the callers are dropped.
    let probes = (0..600).filter(|s| breakers.admit(start + seconds(*s), &place, 1) == Admission::Probe);
    let probes: Vec<u64> = probes.collect();
    assert_eq!(probes[0], 20);
    assert!(
        probes.windows(2).all(|pair| pair[1] - pair[0] <= 60),
        "{probes:?}"
    );
}

#[test]
fn places_that_are_gone_are_forgotten() {
    let now = Instant::now();
    let breakers = opened(now);
    let later = now + FORGOTTEN_AFTER;
    assert_eq!(breakers.admit(later, &place("b"), 1), Admission::Go);
    assert_eq!(breakers.list(), [(Scope::new("b"), false)]);
}
