//! What an account may cost a day, and its metric entries where they have a budget of their own.
//!
//! Two doors. A call asks before it is begun ([`Budget::admit`]): it goes when its price fits into what the day allows by
//! now, or is told when to ask again; nobody sleeps in here. Every request pays before it is sent (`pay`, by the gate):
//! retries and what nobody has asked for included, it is refused when the day would cost more than its budget. What was
//! paid is noted ahead, in slices, so that neither a restart nor a crash makes money come back.
//!
//! What to do with a call that has to wait is the scheduler's. The decisions are in `book`, pure.

mod book;
mod purse;
mod spread;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use book::Book;
use provider_api::{AccountId, UnixNanos, Urgency};
use purse::Record;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the time comes from, and where what was spent outlives the process.
#[async_trait]
pub trait Books: fmt::Debug + Send + Sync {
    /// Now. Days are UTC days of this clock.
    fn now(&self) -> UnixNanos;

    /// What was kept last.
    fn kept(&self, account: &AccountId) -> Option<Vec<u8>>;

    /// Keeps it; returns when it is durable, or why it could not be kept.
    async fn keep(&self, account: &AccountId, record: Vec<u8>) -> Result<(), String>;
}

/// What a day may cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetLimits {
    /// The account as a whole, in billionths of a US dollar.
    pub account: Option<u64>,
    /// Every metric entry of it, in the order of the configuration.
    pub entries: Vec<EntryLimit>,
}

/// What a day of one entry may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryLimit {
    /// Its name, unique within the account: what it has spent is remembered by it.
    pub name: Arc<str>,
    /// Billionths of a US dollar.
    pub usd_nanos: Option<u64>,
}

/// A call that wants to go.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Its group of targets; one call of it is under way at a time.
    pub group: &'a Arc<str>,
    /// The metric entry that the group belongs to, by its place in the configuration.
    pub entry: usize,
    /// What it is for.
    pub urgency: Urgency,
    /// What it will cost, in billionths of a US dollar.
    pub usd_nanos: u64,
}

/// A call that costs more than a whole day may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooDear {
    /// What the call costs.
    pub usd_nanos: u64,
    /// What a day may cost.
    pub limit: u64,
    /// The entry whose budget it is; nothing for the account's.
    pub entry: Option<Arc<str>>,
}

/// How a budget is at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What a day of the account may cost; nothing when only entries have budgets.
    pub limit: Option<u64>,
    /// What this day of the account has cost.
    pub spent: u64,
    /// Groups whose poll has to wait.
    pub waiting: usize,
    /// When the first of them may go on.
    pub until: Option<UnixNanos>,
    /// The entry whose budget that one waits for; nothing for the account's.
    pub entry: Option<Arc<str>>,
    /// A call that never fits.
    pub too_dear: Option<TooDear>,
    /// Groups that have such a call.
    pub never: usize,
}

impl Standing {
    /// What is left of the account's day.
    pub fn remaining(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.spent))
    }
}

/// The pure answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Decision {
    Go,
    Wait(UnixNanos),
    TooDear(TooDear),
}

/// Whether a call may go.
#[derive(Debug)]
pub enum Verdict {
    /// Now, while this is held.
    Go(Admitted),
    /// Not before this time; then it asks again.
    Wait(UnixNanos),
    /// Never.
    TooDear(TooDear),
}

/// Why a request was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    limit: u64,
    entry: Option<Arc<str>>,
}

/// A call that goes: its price is set aside until this is dropped.
#[derive(Debug)]
#[must_use = "the price is set aside only while this is held"]
pub struct Admitted(Option<(Arc<Shared>, Arc<str>)>);

impl Drop for Admitted {
    fn drop(&mut self) {
        if let Some((shared, group)) = &self.0 {
            shared.book(|book, _| book.ended(group));
        }
    }
}

/// The money of one account. Cheap to clone, all clones are the same. The default limits nothing and counts nothing.
#[derive(Clone, Debug, Default)]
pub struct Budget(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    account: AccountId,
    books: Arc<dyn Books>,
    book: Mutex<Book>,
    /// Held while something is noted, so that an older note never comes after a newer one.
    noting: tokio::sync::Mutex<()>,
}

impl Budget {
    /// Goes on from what `books` has kept of the account; without limits until it is told some.
    pub fn new(account: AccountId, books: Arc<dyn Books>) -> Self {
        let mut book = Book::default();
        if let Some(record) = books.kept(&account).as_deref().and_then(Record::read) {
            book.resume(record);
        }
        Self(Some(Arc::new(Shared {
            account,
            books,
            book: Mutex::new(book),
            noting: tokio::sync::Mutex::default(),
        })))
    }

    /// These limits hold from now on. What has been spent stays spent; who waits is to ask again.
    pub fn limit(&self, limits: &BudgetLimits) {
        self.with((), |book, _| book.limit(limits));
    }

    /// Whether the calls of an entry may have to wait.
    pub fn limits(&self, entry: usize) -> bool {
        self.with(false, |book, _| book.limits(entry))
    }

    /// Whether a call may go.
    pub fn admit(&self, claim: &Claim<'_>) -> Verdict {
        match self.with(Decision::Go, |book, now| book.admit(now, claim)) {
            Decision::Go => {
                let of = |shared: &Arc<Shared>| (Arc::clone(shared), Arc::clone(claim.group));
                Verdict::Go(Admitted(self.0.as_ref().map(of)))
            }
            Decision::Wait(until) => Verdict::Wait(until),
            Decision::TooDear(too_dear) => Verdict::TooDear(too_dear),
        }
    }

    /// A group has asked for all that it wanted, whatever came of it: it keeps no place in line. `too_dear`: a call of it
    /// never fits.
    pub fn satisfied(&self, group: &Arc<str>, urgency: Urgency, too_dear: bool) {
        self.with((), |book, _| book.satisfied(group, urgency, too_dear));
    }

    /// Forgets the places of groups that are there no more.
    pub fn retain(&self, is_there: impl FnMut(&str) -> bool) {
        self.with((), |book, _| book.retain(is_there));
    }

    /// How it is; nothing without a limit.
    pub fn standing(&self) -> Option<Standing> {
        self.with(None, Book::standing)
    }

    /// Keeps what was spent to the last, before an orderly end. What could not be kept was noted ahead.
    pub async fn settle(&self) -> Result<(), String> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let _one_at_a_time = shared.noting.lock().await;
        match shared.book(|book, _| book.settled()) {
            Some(record) => shared.books.keep(&shared.account, record.write()).await,
            None => Ok(()),
        }
    }

    /// Pays for a request that is about to be sent; returns when that outlives the process, or why it must not be sent.
    pub(crate) async fn pay(&self, group: Option<&Arc<str>>, price: u64) -> Result<(), String> {
        let Some(shared) = self.0.as_ref().filter(|_| price > 0) else {
            return Ok(());
        };
        let paid = shared.book(|book, now| book.pay(now, group, price));
        let receipt = paid.map_err(|refused| refused.to_string())?;
        shared.note().await.map_err(|why| {
            shared.book(|book, _| book.refund(&receipt));
            format!("not sent, because what it costs could not be noted: {why}")
        })
    }

    /// An answer cost so much more than its request had paid. Failing to note it refuses the next request, not this one.
    pub(crate) async fn owes(&self, group: Option<&Arc<str>>, usd_nanos: u64) {
        let Some(shared) = self.0.as_ref().filter(|_| usd_nanos > 0) else {
            return;
        };
        shared.book(|book, now| book.owes(now, group, usd_nanos));
        if let Err(why) = shared.note().await {
            tracing::debug!(account = %shared.account, why, "what an answer cost is noted with the next request");
        }
    }

    fn with<T>(&self, without: T, f: impl FnOnce(&mut Book, UnixNanos) -> T) -> T {
        match &self.0 {
            Some(shared) => shared.book(f),
            None => without,
        }
    }
}

impl Shared {
    /// The book stays usable if a thread panicked while it held it: its figures are changed one by one.
    fn book<T>(&self, f: impl FnOnce(&mut Book, UnixNanos) -> T) -> T {
        let now = self.books.now();
        f(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Keeps a slice more than was spent, unless enough is kept.
    async fn note(&self) -> Result<(), String> {
        if self.book(|book, _| book.to_note()).is_none() {
            return Ok(());
        }
        let _one_at_a_time = self.noting.lock().await;
        let Some(record) = self.book(|book, _| book.to_note()) else {
            return Ok(());
        };
        self.books.keep(&self.account, record.write()).await?;
        self.book(|book, _| book.noted(&record));
        Ok(())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = self
            .entry
            .as_ref()
            .map_or_else(String::new, |entry| format!(" of {entry}"));
        let dollars = std::time::Duration::from_nanos(self.limit).as_secs_f64();
        write!(
            f,
            "not sent: today's budget{whose} of ${dollars} would be exceeded; resuming tomorrow, UTC"
        )
    }
}
