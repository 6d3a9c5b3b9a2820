//! The decisions: which call may go now, which waits until when, and which request is refused. Pure; time comes in as an
//! argument.
//!
//! Whoever waits keeps a place in line, fresh before backlog: small calls do not eat away the money that a large one waits
//! for. A place counts only in the purse that is short, so an entry that has spent its own money holds back no other.

use super::purse::{Purse, Record};
use super::spread::{Day, allowed, enough};
use super::{BudgetLimits, Claim, Decision, Refused, Standing, TooDear};
use provider_api::{UnixNanos, Urgency};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose money: the account's, or that of an entry.
pub(super) type Whose = Option<Arc<str>>;

#[derive(Debug)]
struct UnderWay {
    entry: Whose,
    left: u64,
}

#[derive(Debug)]
struct Waiting {
    place: u64,
    price: u64,
    until: UnixNanos,
    short: Vec<Whose>,
}

/// What was paid, to be given back if the request does not go after all.
#[derive(Debug)]
pub(super) struct Receipt {
    day: Day,
    entry: Whose,
    price: u64,
}

/// The money of one account.
#[derive(Debug, Default)]
pub(super) struct Book {
    day: Day,
    account: Purse,
    entries: BTreeMap<Arc<str>, Purse>,
    /// Names of the entries in the order of the configuration.
    order: Vec<Arc<str>>,
    under_way: BTreeMap<Arc<str>, UnderWay>,
    waiting: BTreeMap<(Urgency, Arc<str>), Waiting>,
    places: u64,
    too_dear: BTreeMap<Arc<str>, TooDear>,
}

impl Book {
    /// Goes on from what was kept.
    pub(super) fn resume(&mut self, record: Record) {
        let purse = |spent| Purse {
            limit: None,
            spent,
            noted: spent,
        };
        self.day = record.day;
        self.account = purse(record.account);
        let entries = record.entries.into_iter();
        self.entries = entries.map(|(name, spent)| (name, purse(spent))).collect();
    }

    /// These limits are in force from now on; what has been spent stays spent. Who waits asks again.
    pub(super) fn limit(&mut self, limits: &BudgetLimits) {
        self.account.limit = limits.account;
        let known = std::mem::take(&mut self.entries);
        for entry in &limits.entries {
            let mut purse = known.get(&entry.name).copied().unwrap_or_default();
            purse.limit = entry.usd_nanos;
            self.entries.insert(Arc::clone(&entry.name), purse);
        }
        self.order = limits.entries.iter().map(|e| Arc::clone(&e.name)).collect();
        self.waiting.clear();
        self.too_dear.clear();
    }

    /// Whether anything is limited of what this entry may cost.
    pub(super) fn limits(&self, entry: usize) -> bool {
        !self.limited(self.order.get(entry)).is_empty()
    }

    /// Whether a call may go. If so, its price is set aside until [`Self::ended`].
    pub(super) fn admit(&mut self, now: UnixNanos, claim: &Claim<'_>) -> Decision {
        let now = self.turn_to(now);
        let entry = self.order.get(claim.entry).cloned();
        let limited = self.limited(entry.as_ref());
        if claim.usd_nanos == 0 {
            return Decision::Go;
        }
        if let Some((whose, limit)) = limited.iter().find(|(_, limit)| claim.usd_nanos > *limit) {
            let (usd_nanos, limit, entry) = (claim.usd_nanos, *limit, whose.clone());
            let too_dear = TooDear {
                usd_nanos,
                limit,
                entry,
            };
            self.too_dear.insert(Arc::clone(claim.group), too_dear.clone());
            return Decision::TooDear(too_dear);
        }
        let key = (claim.urgency, Arc::clone(claim.group));
        let short = |(whose, limit): (Whose, u64)| Some((self.short(now, &whose, limit, claim)?, whose));
        let short: Vec<(UnixNanos, Whose)> = limited.into_iter().filter_map(short).collect();
        let Some(until) = short.iter().map(|(until, _)| *until).max() else {
            self.waiting.remove(&key);
            let left = claim.usd_nanos;
            self.under_way.insert(key.1, UnderWay { entry, left });
            return Decision::Go;
        };
        let place = self.waiting.get(&key).map_or(self.places, |known| known.place);
        self.places += 1;
        let waiting = Waiting {
            place,
            price: claim.usd_nanos,
            until,
            short: short.into_iter().map(|(_, whose)| whose).collect(),
        };
        self.waiting.insert(key, waiting);
        Decision::Wait(until)
    }

    /// A call that was let go has ended.
    pub(super) fn ended(&mut self, group: &Arc<str>) {
        self.under_way.remove(group);
    }

    /// A group has asked for all that it wanted: it waits no more, and unless it has just been, it is not too dear.
    pub(super) fn satisfied(&mut self, group: &Arc<str>, urgency: Urgency, too_dear: bool) {
        self.waiting.remove(&(urgency, Arc::clone(group)));
        if !too_dear {
            self.too_dear.remove(group);
        }
    }

    /// Only these groups are still there.
    pub(super) fn retain(&mut self, mut is_there: impl FnMut(&str) -> bool) {
        self.waiting.retain(|(_, group), _| is_there(group));
        self.too_dear.retain(|group, _| is_there(group));
    }

    /// A request is about to go out, for a call of this group or for nobody in particular. Refused when the day would cost
    /// more than it may.
    pub(super) fn pay(
        &mut self,
        now: UnixNanos,
        group: Option<&Arc<str>>,
        price: u64,
    ) -> Result<Receipt, Refused> {
        self.turn_to(now);
        let under_way = group.and_then(|group| self.under_way.get(group));
        let entry = under_way.and_then(|call| call.entry.clone());
        let mut limited = self.limited(entry.as_ref()).into_iter();
        let over = |whose: &Whose, limit: u64| {
            let spent = self.purse(whose).map_or(0, |purse| purse.spent);
            spent.saturating_add(price) > limit
        };
        if let Some((entry, limit)) = limited.find(|(whose, limit)| over(whose, *limit)) {
            return Err(Refused { limit, entry });
        }
        if let Some(call) = group.and_then(|group| self.under_way.get_mut(group)) {
            call.left = call.left.saturating_sub(price);
        }
        self.spend(&entry, |spent| spent.saturating_add(price));
        Ok(Receipt {
            day: self.day,
            entry,
            price,
        })
    }

    /// An answer cost more than was known when its request paid: it is spent, even beyond what the day may cost.
    pub(super) fn owes(&mut self, now: UnixNanos, group: Option<&Arc<str>>, price: u64) {
        self.turn_to(now);
        let under_way = group.and_then(|group| self.under_way.get(group));
        let entry = under_way.and_then(|call| call.entry.clone());
        self.spend(&entry, |spent| spent.saturating_add(price));
    }

    /// The request did not go after all.
    pub(super) fn refund(&mut self, receipt: &Receipt) {
        if receipt.day == self.day {
            self.spend(&receipt.entry, |spent| spent.saturating_sub(receipt.price));
        }
    }

    fn spend(&mut self, entry: &Whose, change: impl Fn(u64) -> u64) {
        self.account.spent = change(self.account.spent);
        if let Some(purse) = entry.as_ref().and_then(|name| self.entries.get_mut(name)) {
            purse.spent = change(purse.spent);
        }
    }

    /// What to note before the next request goes out; nothing when enough is noted.
    pub(super) fn to_note(&self) -> Option<Record> {
        let covered = self.account.covered() && self.entries.values().all(Purse::covered);
        (!covered).then(|| self.record(Purse::mark))
    }

    /// What has been spent and no more, to be noted when nothing more is.
    pub(super) fn settled(&self) -> Option<Record> {
        let limited = self.account.limit.is_some() || self.entries.values().any(|p| p.limit.is_some());
        limited.then(|| self.record(|purse| purse.spent))
    }

    fn record(&self, of: impl Fn(&Purse) -> u64) -> Record {
        let entries = self.entries.iter();
        Record {
            day: self.day,
            account: of(&self.account),
            entries: entries
                .map(|(name, purse)| (Arc::clone(name), of(purse)))
                .collect(),
        }
    }

    /// A record outlives the process now.
    pub(super) fn noted(&mut self, record: &Record) {
        if record.day != self.day {
            return;
        }
        self.account.noted = self.account.noted.max(record.account);
        for (name, purse) in &mut self.entries {
            let noted = record.entries.get(name).copied().unwrap_or_default();
            purse.noted = purse.noted.max(noted);
        }
    }

    /// How it is; nothing while nothing is limited.
    pub(super) fn standing(&mut self, now: UnixNanos) -> Option<Standing> {
        self.turn_to(now);
        let limited = self.account.limit.is_some() || self.entries.values().any(|p| p.limit.is_some());
        let fresh = || {
            self.waiting
                .iter()
                .filter(|((urgency, _), _)| *urgency == Urgency::Fresh)
        };
        let first = fresh().min_by_key(|(_, waiting)| waiting.until);
        let short = first.and_then(|(_, waiting)| waiting.short.iter().flatten().next().cloned());
        limited.then(|| Standing {
            limit: self.account.limit,
            spent: self.account.spent,
            waiting: fresh().count(),
            until: first.map(|(_, waiting)| waiting.until),
            entry: short,
            too_dear: self.too_dear.values().next().cloned(),
            never: self.too_dear.len(),
        })
    }

    /// Begins a new day when it is one. A clock that goes back a little stays in the day that has begun; one that goes
    /// back further takes what was spent along: rather too much than too little.
    fn turn_to(&mut self, now: UnixNanos) -> UnixNanos {
        let today = Day::of(now);
        if today > self.day {
            for purse in std::iter::once(&mut self.account).chain(self.entries.values_mut()) {
                (purse.spent, purse.noted) = (0, 0);
            }
            self.day = today;
        } else if today < self.day.before() {
            self.day = today;
        }
        now.max(self.day.start())
    }

    fn purse(&self, whose: &Whose) -> Option<&Purse> {
        match whose {
            None => Some(&self.account),
            Some(name) => self.entries.get(name),
        }
    }

    /// The limits that hold for an entry.
    fn limited(&self, entry: Option<&Arc<str>>) -> Vec<(Whose, u64)> {
        let limit = |whose: Whose| Some((whose.clone(), self.purse(&whose)?.limit?));
        let entry = entry.map(|name| Some(Arc::clone(name)));
        std::iter::once(None).chain(entry).filter_map(limit).collect()
    }

    /// Until when a purse is short of money for a call; nothing when it is not.
    fn short(&self, now: UnixNanos, whose: &Whose, limit: u64, claim: &Claim<'_>) -> Option<UnixNanos> {
        let spent = self.purse(whose).map_or(0, |purse| purse.spent);
        let set_aside = self.set_aside(whose);
        let first = self.ahead(whose, claim).saturating_add(claim.usd_nanos);
        let amount = spent.saturating_add(set_aside).saturating_add(first);
        let into_day = u64::try_from(now.since(self.day.start()).as_nanos()).unwrap_or(u64::MAX);
        if amount <= allowed(limit, claim.urgency, into_day) {
            return None;
        }
        let (day, amount) = if amount <= limit {
            (self.day, amount)
        } else {
            (self.day.after(), first.min(limit))
        };
        let moment = enough(limit, claim.urgency, amount);
        Some(day.start().plus(std::time::Duration::from_nanos(moment)))
    }

    /// What calls under way may still cost.
    fn set_aside(&self, whose: &Whose) -> u64 {
        let of_it = |call: &&UnderWay| whose.is_none() || call.entry == *whose;
        let left = self.under_way.values().filter(of_it).map(|call| call.left);
        left.fold(0, u64::saturating_add)
    }

    /// What those want who wait for the same purse and come first.
    fn ahead(&self, whose: &Whose, claim: &Claim<'_>) -> u64 {
        let own = (claim.urgency, Arc::clone(claim.group));
        let place = self.waiting.get(&own).map_or(u64::MAX, |known| known.place);
        let first = |(key, other): &(&(Urgency, Arc<str>), &Waiting)| {
            **key != own && (key.0, other.place) < (claim.urgency, place) && other.short.contains(whose)
        };
        let prices = self.waiting.iter().filter(first).map(|(_, other)| other.price);
        prices.fold(0, u64::saturating_add)
    }
}
