//! Turns a good data answer into one of the bad ones that [`BadAnswer`] names.

use axum::response::Response;
use http::StatusCode;

use super::answer::{self, ApiError, Protocol};
use super::wire::Doc;
use crate::faults::BadAnswer;

/// The token that names itself as the next page.
const LOOPING_TOKEN: &str = "bG9vcGluZw";
/// What the tokens of pages without end begin with.
const ENDLESS_TOKEN: &str = "ZW5kbGVzcw";

/// Whether a page token was handed out by a fault; it then stands for the first page.
pub(super) fn is_token(token: &str) -> bool {
    token == LOOPING_TOKEN || token.starts_with(ENDLESS_TOKEN)
}

/// The answer, spoilt.
pub(super) fn spoil(protocol: Protocol, bad: BadAnswer, mut doc: Doc) -> Response {
    match bad {
        BadAnswer::Html => return answer::html(),
        BadAnswer::ErrorInside200 => {
            let error = ApiError::bad("InternalServiceError", "The request processing has failed.");
            return answer::failure_with_status(protocol, &error, StatusCode::OK);
        }
        BadAnswer::Truncated => {
            let mut body = answer::encode(protocol, &doc);
            body.truncate(body.len() / 2);
            return answer::bytes(protocol, StatusCode::OK, body);
        }
        BadAnswer::LoopingToken => doc.set("NextToken", Doc::text(LOOPING_TOKEN)),
        BadAnswer::EndlessPages => {
            doc.set(
                "NextToken",
                Doc::Text(format!("{ENDLESS_TOKEN}{:016x}", fastrand::u64(..))),
            );
        }
        BadAnswer::TenfoldPoints => for_each_result(&mut doc, tenfold),
        BadAnswer::NotANumber => for_each_result(&mut doc, |_, values| values.fill(Doc::Num(f64::NAN))),
        BadAnswer::WrongBucketCounts => for_each_result(&mut doc, |_, values| drop(values.pop())),
    }
    answer::success(protocol, &doc)
}

/// Nine more copies of the points, each set an hour later than the one before.
fn tenfold(times: &mut Vec<Doc>, values: &mut Vec<Doc>) {
    let (few_times, few_values) = (times.clone(), values.clone());
    for copy in 1..10 {
        let later = few_times.iter().map(|time| match time {
            Doc::Time(unix_s) => Doc::Time(unix_s + 3600.0 * f64::from(copy)),
            other @ (Doc::Null
            | Doc::Bool(_)
            | Doc::Int(_)
            | Doc::Num(_)
            | Doc::Text(_)
            | Doc::List(_)
            | Doc::Map(_)) => other.clone(),
        });
        times.extend(later);
        values.extend(few_values.iter().cloned());
    }
}

fn for_each_result(doc: &mut Doc, change: impl Fn(&mut Vec<Doc>, &mut Vec<Doc>)) {
    let Doc::Map(fields) = doc else { return };
    let results = fields.iter_mut().filter(|(name, _)| name == "MetricDataResults");
    for (_, result) in results {
        let Doc::List(results) = result else { continue };
        for result in results {
            let mut times = result.list("Timestamps").to_vec();
            let mut values = result.list("Values").to_vec();
            change(&mut times, &mut values);
            result.set("Timestamps", Doc::List(times));
            result.set("Values", Doc::List(values));
        }
    }
}
