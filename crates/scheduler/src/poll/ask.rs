//! The calls of a job: which go together and in which order, and how a call that fails as a whole is split until what makes
//! it fail is alone. What fails leaves the others alone; only a door that is shut for all ends the job.

use super::{Asked, Outcome, Poller};
use crate::core::{Job, Lane};
use crate::split::{Splitting, is_of_its_content};
use intake::{Broken, Missed, Terms};
use provider_api::{Call, Due, ErrorKind, ProviderError, Urgency};
use std::collections::VecDeque;
use std::time::Duration;
use store::StoreError;

/// Refused credentials in a row after which the others would be refused as well.
const UNAUTHENTICATED_IN_A_ROW: u32 = 2;

/// Shortest wait for a door that is shut.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// What a job has been through so far.
#[derive(Debug, Default)]
struct Course {
    calls: VecDeque<Call>,
    splitting: Splitting,
    /// What failed while nothing had been answered yet: it is split, or blamed, once something is.
    put_off: Vec<(Call, ProviderError)>,
    /// Refused credentials in a row.
    unauthenticated: u32,
}

impl Poller {
    /// Makes the calls, as far as there is money for them. A backlog stops when its time is over or destinations no longer
    /// keep up.
    pub(super) async fn ask(
        &self,
        job: &Job,
        terms: &Terms,
        asked: &mut Asked,
    ) -> Result<Outcome, StoreError> {
        let mut course = Course {
            calls: self.calls(job, std::mem::take(&mut asked.due)),
            ..Course::default()
        };
        let until = self.until(job.lane);
        let mut outcome = Outcome::default();
        while let Some(call) = self.next(job, &mut course, &mut outcome) {
            if until.is_some_and(|until| self.intake.clock.now() >= until || !self.store.keeps_up()) {
                break;
            }
            let Some(_admitted) = self.admitted(job, &call, &mut outcome) else {
                continue;
            };
            let (read, missed) = self.read(job, terms, asked.settled, &call).await;
            outcome.completed += read.completed.len();
            outcome.points += read.points;
            if let Some(missed) = missed {
                Missed::add(&mut outcome.missed, missed);
            }
            match read.broken {
                None => {
                    course.splitting.answered();
                    course.unauthenticated = 0;
                }
                Some(Broken::Taker(error)) => return Err(error),
                Some(Broken::Provider(error)) if *error.kind() == ErrorKind::OverBudget => {
                    self.not_paid(&error, &mut outcome);
                }
                Some(Broken::Provider(error)) => {
                    self.broken(job, call.clone(), error, &mut course, &mut outcome);
                }
            }
            self.called(job.lane, &call);
            if outcome.walled {
                break;
            }
        }
        for (call, error) in course.put_off {
            self.missing(&call, &error, &mut outcome);
        }
        Ok(outcome)
    }

    /// The next call. What was put off comes when all others have been made, if one of them was answered.
    fn next(&self, job: &Job, course: &mut Course, outcome: &mut Outcome) -> Option<Call> {
        if course.calls.is_empty() && course.splitting.proves() {
            for (call, error) in std::mem::take(&mut course.put_off) {
                self.parted(job, call, error, course, outcome);
            }
        }
        course.calls.pop_front()
    }

    /// Oldest windows first, those of one age in turns; then, each alone, what failed by itself before.
    fn calls(&self, job: &Job, due: Vec<Due>) -> VecDeque<Call> {
        let turn = match job.lane {
            Lane::Fresh { poll, .. } => poll,
            Lane::Backlog { .. } => 0,
        };
        let parted = self.troubled.part(due, turn);
        let mut calls = self.planned(&parted.well, job.lane.urgency());
        if let Some(count) = u64::try_from(calls.len()).ok().filter(|count| *count > 1) {
            let rotated = (0..).map(|place: u64| place.wrapping_add(turn) % count);
            let mut numbered: Vec<(u64, Call)> = rotated.zip(calls).collect();
            numbered.sort_by_key(|(place, call)| (call.window, *place));
            calls = numbered.into_iter().map(|(_, call)| call).collect();
        }
        for one in parted.alone {
            calls.extend(self.planned(&[one], Urgency::Doubtful));
        }
        calls.into()
    }

    fn planned(&self, due: &[Due], urgency: Urgency) -> Vec<Call> {
        let mut calls = self.intake.provider.plan(due);
        for call in &mut calls {
            call.urgency = urgency;
        }
        calls
    }

    /// A call has failed as a whole.
    fn broken(
        &self,
        job: &Job,
        call: Call,
        error: ProviderError,
        course: &mut Course,
        outcome: &mut Outcome,
    ) {
        self.intake.failed(&job.key.name, &error);
        outcome.failed = true;
        course.splitting.failed();
        if let Some(wait) = error.wait() {
            // It was not sent, nor would the others be.
            outcome.walled = true;
            outcome.wait = Some(self.intake.clock.now().plus(wait.max(SHORTEST_WAIT)));
            self.missing(&call, &error, outcome);
        } else if *error.kind() == ErrorKind::Unauthenticated {
            course.unauthenticated += 1;
            outcome.walled = course.unauthenticated >= UNAUTHENTICATED_IN_A_ROW;
            self.missing(&call, &error, outcome);
        } else {
            self.parted(job, call, error, course, outcome);
        }
    }

    /// Splits a call that failed, or puts it off until it is known whether that helps, or names what it was for.
    fn parted(
        &self,
        job: &Job,
        call: Call,
        error: ProviderError,
        course: &mut Course,
        outcome: &mut Outcome,
    ) {
        let provider = self.intake.provider.as_ref();
        let halves = course.splitting.halves(provider, &call, error.kind());
        if !halves.is_empty() {
            for half in halves.into_iter().rev() {
                course.calls.push_front(half);
            }
        } else if !course.splitting.proves() && is_of_its_content(error.kind()) {
            course.put_off.push((call, error));
        } else {
            self.blame(job, &call, &error, course.splitting);
            self.missing(&call, &error, outcome);
        }
    }

    fn missing(&self, call: &Call, error: &ProviderError, outcome: &mut Outcome) {
        let missed = Missed::call(self.intake.clock.now(), call, error);
        Missed::add(&mut outcome.missed, missed);
    }

    /// A target that failed alone while others were answered is asked for alone from now on.
    fn blame(&self, job: &Job, call: &Call, error: &ProviderError, splitting: Splitting) {
        if let [target] = &call.targets[..]
            && splitting.proves()
            && is_of_its_content(error.kind())
        {
            let left_out = self.troubled.failed(&call.scope, target.id, error.kind(), true);
            self.troubles(&job.key.name, target, left_out, error.message());
        }
    }
}
