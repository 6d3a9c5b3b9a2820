//! Accounts, many at once: connected, asked what they may do, and listed where all of it is allowed.

use super::report::{Outcome, Row, Subject};
use crate::commands::inventory;
use crate::commands::screen::Progress;
use crate::wiring::{Account, Common, Configured};
use config_file::{Config, DestinationKind};
use futures::{StreamExt as _, stream};
use provider_api::Check;
use std::time::Duration;

/// Accounts that are asked at once: enough that those that do not answer keep the others from nothing.
const AT_ONCE: usize = 32;

/// The rows of every account, in the order of the configuration.
pub(super) async fn check(config: &Config) -> Vec<Row> {
    let accounts = Configured::all(config);
    let progress = Progress::start("checking accounts", accounts.len());
    let scraped = config
        .destinations
        .iter()
        .find(|one| one.kind == DestinationKind::Prometheus);
    let scraped = scraped.map(|one| one.name.as_str());
    let checked = stream::iter(accounts).map(|configured| {
        let progress = &progress;
        async move {
            let rows = one(&configured, scraped).await;
            progress.step();
            rows
        }
    });
    let rows: Vec<Vec<Row>> = checked.buffered(AT_ONCE).collect().await;
    progress.end();
    rows.into_iter().flatten().collect()
}

/// `scraped` is the destination that shows only the newest points, if there is one.
async fn one(configured: &Configured, scraped: Option<&str>) -> Vec<Row> {
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
        rows.extend(listed(account, &subject, scraped).await);
    }
    rows
}

fn not_connected(account: &Account) -> Check {
    Check {
        remedy: Some(provider_api::remedy::NOT_CONNECTED.to_owned()),
        ..Check::of("-", "connect", &account.connected)
    }
}

/// What the entries of an account find there: patterns that match nothing, tags, metrics that share a name, and what a
/// scraper will not see.
async fn listed(account: Account, subject: &Subject, scraped: Option<&str>) -> Vec<Row> {
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
    let met = account.iter().flat_map(|account| &account.met);
    let met = met.map(|met| Row {
        tried: "names".to_owned(),
        ..row(Outcome::Warning, met.to_string())
    });
    let unseen = scraped
        .zip(account.as_ref())
        .and_then(|(name, account)| unseen(name, account));
    failed
        .chain(unmatched)
        .chain(joined)
        .chain(met)
        .chain(unseen)
        .collect()
}

/// A scrape sees the newest point of each series; of groups that are polled more seldom than they have points it misses some.
fn unseen(destination: &str, account: &inventory::Account) -> Option<Row> {
    let seldom = |group: &&inventory::Group| group.spec.every > group.spec.grain;
    let first = account.groups.iter().find(seldom)?;
    let (seldom, all) = (account.groups.iter().filter(seldom).count(), account.groups.len());
    let name = account.provider.account();
    let (every, grain) = (first.spec.every.as_secs(), first.spec.grain.as_secs());
    Some(Row {
        subject: Subject::Destination {
            name: destination.to_owned(),
        },
        scope: "-".to_owned(),
        tried: "/federate".to_owned(),
        outcome: Outcome::Warning,
        detail: format!(
            "a scrape sees only the newest point of each series: {seldom} of {all} groups of account {name} have points more often than they are polled (\"{}\": every {grain} s, polled every {every} s)",
            first.spec.name
        ),
        remedy: Some(
            "Send all points by an `otlp` destination, set `poll.every` to the period, or keep sums whole with `deltas: cumulative`".to_owned(),
        ),
    })
}
