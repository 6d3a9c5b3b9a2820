//! A subscription's catalogue in the making: places and questions become targets and their groups. Pure.

use super::attributes::attributes;
use super::places::Place;
use super::questions::Asking;
use crate::config::AzureEntry;
use crate::target::{Question, TargetDetail};
use crate::wire::Definition;
use provider_api::{
    AccountId, Catalogue, Group, GroupSpec, Members, Resource, Scope, SkipReason, Skipped, Target, TargetId,
    Texts,
};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// "P93D" in every definition seen.
const RETENTION: Duration = Duration::from_secs(93 * 86_400);
/// Points of one resource in the longest window, so that some resources still fit into a call.
const LONGEST_WINDOW_POINTS: u32 = 20_000;

/// What one entry wants of one region.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) entry: &'a AzureEntry,
    /// The entry's place in the configuration.
    pub(super) index: usize,
    /// Tells the entry's groups from those of others of its type; empty for the first.
    pub(super) ordinal: String,
    pub(super) region: &'a str,
    pub(super) places: &'a [Place],
    pub(super) definitions: &'a [Definition],
}

/// A catalogue in the making.
#[derive(Debug)]
pub(super) struct Building<'a> {
    account: &'a AccountId,
    scope: &'a Scope,
    /// The subscription in the names of groups.
    short: &'a str,
    /// By lower-case type and region, as one resource had them.
    definitions: BTreeMap<(String, String), Arc<Vec<Definition>>>,
    targets: Vec<Target>,
    known: HashSet<TargetId>,
    texts: Texts,
    skipped: Vec<Skipped>,
}

impl<'a> Building<'a> {
    pub(super) fn new(scope: &'a Scope, short: &'a str, account: &'a AccountId) -> Self {
        Self {
            account,
            scope,
            short,
            definitions: BTreeMap::new(),
            targets: Vec::new(),
            known: HashSet::new(),
            texts: Texts::default(),
            skipped: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Catalogue {
        Catalogue {
            targets: self.targets,
            skipped: self.skipped,
            ..Catalogue::empty(self.scope.clone(), Duration::ZERO)
        }
    }

    /// What another entry of the type has already learnt.
    pub(super) fn definitions(&self, entry: &AzureEntry, region: &str) -> Option<Arc<Vec<Definition>>> {
        self.definitions.get(&key(entry, region)).cloned()
    }

    /// Keeps the definitions for the other entries of the type, and hands them back.
    pub(super) fn remember(
        &mut self,
        entry: &AzureEntry,
        region: &str,
        definitions: Arc<Vec<Definition>>,
    ) -> Arc<Vec<Definition>> {
        self.definitions.insert(key(entry, region), definitions.clone());
        definitions
    }

    pub(super) fn add(&mut self, part: &Part<'_>) {
        if part.definitions.is_empty() {
            self.skipped.push(Skipped {
                reason: SkipReason::NoNumber,
                metric: part.entry.resource_type.as_str().into(),
                points: 0,
            });
        }
        let asking = Asking {
            entry: part.entry,
            subscription: &self.scope.0,
            region: part.region,
        };
        let by_grain = asking.by_grain(part.definitions, &mut self.skipped);
        let groups: Vec<_> = by_grain
            .into_iter()
            .map(|(grain, questions)| (self.group(part, grain, &questions), questions))
            .collect();
        for place in part.places {
            let resource = Arc::new(self.resource(part, place));
            for (group, questions) in &groups {
                for question in questions {
                    self.target(place, &resource, group, question);
                }
            }
        }
    }

    fn resource(&mut self, part: &Part<'_>, place: &Place) -> Resource {
        let (scope, account) = (self.scope, self.account);
        let texts = &mut self.texts;
        Resource::new(attributes(part.entry, scope, part.region, place, account, texts))
    }

    fn target(&mut self, place: &Place, resource: &Arc<Resource>, group: &Group, question: &Arc<Question>) {
        let id = TargetId::of_text(&format!("{}|{}", place.id.to_ascii_lowercase(), question.key()));
        // Two entries may ask for the same; the first one's timing counts.
        if self.known.insert(id) {
            let detail = TargetDetail {
                id: place.id.clone(),
                resource: resource.clone(),
                question: question.clone(),
            };
            let series = question.series();
            self.targets.push(Target {
                id,
                members: Members::default(),
                group: group.clone(),
                series,
                detail: Arc::new(detail),
            });
        }
    }

    fn group(&self, part: &Part<'_>, grain: Duration, questions: &[Arc<Question>]) -> Group {
        let entry = part.entry;
        let name = format!(
            "{} {} {} {}s{}",
            self.short,
            part.region,
            entry.resource_type,
            grain.as_secs(),
            part.ordinal
        );
        let series = questions.iter().map(|q| q.series()).max().unwrap_or(1);
        Arc::new(GroupSpec {
            scope: self.scope.clone(),
            name: name.into(),
            entry: part.index,
            namespace: entry.resource_type.as_str().into(),
            grain,
            on_grain: true,
            every: entry.every,
            settle: entry.settle,
            lookback: entry.lookback,
            initial: entry.initial,
            retention: RETENTION,
            longest_window: grain
                .saturating_mul((LONGEST_WINDOW_POINTS / series).max(1))
                .min(RETENTION),
        })
    }
}

fn key(entry: &AzureEntry, region: &str) -> (String, String) {
    (entry.resource_type.to_ascii_lowercase(), region.to_owned())
}
