//! Says in the log who was refused: the first of a kind at once, the others of a minute as a number.

use crate::admin::api::error::ApiError;
use axum::http::StatusCode;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often refusals of one kind are worth a line.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What has been said of a kind.
#[derive(Debug)]
struct Said {
    at: Instant,
    held_back: u64,
}

/// Refusals, by their code: there are few.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<&'static str, Said>>);

impl Refusals {
    /// Notes a failed request; only those for lack of a right are worth a line.
    pub(super) fn note(&self, refused: &ApiError, address: IpAddr) {
        let status = refused.status();
        let refusal = [
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if !refusal.contains(&status) {
            return;
        }
        if let Some(held_back) = self.worth_a_line(refused.code(), Instant::now()) {
            tracing::warn!(
                code = refused.code(),
                %address,
                status = status.as_u16(),
                held_back,
                "refused a request: {}",
                refused.message()
            );
        }
    }

    /// How many were held back since the last line, if it is time for another.
    fn worth_a_line(&self, code: &'static str, now: Instant) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(said) = all.get_mut(code) else {
            all.insert(
                code,
                Said {
                    at: now,
                    held_back: 0,
                },
            );
            return Some(0);
        };
        if now.duration_since(said.at) < SAY_EVERY {
            said.held_back += 1;
            return None;
        }
        said.at = now;
        Some(std::mem::take(&mut said.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_and_the_others_are_counted() {
        let refusals = Refusals::default();
        let start = Instant::now();
        let say = |code, seconds| refusals.worth_a_line(code, start + Duration::from_secs(seconds));
        assert_eq!(say("a", 0), Some(0));
        assert_eq!((say("a", 1), say("a", 59)), (None, None));
        assert_eq!(say("b", 59), Some(0));
        assert_eq!(say("a", 60), Some(2));
    }
}
