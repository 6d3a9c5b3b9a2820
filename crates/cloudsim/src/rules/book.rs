//! The rules of one simulator while it runs: which of them are on, what they have hit, and until when a client was told
//! to wait.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Asked, How, Part, PartFault, Rule};

/// A request may be on its way when the answer that tells another one to wait is: refused, but not asked too early.
const ON_ITS_WAY_MS: i64 = 500;
const MS_PER_S: i64 = 1000;

/// A rule that was added, to take it away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleId(u64);

/// What the rules do to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strike {
    /// To the whole of it.
    pub whole: Option<How>,
    /// To those of its parts that have these numbers.
    pub parts: Vec<(usize, PartFault)>,
}

impl Strike {
    /// What happens to the part of this number.
    pub fn part(&self, number: usize) -> Option<PartFault> {
        let hit = self.parts.iter().find(|(known, _)| *known == number);
        hit.map(|(_, fault)| *fault)
    }
}

/// When a request comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// By the simulated clock: rules come and go by it.
    pub(crate) unix_s: i64,
    /// By the clock that clients wait by.
    pub(crate) waits_ms: i64,
}

#[derive(Clone, Debug)]
struct Added {
    id: RuleId,
    rule: Rule,
    /// Requests that it was asked about, and those that it struck.
    seen: u64,
    struck: u64,
}

/// Until when a client was told to wait, and when.
#[derive(Clone, Copy, Debug)]
struct Wait {
    told_ms: i64,
    until_ms: i64,
    retry_after_s: u32,
}

/// Cloud and operation are in the rule; what differs between those that wait is scope, host and operation.
type Door = (RuleId, String, String, String);

/// All rules of one simulator.
#[derive(Debug, Default)]
pub(crate) struct Book {
    seed: u64,
    next: u64,
    rules: Vec<Added>,
    waits: HashMap<Door, Wait>,
    too_early: u64,
}

impl Book {
    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
    }

    pub(crate) fn add(&mut self, rule: Rule) -> RuleId {
        let id = RuleId(self.next);
        self.next += 1;
        self.rules.push(Added {
            id,
            rule,
            seen: 0,
            struck: 0,
        });
        id
    }

    pub(crate) fn remove(&mut self, id: RuleId) {
        self.rules.retain(|added| added.id != id);
        self.waits.retain(|door, _| door.0 != id);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.waits.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn struck(&self, id: RuleId) -> u64 {
        let added = self.rules.iter().find(|added| added.id == id);
        added.map_or(0, |added| added.struck)
    }

    pub(crate) fn too_early(&self) -> u64 {
        self.too_early
    }

    /// What happens to this request. Of those that hit the whole of it the first wins.
    pub(crate) fn judge(&mut self, asked: &Asked, now: Moment) -> Strike {
        let mut strike = Strike::default();
        let Self {
            seed,
            rules,
            waits,
            too_early,
            ..
        } = self;
        for added in rules.iter_mut().filter(|added| added.rule.hits.is_place(asked)) {
            let hit = hit(&added.rule, asked);
            if hit.is_none() {
                continue;
            }
            let is_throttle = matches!(added.rule.how, How::Throttle { .. });
            let waiting = if is_throttle {
                wait_again(waits, &door(added.id, asked), now, too_early)
            } else {
                None
            };
            let how = match waiting {
                Some(retry_after_s) => How::Throttle { retry_after_s },
                None if added.is_drawn(*seed, now) => added.rule.how,
                None => continue,
            };
            added.struck += 1;
            if let (How::Throttle { retry_after_s }, None) = (how, waiting) {
                waits.insert(door(added.id, asked), Wait::new(now, retry_after_s));
            }
            strike.add(how, hit.unwrap_or_default(), asked);
        }
        strike
    }

    /// What is wrong with an element of an answer to `asked`.
    pub(crate) fn element(&self, asked: &Asked, part: &Part, now: Moment) -> Option<PartFault> {
        let hits = |added: &&Added| {
            let rule = &added.rule;
            rule.is_on(now.unix_s)
                && rule.hits.is_place(asked)
                && rule.hits.is_part(part)
                && added.draws_element(self.seed, part, now)
        };
        self.rules
            .iter()
            .filter(hits)
            .find_map(|added| match added.rule.how {
                How::Part(fault) => Some(fault),
                How::Status(_) | How::Throttle { .. } | How::Silence | How::Cut | How::Answer(_) => None,
            })
    }
}

impl Book {
    /// Whether one of the rules in force refuses this metric by name.
    pub(crate) fn names_metric(&self, asked: &Asked, part: &Part) -> bool {
        const INVALID: How = How::Status(400);
        self.rules.iter().any(|Added { rule, .. }| {
            rule.how == INVALID
                && rule.hits.metric.is_some()
                && rule.hits.is_place(asked)
                && rule.hits.is_part(part)
        })
    }
}

impl Added {
    fn is_drawn(&mut self, seed: u64, now: Moment) -> bool {
        if !self.rule.is_on(now.unix_s) {
            return false;
        }
        let draw = xxh3_64_with_seed(&self.seen.to_le_bytes(), seed ^ self.id.0.rotate_left(32));
        self.seen += 1;
        draw % 1000 < u64::from(self.rule.per_thousand)
    }
}

impl Added {
    /// Elements of answers are drawn by what they are and by the minute, so that the order of requests does not matter.
    fn draws_element(&self, seed: u64, part: &Part, now: Moment) -> bool {
        let text = format!("{part:?}{}", now.unix_s.div_euclid(60));
        let draw = xxh3_64_with_seed(text.as_bytes(), seed ^ self.id.0.rotate_left(32));
        draw % 1000 < u64::from(self.rule.per_thousand)
    }
}

impl Wait {
    fn new(now: Moment, retry_after_s: u32) -> Self {
        Self {
            told_ms: now.waits_ms,
            until_ms: now.waits_ms + i64::from(retry_after_s) * MS_PER_S,
            retry_after_s,
        }
    }
}

impl Strike {
    fn add(&mut self, how: How, parts: Vec<usize>, asked: &Asked) {
        let how = if parts.is_empty() || asked.parts.is_empty() {
            how
        } else {
            how.to_one_of_many(asked)
        };
        match how {
            How::Part(fault) => self.parts.extend(parts.into_iter().map(|part| (part, fault))),
            How::Status(_) | How::Throttle { .. } | How::Silence | How::Cut | How::Answer(_) => {
                self.whole = self.whole.or(Some(how));
            }
        }
    }
}

/// The numbers of the parts that are hit; none of them when the rule hits whatever is asked for and only as a whole;
/// `None` when the request is not hit.
fn hit(rule: &Rule, asked: &Asked) -> Option<Vec<usize>> {
    let only_parts = matches!(rule.how, How::Part(_));
    if rule.hits.is_whole() && !only_parts {
        return Some(Vec::new());
    }
    let numbered = asked.parts.iter().enumerate();
    let parts: Vec<usize> = numbered
        .filter(|(_, part)| rule.hits.is_part(part))
        .map(|(number, _)| number)
        .collect();
    (!parts.is_empty()).then_some(parts)
}

fn door(id: RuleId, asked: &Asked) -> Door {
    (
        id,
        asked.scope.to_lowercase(),
        asked.host.to_lowercase(),
        asked.operation.clone(),
    )
}

/// The new wait of one who was told to wait and did not.
fn wait_again(waits: &mut HashMap<Door, Wait>, door: &Door, now: Moment, too_early: &mut u64) -> Option<u32> {
    let wait = waits.get_mut(door)?;
    if now.waits_ms >= wait.until_ms {
        waits.remove(door);
        return None;
    }
    if now.waits_ms > wait.told_ms + ON_ITS_WAY_MS {
        *too_early += 1;
        *wait = Wait::new(now, wait.retry_after_s);
    }
    Some(wait.retry_after_s)
}

#[cfg(test)]
mod tests {
    use super::super::Cloud;
    use super::*;

    fn at(unix_s: i64) -> Moment {
        Moment {
            unix_s,
            waits_ms: unix_s * MS_PER_S,
        }
    }

    fn batch(cloud: Cloud, operation: &str, ids: &[&str]) -> Asked {
        let part = |id: &&str| Part {
            id: (*id).to_owned(),
            kind: "t".to_owned(),
            metric: "m".to_owned(),
        };
        Asked {
            cloud,
            operation: operation.to_owned(),
            scope: "s".to_owned(),
            host: "h".to_owned(),
            parts: ids.iter().map(part).collect(),
        }
    }

    #[test]
    fn one_hit_resource_fails_the_batch_in_azure_and_its_result_in_aws() {
        let mut book = Book::default();
        book.add(Rule::new(How::Status(500)).id("b"));
        let azure = batch(Cloud::Azure, "metrics.getBatch", &["a", "b"]);
        assert_eq!(book.judge(&azure, at(0)).whole, Some(How::Status(500)));
        let aws = batch(Cloud::Aws, "GetMetricData", &["a", "b"]);
        let strike = book.judge(&aws, at(0));
        assert_eq!((strike.whole, strike.parts), (None, vec![(1, PartFault::Failed)]));
        let other = batch(Cloud::Azure, "metrics.getBatch", &["a", "c"]);
        assert_eq!(book.judge(&other, at(0)), Strike::default());
        book.clear();
        book.add(Rule::new(How::Status(400)).id("b"));
        assert_eq!(book.judge(&aws, at(0)).whole, Some(How::Status(400)));
    }

    #[test]
    fn a_rule_is_on_within_its_time_and_for_its_share() {
        let mut book = Book::default();
        let id = book.add(Rule::new(How::Cut).between(10, 20).share(300));
        let asked = batch(Cloud::Gcp, "ListTimeSeries", &["a"]);
        let struck = |book: &mut Book, second| {
            (0..1000)
                .filter(|_| book.judge(&asked, at(second)).whole.is_some())
                .count()
        };
        assert_eq!(struck(&mut book, 9), 0);
        let share = struck(&mut book, 10);
        assert!((250..350).contains(&share), "{share}");
        assert_eq!(struck(&mut book, 20), 0);
        assert_eq!(usize::try_from(book.struck(id)), Ok(share));
        book.remove(id);
        assert!(book.is_empty());
    }

    #[test]
    fn who_asks_before_the_wait_is_over_waits_anew_and_is_counted() {
        let mut book = Book::default();
        book.add(Rule::new(How::Throttle { retry_after_s: 40 }).between(0, 1));
        let asked = batch(Cloud::Azure, "metrics.get", &["a"]);
        let throttled = |book: &mut Book, ms| {
            let now = Moment {
                unix_s: ms / MS_PER_S,
                waits_ms: ms,
            };
            book.judge(&asked, now).whole.is_some()
        };
        assert!(throttled(&mut book, 0));
        // It was on its way.
        assert!(throttled(&mut book, 300));
        assert_eq!(book.too_early(), 0);
        assert!(throttled(&mut book, 11_000));
        assert_eq!(book.too_early(), 1);
        assert!(throttled(&mut book, 50_999));
        assert_eq!(book.too_early(), 2);
        assert!(!throttled(&mut book, 90_999));
        assert_eq!(book.too_early(), 2);
    }
}
