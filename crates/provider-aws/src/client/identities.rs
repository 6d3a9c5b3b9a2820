//! The SDK's cache of credentials behind a swap. The SDK keeps a session until it expires by its own word; one that AWS
//! refuses before (revoked, or our clock is wrong) would be sent again until then. So after each refusal what is cached is
//! forgotten, and the gate's second attempt asks for new credentials. The same when another tool has written new keys
//! into the shared files.

use super::sources::Files;
use aws_config::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use provider_api::AccountId;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Longest time to get credentials: a process may ask a vault, a role may be the third of a chain. The SDK's own five
/// seconds are for one request.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Which build of the sources is in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Generation(Arc<AtomicU64>);

impl Generation {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn next(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// The credentials that all clients of an account share.
#[derive(Clone, Debug)]
pub(crate) struct Identities(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: AccountId,
    cache: RwLock<SharedIdentityCache>,
    generation: Generation,
    files: Files,
}

impl Identities {
    /// Nothing cached; these files are looked at.
    pub(super) fn new(account: AccountId, files: Files) -> Self {
        Self(Arc::new(Inner {
            account,
            cache: RwLock::new(empty()),
            generation: Generation::default(),
            files,
        }))
    }

    /// What the sources are built by.
    pub(super) fn generation(&self) -> Generation {
        self.0.generation.clone()
    }

    /// Forgets what is cached, and lets the sources be built anew. Ten requests that are refused at once cost up to ten
    /// new sessions, which is rare and cheap.
    pub(crate) fn forget(&self) {
        self.0.generation.next();
        *self.0.cache.write().unwrap_or_else(PoisonError::into_inner) = empty();
    }

    fn current(&self) -> SharedIdentityCache {
        self.0
            .cache
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn look(&self, components: &RuntimeComponents) {
        let Some(clock) = components.time_source() else {
            return;
        };
        if self.0.files.changed(clock.now()).await {
            let account = &self.0.account;
            tracing::info!(%account, "account {account}: the shared AWS configuration files have changed; reading credentials again");
            self.forget();
        }
    }
}

impl ResolveCachedIdentity for Identities {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            self.look(runtime_components).await;
            let cache = self.current();
            cache
                .resolve_cached_identity(resolver, runtime_components, config_bag)
                .await
        })
    }
}

fn empty() -> SharedIdentityCache {
    IdentityCache::lazy().load_timeout(LOAD_TIMEOUT).build()
}
