//! The rows of gRPC.

use super::grpc_server::message;
use super::server::{Act, Reply, Take};
use super::{Case, Expect, SHORT, Times, after, case, doubled, halved, held, retried, run_all};
use export::Protocol;
use h2::Reason;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use prost::Message;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

fn no(reply: Reply) -> Vec<Act> {
    vec![Act::reply(Take::No, reply)]
}

fn twice(reply: &Reply) -> Vec<Act> {
    vec![Act::reply(Take::No, reply.clone()); 2]
}

/// The server's own word, without a body.
fn status(status: Status) -> Reply {
    let mut reply = Reply::new(200, "application/grpc", b"");
    reply.headers = status.into_http::<()>().into_parts().0.headers;
    reply
}

fn code(code: Code) -> Reply {
    status(Status::new(code, "scripted"))
}

/// A proxy's answer: no gRPC status.
fn proxy(status: u16) -> Reply {
    Reply::new(status, "text/plain", b"scripted")
}

fn slow_down(after: Duration) -> Reply {
    let details = ErrorDetails::with_retry_info(Some(after));
    status(Status::with_error_details(
        Code::ResourceExhausted,
        "scripted",
        details,
    ))
}

fn partial(rejected: i64) -> Reply {
    let partial_success = Some(ExportMetricsPartialSuccess {
        rejected_data_points: rejected,
        error_message: "too old".into(),
    });
    message(&ExportMetricsServiceResponse { partial_success }.encode_to_vec())
}

fn broken_connections() -> Vec<Case> {
    use Act::{GoAway, Raw, Reset, ResetEarly, ResetStream, Silence};
    let early = Expect {
        retry: Times(0..=2), // the transport may notice before it has sent anything
        ..Expect::default()
    };
    let in_time = |c: Case| Case { timeout: SHORT, ..c };
    let half = Reply {
        trailers: None,
        ..Reply::new(200, "application/grpc", &[0, 0, 0])
    };
    vec![
        case("reset after the preface", vec![ResetEarly], early.clone()),
        case(
            "an HTTP/1.1 server",
            vec![Raw("HTTP/1.1 400 Bad Request\r\n\r\n")],
            early,
        ),
        case("reset before the response", vec![Reset(Take::No)], retried()),
        case("reset after it was taken", vec![Reset(Take::Yes)], doubled()),
        case("GOAWAY, graceful", vec![GoAway(Reason::NO_ERROR)], retried()),
        case(
            "GOAWAY, calm down",
            vec![GoAway(Reason::ENHANCE_YOUR_CALM)],
            retried(),
        ),
        case(
            "RST_STREAM internal",
            vec![ResetStream(Reason::INTERNAL_ERROR)],
            retried(),
        ),
        case(
            "RST_STREAM refused",
            vec![ResetStream(Reason::REFUSED_STREAM)],
            retried(),
        ),
        case("RST_STREAM cancel", vec![ResetStream(Reason::CANCEL)], retried()),
        in_time(case("never answers", vec![Silence(Take::No)], retried())),
        in_time(case(
            "takes it, never answers",
            vec![Silence(Take::Yes)],
            doubled(),
        )),
        case(
            "half a message, no status",
            vec![Act::reply(Take::Yes, half)],
            doubled(),
        ),
    ]
}

fn proxies() -> Vec<Case> {
    let page = Reply::new(200, "text/html", b"<h1>Sign in</h1>");
    let busy = proxy(429).with("retry-after", "1");
    vec![
        case("a page with 200", twice(&page), held()),
        case("200 without a status", no(proxy(200)), retried()),
        case("502", no(proxy(502)), retried()),
        case("503", no(proxy(503)), retried()),
        case("504", no(proxy(504)), retried()),
        case("429, Retry-After", no(busy), after(Duration::from_secs(1))),
        case("401", twice(&proxy(401)), held()),
        case("403", twice(&proxy(403)), held()),
        case("404", twice(&proxy(404)), held()),
    ]
}

fn statuses() -> Vec<Case> {
    let rejected = Expect {
        rejected: 2,
        ..Expect::default()
    };
    let wait = Duration::from_millis(700);
    vec![
        case("Unavailable", no(code(Code::Unavailable)), retried()),
        case("Cancelled", no(code(Code::Cancelled)), retried()),
        case("DeadlineExceeded", no(code(Code::DeadlineExceeded)), retried()),
        case("Aborted", no(code(Code::Aborted)), retried()),
        case("DataLoss", no(code(Code::DataLoss)), retried()),
        case("ResourceExhausted, RetryInfo", no(slow_down(wait)), after(wait)),
        case("Unauthenticated", twice(&code(Code::Unauthenticated)), held()),
        case("PermissionDenied", twice(&code(Code::PermissionDenied)), held()),
        case("Unimplemented", twice(&code(Code::Unimplemented)), held()),
        case("Unknown, the server's word", no(code(Code::Unknown)), retried()),
        case("Internal, the server's word", no(code(Code::Internal)), retried()),
        case(
            "partial success",
            vec![Act::reply(Take::Yes, partial(2))],
            rejected,
        ),
        Case {
            judge: Some(Box::new(|v| v.contains(&57).then(|| code(Code::InvalidArgument)))),
            ..case(
                "InvalidArgument for one point",
                vec![],
                Expect {
                    dropped: [57].into(),
                    ..halved()
                },
            )
        },
        Case {
            judge: Some(Box::new(|v| (v.len() > 7).then(|| code(Code::ResourceExhausted)))),
            ..case("ResourceExhausted above 7 points", vec![], halved())
        },
    ]
}

#[tokio::test]
async fn broken_connections_lose_nothing() {
    run_all(Protocol::Grpc, broken_connections()).await;
}

#[tokio::test]
async fn proxies_lose_nothing() {
    run_all(Protocol::Grpc, proxies()).await;
}

#[tokio::test]
async fn statuses_are_taken_at_their_word() {
    run_all(Protocol::Grpc, statuses()).await;
}
