//! The rows of HTTP.

use super::server::{Act, Judge, Reply, Take};
use super::{Case, Expect, SHORT, Times, after, case, doubled, halved, held, retried, run_all};
use export::Protocol;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use prost::Message;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const PROTOBUF: &str = "application/x-protobuf";

fn no(reply: Reply) -> Vec<Act> {
    vec![Act::reply(Take::No, reply)]
}

fn twice(reply: &Reply) -> Vec<Act> {
    vec![Act::reply(Take::No, reply.clone()); 2]
}

fn plain(status: u16) -> Reply {
    Reply::new(status, "text/plain", b"scripted")
}

/// The first request is put off for three seconds by an HTTP date, which is at least two: dates have no fractions.
fn once_dated() -> Judge {
    let busy = AtomicBool::new(true);
    Box::new(move |_| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
        let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        busy.swap(false, Relaxed)
            .then(|| plain(503).with("retry-after", &date))
    })
}

fn partial(rejected: i64) -> Vec<u8> {
    let partial_success = Some(ExportMetricsPartialSuccess {
        rejected_data_points: rejected,
        error_message: "too old".into(),
    });
    ExportMetricsServiceResponse { partial_success }.encode_to_vec()
}

fn broken_connections() -> Vec<Case> {
    use Act::{Raw, Reset, ResetEarly, Silence};
    let early = Expect {
        retry: Times(0..=2), // the client may notice before it has sent anything
        ..Expect::default()
    };
    let in_time = |c: Case| Case { timeout: SHORT, ..c };
    let body = partial(0);
    let cut = |content_type| Reply {
        announced: Some(body.len() + 50),
        ..Reply::new(200, content_type, &body)
    };
    let garbled = Reply::new(200, PROTOBUF, &[0xFF; 9]);
    let taken = |reply| vec![Act::reply(Take::Yes, reply)];
    vec![
        case("reset at the first bytes", vec![ResetEarly], early.clone()),
        case(
            "something else than HTTP",
            vec![Raw("SSH-2.0-scripted\r\n")],
            early,
        ),
        case("reset before the response", vec![Reset(Take::No)], retried()),
        case("reset after it was taken", vec![Reset(Take::Yes)], doubled()),
        in_time(case("never answers", vec![Silence(Take::No)], retried())),
        in_time(case(
            "takes it, never answers",
            vec![Silence(Take::Yes)],
            doubled(),
        )),
        case("cut protobuf body", taken(cut(PROTOBUF)), doubled()),
        case("cut plain body", taken(cut("text/plain")), doubled()),
        case("an answer that is no protobuf", taken(garbled), doubled()),
    ]
}

fn answers() -> Vec<Case> {
    let page = Reply::new(200, "text/html; charset=utf-8", b"<h1>Sign in</h1>");
    let rejected = Expect {
        rejected: 2,
        ..Expect::default()
    };
    let busy = plain(429).with("retry-after", "1");
    let took_some = Reply::new(200, PROTOBUF, &partial(2));
    vec![
        case("a page with 200", twice(&page), held()),
        case("302", twice(&plain(302).with("location", "/login")), held()),
        case("401", twice(&plain(401)), held()),
        case("403", twice(&plain(403)), held()),
        case("404", twice(&plain(404)), held()),
        case("429", no(plain(429)), retried()),
        case("429, Retry-After: 1", no(busy), after(Duration::from_secs(1))),
        case("502", no(plain(502)), retried()),
        case("503", no(plain(503)), retried()),
        Case {
            judge: Some(once_dated()),
            ..case(
                "503, Retry-After: a date",
                vec![],
                after(Duration::from_millis(1500)),
            )
        },
        case("504", no(plain(504)), retried()),
        case("500, the server's word", no(plain(500)), retried()),
        case("520", no(plain(520)), retried()),
        case("423", no(plain(423)), retried()),
        case("425", no(plain(425)), retried()),
        case(
            "partial success",
            vec![Act::reply(Take::Yes, took_some)],
            rejected,
        ),
        Case {
            judge: Some(Box::new(|v| v.contains(&57).then(|| plain(400)))),
            ..case(
                "400 for one point",
                vec![],
                Expect {
                    dropped: [57].into(),
                    ..halved()
                },
            )
        },
        Case {
            judge: Some(Box::new(|v| (v.len() > 7).then(|| plain(413)))),
            ..case("413 above 7 points", vec![], halved())
        },
    ]
}

#[tokio::test]
async fn broken_connections_lose_nothing() {
    run_all(Protocol::Http, broken_connections()).await;
}

#[tokio::test]
async fn answers_are_taken_at_their_word() {
    run_all(Protocol::Http, answers()).await;
}
