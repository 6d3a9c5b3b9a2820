//! Accounts, many at once: connected, asked what they may do, and listed where all of it is allowed.

use super::report::{Outcome, Row, Subject};
use crate::commands::inventory;
use crate::commands::screen::Progress;
use crate::wiring::{Account, Common, Configured};
use config_file::Config;
use futures::{StreamExt as _, stream};
use provider_api::Check;
use std::time::Duration;

/// Accounts that are asked at once: enough that those that do not answer keep the others from nothing.
const AT_ONCE: usize = 32;

/// The rows of every account, in the order of the configuration.
pub(super) async fn check(config: &Config) -> Vec<Row> {
    let accounts = Configured::all(config);
    let progress = Progress::start("checking accounts", accounts.len());
    let checked = stream::iter(accounts).map(|configured| {
        let progress = &progress;
        async move {
            let rows = one(&configured).await;
            progress.step();
            rows
        }
    });
    let rows: Vec<Vec<Row>> = checked.buffered(AT_ONCE).collect().await;
    progress.end();
    rows.into_iter().flatten().collect()
}

async fn one(configured: &Configured) -> Vec<Row> {
    let account = configured.connect(None, &Common::for_a_person()).await;
    let subject = Subject::Account {
        name: account.name.clone(),
        cloud: configured.cloud(),
    };
    let checks = match &account.connected {
        Ok(provider) => provider.check().await.checks,
        Err(_) => vec![not_connected(&account)],
    };
    let mut rows: Vec<Row> = checks.into_iter().map(|check| Row::of(&subject, check)).collect();
    if !rows.iter().any(|row| row.outcome.fails()) {
        rows.extend(listed(account, &subject).await);
    }
    rows
}

fn not_connected(account: &Account) -> Check {
    Check {
        remedy: Some(provider_api::remedy::NOT_CONNECTED.to_owned()),
        ..Check::of("-", "connect", &account.connected)
    }
}

/// What the entries of an account find there: patterns that match nothing, and tags.
async fn listed(account: Account, subject: &Subject) -> Vec<Row> {
    let (account, failed) = inventory::list(account, Duration::ZERO).await;
    let row = |outcome, detail| Row {
        subject: subject.clone(),
        scope: "-".to_owned(),
        tried: "patterns".to_owned(),
        outcome,
        detail,
        remedy: None,
    };
    let failed = failed.into_iter().map(|failed| Row {
        tried: failed.error().operation().to_owned(),
        remedy: Some(failed.remedy()),
        scope: failed.error().scope().to_string(),
        ..row(
            provider_api::Outcome::of(failed.error().kind()).into(),
            failed.text(),
        )
    });
    let unmatched = account.iter().flat_map(|account| &account.unmatched);
    let unmatched = unmatched.map(|unmatched| Row {
        tried: format!("metrics[{}]", unmatched.entry),
        ..row(Outcome::Warning, unmatched.to_string())
    });
    let joined = account.iter().flat_map(inventory::Account::joins);
    let joined = joined.map(|(entry, text)| Row {
        tried: format!("metrics[{entry}]"),
        ..row(Outcome::Passed, text)
    });
    failed.chain(unmatched).chain(joined).collect()
}
