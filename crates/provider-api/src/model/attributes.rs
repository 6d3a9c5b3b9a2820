//! What points are about: attributes, and the resource that many series share.

use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Sorted key-value pairs without duplicate keys; a copy shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attributes(Arc<[(Arc<str>, Arc<str>)]>);

impl Attributes {
    /// Sorts by key; of two values for one key the first given stays.
    pub fn new(mut pairs: Vec<(Arc<str>, Arc<str>)>) -> Self {
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|a, b| a.0 == b.0);
        Self(pairs.into())
    }

    /// The pairs in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v.as_ref()))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(k, _)| k.as_ref().cmp(key))
            .ok()
            .and_then(|i| self.0.get(i))
            .map(|(_, v)| v.as_ref())
    }

    /// How many pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same with further pairs; what is there already stays.
    #[must_use]
    pub fn with(&self, more: &[(&str, &str)]) -> Self {
        let more = more.iter().map(|(k, v)| (Arc::from(*k), Arc::from(*v)));
        Self::new(self.0.iter().cloned().chain(more).collect())
    }

    /// Into an identity.
    fn feed(&self, hash: &mut Xxh3) {
        self.feed_but(hash, |_, _| false);
    }

    /// Into an identity, without some.
    pub(super) fn feed_but(&self, hash: &mut Xxh3, but: impl Fn(&str, &str) -> bool) {
        for (k, v) in self.iter().filter(|(k, v)| !but(k, v)) {
            feed(hash, k);
            feed(hash, v);
        }
    }
}

/// Length first, so that ("ab","c") and ("a","bc") differ.
pub(super) fn feed(hash: &mut Xxh3, text: &str) {
    hash.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(text.as_bytes());
}

/// What the points are about: the attributes of an OTLP resource. Some of them identify it, others only describe it: a
/// series goes on as the same when a tag or a name for people changes.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    attributes: Attributes,
    hash: u128,
    identity: u128,
    former_identity: u128,
}

/// Attributes of a resource as a provider gathers them.
pub type Pairs = Vec<(Arc<str>, Arc<str>)>;

impl Resource {
    /// A resource that all of these attributes identify (`cloud.provider`, `cloud.account.id`, `cloud.region`, …).
    pub fn new(attributes: Attributes) -> Self {
        let hash = hash(&attributes);
        Self {
            hash,
            identity: hash,
            former_identity: hash,
            attributes,
        }
    }

    /// A resource that `identifying` attributes identify and `describing` ones describe (tags). Files of format 3 and older
    /// took both as its identity and knew nothing of the `added` ones, which describe it as well.
    pub fn described(identifying: Pairs, describing: Pairs, added: Pairs) -> Self {
        let identity = hash(&Attributes::new(identifying.clone()));
        let mut pairs = identifying;
        pairs.extend(describing);
        let former_identity = hash(&Attributes::new(pairs.clone()));
        pairs.extend(added);
        let attributes = Attributes::new(pairs);
        Self {
            hash: hash(&attributes),
            identity,
            former_identity,
            attributes,
        }
    }

    /// The same for a cloud that tells no upper from lower case: however it spells what identifies the resource, the resource
    /// is the same.
    pub fn described_in_any_case(identifying: Pairs, describing: Pairs, added: Pairs) -> Self {
        let folded = identifying
            .iter()
            .map(|(key, value)| (Arc::clone(key), value.to_lowercase().into()))
            .collect();
        Self {
            identity: hash(&Attributes::new(folded)),
            ..Self::described(identifying, describing, added)
        }
    }

    /// A stable hash of what identifies it.
    pub(super) fn identity(&self) -> u128 {
        self.identity
    }

    /// What files of format 3 and older have for it.
    pub(super) fn former_identity(&self) -> u128 {
        self.former_identity
    }

    /// Its attributes.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// A stable hash of the attributes, to group by.
    pub fn key(&self) -> u128 {
        self.hash
    }
}

fn hash(attributes: &Attributes) -> u128 {
    let mut hash = Xxh3::new();
    attributes.feed(&mut hash);
    hash.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attrs(pairs: &[(&str, &str)]) -> Attributes {
        Attributes::new(
            pairs
                .iter()
                .map(|(k, v)| (Arc::from(*k), Arc::from(*v)))
                .collect(),
        )
    }

    #[test]
    fn identity_does_not_depend_on_the_order_of_attributes() {
        let a = Resource::new(attrs(&[("a", "1"), ("b", "2")]));
        let b = Resource::new(attrs(&[("b", "2"), ("a", "1")]));
        assert_eq!(a.key(), b.key());
        assert_ne!(a.key(), Resource::new(attrs(&[("a", "12"), ("b", "")])).key());
        assert_eq!(a.attributes().get("b"), Some("2"));
    }

    #[test]
    fn case_is_no_identity_where_a_cloud_does_not_tell_it() {
        let pairs = |v: &str| vec![(Arc::from("id"), Arc::from(v))];
        let of = |id: &str| Resource::described_in_any_case(pairs(id), vec![], vec![]);
        let (a, b) = (of("/RG/Vm"), of("/rg/vm"));
        assert_eq!(a.identity(), b.identity());
        assert_ne!(a.former_identity(), b.former_identity());
        assert_eq!(a.attributes().get("id"), Some("/RG/Vm"));
    }

    #[test]
    fn what_describes_is_no_identity() {
        let pairs = |k: &str, v: &str| vec![(Arc::from(k), Arc::from(v))];
        let of =
            |team: &str| Resource::described(pairs("id", "1"), pairs("tag.team", team), pairs("name", "n"));
        let (a, b) = (of("a"), of("b"));
        assert_eq!(a.identity(), b.identity());
        assert_ne!(a.key(), b.key());
        let as_format_3_had_it = Resource::new(attrs(&[("id", "1"), ("tag.team", "a")]));
        assert_eq!(a.former_identity(), as_format_3_had_it.key());
        assert_eq!(a.attributes().get("name"), Some("n"));
    }
}
