//! What accounts have spent of their budgets, kept in the store.

use crate::clock::SystemClock;
use crate::live::Live;
use async_trait::async_trait;
use futures::future::join_all;
use gate::Books;
use provider_api::{AccountId, UnixNanos};
use scheduler::Clock as _;
use std::sync::Arc;
use store::Store;

/// Books in the daemon's store, by its clock.
#[derive(Debug)]
struct Stored(Arc<Store>);

/// The books of all accounts.
pub(super) fn of(store: &Arc<Store>) -> Arc<dyn Books> {
    Arc::new(Stored(Arc::clone(store)))
}

#[async_trait]
impl Books for Stored {
    fn now(&self) -> UnixNanos {
        SystemClock.now()
    }

    fn kept(&self, account: &AccountId) -> Option<Vec<u8>> {
        self.0.setting(&key(account))
    }

    async fn keep(&self, account: &AccountId, record: Vec<u8>) -> Result<(), String> {
        let kept = self.0.put_setting(&key(account), &record).await;
        kept.map_err(|error| error.to_string())
    }
}

fn key(account: &AccountId) -> String {
    format!("budget/{account}")
}

/// Keeps what every account has spent, to the last; without it the next start counts a little too much.
pub(super) async fn settle(live: &Live) {
    let gates = live.gates();
    let settled = join_all(gates.iter().map(|gate| gate.budget().settle())).await;
    for (gate, settled) in gates.iter().zip(settled) {
        if let Err(error) = settled {
            tracing::warn!(account = %gate.account(), error, "what was spent today could not be noted to the last");
        }
    }
}
