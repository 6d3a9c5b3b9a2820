//! Plans of a few accounts and of many.

use super::super::cost::{GroupCost, INSTEAD};
use super::*;
use crate::commands::inventory::Failed;
use crate::commands::screen::testing::same_as;
use provider_api::{ErrorKind, ProviderError, Scope};

fn sum(targets: u64) -> Sum {
    let daily = |calls: u64| Daily {
        calls,
        usd_nanos: calls * targets * 10_000,
    };
    Sum {
        targets,
        series: targets * 3,
        daily: daily(288),
        instead: [daily(1_440), daily(144)],
    }
}

fn account(n: usize, whole: bool) -> AccountCost {
    let group = |name: &str| GroupCost {
        name: format!("eu-west-1 {name} 300s"),
        entry: 0,
        every: Duration::from_mins(5),
        period: Duration::from_mins(5),
        freshness: Duration::from_mins(20),
        sum: sum(u64::try_from(n).unwrap() + 10),
    };
    let groups = vec![group("AWS/EC2"), group("AWS/SQS")];
    let all = total(groups.iter().map(|group| &group.sum));
    AccountCost {
        name: format!("prod-{n:03}"),
        cloud: Cloud::Aws,
        groups,
        sum: all,
        whole,
        budgets: vec![Budgeted {
            entry: None,
            limit: 1_000_000_000,
            needed: if n % 100 == 5 { 3_000_000_000 } else { 10_000_000 },
            whole,
        }],
        remarks: Vec::new(),
    }
}

fn unknown(n: usize) -> AccountCost {
    AccountCost {
        groups: Vec::new(),
        sum: sum(0),
        budgets: Vec::new(),
        ..account(n, false)
    }
}

fn failed(n: usize) -> Failed {
    let why = "AccessDenied: User: arn:aws:iam::000000000003:user/nephoscope is not authorized to perform: cloudwatch:ListMetrics";
    let error = ProviderError::new(
        Cloud::Aws,
        "ListMetrics",
        Scope::new("eu-west-1"),
        ErrorKind::Forbidden,
        why,
    );
    Failed::new(&format!("prod-{n:03}"), error)
}

fn plan(accounts: Vec<AccountCost>, failing: impl Iterator<Item = usize>) -> (Costs, Inventory) {
    let sum = total(accounts.iter().map(|account| &account.sum));
    let inventory = Inventory {
        accounts: Vec::new(),
        failed: failing.map(failed).collect(),
    };
    (Costs { accounts, sum }, inventory)
}

#[test]
fn three_hundred_accounts_fit_a_screen() {
    let accounts = (0..300).map(|n| match n {
        0..30 => unknown(n),
        30..40 => account(n, false),
        _ => account(n, true),
    });
    let (costs, inventory) = plan(accounts.collect(), 0..40);
    same_as("plan_300.txt", &text(&costs, &inventory, 80, Paint::plain()));
}

#[test]
fn a_few_accounts_have_a_row_for_each_group() {
    let accounts = vec![account(1, true), account(5, true), account(6, false), unknown(2)];
    let (costs, inventory) = plan(accounts, [2, 6].into_iter());
    same_as("plan_4.txt", &text(&costs, &inventory, 80, Paint::plain()));
    assert_eq!(INSTEAD.len(), 2, "the headings name both");
}
