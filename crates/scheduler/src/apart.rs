//! What metrics have met in one name, kept over restarts in the state: once told apart, they stay so.

use provider_api::{AccountId, MetricsProvider};
use store::{Store, StoreError};

fn key(account: &AccountId) -> String {
    format!("apart/{account}")
}

/// Lets a provider know what has met before; to be done before its first listing.
pub fn recall_apart(store: &Store, provider: &dyn MetricsProvider) {
    if let Some(bytes) = store.setting(&key(provider.account())) {
        provider.apart().read(&bytes);
    }
}

/// Tells of metrics that have met since this was asked last, and remembers them.
pub async fn keep_apart(store: &Store, provider: &dyn MetricsProvider) -> Result<(), StoreError> {
    let account = provider.account();
    let untold = provider.apart().untold();
    for met in &untold {
        tracing::warn!(%account, "account {account}: {met}");
    }
    if untold.is_empty() {
        return Ok(());
    }
    let text = provider.apart().write();
    store.put_setting(&key(account), text.as_bytes()).await
}
