//! Finds the points that a back end refuses, and makes sure that it is the points.
//!
//! A refused batch is first searched for anything that is taken: single points that lie far apart, then its halves, at
//! most about log₂ of its points. When nothing is, nothing is blamed: the batch waits, and one request at a time tells
//! whether that has changed. Otherwise it is halved down to single points. Such a point is dropped when it has been refused
//! in three rounds, each after something else was taken; where nothing else is left to send, an empty request stands in.

use super::trouble::{Failure, Kind, Suspect, Troubled};
use super::{Delivery, Source, Stopped};
use crate::encode::Encoded;
use crate::pick::{by_time, samples, without};
use crate::recode::split;
use crate::refusal::Refusal;
use crate::stats::DeliveryStats;
use std::collections::BTreeSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Requests spent on one batch before others have their turn. Finding one point among 20 000 takes about 30.
const MOST_REQUESTS: u32 = 256;

/// In how many rounds a point is refused before it is dropped.
const REFUSALS: u32 = 3;

impl<S: Source> Delivery<S> {
    /// A batch that was refused as a whole for the first time: taken apart if anything of it is taken, else put aside.
    pub(super) async fn look_into(
        &mut self,
        mut item: Troubled,
        mut failure: Failure,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        item.last = Instant::now();
        let proved = match self.search(&mut item, stop).await? {
            Ok(proved) => proved,
            Err(other) => {
                failure = other;
                false
            }
        };
        item.searched = proved || matches!(failure.kind, Kind::Refused(_));
        if proved {
            self.watch.refused(|stats| &stats.split, &failure.why);
            item.failure = failure;
            return self.take_apart(item, stop).await;
        }
        self.put_aside(item, failure);
        Ok(())
    }

    /// Looks for anything of a batch that is taken, which is then gone from it; or says why there is no telling.
    async fn search(
        &mut self,
        item: &mut Troubled,
        stop: &CancellationToken,
    ) -> Result<Result<bool, Failure>, Stopped> {
        let Some(whole) = item.rest.last().cloned() else {
            return Ok(Ok(false));
        };
        if whole.points < 2 {
            return Ok(Ok(false));
        }
        let most = usize::try_from(whole.points.ilog2()).unwrap_or(1);
        for (number, one) in samples(&whole, most).unwrap_or_default() {
            match self.carry(&one, item, stop).await? {
                None => {
                    item.rest.pop();
                    let rest = without(&whole, &BTreeSet::from([number]));
                    item.rest.extend(rest.unwrap_or_default());
                    return Ok(Ok(true));
                }
                Some(failure) if matches!(failure.kind, Kind::Refused(_)) => {}
                Some(failure) => return Ok(Err(failure)),
            }
        }
        let Ok(Some((first, second))) = split(&whole) else {
            return Ok(Ok(false));
        };
        let halves = [(&first, &second), (&second, &first)];
        let of_order = if self.in_order { 1 } else { 2 };
        for (one, other) in halves.into_iter().take(of_order) {
            match self.carry(one, item, stop).await? {
                None => {
                    item.rest = vec![other.clone()];
                    return Ok(Ok(true));
                }
                Some(failure) if matches!(failure.kind, Kind::Refused(_)) => {}
                Some(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(false))
    }

    /// Delivers what is taken of a batch and keeps single points that are not.
    pub(super) async fn take_apart(
        &mut self,
        mut item: Troubled,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        (item.searched, item.open) = (true, false);
        let mut unanswered = None;
        for _ in 0..MOST_REQUESTS {
            let Some(part) = item.rest.pop() else { break };
            match self.carry(&part, &mut item, stop).await? {
                None => {}
                Some(failure) if failure.answered => self.halve(&mut item, part, failure),
                Some(failure) => {
                    item.rest.push(part);
                    unanswered = Some(failure);
                    break;
                }
            }
        }
        if unanswered.is_none() && item.rest.is_empty() {
            self.confirm(&mut item, stop).await?;
        }
        self.leave(item, unanswered).await;
        Ok(())
    }

    /// A part was refused: its halves come next, or it is a single point.
    fn halve(&mut self, item: &mut Troubled, part: Encoded, failure: Failure) {
        item.last = Instant::now();
        match (failure.kind, split(&part)) {
            (Kind::Refused(Refusal::Order { rest_stored: true }), _) => {
                self.watch.stored_but_some(&part, &failure.why);
            }
            (Kind::Refused(Refusal::Deltas), _) => {
                self.refuses_deltas(&failure.why);
                item.rest.push(part);
                Self::strip(item);
            }
            (_, Ok(Some((first, second)))) => {
                self.watch.refused(|stats| &stats.split, &failure.why);
                item.rest.extend([second, first]);
            }
            (Kind::Refused(Refusal::Order { .. }), _) => self.watch.out_of_order(&part, &failure.why),
            (_, Ok(None)) => item.suspects.push(Suspect {
                part,
                refusals: 1,
                last: item.last,
                failure,
            }),
            (_, Err(error)) => self.watch.gave_up(&part, &error.to_string()),
        }
    }

    /// Tries suspects again, each time after something else was taken, and drops those that are refused once more.
    async fn confirm(&mut self, item: &mut Troubled, stop: &CancellationToken) -> Result<(), Stopped> {
        for round in 1..REFUSALS {
            if item.suspects.is_empty() || !self.others_are_taken(item, stop).await? {
                return Ok(());
            }
            let mut wrong = false;
            for suspect in std::mem::take(&mut item.suspects) {
                match self.try_again(suspect, round, item, stop).await? {
                    Some(suspect) => item.suspects.push(suspect),
                    None => wrong = true,
                }
            }
            if wrong {
                // A back end that changes its mind proves nothing.
                item.suspects.iter_mut().for_each(|suspect| suspect.refusals = 1);
            }
            self.drop_proved(item);
        }
        Ok(())
    }

    /// Tries a suspect again, a few times in a row: behind a balancer, every second or third server may be the one that
    /// refuses. Nothing when it was taken.
    async fn try_again(
        &mut self,
        mut suspect: Suspect,
        round: u32,
        item: &mut Troubled,
        stop: &CancellationToken,
    ) -> Result<Option<Suspect>, Stopped> {
        let part = suspect.part.clone();
        for _ in 0..=round {
            match self.carry(&part, item, stop).await? {
                None => return Ok(None),
                Some(failure) if failure.answered => suspect.failure = failure,
                Some(_) => return Ok(Some(suspect)),
            }
        }
        suspect.refusals += 1;
        suspect.last = Instant::now();
        Ok(Some(suspect))
    }

    fn drop_proved(&mut self, item: &mut Troubled) {
        let (proved, open) = std::mem::take(&mut item.suspects)
            .into_iter()
            .partition(|suspect| suspect.refusals >= REFUSALS);
        item.suspects = open;
        for suspect in proved {
            let why = &suspect.failure.why;
            self.watch.refused(|stats: &DeliveryStats| &stats.refused, why);
            self.watch
                .gave_up(&suspect.part, &format!("refused while others are taken: {why}"));
        }
    }

    /// Whether something else has been taken since the last refusal of a suspect.
    async fn others_are_taken(&mut self, item: &Troubled, stop: &CancellationToken) -> Result<bool, Stopped> {
        let last = item.suspects.iter().map(|suspect| suspect.last).max();
        let last = last.unwrap_or(item.last);
        if self.flow.taken_since(last) {
            return Ok(true);
        }
        let by_empty = item
            .suspects
            .iter()
            .all(|suspect| suspect.failure.is_answered_by_empty());
        Ok(self.flow.taken_since(item.first) && by_empty && self.takes_empty(stop).await?)
    }

    /// What is left of a batch waits; when nothing is, it is done.
    async fn leave(&mut self, mut item: Troubled, unanswered: Option<Failure>) {
        let now = Instant::now();
        if item.rest.is_empty() && item.suspects.is_empty() {
            self.finish(item).await;
            return;
        }
        item.open = unanswered.is_none() && !item.rest.is_empty() && self.flow.taken_since(item.first);
        let open = item.open;
        let of_suspect = item.suspects.last().map(|suspect| suspect.failure.clone());
        let failure = unanswered.or(of_suspect).unwrap_or_else(|| item.failure.clone());
        self.put_aside(item, failure);
        if let Some(item) = self.troubled.last_mut()
            && open
        {
            item.next = now + self.waits.backoff_first;
        }
    }

    /// Sends what is not refused for its age. The words are the proof for what is: only how many requests it takes is
    /// bounded.
    pub(super) async fn sieve(
        &mut self,
        mut item: Troubled,
        why: &str,
        stop: &CancellationToken,
    ) -> Result<(), Stopped> {
        let mut budget = MOST_REQUESTS;
        let mut refused = item.rest.pop().map(|part| (part, why.to_owned()));
        loop {
            if let Some((part, why)) = refused.take() {
                let halves = if budget > 0 { halves(&part) } else { None };
                match halves {
                    Some((older, newer)) => {
                        self.watch.refused(|stats| &stats.split, &why);
                        item.rest.extend([newer, older]);
                    }
                    None => self.watch.out_of_order(&part, &why),
                }
            }
            let Some(part) = item.rest.pop() else { break };
            budget = budget.saturating_sub(1);
            match self.carry(&part, &mut item, stop).await? {
                None => {}
                Some(failure) if matches!(failure.kind, Kind::Refused(Refusal::Order { .. })) => {
                    refused = Some((part, failure.why));
                }
                Some(failure) => {
                    item.rest.push(part);
                    self.put_aside(item, failure);
                    return Ok(());
                }
            }
        }
        self.leave(item, None).await;
        Ok(())
    }
}

/// Older and newer points; of those of one moment, one half and the other.
fn halves(part: &Encoded) -> Option<(Encoded, Encoded)> {
    by_time(part)
        .ok()
        .flatten()
        .or_else(|| split(part).ok().flatten())
}
