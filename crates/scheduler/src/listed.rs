//! Says what each account has to poll when that is known first: a line for each of a few accounts, one line for the
//! rest of many.

use crate::price::Daily;
use intake::Unmatched;
use provider_api::{AccountId, UnixNanos};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Accounts that get a line of their own in a [`SPELL`]: what a person reads.
const LINES: usize = 20;

/// How long further accounts are gathered for one line.
const SPELL: Duration = Duration::from_secs(60);

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Scopes that could be listed.
    pub(crate) scopes: usize,
    /// Targets in them.
    pub(crate) targets: usize,
    /// Series expected of these.
    pub(crate) series: u64,
    /// What polling them takes.
    pub(crate) daily: Daily,
}

impl Found {
    pub(crate) fn add(&mut self, other: Self) {
        self.scopes += other.scopes;
        self.targets += other.targets;
        self.series += other.series;
        self.daily.add(other.daily);
    }

    /// At list price.
    fn usd_per_day(self) -> f64 {
        Duration::from_nanos(self.daily.usd_nanos).as_secs_f64()
    }
}

#[derive(Debug, Default)]
struct Said {
    since: Option<UnixNanos>,
    lines: usize,
    rest: usize,
    of_rest: Found,
}

/// What has been said.
#[derive(Debug, Default)]
pub(crate) struct Listed(Mutex<Said>);

impl Listed {
    /// An account has been listed for the first time.
    pub(crate) fn first(&self, now: UnixNanos, account: &AccountId, found: Found) {
        if !self.of_its_own(now, found) {
            return;
        }
        let Found {
            scopes,
            targets,
            series,
            ..
        } = found;
        if targets == 0 {
            tracing::warn!(%account, scopes, "account {account}: nothing that was listed matches the configuration; compare its entries with `nephoscope discover`");
        } else {
            tracing::info!(%account, scopes, targets, series, usd_per_day = found.usd_per_day(), "account {account} is listed and polled");
        }
    }

    /// Patterns that fit nothing, of an account that has just been listed for the first time.
    pub(crate) fn unmatched(account: &AccountId, unmatched: &[Unmatched]) {
        for one in unmatched.iter().take(LINES) {
            tracing::warn!(%account, "account {account}: {one}");
        }
        if let Some(more) = unmatched.len().checked_sub(LINES).filter(|more| *more > 0) {
            tracing::warn!(%account, more, "account {account}: {more} further patterns match nothing");
        }
    }

    /// Says what was gathered, when it is time.
    pub(crate) fn rest(&self, now: UnixNanos) {
        if let Some((accounts, found)) = self.gathered(now) {
            let Found {
                scopes,
                targets,
                series,
                ..
            } = found;
            tracing::info!(
                accounts,
                scopes,
                targets,
                series,
                "further accounts are listed and polled"
            );
        }
    }

    /// Whether this account gets a line of its own.
    fn of_its_own(&self, now: UnixNanos, found: Found) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = said.since.is_none_or(|since| now.since(since) >= SPELL);
        if over && said.rest == 0 {
            (said.since, said.lines) = (Some(now), 0);
        }
        if said.lines < LINES {
            said.lines += 1;
            return true;
        }
        said.rest += 1;
        said.of_rest.add(found);
        false
    }

    fn gathered(&self, now: UnixNanos) -> Option<(usize, Found)> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = said.since.is_some_and(|since| now.since(since) >= SPELL);
        if !over || said.rest == 0 {
            return None;
        }
        let Said { rest, of_rest, .. } = std::mem::take(&mut *said);
        Some((rest, of_rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Found = Found {
        scopes: 1,
        targets: 2,
        series: 3,
        daily: Daily {
            calls: 4,
            usd_nanos: 5,
        },
    };

    fn at(seconds: i64) -> UnixNanos {
        UnixNanos::from_seconds(seconds)
    }

    #[test]
    fn a_thousand_accounts_are_a_few_lines_and_one_for_the_rest() {
        let listed = Listed::default();
        let lines = (0..1_000).filter(|_| listed.of_its_own(at(5), ONE)).count();
        assert_eq!((lines, listed.gathered(at(64))), (LINES, None));
        let rest = Found {
            scopes: 980,
            targets: 1_960,
            series: 2_940,
            daily: Daily {
                calls: 3_920,
                usd_nanos: 4_900,
            },
        };
        assert_eq!(listed.gathered(at(65)), Some((980, rest)));
        assert_eq!(listed.gathered(at(200)), None);
        assert!(listed.of_its_own(at(200), ONE), "later ones have lines again");
    }

    #[test]
    fn an_account_now_and_then_has_its_own_line() {
        let listed = Listed::default();
        assert!((0..1_000).all(|n| listed.of_its_own(at(n * 60), ONE)));
    }
}
