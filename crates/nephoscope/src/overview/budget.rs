//! How an account stands with its budget, in words. Pure.

use super::account::Trouble;
use super::state::AccountState;
use super::words::{dollars, exact_dollars, many};
use gate::{Standing, TooDear};
use provider_api::remedy::OVER_BUDGET;

/// What to do about a budget that pays for nothing.
const TOO_SMALL: &str = "Raise `usd_per_day` to what a day of polls costs, or leave it out; then reload.";

/// The state that it puts an account in.
pub(super) fn state(standing: &Standing) -> Option<AccountState> {
    match (&standing.too_dear, standing.until) {
        (Some(_), _) => Some(AccountState::BudgetTooSmall),
        (None, Some(_)) => Some(AccountState::OverBudget),
        (None, None) => None,
    }
}

/// Why the account is in that state, and what to do.
pub(super) fn trouble(standing: &Standing) -> Option<Trouble> {
    let remedy = match standing.too_dear {
        Some(_) => TOO_SMALL,
        None => OVER_BUDGET,
    };
    Some(Trouble {
        lasts: true,
        since: None,
        operation: "budget",
        text: why(standing)?,
        remedy: remedy.to_owned(),
        request_id: None,
        more: 0,
    })
}

/// Why polls of the account wait for money, if some do.
pub(crate) fn why(standing: &Standing) -> Option<String> {
    if let Some(TooDear {
        usd_nanos,
        limit,
        entry,
    }) = &standing.too_dear
    {
        let (call, day, entry) = (
            exact_dollars(*usd_nanos),
            exact_dollars(*limit),
            of(entry.as_deref()),
        );
        let text = format!(
            "One call costs {call}, more than the {day} that a whole day{entry} may; it is never made."
        );
        return Some(text);
    }
    let until = standing.until?.hour_and_minute();
    let verb = if standing.waiting == 1 { "waits" } else { "wait" };
    let polls = many(standing.waiting, "poll");
    let entry = of(standing.entry.as_deref());
    let today = spent(standing).map_or_else(String::new, |spent| format!(" Today has cost {spent}."));
    Some(format!(
        "{polls} {verb} for the budget{entry} until {until} UTC.{today}"
    ))
}

/// `$1.20 of $20.00`; nothing without a budget of the account.
pub(super) fn spent(standing: &Standing) -> Option<String> {
    Some(format!(
        "{} of {}",
        dollars(standing.spent),
        dollars(standing.limit?)
    ))
}

fn of(entry: Option<&str>) -> String {
    entry.map_or_else(String::new, |entry| format!(" of {entry}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::UnixNanos;

    fn waiting() -> Standing {
        Standing {
            limit: Some(20_000_000_000),
            spent: 1_200_000_000,
            waiting: 3,
            until: Some(UnixNanos::from_seconds(14 * 3_600 + 5 * 60)),
            entry: None,
            too_dear: None,
            never: 0,
        }
    }

    #[test]
    fn who_waits_is_told_for_what_and_until_when() {
        assert_eq!(
            why(&waiting()).unwrap(),
            "3 polls wait for the budget until 14:05 UTC. Today has cost $1.20 of $20.00."
        );
        let of_entry = Standing {
            limit: None,
            waiting: 1,
            entry: Some("AWS/EC2".into()),
            ..waiting()
        };
        assert_eq!(
            why(&of_entry).unwrap(),
            "1 poll waits for the budget of AWS/EC2 until 14:05 UTC."
        );
        let well = Standing {
            until: None,
            waiting: 0,
            ..waiting()
        };
        assert_eq!((why(&well), state(&well)), (None, None));
    }

    #[test]
    fn a_budget_that_pays_for_nothing_is_told_first() {
        let too_small = Standing {
            too_dear: Some(TooDear {
                usd_nanos: 5_000_000,
                limit: 1_000_000,
                entry: None,
            }),
            ..waiting()
        };
        assert_eq!(
            why(&too_small).unwrap(),
            "One call costs $0.005, more than the $0.001 that a whole day may; it is never made."
        );
        assert_eq!(state(&too_small), Some(AccountState::BudgetTooSmall));
    }
}
