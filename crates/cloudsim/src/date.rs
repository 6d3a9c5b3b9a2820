//! The `Date` of every answer: the simulated clouds' own time, and as much beside it as a test wants.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use http::{HeaderValue, header};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use crate::faults::Faults;
use crate::world::Clock;

/// Puts the header on every answer of `router`. On a clock with a pace no answer has one: it would be wrong either by the
/// clients' signatures or by the clouds' points.
pub(crate) fn dated(router: Router, clock: &Clock, faults: &Faults) -> Router {
    if clock.is_paced() {
        return router;
    }
    let (clock, faults) = (clock.clone(), faults.clone());
    router.layer(map_response(move |mut response: Response| {
        let now = clock.now();
        let shown = now.saturating_add(SignedDuration::from_secs(faults.date_skew_s()));
        if let Some(date) = http_date(shown.unwrap_or(now)) {
            response.headers_mut().insert(header::DATE, date);
        }
        std::future::ready(response)
    }))
}

fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let text = rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .ok()?;
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        let date = http_date(Timestamp::from_second(784_111_777).unwrap());
        assert_eq!(date.unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
