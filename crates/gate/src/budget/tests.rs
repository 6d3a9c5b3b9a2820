//! The budget against random worlds and clocks, crashes and reloads: no day costs more than it may.

use super::*;
use crate::{Gate, GateConfig, Request};
use proptest::prelude::*;
use provider_api::{Cloud, ErrorKind, Price, ProviderError, Scope};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const CENT: u64 = 10_000_000;
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;
const HOUR: Duration = Duration::from_secs(3_600);
/// Midnight, UTC.
const MIDNIGHT: UnixNanos = UnixNanos(20_785 * DAY_NANOS);

/// Books in memory that outlive the budgets which are kept in them.
#[derive(Debug)]
struct Memory {
    now: Mutex<UnixNanos>,
    kept: Mutex<Option<Vec<u8>>>,
    writes: AtomicU32,
    is_full: AtomicBool,
}

#[async_trait]
impl Books for Memory {
    fn now(&self) -> UnixNanos {
        *self.now.lock().unwrap()
    }

    fn kept(&self, _account: &AccountId) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().clone()
    }

    async fn keep(&self, _account: &AccountId, record: Vec<u8>) -> Result<(), String> {
        tokio::task::yield_now().await;
        if self.is_full.load(Ordering::Relaxed) {
            return Err("no room".to_owned());
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        *self.kept.lock().unwrap() = Some(record);
        Ok(())
    }
}

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            now: Mutex::new(MIDNIGHT),
            kept: Mutex::default(),
            writes: AtomicU32::new(0),
            is_full: AtomicBool::new(false),
        })
    }

    fn set(&self, now: UnixNanos) {
        *self.now.lock().unwrap() = now;
    }

    fn budget(self: &Arc<Self>, limits: &BudgetLimits) -> Budget {
        let books: Arc<dyn Books> = Arc::<Self>::clone(self);
        let budget = Budget::new(AccountId("a".into()), books);
        budget.limit(limits);
        budget
    }
}

fn limits(account: Option<u64>, entries: &[Option<u64>]) -> BudgetLimits {
    let entry = |(n, usd_nanos): (usize, &Option<u64>)| EntryLimit {
        name: format!("entry {n}").into(),
        usd_nanos: *usd_nanos,
    };
    BudgetLimits {
        account,
        entries: entries.iter().enumerate().map(entry).collect(),
    }
}

fn group(name: &str) -> Arc<str> {
    name.into()
}

fn claim(group: &Arc<str>, usd_nanos: u64) -> Claim<'_> {
    Claim {
        group,
        entry: 0,
        urgency: Urgency::Fresh,
        usd_nanos,
    }
}

fn wait(verdict: &Verdict) -> UnixNanos {
    match verdict {
        Verdict::Wait(until) => *until,
        Verdict::Go(_) | Verdict::TooDear(_) => panic!("{verdict:?}"),
    }
}

fn admitted(verdict: Verdict) -> Admitted {
    match verdict {
        Verdict::Go(admitted) => admitted,
        Verdict::Wait(_) | Verdict::TooDear(_) => panic!("{verdict:?}"),
    }
}

#[tokio::test]
async fn a_call_goes_when_the_day_has_come_so_far_and_counts_while_it_is_under_way() {
    let (books, a, b) = (Memory::new(), group("a"), group("b"));
    let budget = books.budget(&limits(Some(24 * CENT), &[None]));
    let first = admitted(budget.admit(&claim(&a, CENT)));
    let until = wait(&budget.admit(&claim(&b, CENT)));
    assert!(
        until > MIDNIGHT.plus(HOUR) && until < MIDNIGHT.plus(HOUR + HOUR / 10),
        "{until:?}"
    );
    assert_eq!(budget.pay(Some(&a), CENT).await, Ok(()));
    drop(first);
    assert_eq!(
        wait(&budget.admit(&claim(&b, CENT))),
        until,
        "paid is as good as set aside"
    );
    let standing = budget.standing().unwrap();
    assert_eq!(
        (standing.waiting, standing.until, standing.remaining()),
        (1, Some(until), Some(23 * CENT))
    );
    books.set(until);
    let second = admitted(budget.admit(&claim(&b, CENT)));
    drop(second);
    assert!(
        matches!(budget.admit(&claim(&b, CENT)), Verdict::Go(_)),
        "what was not paid is there again"
    );
    assert!(
        matches!(budget.admit(&claim(&a, 0)), Verdict::Go(_)),
        "free calls never wait"
    );
}

#[tokio::test]
async fn a_call_that_costs_more_than_a_day_is_told_so_and_holds_back_nobody() {
    let (books, a, b) = (Memory::new(), group("a"), group("b"));
    let budget = books.budget(&limits(Some(24 * CENT), &[]));
    let told = match budget.admit(&claim(&a, 25 * CENT)) {
        Verdict::TooDear(told) => told,
        other @ (Verdict::Go(_) | Verdict::Wait(_)) => panic!("{other:?}"),
    };
    assert_eq!(
        (told.usd_nanos, told.limit, told.entry),
        (25 * CENT, 24 * CENT, None)
    );
    assert!(budget.standing().unwrap().too_dear.is_some());
    drop(admitted(budget.admit(&claim(&b, CENT))));
    budget.satisfied(&a, Urgency::Fresh, false);
    assert_eq!(budget.standing().unwrap().too_dear, None);
}

#[tokio::test]
async fn who_waits_longest_goes_first_the_present_before_the_past_and_entries_not_for_each_other() {
    let (books, big, small, past, other) = (
        Memory::new(),
        group("big"),
        group("small"),
        group("past"),
        group("other"),
    );
    let budget = books.budget(&limits(Some(240 * CENT), &[None, Some(24 * CENT)]));
    let backlog = |usd_nanos| Claim {
        urgency: Urgency::Backlog,
        ..claim(&past, usd_nanos)
    };
    books.set(MIDNIGHT.plus(HOUR));
    let backlog_until = wait(&budget.admit(&backlog(12 * CENT)));
    let big_until = wait(&budget.admit(&claim(&big, 40 * CENT)));
    let small_until = wait(&budget.admit(&claim(&small, CENT)));
    assert!(small_until > big_until, "it does not overtake");
    books.set(backlog_until.max(big_until));
    assert!(
        wait(&budget.admit(&backlog(12 * CENT))) > small_until,
        "the past comes after both"
    );
    drop(admitted(budget.admit(&claim(&big, 40 * CENT))));
    // The second entry has its own money, and what it waits for there holds back nobody elsewhere.
    let entry = |usd_nanos| Claim {
        entry: 1,
        ..claim(&other, usd_nanos)
    };
    assert!(wait(&budget.admit(&entry(20 * CENT))) > big_until);
    drop(admitted(budget.admit(&claim(&small, CENT))));
}

#[tokio::test]
async fn what_was_paid_survives_a_crash_with_a_quarter_of_an_hour_too_much_and_an_orderly_end_exactly() {
    let (books, a) = (Memory::new(), group("a"));
    let wanted = limits(Some(96 * CENT), &[Some(96 * CENT)]);
    let budget = books.budget(&wanted);
    for _ in 0..50 {
        let one = admitted(budget.admit(&claim(&a, CENT / 20)));
        assert_eq!(budget.pay(Some(&a), CENT / 20).await, Ok(()));
        drop(one);
    }
    let spent = budget.standing().unwrap().spent;
    assert_eq!(spent, CENT / 20 * 50);
    assert!(books.writes.load(Ordering::Relaxed) <= 3, "a write a slice");
    let again = books.budget(&wanted);
    let resumed = again.standing().unwrap().spent;
    assert!((spent..=spent + CENT).contains(&resumed), "{resumed}");
    assert_eq!(again.settle().await, Ok(()));
    assert_eq!(books.budget(&wanted).standing().unwrap().spent, resumed);
    books.set(MIDNIGHT.plus(24 * HOUR));
    assert_eq!(again.standing().unwrap().spent, 0, "a new day");
}

#[tokio::test]
async fn a_raised_limit_counts_at_once_and_forgets_nothing() {
    let (books, a) = (Memory::new(), group("a"));
    let budget = books.budget(&limits(Some(24 * CENT), &[]));
    assert_eq!(budget.pay(None, 24 * CENT).await, Ok(()));
    assert_eq!(wait(&budget.admit(&claim(&a, CENT))), MIDNIGHT.plus(24 * HOUR));
    budget.limit(&limits(Some(2_400 * CENT), &[]));
    let standing = budget.standing().unwrap();
    assert_eq!((standing.waiting, standing.remaining()), (0, Some(2_376 * CENT)));
    drop(admitted(budget.admit(&claim(&a, CENT))));
    budget.limit(&BudgetLimits::default());
    assert_eq!(budget.standing(), None);
}

#[tokio::test]
async fn a_clock_that_goes_back_brings_no_money_back() {
    let books = Memory::new();
    let budget = books.budget(&limits(Some(24 * CENT), &[]));
    assert_eq!(budget.pay(None, 20 * CENT).await, Ok(()));
    for back in [HOUR, 24 * 300 * HOUR] {
        books.set(MIDNIGHT.minus(back));
        assert_eq!(budget.standing().unwrap().spent, 20 * CENT);
    }
    books.set(MIDNIGHT.plus(24 * HOUR));
    assert_eq!(budget.standing().unwrap().spent, 0);
}

fn asks(price: u64) -> Request {
    let price = Price {
        usd_nanos: price,
        ..Price::FREE
    };
    Request::new(Scope::new("r"), "Op", price)
}

#[tokio::test(start_paused = true)]
async fn the_gate_pays_for_each_try_and_sends_nothing_that_the_day_cannot_pay() {
    let books = Memory::new();
    let budget = books.budget(&limits(Some(3 * CENT), &[]));
    let gate = Gate::paying(
        Cloud::Aws,
        AccountId("a".into()),
        GateConfig::default(),
        budget,
        crate::Domains::default(),
    );
    let sent = AtomicU32::new(0);
    let throttled = || async {
        sent.fetch_add(1, Ordering::Relaxed);
        let kind = ErrorKind::Throttled { retry_after: None };
        Err::<(), _>(ProviderError::new(Cloud::Aws, "Op", Scope::new("r"), kind, "no"))
    };
    let refused = gate.send(&asks(CENT), throttled).await.unwrap_err();
    assert_eq!(
        (refused.kind(), sent.load(Ordering::Relaxed)),
        (&ErrorKind::OverBudget, 3)
    );
    assert!(
        refused.message().contains("budget of $0.03 would be exceeded"),
        "{refused}"
    );
    assert!(gate.failing().is_empty(), "it says nothing of the cloud");
    assert_eq!(gate.snapshot().usd_nanos, 3 * CENT);
    assert!(gate.send(&asks(0), || async { Ok(()) }).await.is_ok());
    // The same money after the gate is configured anew.
    let again = gate.reconfigured(GateConfig {
        attempt_timeout: HOUR,
        ..GateConfig::default()
    });
    assert!(again.send(&asks(1), || async { Ok(()) }).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_noted_is_not_sent_and_not_spent() {
    let books = Memory::new();
    let budget = books.budget(&limits(Some(3 * CENT), &[]));
    books.is_full.store(true, Ordering::Relaxed);
    let why = budget.pay(None, CENT).await.unwrap_err();
    assert!(why.contains("no room"), "{why}");
    assert_eq!(budget.standing().unwrap().spent, 0);
    books.is_full.store(false, Ordering::Relaxed);
    assert_eq!(budget.pay(None, CENT).await, Ok(()));
}

/// One call of a group in a random world.
#[derive(Clone, Debug)]
struct Wanted {
    entry: usize,
    is_backlog: bool,
    price: u64,
    /// Further requests that nobody has asked for.
    retries: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    Back(u32),
    Crash,
    Limit(u64),
}

/// Goes through everything that can happen and looks at what each day has truly cost.
struct World {
    books: Arc<Memory>,
    budget: Budget,
    limits: BudgetLimits,
    /// The latest day that the clock has shown.
    day: i64,
    day_limit: u64,
    sent: BTreeMap<(i64, Option<usize>), u64>,
}

impl World {
    fn new(limits: BudgetLimits) -> Self {
        let books = Memory::new();
        Self {
            budget: books.budget(&limits),
            books,
            day: 0,
            day_limit: limits.account.unwrap(),
            limits,
            sent: BTreeMap::new(),
        }
    }

    fn today(&mut self) -> i64 {
        let today = self.books.now().0.div_euclid(DAY_NANOS);
        if today > self.day {
            (self.day, self.day_limit) = (today, self.limits.account.unwrap());
        }
        self.day
    }

    fn turn(&mut self, step: &Step) {
        let now = self.books.now();
        match step {
            Step::Wait(seconds) => self.books.set(now.plus(Duration::from_secs((*seconds).into()))),
            // Not into yesterday: whose money that is, is a matter of its own.
            Step::Back(seconds) => {
                let midnight = UnixNanos(self.today() * DAY_NANOS);
                let back = now.minus(Duration::from_secs((*seconds).into()));
                self.books.set(back.max(midnight));
            }
            Step::Crash => self.budget = self.books.budget(&self.limits),
            Step::Limit(account) => {
                self.limits.account = Some(*account);
                self.budget.limit(&self.limits);
                self.today();
                self.day_limit = self.day_limit.max(*account);
            }
        }
    }

    /// True when the call went.
    async fn offer(&mut self, name: usize, wanted: &Wanted) -> bool {
        let group = group(&format!("group {name}"));
        let claim = Claim {
            group: &group,
            entry: wanted.entry,
            urgency: if wanted.is_backlog {
                Urgency::Backlog
            } else {
                Urgency::Fresh
            },
            usd_nanos: wanted.price,
        };
        let now = self.books.now();
        let one = match self.budget.admit(&claim) {
            Verdict::Go(one) => one,
            Verdict::Wait(until) => {
                assert!(until > now, "{until:?} is not after {now:?}");
                assert!(until < now.plus(49 * HOUR), "{until:?} is too far from {now:?}");
                return false;
            }
            Verdict::TooDear(told) => panic!("{told:?}"),
        };
        let mut went = false;
        for _ in 0..=wanted.retries {
            if self.budget.pay(Some(&group), wanted.price).await.is_err() {
                break;
            }
            went = true;
            let day = self.today();
            for whose in [None, Some(wanted.entry)] {
                *self.sent.entry((day, whose)).or_default() += wanted.price;
            }
            self.look(day, wanted.entry);
        }
        drop(one);
        went
    }

    fn look(&self, day: i64, entry: usize) {
        assert!(self.sent[&(day, None)] <= self.day_limit, "{:?}", self.sent);
        if let Some(limit) = self.limits.entries[entry].usd_nanos {
            assert!(self.sent[&(day, Some(entry))] <= limit, "{:?}", self.sent);
        }
    }
}

const LIMIT: u64 = 10_000;

fn wanted() -> impl Strategy<Value = Wanted> {
    (0..3_usize, any::<bool>(), 1..=LIMIT / 4, 0..3_u64).prop_map(|(entry, is_backlog, price, retries)| {
        Wanted {
            entry,
            is_backlog,
            price,
            retries,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..7_200_u32).prop_map(Step::Wait),
        1 => (0..600_u32).prop_map(Step::Back),
        1 => Just(Step::Crash),
        1 => (LIMIT / 2..2 * LIMIT).prop_map(Step::Limit),
    ]
}

proptest! {
    #[test]
    fn no_day_costs_more_than_its_budget_and_everything_goes_in_the_end(
        wanted in proptest::collection::vec(wanted(), 1..30),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(limits(Some(LIMIT), &[None, Some(LIMIT / 2), Some(LIMIT / 4)]));
            let mut left: Vec<(usize, &Wanted)> = wanted.iter().enumerate().collect();
            // When the random steps are over, time only goes on.
            let steps = steps.iter().chain(std::iter::repeat(&Step::Wait(900)));
            for step in steps.take(60 + 96 * 90) {
                let mut waiting = Vec::new();
                for (name, wanted) in left {
                    if !world.offer(name, wanted).await {
                        waiting.push((name, wanted));
                    }
                }
                left = waiting;
                if left.is_empty() {
                    return;
                }
                world.turn(step);
            }
            panic!("{left:?} never went");
        });
    }
}
