//! Whether a destination will take what it is going to be sent, found out before the first start.
//!
//! In this order, and no further than something fails: its name is resolved, a request without points is sent, then one
//! point of each kind that the configuration will send, at last one point for each of two resources. The points are marked
//! as ours (metric `nephoscope.probe`). When the request without points is not taken, what the server does take is looked
//! for (`variants`), so that the line to write can be named. What an answer means is `reading`'s.

mod reading;
mod requests;
mod variants;

use crate::config::{DestinationConfig, Kind, OtlpConfig, Signal};
use crate::connect::{connect, otlp};
use crate::encode::Encoded;
use crate::proxy;
use crate::transport::{Transport, Verdict};
use provider_api::UnixNanos;
use reading::Answer;
use requests::Point;
use reqwest::Url;
use std::time::Duration;

/// No answer that comes later tells a person who waits for it more.
const MAX_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that has answered once answers soon.
const VARIANT_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of the destination besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// What the clouds' entries yield.
    pub given: Vec<Given>,
    /// The kinds of back ends with a path of their own.
    pub kinds: Vec<BackEnd>,
    /// The headers that this kind of back end authenticates by, as they are written in the configuration.
    pub credentials: Option<&'static str>,
}

/// A kind of back end that a wrong address may have been meant for.
#[derive(Clone, Copy, Debug)]
pub struct BackEnd {
    /// As `for:` has it.
    pub word: &'static str,
    /// Where it takes metrics by HTTP.
    pub path: &'static str,
}

/// A kind of point as the clouds give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// The sum of an interval.
    Delta,
    /// A reading.
    Gauge,
    /// A running total of the cloud's own.
    Total,
    /// A distribution.
    Histogram,
}

/// How one thing went, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It works.
    Passed,
    /// It works, and is perhaps not what was meant.
    Warning,
    /// Not reached, or points are refused.
    Unavailable,
    /// The credential may not do this.
    Forbidden,
    /// The credential is missing or not accepted.
    Unauthenticated,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub tried: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// What happened, with the server's own words.
    pub detail: String,
    /// The line to write, or what else to do.
    pub remedy: Option<String>,
}

impl Finding {
    fn passed(tried: &'static str, detail: impl Into<String>) -> Self {
        Self {
            tried,
            outcome: Outcome::Passed,
            detail: detail.into(),
            remedy: None,
        }
    }
}

/// Tries `config`. `now` is the time of the points that are sent.
pub async fn probe(config: &DestinationConfig, hints: &Hints, now: UnixNanos) -> Vec<Finding> {
    match &config.kind {
        Kind::Otlp(server) => of_server(config, server, hints, now).await,
        Kind::File { path } => vec![crate::file::writable(path).await.map_or_else(
            |why| reading::refused("writing", &Answer::Refused(why), None),
            |()| Finding::passed("writing", ""),
        )],
        Kind::Stdout | Kind::Prometheus => vec![],
    }
}

async fn of_server(
    config: &DestinationConfig,
    server: &OtlpConfig,
    hints: &Hints,
    now: UnixNanos,
) -> Vec<Finding> {
    let server = &OtlpConfig {
        timeout: server.timeout.min(MAX_TIMEOUT),
        ..server.clone()
    };
    if let Err(why) = resolved(server).await {
        return vec![reading::unresolved(&why)];
    }
    match ask(server, &requests::empty()).await {
        Answer::Taken => {}
        answer @ (Answer::Refused(_) | Answer::Rejected(_)) => {
            let line = if reading::needs_search(&answer) {
                taken_line(server, hints).await
            } else {
                None
            };
            let line = line.or_else(|| reading::credentials(&answer, server, hints.credentials));
            return vec![reading::refused("request without points", &answer, line)];
        }
    }
    let mut findings = vec![Finding::passed("request without points", "")];
    let config = DestinationConfig {
        kind: Kind::Otlp(server.clone()),
        ..config.clone()
    };
    match connect(&config) {
        Ok(destination) => findings.extend(points(&config, &*destination.transport, hints, now).await),
        // It has been made once already.
        Err(error) => findings.push(reading::refused(
            "connect",
            &Answer::Refused(error.to_string()),
            None,
        )),
    }
    findings
}

/// The host's addresses, unless it is a proxy that looks them up.
async fn resolved(server: &OtlpConfig) -> Result<(), String> {
    let Ok(url) = server.url().parse::<Url>() else {
        return Ok(()); // refused with the configuration
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Ok(());
    };
    if proxy::intercepts(url.as_str()) {
        return Ok(());
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(MAX_TIMEOUT, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(format!("{host}: {error}")),
        Err(_) => Err(format!("{host}: no answer within {MAX_TIMEOUT:?}")),
    }
}

/// The lines with which the server takes a request, when some are known.
async fn taken_line(server: &OtlpConfig, hints: &Hints) -> Option<String> {
    for variant in variants::of(server, &hints.kinds) {
        let config = OtlpConfig {
            timeout: server.timeout.min(VARIANT_TIMEOUT),
            ..variant.config
        };
        let answer = ask(&config, &requests::empty()).await;
        if matches!(answer, Answer::Taken) || (variant.bare && reading::wants_credentials(&answer)) {
            return Some(variant.line);
        }
    }
    None
}

async fn points(
    config: &DestinationConfig,
    transport: &dyn Transport,
    hints: &Hints,
    now: UnixNanos,
) -> Vec<Finding> {
    let mut findings = vec![];
    let mut gauges_taken = false;
    for point in Point::sent(&hints.given, config.deltas) {
        let answer = deliver(transport, &point.request(&config.name, now, 0)).await;
        gauges_taken |= point == Point::Gauge && answer == Answer::Taken;
        findings.push(match &answer {
            Answer::Taken => Finding::passed(point.words(), ""),
            Answer::Refused(_) | Answer::Rejected(_) => reading::point_refused(point, config.deltas, &answer),
        });
    }
    if gauges_taken {
        let second = deliver(transport, &Point::Gauge.request(&config.name, now, 1)).await;
        findings.push(match &second {
            Answer::Taken => Finding::passed("two resources", ""),
            Answer::Refused(_) | Answer::Rejected(_) => reading::second_refused(&second),
        });
    }
    findings
}

async fn ask(config: &OtlpConfig, request: &Encoded) -> Answer {
    match otlp(config, Signal::Metrics) {
        Ok(transport) => deliver(&*transport, request).await,
        Err((what, why)) => Answer::Refused(format!("{what} cannot be used: {why}")),
    }
}

async fn deliver(transport: &dyn Transport, request: &Encoded) -> Answer {
    match transport.deliver(request).await {
        Verdict::Delivered { rejected: 0, .. } => Answer::Taken,
        Verdict::Delivered { message, .. } => Answer::Rejected(message),
        Verdict::Retry { why, .. }
        | Verdict::Hold { why }
        | Verdict::Refused { why, .. }
        | Verdict::Drop { why } => Answer::Refused(why),
    }
}
