//! What an answer to a probe means, and what to write about it: pure, from the words that the transports give.

use super::requests::Point;
use super::{Finding, Outcome};
use crate::config::{Deltas, OtlpConfig};

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// Taken, but for the point.
    Rejected(String),
    /// Not taken.
    Refused(String),
}

impl Answer {
    fn why(&self) -> &str {
        match self {
            Self::Taken => "",
            Self::Rejected(why) | Self::Refused(why) => why,
        }
    }
}

/// Whether the server may take a request that is written otherwise. Who asks is another matter; and who does not answer
/// at all will not answer then.
pub(super) fn needs_search(answer: &Answer) -> bool {
    !wants_credentials(answer) && !answer.why().contains("no answer within") && !of_certificates(answer)
}

/// The server speaks TLS and has a certificate that it is to be trusted with: nothing else to try.
fn of_certificates(answer: &Answer) -> bool {
    let words = answer.why().to_ascii_lowercase();
    ["certificate", "unknownissuer", "not valid for name"]
        .iter()
        .any(|word| words.contains(word))
}

/// Whether the answer is about who asks.
pub(super) fn wants_credentials(answer: &Answer) -> bool {
    matches!(class(answer.why()), Outcome::Unauthenticated | Outcome::Forbidden)
}

fn class(why: &str) -> Outcome {
    let any = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if any(&["HTTP 401", "Unauthenticated:"]) {
        Outcome::Unauthenticated
    } else if any(&["HTTP 403", "PermissionDenied:"]) {
        Outcome::Forbidden
    } else {
        Outcome::Unavailable
    }
}

/// The host has no address.
pub(super) fn unresolved(why: &str) -> Finding {
    Finding {
        tried: "name resolution",
        outcome: Outcome::Unavailable,
        detail: why.to_owned(),
        remedy: Some("write a host in `endpoint` that this machine can resolve".to_owned()),
    }
}

/// What is refused, with the line to write when it is known; otherwise the advice that came with the reason.
pub(super) fn refused(tried: &'static str, answer: &Answer, line: Option<String>) -> Finding {
    let why = answer.why();
    let (detail, advice) = match why.rsplit_once("; ") {
        Some((detail, advice)) => (detail, Some(advice.to_owned())),
        None => (why, None),
    };
    Finding {
        tried,
        outcome: class(why),
        detail: detail.to_owned(),
        remedy: line.or(advice),
    }
}

/// How a credential is written, where none or a wrong one was.
pub(super) fn credentials(answer: &Answer, server: &OtlpConfig, known: Option<&str>) -> Option<String> {
    if !wants_credentials(answer) {
        return None;
    }
    let names: Vec<String> = server
        .headers
        .iter()
        .map(|(name, _)| format!("`headers.{name}`"))
        .collect();
    let wanted = known.unwrap_or("authorization: \"Bearer ${env:OTLP_TOKEN}\"");
    Some(if names.is_empty() {
        format!("write `headers: {{ {wanted} }}` below `otlp`")
    } else {
        format!("write another credential in {}", names.join(", "))
    })
}

/// A point of one kind is refused where requests as such are taken.
pub(super) fn point_refused(point: Point, deltas: Deltas, answer: &Answer) -> Finding {
    let line = match (point, deltas) {
        (Point::DeltaSum | Point::DeltaHistogram, Deltas::Keep | Deltas::Gauge) => {
            Some("write `deltas: cumulative`, or the kind of back end in `for:`")
        }
        (Point::CumulativeSum | Point::CumulativeHistogram, Deltas::Cumulative) => {
            Some("write `deltas: keep`")
        }
        (Point::CumulativeSum, _) => {
            Some("leave out Google's metrics of kind CUMULATIVE: this back end takes deltas only")
        }
        (Point::Gauge | Point::DeltaSum | Point::DeltaHistogram | Point::CumulativeHistogram, _) => None,
    };
    // Who asks, and when the last one asked, is no matter of kinds.
    let other = wants_credentials(answer) || is_of_order(answer);
    let line = line.filter(|_| !other);
    refused(point.words(), answer, line.map(str::to_owned))
}

/// The series has a point of this time, or a later one.
fn is_of_order(answer: &Answer) -> bool {
    let words = answer.why().to_ascii_lowercase();
    ["duplicate", "out of order", "out-of-order"]
        .iter()
        .any(|word| words.contains(word))
}

/// The same point of a second resource is refused: the back end takes both for one series.
pub(super) fn second_refused(answer: &Answer) -> Finding {
    let words = answer.why().to_ascii_lowercase();
    let merged = ["duplicate", "out of order", "out-of-order"]
        .iter()
        .any(|word| words.contains(word));
    let finding = refused("two resources", answer, None);
    if !merged {
        return finding;
    }
    Finding {
        detail: format!(
            "resources that differ only in their attributes are stored as one series: {}",
            finding.detail
        ),
        remedy: Some("write `for: prometheus`, or `promote: [\"*\"]`".to_owned()),
        ..finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(why: &str) -> Answer {
        Answer::Refused(why.into())
    }

    #[test]
    fn the_words_of_an_answer_decide_how_bad_it_is() {
        for (why, want) in [
            (
                "POST http://h/v1/metrics: HTTP 401: who?; check the credentials",
                Outcome::Unauthenticated,
            ),
            (
                "Unauthenticated: no token; check the credentials",
                Outcome::Unauthenticated,
            ),
            ("POST http://h/v1/metrics: HTTP 403: no", Outcome::Forbidden),
            ("PermissionDenied: no", Outcome::Forbidden),
            (
                "POST http://h/v1/metrics: HTTP 404: page not found",
                Outcome::Unavailable,
            ),
        ] {
            assert_eq!(refused("x", &refusal(why), None).outcome, want, "{why}");
        }
    }

    #[test]
    fn the_advice_is_the_remedy_unless_a_line_is_known() {
        let answer = refusal("POST http://h/x: HTTP 404: no; check the path");
        let advised = refused("x", &answer, None);
        assert_eq!(advised.detail, "POST http://h/x: HTTP 404: no");
        assert_eq!(advised.remedy.as_deref(), Some("check the path"));
        let found = refused("x", &answer, Some("write `for: prometheus`".into()));
        assert_eq!(found.remedy.as_deref(), Some("write `for: prometheus`"));
    }

    #[test]
    fn only_what_may_be_elsewhere_is_looked_for() {
        for (why, search) in [
            ("HTTP 404: no", true),
            ("tcp connect error: Connection refused", true),
            ("HTTP 401: no", false),
            ("no answer within 5s", false),
            ("invalid peer certificate: UnknownIssuer", false),
        ] {
            assert_eq!(needs_search(&refusal(why)), search, "{why}");
        }
    }

    #[test]
    fn merging_is_known_by_its_words() {
        let merged = second_refused(&refusal("HTTP 400: duplicate sample for timestamp"));
        assert!(merged.remedy.unwrap().contains("promote"));
        let other = second_refused(&refusal("HTTP 500: no space left on device"));
        assert_eq!(other.remedy, None);
    }
}
