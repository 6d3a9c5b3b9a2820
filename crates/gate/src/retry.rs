//! Whether and when a failed request goes again: the one table of reactions, pure.

use provider_api::ErrorKind;
use std::time::Duration;

/// Attempts after which an answer that cannot be understood is believed to stay so: a cut body or one proxy's page may
/// pass, a wrong endpoint does not, and a person who waits for `check` should be told soon.
const BAD_RESPONSE_ATTEMPTS: u32 = 3;

/// A provider drops its cached token when it reports this kind, so one further attempt uses a new one.
const UNAUTHENTICATED_ATTEMPTS: u32 = 2;

/// The bounds of trying again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryLimits {
    /// Attempts in all.
    pub attempts: u32,
    /// Attempts in all while nobody answers: no connection, or nothing within the time of one attempt.
    pub unanswered: u32,
    /// Time from the first attempt after which none is begun.
    pub budget: Duration,
    /// First step of the backoff; doubled for each further attempt, of which a random part is waited (full jitter).
    pub base: Duration,
    /// Longest step of the backoff.
    pub cap: Duration,
    /// A cloud that asks for a longer wait than this is asked again by the next poll instead.
    pub longest_retry_after: Duration,
}

impl Default for RetryLimits {
    /// Eight attempts within two minutes: long enough for a throttled burst, short enough for a five-minute poll.
    fn default() -> Self {
        Self {
            attempts: 8,
            unanswered: 8,
            budget: Duration::from_secs(120),
            base: Duration::from_millis(200),
            cap: Duration::from_secs(20),
            longest_retry_after: Duration::from_secs(60),
        }
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Hand the error to the caller.
    GiveUp,
    /// Wait, then send again.
    TryAgainAfter(Duration),
}

/// The reaction to a failure of `kind` after `tries` attempts and `spent` time; `dice` is a random number in [0, 1).
pub fn reaction(kind: &ErrorKind, tries: u32, spent: Duration, limits: &RetryLimits, dice: f64) -> Reaction {
    let (asked, attempts) = match kind {
        ErrorKind::Throttled { retry_after } | ErrorKind::Unavailable { retry_after } => {
            (*retry_after, limits.attempts)
        }
        ErrorKind::TimedOut => (None, limits.attempts.min(limits.unanswered)),
        ErrorKind::BadResponse => (None, limits.attempts.min(BAD_RESPONSE_ATTEMPTS)),
        ErrorKind::Unauthenticated => (None, limits.attempts.min(UNAUTHENTICATED_ATTEMPTS)),
        ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::InvalidRequest
        | ErrorKind::OverBudget
        | ErrorKind::Permanent => return Reaction::GiveUp,
    };
    if tries >= attempts || asked.is_some_and(|wait| wait > limits.longest_retry_after) {
        return Reaction::GiveUp;
    }
    let step = limits
        .base
        .saturating_mul(2_u32.saturating_pow(tries - 1))
        .min(limits.cap);
    let wait = asked.unwrap_or_default() + step.mul_f64(dice);
    if spent + wait > limits.budget {
        Reaction::GiveUp
    } else {
        Reaction::TryAgainAfter(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    #[test]
    fn each_kind_has_its_reaction() {
        let limits = RetryLimits::default();
        let again = |kind: &ErrorKind, tries| reaction(kind, tries, NONE, &limits, 0.5) != Reaction::GiveUp;
        assert!(again(&ErrorKind::Throttled { retry_after: None }, 1));
        assert!(again(&ErrorKind::TimedOut, 7));
        assert!(!again(&ErrorKind::TimedOut, 8), "attempts end");
        assert!(again(&ErrorKind::Unauthenticated, 1) && !again(&ErrorKind::Unauthenticated, 2));
        assert!(again(&ErrorKind::BadResponse, 2) && !again(&ErrorKind::BadResponse, 3));
        for kind in [
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::InvalidRequest,
            ErrorKind::OverBudget,
            ErrorKind::Permanent,
        ] {
            assert!(!again(&kind, 1), "{kind:?}");
        }
    }

    #[test]
    fn silence_can_be_given_up_sooner_than_refusals() {
        let limits = RetryLimits {
            unanswered: 1,
            ..RetryLimits::default()
        };
        let again = |kind: &ErrorKind| reaction(kind, 1, NONE, &limits, 0.5) != Reaction::GiveUp;
        assert!(!again(&ErrorKind::TimedOut));
        assert!(again(&ErrorKind::Throttled { retry_after: None }));
        assert!(again(&ErrorKind::Unavailable { retry_after: None }));
    }

    #[test]
    fn the_clouds_wait_is_a_floor_within_our_limits() {
        let limits = RetryLimits::default();
        let kind = |s| ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(s)),
        };
        let wait = reaction(&kind(17), 1, NONE, &limits, 0.5);
        assert_eq!(wait, Reaction::TryAgainAfter(Duration::from_millis(17_100)));
        assert_eq!(reaction(&kind(61), 1, NONE, &limits, 0.0), Reaction::GiveUp);
        assert_eq!(
            reaction(&kind(17), 1, Duration::from_secs(110), &limits, 0.0),
            Reaction::GiveUp
        );
    }
}
