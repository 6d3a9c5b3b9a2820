//! The SDK's cache of credentials behind a swap. The SDK keeps a session until it expires by its own word; one that AWS
//! refuses before (revoked, or our clock is wrong) would be sent again until then. So after each refusal what is cached is
//! forgotten, and the gate's second attempt asks for new credentials.

use aws_config::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    IdentityFuture, ResolveCachedIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::sync::{Arc, PoisonError, RwLock};

/// The credentials that all clients of an account share.
#[derive(Clone, Debug)]
pub(crate) struct Identities(Arc<RwLock<SharedIdentityCache>>);

impl Identities {
    /// Nothing cached.
    pub(crate) fn new() -> Self {
        Self(Arc::new(RwLock::new(empty())))
    }

    /// Forgets what is cached. Ten requests that are refused at once cost up to ten new sessions, which is rare and cheap.
    pub(crate) fn forget(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = empty();
    }

    fn current(&self) -> SharedIdentityCache {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolveCachedIdentity for Identities {
    fn resolve_cached_identity<'a>(
        &'a self,
        resolver: SharedIdentityResolver,
        runtime_components: &'a RuntimeComponents,
        config_bag: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        let cache = self.current();
        IdentityFuture::new(async move {
            cache
                .resolve_cached_identity(resolver, runtime_components, config_bag)
                .await
        })
    }
}

fn empty() -> SharedIdentityCache {
    IdentityCache::lazy().build()
}
