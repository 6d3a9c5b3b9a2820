//! One account as people see it: its state, its figures, and what is wrong with it.

use super::budget;
use super::failing::at_present;
use super::state::{self, AccountState};
use gate::{Failing, Gate, QuotaUse, Standing};
use provider_api::remedy::{NOT_CONNECTED, remedy};
use provider_api::{Cloud, UnixNanos};
use scheduler::{AccountProgress, LastError};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::time::Duration;

/// How long a failure that has passed is told: until whoever has mended it has looked.
const TOLD_FOR: Duration = Duration::from_secs(3_600);

/// What is wrong, or was last.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// Whether it still is.
    pub(crate) lasts: bool,
    /// For how long, or how long ago.
    pub(crate) since: Option<Duration>,
    /// What was asked.
    pub(crate) operation: &'static str,
    /// What was tried, where, and why it failed.
    pub(crate) text: String,
    /// What to do.
    pub(crate) remedy: String,
    /// The cloud's id of the request.
    pub(crate) request_id: Option<String>,
    /// Further operations and scopes that fail.
    pub(crate) more: usize,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct AccountRow {
    /// The configuration's name.
    pub(crate) name: String,
    /// Which cloud.
    pub(crate) cloud: &'static str,
    /// How it is.
    pub(crate) state: AccountState,
    /// Whether points of it can be had.
    pub(crate) ready: bool,
    /// What is wrong, or was last.
    pub(crate) trouble: Option<Trouble>,
    /// What was done.
    pub(crate) progress: AccountProgress,
    /// Requests of all outcomes.
    pub(crate) requests: u64,
    /// Requests that were throttled.
    pub(crate) throttled: u64,
    /// The quota that is used most.
    pub(crate) quota: Option<QuotaUse>,
    /// What the requests cost at list price, in billionths of a US dollar.
    pub(crate) usd_nanos: u64,
    /// What it may cost, if that is limited.
    pub(crate) budget: Option<Standing>,
    /// How many seconds the cloud's clock is ahead of ours, if it has said so.
    pub(crate) skew_s: Option<i64>,
}

impl AccountRow {
    /// An account that is polled.
    pub(super) fn connected(account: &AccountProgress, gate: Option<&Gate>, now: UnixNanos) -> Self {
        let of_gate = gate.map(Gate::failing).unwrap_or_default();
        let failing = at_present(account, of_gate, now);
        let passed = gate.map(Gate::snapshot).unwrap_or_default();
        let throttled = passed.requests.iter().filter(|c| c.outcome == "throttled");
        let row = Self {
            name: account.name.clone(),
            cloud: account.cloud,
            state: state::of_account(account, &failing),
            ready: state::works(account, &failing),
            trouble: gate.and_then(|gate| trouble(gate.cloud(), &failing, account.last_error.as_ref(), now)),
            requests: passed.requests.iter().map(|c| c.requests).sum(),
            throttled: throttled.map(|c| c.requests).sum(),
            quota: gate.and_then(Gate::busiest),
            usd_nanos: passed.usd_nanos,
            budget: gate.and_then(|gate| gate.budget().standing()),
            skew_s: gate.and_then(|gate| gate.skew().ahead_seconds(now)),
            progress: AccountProgress {
                groups: std::collections::BTreeMap::new(),
                ..account.clone()
            },
        };
        row.with_budget()
    }

    /// Polls that wait for money are told unless something worse is.
    fn with_budget(mut self) -> Self {
        let standing = self.budget.as_ref();
        let state = standing
            .and_then(budget::state)
            .filter(|state| *state < self.state);
        if let Some(state) = state {
            (self.state, self.trouble) = (state, standing.and_then(budget::trouble));
        }
        self
    }

    /// Its state, with what only this account can say of it.
    pub(crate) fn said(&self) -> Cow<'static, str> {
        let until = self.budget.as_ref().and_then(|standing| standing.until);
        match until.filter(|_| self.state == AccountState::OverBudget) {
            Some(until) => format!("waits for its budget until {} UTC", until.hour_and_minute()).into(),
            None => self.state.label().into(),
        }
    }

    /// What today has cost of what it may; nothing where that is not limited.
    pub(crate) fn spent_today(&self) -> Option<String> {
        self.budget.as_ref().and_then(budget::spent)
    }

    /// An account that is left out, and why.
    pub(crate) fn not_connected(name: String, why: String) -> Self {
        let trouble = Trouble {
            lasts: true,
            since: None,
            operation: "connect",
            text: why,
            remedy: NOT_CONNECTED.to_owned(),
            request_id: None,
            more: 0,
        };
        Self {
            name,
            cloud: "",
            state: AccountState::NotConnected,
            ready: false,
            trouble: Some(trouble),
            progress: AccountProgress::default(),
            requests: 0,
            throttled: 0,
            quota: None,
            usd_nanos: 0,
            budget: None,
            skew_s: None,
        }
    }
}

/// What fails at present, what needs a person first; else what failed last, unless that is long ago.
fn trouble(cloud: Cloud, failing: &[Failing], last: Option<&LastError>, now: UnixNanos) -> Option<Trouble> {
    let worst = failing
        .iter()
        .min_by_key(|f| (state::passes(&f.kind), !state::needed(f), Reverse(f.since)));
    if let Some(worst) = worst {
        return Some(Trouble {
            lasts: true,
            since: Some(worst.since),
            operation: worst.operation,
            text: words_of(worst),
            remedy: remedy(cloud, worst.operation, &worst.kind).into_owned(),
            request_id: worst.request_id.clone(),
            more: failing.len() - 1,
        });
    }
    let lately = |last: &&LastError| now.since(last.at) < TOLD_FOR;
    last.filter(lately).map(|last| Trouble {
        lasts: false,
        since: Some(now.since(last.at)),
        operation: last.operation,
        text: last.text.clone(),
        remedy: remedy(cloud, last.operation, &last.kind).into_owned(),
        request_id: None,
        more: 0,
    })
}

/// What was asked, where if it has a place, and the cloud's words.
fn words_of(failing: &Failing) -> String {
    match &*failing.scope.0 {
        "-" => format!("{}: {}", failing.operation, failing.message),
        scope => format!("{} in {scope}: {}", failing.operation, failing.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use provider_api::{ErrorKind, Scope};

    fn failing(operation: &'static str, kind: ErrorKind, since_s: u64) -> Failing {
        Failing {
            scope: Scope::new("eu-west-1"),
            host: None,
            operation,
            kind,
            message: "no".to_owned(),
            request_id: Some("r-1".to_owned()),
            since: Duration::from_secs(since_s),
        }
    }

    #[test]
    fn what_needs_a_person_comes_before_what_has_lasted_longer() {
        let failing = [
            failing("GetMetricData", ErrorKind::TimedOut, 500),
            failing("ListMetrics", ErrorKind::Forbidden, 5),
        ];
        let found = trouble(Cloud::Aws, &failing, None, UnixNanos(0)).unwrap();
        assert_eq!(found.text, "ListMetrics in eu-west-1: no");
        assert!(found.remedy.contains("`cloudwatch:ListMetrics`"));
        assert_eq!((found.lasts, found.more), (true, 1));
        assert_eq!(found.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn without_a_present_failure_the_last_one_is_told_as_past() {
        let last = LastError {
            at: UnixNanos::from_seconds(10),
            kind: ErrorKind::TimedOut,
            operation: "ListMetrics",
            text: "it failed".to_owned(),
        };
        let found = trouble(Cloud::Gcp, &[], Some(&last), UnixNanos::from_seconds(25)).unwrap();
        assert_eq!((found.lasts, found.since), (false, Some(Duration::from_secs(15))));
        assert!(trouble(Cloud::Gcp, &[], None, UnixNanos(0)).is_none());
        let later = UnixNanos::from_seconds(10).plus(TOLD_FOR);
        assert!(trouble(Cloud::Gcp, &[], Some(&last), later).is_none());
    }
}
