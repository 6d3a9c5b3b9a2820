//! What the metrics of one resource have in common, shared: whose they are, and the attributes that say so.

use crate::config::AwsEntry;
use crate::tags::{Owner, TagIndex};
use crate::{arns, units};
use provider_api::{Attributes, Resource, Scope, Texts};
use std::collections::HashMap;
use std::sync::Arc;

/// What all targets of a region have in common.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) scope: Scope,
    pub(crate) account: Arc<str>,
    pub(crate) account_number: Option<Arc<str>>,
}

/// What entries want of tags, together.
#[derive(Debug, PartialEq, Eq)]
struct Wish<'a> {
    /// Whether they ask for them at all.
    tags: bool,
    copied: Vec<&'a str>,
}

/// What the metrics of one resource have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct About {
    platform: Option<&'static str>,
    pub(super) owner: Owner,
    /// Written from the dimensions.
    arn: Option<Arc<str>>,
}

/// All resources of a region.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) place: Place,
    /// Nothing when the resources' tags could not be listed: what is chosen by tags has to wait.
    pub(super) tags: Option<&'a TagIndex>,
    wishes: Vec<Wish<'a>>,
    about: HashMap<Arc<str>, HashMap<Attributes, About>>,
    known: HashMap<(usize, About), Arc<Resource>>,
    by_key: HashMap<u128, Arc<Resource>>,
}

impl<'a> Resources<'a> {
    pub(super) fn new(place: Place, tags: Option<&'a TagIndex>) -> Self {
        Self {
            place,
            tags,
            wishes: Vec::new(),
            about: HashMap::new(),
            known: HashMap::new(),
            by_key: HashMap::new(),
        }
    }

    /// The place of what these entries want of tags.
    pub(super) fn wish(&mut self, askers: &[&'a AwsEntry]) -> usize {
        let mut copied: Vec<&str> = askers
            .iter()
            .flat_map(|e| e.copy_tags.iter().map(String::as_str))
            .collect();
        copied.sort_unstable();
        copied.dedup();
        let tags = askers.iter().any(|e| e.needs_tags());
        let wish = Wish { tags, copied };
        self.wishes
            .iter()
            .position(|known| *known == wish)
            .unwrap_or_else(|| {
                self.wishes.push(wish);
                self.wishes.len() - 1
            })
    }

    /// Whose a metric is.
    pub(super) fn about(&mut self, namespace: &str, dimensions: &Attributes, texts: &mut Texts) -> About {
        if let Some(known) = self.about.get(namespace).and_then(|all| all.get(dimensions)) {
            return known.clone();
        }
        let at = arns::At {
            region: &self.place.scope.0,
            account: self.place.account_number.as_deref(),
        };
        let arn = arns::written(namespace, |name| dimensions.get(name), at);
        let new = About {
            platform: units::platform(namespace),
            owner: self
                .tags
                .map_or(Owner::Nobody, |tags| tags.owner(namespace, dimensions)),
            arn: arn.map(Arc::from),
        };
        let of_namespace = self.about.entry(texts.get(namespace)).or_default();
        of_namespace.insert(dimensions.clone(), new.clone());
        new
    }

    pub(super) fn of(&mut self, wish: usize, about: &About, texts: &mut Texts) -> Arc<Resource> {
        let key = (wish, about.clone());
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let new = self.described(wish, about, texts);
        let by_key = self.by_key.entry(new.key());
        let shared = Arc::clone(by_key.or_insert_with(|| Arc::new(new)));
        self.known.insert(key, Arc::clone(&shared));
        shared
    }

    /// Account and region identify it, for the dimensions of a series say the rest. What has to be asked for and may be
    /// refused (the account's number, tags) only describes it.
    fn described(&self, wish: usize, about: &About, texts: &mut Texts) -> Resource {
        let wish = self.wishes.get(wish);
        let owner = about.owner.place().and_then(|o| self.tags?.resource(o));
        let mut pair = |key: &str, value: &str| (texts.get(key), texts.get(value));
        let identifying = vec![
            pair("cloud.provider", "aws"),
            pair("cloud.region", &self.place.scope.0),
            pair("nephoscope.account", &self.place.account),
        ];
        let mut describing = Vec::new();
        let number = self.place.account_number.as_deref();
        describing.extend(number.map(|n| pair("cloud.account.id", n)));
        describing.extend(about.platform.map(|p| pair("cloud.platform", p)));
        let mut added = Vec::new();
        if let Some(owner) = owner {
            let arn = pair("cloud.resource_id", &owner.arn);
            // Format 3 told only those of the ARN who asked for tags.
            if let Some(wish) = wish.filter(|wish| wish.tags) {
                describing.push(arn);
                let copied = wish.copied.iter();
                let copied = copied.filter_map(|k| Some(pair(&format!("tag.{k}"), owner.tag(k)?)));
                describing.extend(copied);
            } else {
                added.push(arn);
            }
        }
        added.extend(about.arn.iter().map(|arn| pair("cloud.resource_id", arn)));
        Resource::described(identifying, describing, added)
    }
}
