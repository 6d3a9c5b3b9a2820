//! What was listed of a region, to be used again: what changes seldom, or cannot be listed at present.

use provider_api::Scope;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One thing of each region.
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<HashMap<Scope, Arc<T>>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    pub(super) fn keep(&self, scope: &Scope, new: T) -> Arc<T> {
        let new = Arc::new(new);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(scope.clone(), Arc::clone(&new));
        new
    }

    pub(super) fn known(&self, scope: &Scope) -> Option<Arc<T>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(scope).map(Arc::clone)
    }
}
