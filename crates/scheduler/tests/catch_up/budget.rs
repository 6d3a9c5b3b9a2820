//! An account whose budget is too small for what it polls: no day costs more, the polls are stretched over the whole day,
//! a restart brings no money back, and when the budget is raised every point is there once.

use super::*;
use async_trait::async_trait;
use gate::{Books, Budget, BudgetLimits, Domains, EntryLimit, Gate, GateConfig};
use provider_api::Cloud;

/// One target of one poll; all of them, every five minutes, come to 23,040,000 a day.
const TARGET_USD_NANOS: u64 = 10_000;

/// A sixth of that.
const TIGHT_USD_NANOS: u64 = 3_840_000;

#[derive(Debug)]
struct Kept {
    clock: Arc<VirtualClock>,
    record: Mutex<Option<Vec<u8>>>,
}

#[async_trait]
impl Books for Kept {
    fn now(&self) -> UnixNanos {
        self.clock.now()
    }

    fn kept(&self, _account: &AccountId) -> Option<Vec<u8>> {
        self.record.lock().unwrap().clone()
    }

    async fn keep(&self, _account: &AccountId, record: Vec<u8>) -> Result<(), String> {
        *self.record.lock().unwrap() = Some(record);
        Ok(())
    }
}

impl World {
    fn with_budget(limits: &BudgetLimits) -> (Self, Arc<Kept>) {
        let mut world = Self::new(Vec::new());
        let kept = Arc::new(Kept {
            clock: Arc::clone(&world.clock),
            record: Mutex::default(),
        });
        world.sky_mut().usd_nanos = TARGET_USD_NANOS;
        world.pay_from(&kept, limits);
        (world, kept)
    }

    fn sky_mut(&mut self) -> &mut Sky {
        Arc::get_mut(&mut self.sky).unwrap()
    }

    /// As a process that starts does it.
    fn pay_from(&mut self, kept: &Arc<Kept>, limits: &BudgetLimits) {
        let books: Arc<dyn Books> = Arc::<Kept>::clone(kept);
        let budget = Budget::new(AccountId("a".into()), books);
        budget.limit(limits);
        let account = AccountId("a".into());
        let gate = Gate::paying(
            Cloud::Aws,
            account,
            GateConfig::default(),
            budget,
            Domains::default(),
        );
        self.sky_mut().gate = Some(gate);
    }

    fn budget(&self) -> &Budget {
        self.sky.gate.as_ref().unwrap().budget()
    }

    fn cost_of_days(&self) -> BTreeMap<i64, u64> {
        let mut days = BTreeMap::new();
        for (at, usd_nanos) in self.sky.bill.lock().unwrap().iter() {
            *days.entry(at.seconds().div_euclid(86_400)).or_default() += usd_nanos;
        }
        days
    }
}

fn of_account(usd_nanos: u64) -> BudgetLimits {
    BudgetLimits {
        account: Some(usd_nanos),
        entries: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_that_is_too_small_stretches_the_polls_and_loses_nothing() {
    let (mut world, kept) = World::with_budget(&of_account(TIGHT_USD_NANOS));
    let midnight = UnixNanos::from_seconds((BEGINNING_S / 86_400 + 1) * 86_400);
    world.run(midnight.plus(HOUR * 10), |_| {}).await;
    // As after a crash: only what was kept is known.
    world.pay_from(&kept, &of_account(TIGHT_USD_NANOS));
    let (budget, mut waited) = (world.budget().clone(), 0);
    let watch = |_: &AccountProgress| waited += budget.standing().unwrap().waiting;
    let progress = world.run(midnight.plus(HOUR * 24), watch).await;
    let days = world.cost_of_days();
    println!("{days:?} with {TIGHT_USD_NANOS} a day");
    assert!(days.values().all(|cost| *cost <= TIGHT_USD_NANOS), "{days:?}");
    let day = days[&(midnight.seconds() / 86_400)];
    assert!(day > TIGHT_USD_NANOS * 9 / 10, "{day} is far from all of it");
    let bill = world.sky.bill.lock().unwrap().clone();
    let pauses = bill.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    let longest = pauses.max().unwrap();
    assert!(longest < HOUR / 2, "it was dark for {longest:?}");
    let account = progress.snapshot()[0].clone();
    assert!(account.errors.is_empty(), "{account:?}");
    assert!(waited > 0);
    // Somebody raises it.
    world.budget().limit(&of_account(TIGHT_USD_NANOS * 100));
    let progress = world.run(midnight.plus(HOUR * 30), |_| {}).await;
    let account = progress.snapshot()[0].clone();
    assert_eq!(world.budget().standing().unwrap().waiting, 0);
    assert_eq!((account.too_old, account.lost_seconds), (0, 0));
    assert!(account.groups.values().all(|g| g.behind.is_zero()), "{account:?}");
    check_delivered(&world, &account).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn present_and_past_together_cost_what_one_of_them_does() {
    let of_entry = |usd_nanos| BudgetLimits {
        account: None,
        entries: vec![EntryLimit {
            name: "n".into(),
            usd_nanos: Some(usd_nanos),
        }],
    };
    let (world, _) = World::with_budget(&of_entry(TARGET_USD_NANOS * 1_000_000));
    let beginning = UnixNanos::from_seconds(BEGINNING_S + 86_400);
    world.run(beginning.minus(HOUR), |_| {}).await;
    let polled = world.sky.bill.lock().unwrap().len();
    // More than that has been spent today: all is dark until somebody raises it again.
    world.budget().limit(&of_entry(TARGET_USD_NANOS * 4));
    world.run(beginning, |_| {}).await;
    assert_eq!(world.sky.bill.lock().unwrap().len(), polled);
    world.budget().limit(&of_entry(TARGET_USD_NANOS * 1_000_000));
    let progress = world.run(beginning.plus(HOUR * 4), |_| {}).await;
    let account = progress.snapshot()[0].clone();
    assert_eq!(account.backlog_windows, 0, "an hour fits into one call");
    check_delivered(&world, &account).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_below_one_call_polls_nothing_says_so_and_stops_in_order() {
    let (world, _) = World::with_budget(&of_account(TARGET_USD_NANOS));
    let beginning = UnixNanos::from_seconds(BEGINNING_S);
    let progress = world.run(beginning.plus(HOUR * 26), |_| {}).await;
    assert!(world.sky.bill.lock().unwrap().is_empty());
    let standing = world.budget().standing().unwrap();
    let told = standing.too_dear.unwrap();
    assert_eq!(
        (told.usd_nanos, told.limit),
        (TARGET_USD_NANOS * 4, TARGET_USD_NANOS)
    );
    assert_eq!((standing.waiting, standing.until), (0, None));
    assert!(progress.snapshot()[0].errors.is_empty());
}
