//! A subscription's catalogue in the making: places and questions become targets and their groups. Pure.

use super::attributes::{Owner, resource};
use super::definitions::Definitions;
use super::knowledge::Splits;
use super::places::Place;
use super::questions::{Asked, Asking, Unasked};
use crate::config::AzureEntry;
use crate::question::Question;
use crate::target::{TargetDetail, identity};
use provider_api::{Group, GroupSpec, Resource, SkipReason, Skipped, Target, TargetId, Texts};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// "P93D" in every definition seen.
const RETENTION: Duration = Duration::from_secs(93 * 86_400);
/// Values of one resource in the longest window, so that some resources still fit into a request.
const LONGEST_WINDOW_POINTS: u32 = 20_000;

/// What holds for all of a subscription.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) entries: &'a [AzureEntry],
    pub(super) owner: Owner<'a>,
    /// As it is written in the configuration, which is what format 3 has.
    pub(super) written: &'a str,
    /// The subscription in the names of groups.
    pub(super) short: &'a str,
    pub(super) splits: &'a Splits,
}

/// A catalogue in the making.
#[derive(Debug)]
pub(super) struct Building<'a> {
    ground: Ground<'a>,
    classes: Vec<Class<'a>>,
    unasked: HashSet<Unasked>,
    skipped: Vec<Skipped>,
}

/// Resources of which the same is asked.
#[derive(Debug)]
struct Class<'a> {
    region: &'a str,
    places: Vec<&'a Place<'a>>,
    asked: Vec<Asked>,
}

/// An entry, a region and a grain.
type GroupKey<'a> = (usize, &'a str, Duration);

impl<'a> Building<'a> {
    pub(super) fn new(ground: Ground<'a>) -> Self {
        Self {
            ground,
            classes: Vec::new(),
            unasked: HashSet::new(),
            skipped: Vec::new(),
        }
    }

    /// Adds the places of one type. Of those that `definitions` says nothing about, nothing is known.
    pub(super) fn add(
        &mut self,
        resource_type: &str,
        places: &'a [Place<'a>],
        definitions: impl Fn(&Place<'_>) -> Option<Arc<Definitions>>,
    ) {
        let mut known: Vec<Arc<Definitions>> = Vec::new();
        let mut classes: BTreeMap<(&'a str, &'a [usize], usize), Vec<&'a Place<'a>>> = BTreeMap::new();
        for place in places {
            let Some(has) = definitions(place) else { continue };
            let at = known
                .iter()
                .position(|k| Arc::ptr_eq(k, &has))
                .unwrap_or_else(|| {
                    known.push(has);
                    known.len() - 1
                });
            let class = (place.thing.region.as_str(), place.entries.as_slice(), at);
            classes.entry(class).or_default().push(place);
        }
        let odd: usize = known.iter().map(|k| k.odd).sum();
        if odd > 0 {
            self.skip(
                SkipReason::BadShape,
                format!("definitions of {resource_type}").into(),
                odd,
            );
        }
        if !known.is_empty() && known.iter().all(|k| k.metrics.is_empty()) {
            self.skip(SkipReason::NoNumber, resource_type.into(), 0);
        }
        for ((region, entries, at), here) in classes {
            if let Some(has) = known.get(at) {
                let former = former_definitions(region, places, &definitions);
                let asked = self.asked(region, entries, has, former.as_ref().unwrap_or(has));
                self.classes.push(Class {
                    region,
                    places: here,
                    asked,
                });
            }
        }
    }

    fn asked(
        &mut self,
        region: &str,
        entries: &[usize],
        has: &Definitions,
        former: &Definitions,
    ) -> Vec<Asked> {
        let entry = |index: &usize| Some((*index, self.ground.entries.get(*index)?));
        let entries: Vec<(usize, &AzureEntry)> = entries.iter().filter_map(entry).collect();
        let asking = Asking {
            entries: &entries,
            subscription: &self.ground.owner.scope.0,
            former_subscription: self.ground.written,
            region,
            definitions: has,
            former_definitions: former,
            splits: self.ground.splits,
        };
        asking.questions(&mut self.unasked)
    }

    fn skip(&mut self, reason: SkipReason, metric: Arc<str>, count: usize) {
        self.skipped.push(Skipped {
            reason,
            metric,
            points: u64::try_from(count).unwrap_or(u64::MAX),
        });
    }

    /// The targets, and what was left out.
    pub(super) fn finish(mut self) -> (Vec<Target>, Vec<Skipped>) {
        let mut unasked: Vec<Unasked> = self.unasked.drain().collect();
        unasked.sort();
        for (reason, metric) in unasked {
            self.skip(reason, metric, 0);
        }
        let groups = self.groups();
        let (mut targets, mut known, mut texts) = (Vec::new(), HashSet::new(), Texts::default());
        for class in &self.classes {
            for place in &class.places {
                self.targets(class, place, &groups, &mut known, &mut texts, &mut targets);
            }
        }
        (targets, self.skipped)
    }

    fn targets(
        &self,
        class: &Class<'a>,
        place: &Place<'_>,
        groups: &HashMap<GroupKey<'a>, Group>,
        known: &mut HashSet<TargetId>,
        texts: &mut Texts,
        targets: &mut Vec<Target>,
    ) {
        let mut described: HashMap<usize, Arc<Resource>> = HashMap::new();
        for Asked {
            entry,
            rank,
            question,
        } in &class.asked
        {
            let key = (*entry, class.region, question.grain);
            let (Some(group), Some(of)) = (groups.get(&key), self.ground.entries.get(*entry)) else {
                continue;
            };
            let id = identity(&place.id, question, *rank);
            // A listing may show a resource twice.
            if known.insert(id) {
                let resource = described
                    .entry(*entry)
                    .or_insert_with(|| Arc::new(resource(of, place, self.ground.owner, texts)));
                targets.push(target(id, place, resource, group, question));
            }
        }
    }

    fn groups(&self) -> HashMap<GroupKey<'a>, Group> {
        let mut widths: BTreeMap<GroupKey<'a>, u32> = BTreeMap::new();
        for class in &self.classes {
            for asked in &class.asked {
                let key = (asked.entry, class.region, asked.question.grain);
                let width = widths.entry(key).or_default();
                *width = asked.question.width().max(*width);
            }
        }
        let group = |(key, width): (GroupKey<'a>, u32)| Some((key, self.group(key, width)?));
        widths.into_iter().filter_map(group).collect()
    }

    fn group(&self, (index, region, grain): GroupKey<'_>, width: u32) -> Option<Group> {
        let entry = self.ground.entries.get(index)?;
        let name = format!(
            "{} {} {} {}s{}",
            self.ground.short,
            region,
            entry.resource_type,
            grain.as_secs(),
            ordinal(index, self.ground.entries)
        );
        Some(Arc::new(GroupSpec {
            scope: self.ground.owner.scope.clone(),
            name: name.into(),
            entry: index,
            namespace: entry.resource_type.as_str().into(),
            grain,
            on_grain: true,
            every: entry.every,
            settle: entry.settle,
            lookback: entry.lookback,
            initial: entry.initial,
            retention: RETENTION,
            longest_window: grain
                .saturating_mul((LONGEST_WINDOW_POINTS / width.max(1)).max(1))
                .min(RETENTION),
        }))
    }
}

fn target(
    id: TargetId,
    place: &Place<'_>,
    resource: &Arc<Resource>,
    group: &Group,
    question: &Arc<Question>,
) -> Target {
    let detail = TargetDetail {
        id: place.id.clone(),
        resource: resource.clone(),
        question: question.clone(),
    };
    Target {
        id,
        members: question.members,
        group: group.clone(),
        series: question.series(),
        detail: Arc::new(detail),
    }
}

/// Format 3 took the definitions of one resource for all of a type and region: of the first that had some, among those
/// of the first entry.
fn former_definitions(
    region: &str,
    places: &[Place<'_>],
    definitions: impl Fn(&Place<'_>) -> Option<Arc<Definitions>>,
) -> Option<Arc<Definitions>> {
    let here = || places.iter().filter(|place| place.thing.region == region);
    let first = here().filter_map(|place| place.entries.first()).min()?;
    let mut of_first = here().filter(|place| place.entries.contains(first));
    of_first.find_map(definitions)
}

/// Empty for the first entry of its type, ` #2` for the second, so that groups have different names.
fn ordinal(index: usize, entries: &[AzureEntry]) -> String {
    let Some(entry) = entries.get(index) else {
        return String::new();
    };
    let same = |e: &&AzureEntry| e.resource_type.eq_ignore_ascii_case(&entry.resource_type);
    let before = entries.iter().take(index).filter(same).count();
    if before == 0 {
        String::new()
    } else {
        format!(" #{}", before + 1)
    }
}
