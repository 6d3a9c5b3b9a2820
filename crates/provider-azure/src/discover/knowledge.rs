//! What is known of metric definitions between listings. Azure answers few such questions (400 in five minutes), and what
//! they say seldom changes; but it differs by region, SKU and kind, and between two resources that share all three.
//!
//! So one resource of each variety is asked, and besides, some at a time, each resource for its own. Ages go by the
//! cloud's clock, as its answers tell it.

use super::definitions::{Definitions, Shared};
use super::places::{Place, Thing};
use provider_api::{Scope, UnixNanos};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A variety is asked anew after this time: with the usual hour between listings each time, with shorter ones seldom.
const SAMPLE_LIFE: Duration = Duration::from_secs(50 * 60);
/// A resource is asked anew for its own definitions after this time.
const OWN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// So many listings a resource is believed to be among the rows that cannot be read.
const MOST_MISSED: u8 = 5;

/// Resources that are believed to have the same definitions until they are asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Variety {
    pub(super) subscription: Arc<str>,
    /// Lower case, as all that follow.
    pub(super) resource_type: String,
    pub(super) region: String,
    pub(super) sku: String,
    pub(super) kind: String,
}

impl Variety {
    pub(super) fn of(subscription: &Arc<str>, resource_type: &str, place: &Place<'_>) -> Self {
        Self {
            subscription: subscription.clone(),
            resource_type: resource_type.to_owned(),
            region: place.thing.region.clone(),
            sku: place.thing.sku.clone(),
            kind: place.thing.kind.to_lowercase(),
        }
    }
}

/// An answer, and when it was given.
#[derive(Clone, Debug)]
struct Known {
    at: Option<UnixNanos>,
    /// Nothing where the resource refused.
    has: Option<Arc<Definitions>>,
}

impl Known {
    /// A list of which something could not be read does not take the place of one that could, and is asked for again.
    fn of(
        at: Option<UnixNanos>,
        has: Definitions,
        before: Option<Arc<Definitions>>,
        shared: &mut Shared,
    ) -> Self {
        if has.odd == 0 {
            let has = Some(shared.get(has));
            return Self { at, has };
        }
        let whole = before.filter(|before| before.odd == 0 && !before.metrics.is_empty());
        Self {
            at: None,
            has: Some(whole.unwrap_or_else(|| shared.get(has))),
        }
    }

    fn is_fresh(&self, now: Option<UnixNanos>, life: Duration) -> bool {
        let (Some(at), Some(now)) = (self.at, now) else {
            return false;
        };
        now < at.plus(life)
    }
}

/// The knowledge of one account.
#[derive(Debug, Default)]
pub(crate) struct Knowledge(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    samples: HashMap<Variety, Known>,
    /// By lower-case id.
    own: HashMap<String, Known>,
    shared: Shared,
    /// By lower-case type and metric, as refusals named them.
    splits: Splits,
    /// By subscription: what its last listing had, by lower-case id. Nothing was in one that is empty.
    listed: HashMap<Scope, HashMap<String, Seen>>,
}

/// A resource of a listing.
#[derive(Debug)]
struct Seen {
    resource_type: String,
    region: String,
    /// Listings since, in which it was not and others could not be read.
    missed: u8,
}

/// The dimensions, lower case, by which a metric of a type may be split at most, where Azure has said so.
pub(super) type Splits = HashMap<(String, String), Vec<String>>;

impl Knowledge {
    /// Whether the variety has to be asked.
    pub(super) fn wants_sample(&self, variety: &Variety, now: Option<UnixNanos>) -> bool {
        self.with(|k| {
            !k.samples
                .get(variety)
                .is_some_and(|s| s.is_fresh(now, SAMPLE_LIFE))
        })
    }

    /// Whether the resource may be asked for its own.
    pub(super) fn wants_own(&self, id: &str, now: Option<UnixNanos>) -> bool {
        self.with(|k| {
            !k.own
                .get(&id.to_lowercase())
                .is_some_and(|s| s.is_fresh(now, OWN_LIFE))
        })
    }

    /// What one resource of the variety has; nothing when those that were asked refused.
    pub(super) fn sampled(&self, variety: &Variety, at: Option<UnixNanos>, has: Option<Definitions>) {
        self.with(|k| {
            let has = has.unwrap_or_default();
            let before = k.samples.get(variety).and_then(|known| known.has.clone());
            let known = Known::of(at, has, before, &mut k.shared);
            k.samples.insert(variety.clone(), known);
        });
    }

    /// What this resource has; nothing when it refused to say.
    pub(super) fn owned(&self, id: &str, at: Option<UnixNanos>, has: Option<Definitions>) {
        let id = id.to_lowercase();
        self.with(|k| {
            let before = k.own.get(&id).and_then(|known| known.has.clone());
            let known = match has {
                Some(has) => Known::of(at, has, before, &mut k.shared),
                None => Known { at, has: None },
            };
            k.own.insert(id, known);
        });
    }

    /// What a resource can be asked: its own, else what is known of its variety.
    pub(super) fn of(&self, variety: &Variety, id: &str) -> Option<Arc<Definitions>> {
        self.with(|k| {
            let own = k.own.get(&id.to_lowercase()).and_then(|known| known.has.clone());
            own.or_else(|| k.samples.get(variety)?.has.clone())
        })
    }

    /// The resource refused what its definitions have: it is asked for its own with the next listing.
    pub(crate) fn doubt(&self, id: &str) {
        self.with(|k| {
            if let Some(known) = k.own.get_mut(&id.to_lowercase()) {
                known.at = None;
            }
        });
    }

    /// A metric cannot be split by what its definitions say.
    pub(crate) fn splits(&self, resource_type: &str, metric: &str, supported: &[String]) {
        let key = (resource_type.to_lowercase(), metric.to_lowercase());
        self.with(|k| k.splits.insert(key, supported.to_vec()));
    }

    /// Where a resource was in the last listing.
    pub(super) fn region_of(&self, scope: &Scope, id: &str) -> Option<String> {
        self.with(|k| Some(k.listed.get(scope)?.get(&id.to_lowercase())?.region.clone()))
    }

    /// Whether it is news that a subscription has nothing.
    pub(super) fn doubts_that_empty(&self, scope: &Scope) -> bool {
        self.with(|k| k.listed.get(scope).is_none_or(|last| !last.is_empty()))
    }

    /// Keeps a listing for the next. When rows of it could not be read, the types of those that it had before and has no
    /// more: they may be among what could not be read.
    pub(super) fn listed(&self, scope: &Scope, things: &[Thing], odd: usize) -> BTreeSet<String> {
        let seen = |thing: &Thing| Seen {
            resource_type: thing.resource_type.clone(),
            region: thing.region.clone(),
            missed: 0,
        };
        let mut now: HashMap<String, Seen> = things.iter().map(|t| (t.id.to_lowercase(), seen(t))).collect();
        self.with(|k| {
            let mut hidden = BTreeSet::new();
            for (id, mut last) in k.listed.remove(scope).unwrap_or_default() {
                if odd > 0 && last.missed < MOST_MISSED && !now.contains_key(&id) {
                    last.missed += 1;
                    hidden.insert(last.resource_type.clone());
                    now.insert(id, last);
                }
            }
            k.listed.insert(scope.clone(), now);
            hidden
        })
    }

    /// What is known of splits.
    pub(super) fn known_splits(&self) -> Splits {
        self.with(|k| k.splits.clone())
    }

    /// Forgets the resources of a subscription that are not listed any more.
    pub(super) fn keep(&self, subscription: &str, listed: &HashSet<String>) {
        let of_it = format!("/subscriptions/{}/", subscription.to_lowercase());
        self.with(|k| {
            k.own
                .retain(|id, _| !id.starts_with(&of_it) || listed.contains(id));
            k.shared.prune();
        });
    }

    /// Each change is a single step, so a panic elsewhere leaves it whole.
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
