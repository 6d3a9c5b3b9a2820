//! What a job has to do with money: which of its calls may go, what becomes of the others, and what is said of it.

use super::{Outcome, Poller};
use crate::core::Job;
use gate::{Admitted, Claim, TooDear, Verdict};
use provider_api::remedy::OVER_BUDGET;
use provider_api::{Call, ProviderError};
use std::time::Duration;

/// When a request that was refused in spite of its call's being admitted is tried again: others have spent the money
/// meanwhile, or it could not be noted.
const NOT_PAID_PAUSE: Duration = Duration::from_secs(60);

/// What the log is told of an account whose polls wait for money.
const WAITS: &str = "waits for its budget";

impl Poller {
    /// Lets a call go, or notes why not. Calls come in the order of their age: none that has to be paid for overtakes one
    /// that waits.
    pub(super) fn admitted(&self, job: &Job, call: &Call, outcome: &mut Outcome) -> Option<Admitted> {
        let usd_nanos = call.price.usd_nanos;
        if outcome.held.is_some() && usd_nanos > 0 {
            return None;
        }
        let claim = Claim {
            group: &job.group.name,
            entry: job.group.entry,
            urgency: job.lane.urgency(),
            usd_nanos,
        };
        match self.budget.admit(&claim) {
            Verdict::Go(admitted) => Some(admitted),
            Verdict::Wait(until) => {
                outcome.held = Some(until);
                None
            }
            Verdict::TooDear(why) => {
                outcome.too_dear = true;
                self.too_dear(job, &why);
                None
            }
        }
    }

    /// A request of a call was not sent.
    pub(super) fn not_paid(&self, error: &ProviderError, outcome: &mut Outcome) {
        tracing::debug!(account = %self.account(), %error, "not paid");
        outcome.held = Some(self.intake.clock.now().plus(NOT_PAID_PAUSE));
    }

    /// The calls of a job have been made or held back.
    pub(super) fn paid(&self, job: &Job, outcome: &Outcome) {
        if outcome.held.is_none() {
            let urgency = job.lane.urgency();
            self.budget.satisfied(&job.group.name, urgency, outcome.too_dear);
        }
        self.tell_of_budget();
    }

    /// Says when the account begins to wait for money and when it goes on.
    fn tell_of_budget(&self) {
        let Some(standing) = self.budget.standing() else {
            return;
        };
        let (account, now) = (self.account(), self.intake.clock.now());
        let Some(until) = standing.until else {
            if self.intake.notices.ends(WAITS, now) {
                tracing::info!(%account, "resuming polls of account {account}: budget available again");
            }
            return;
        };
        if self.intake.notices.begins(WAITS, now) {
            let (until, groups) = (until.hour_and_minute(), standing.waiting);
            let entry = standing.entry.as_deref();
            tracing::warn!(
                %account, groups, entry, remedy = OVER_BUDGET,
                "account {account} waits for its budget until {until} UTC. {OVER_BUDGET}"
            );
        }
    }

    fn too_dear(&self, job: &Job, why: &TooDear) {
        let group = &job.key.name;
        let event = format!("{group} too dear");
        if let Some(since) = self.intake.notices.due(event, self.intake.clock.now()) {
            let account = self.account();
            let entry = why.entry.as_deref();
            let [call, day] =
                [why.usd_nanos, why.limit].map(|nanos| Duration::from_nanos(nanos).as_secs_f64());
            tracing::error!(
                %account, %group, entry, call_usd = call, usd_per_day = day, since,
                "account {account}: one call of {group} costs ${call}, more than the ${day} that a whole day may; it is \
                 never made. Raise `usd_per_day` to much more than that, or leave it out, then reload"
            );
        }
    }
}
