//! A row for each status.

use super::*;
use tonic_types::ErrorDetails;

fn name(v: &Verdict) -> &'static str {
    match v {
        Verdict::Delivered { .. } => "delivered",
        Verdict::Retry { .. } => "retry",
        Verdict::Hold { .. } => "hold",
        Verdict::Refused { .. } => "refused",
        Verdict::Drop { .. } => "drop",
    }
}

#[test]
fn every_grpc_code_has_its_reaction() {
    let table = [
        (Code::Ok, "delivered"),
        (Code::Cancelled, "retry"),
        (Code::Unknown, "retry"),
        (Code::InvalidArgument, "refused"),
        (Code::DeadlineExceeded, "retry"),
        (Code::NotFound, "refused"),
        (Code::AlreadyExists, "refused"),
        (Code::PermissionDenied, "hold"),
        (Code::ResourceExhausted, "refused"),
        (Code::FailedPrecondition, "refused"),
        (Code::Aborted, "retry"),
        (Code::OutOfRange, "refused"),
        (Code::Unimplemented, "hold"),
        (Code::Internal, "retry"),
        (Code::Unavailable, "retry"),
        (Code::DataLoss, "retry"),
        (Code::Unauthenticated, "hold"),
    ];
    for (code, want) in table {
        assert_eq!(name(&grpc_verdict(&Status::new(code, "x"))), want, "{code:?}");
    }
    assert_eq!(
        name(&grpc_verdict(&Status::out_of_range("message length too large"))),
        "refused"
    );
}

#[test]
fn retry_info_turns_exhaustion_into_a_wait() {
    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(7)));
    let status = Status::with_error_details(Code::ResourceExhausted, "slow down", details);
    let want = Verdict::Retry {
        after: Some(Duration::from_secs(7)),
        why: "ResourceExhausted: slow down".into(),
        answered: true,
    };
    assert_eq!(grpc_verdict(&status), want);
}

#[test]
fn http_answers() {
    let now: jiff::Timestamp = "2026-11-06T08:49:00Z".parse().unwrap();
    let table = [
        (200, "", "delivered"),
        (200, "text/html; charset=utf-8", "hold"),
        (204, "", "delivered"),
        (302, "", "hold"),
        (401, "", "hold"),
        (403, "", "hold"),
        (404, "", "hold"),
        (407, "", "hold"),
        (415, "", "hold"),
    ];
    for (status, content_type, want) in table {
        let answer = HttpAnswer {
            status,
            content_type,
            retry_after: None,
            body: b"",
        };
        assert_eq!(name(&http_verdict(answer, now)), want, "{status} {content_type}");
    }
}

fn said(status: u16, body: &str) -> Verdict {
    let answer = HttpAnswer {
        status,
        content_type: "text/plain",
        retry_after: None,
        body: body.as_bytes(),
    };
    http_verdict(answer, jiff::Timestamp::UNIX_EPOCH)
}

#[test]
fn a_servers_fault_is_tried_again_and_no_refusal_is_final() {
    for status in [
        408, 423, 425, 429, 499, 500, 502, 503, 504, 507, 508, 509, 520, 525, 530, 599,
    ] {
        assert_eq!(
            name(&said(status, "no space left on device")),
            "retry",
            "{status}"
        );
    }
    for status in [
        400, 402, 405, 406, 409, 410, 411, 412, 413, 414, 417, 418, 421, 422, 424, 426, 428, 431, 444, 451,
        501, 505,
    ] {
        assert_eq!(name(&said(status, "no")), "refused", "{status}");
    }
    assert_eq!(name(&said(400, "ingestion rate limit exceeded")), "retry");
}

#[test]
fn words_say_what_is_refused_whatever_the_status() {
    let order = |rest_stored| Refusal::Order { rest_stored };
    for (status, body, want) in [
        (
            400,
            "invalid temporality and type combination for metric \"x\"",
            Refusal::Deltas,
        ),
        (
            500,
            "invalid temporality and type combination for metric \"x\"",
            Refusal::Deltas,
        ),
        (400, "out of order sample", order(false)),
        (500, "too old sample", order(false)),
        (409, "out of order sample", order(true)),
        (400, "(err-mimir-sample-out-of-order)", order(true)),
        (413, "", Refusal::Size),
        (400, "request body too large", Refusal::Size),
        (402, "pay", Refusal::Points { account: true }),
        (422, "bad", Refusal::Points { account: false }),
    ] {
        let verdict = said(status, body);
        assert!(
            matches!(&verdict, Verdict::Refused { refusal, .. } if *refusal == want),
            "{status} {body}: {verdict:?}"
        );
    }
}

#[test]
fn a_compression_that_is_not_known_holds() {
    let answer = HttpAnswer {
        status: 400,
        content_type: "text/plain",
        retry_after: None,
        body: b"unsupported \"Content-Encoding\": zstd",
    };
    let verdict = http_verdict(answer, jiff::Timestamp::UNIX_EPOCH);
    assert!(
        matches!(&verdict, Verdict::Hold { why } if why.contains("`compression: gzip`")),
        "{verdict:?}"
    );
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: jiff::Timestamp = "2026-11-06T08:49:00Z".parse().unwrap();
    assert_eq!(retry_after("17", now), Some(Duration::from_secs(17)));
    assert_eq!(
        retry_after("Fri, 06 Nov 2026 08:49:37 GMT", now),
        Some(Duration::from_secs(37))
    );
    assert_eq!(
        retry_after("Fri, 06 Nov 2026 08:48:37 GMT", now),
        Some(Duration::ZERO)
    );
    assert_eq!(retry_after("soon", now), None);
}
