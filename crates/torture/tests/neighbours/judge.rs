//! Everything that the clouds publish, what each failure excuses, and what did not arrive in time.

use crate::house::{AWS_NAMES, AZURE_NAMES, EVERY, GOOGLE, House, NAMESPACES, SETTLE, TYPES};
use crate::lines::{self, Key};
use cloudsim::gcp::GcpValue;
use cloudsim::rules::{Asked, Part};
use cloudsim::{Cloud, How, PartFault, Rule};
use std::collections::{BTreeMap, HashMap};

const NANOS: i64 = 1_000_000_000;
const PERIOD_S: i64 = 300;
/// One poll late: the poll that a point is due with, the one after it, and what a poll itself takes.
const LATEST_S: i64 = 20;
/// Whatever a failure hits is not waited for until so long after its end, in seconds.
const EXCUSED_AFTER_S: i64 = 1500;

/// What Azure refuses again and again is left out for a day of listings at most.
const LEFT_OUT_S: i64 = 26 * 3600;

/// Something that has points, and the questions by which a daemon may ask for it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) cloud: Cloud,
    pub(crate) key: Key,
    pub(crate) asks: Vec<Asked>,
}

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) subjects: Vec<Subject>,
    numbers: HashMap<Key, usize>,
    /// How many points each subject has at each end, in seconds.
    pub(crate) points: BTreeMap<(usize, i64), usize>,
}

impl Truth {
    /// Of all points that end in `(from, to]`.
    pub(crate) fn new(house: &House, (from_s, to_s): (i64, i64)) -> Self {
        let mut truth = Self::default();
        let from_s = from_s.div_euclid(PERIOD_S) * PERIOD_S;
        let buckets = (from_s, to_s - PERIOD_S + 1);
        for t in house.aws.truth().points(buckets.0, buckets.1, "Sum", PERIOD_S) {
            if !NAMESPACES.contains(&t.namespace) || !AWS_NAMES.contains(&t.metric) {
                continue;
            }
            let pairs: Vec<String> = t
                .dimensions
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let mut dimensions = t.dimensions.clone();
            dimensions.sort();
            let key = lines::aws(t.region, t.namespace, t.metric, &dimensions);
            let part = || part(pairs.join(","), t.namespace, t.metric);
            let asks = || {
                vec![asked(
                    Cloud::Aws,
                    "GetMetricData",
                    t.region,
                    &format!("monitoring.{}", t.region),
                    part(),
                )]
            };
            truth.add(Cloud::Aws, key, asks, t.bucket_start_unix_s + PERIOD_S);
        }
        for t in house
            .azure
            .truth()
            .points(buckets.0, buckets.1, PERIOD_S, "primary")
        {
            if !TYPES.contains(&t.resource_type.as_str()) || !AZURE_NAMES.contains(&t.metric.as_str()) {
                continue;
            }
            let part = || part(t.resource_id.clone(), &t.resource_type, &t.metric);
            let ask = |operation, host| asked(Cloud::Azure, operation, &t.subscription, host, part());
            let asks = || vec![ask("metrics.getBatch", &t.region), ask("metrics.get", "arm")];
            let key = lines::azure(&t.resource_id, &t.metric);
            truth.add(Cloud::Azure, key, asks, t.bucket_start_unix_s + PERIOD_S);
        }
        for t in house.gcp.truth().points(from_s, to_s) {
            if !GOOGLE.iter().any(|prefix| t.metric_type.starts_with(prefix))
                || matches!(t.value, GcpValue::String(_))
            {
                continue;
            }
            let kind = t.metric_type.split('/').next().unwrap_or_default();
            let part = || part(String::new(), kind, &t.metric_type);
            let asks = || vec![asked(Cloud::Gcp, "ListTimeSeries", &t.project, "", part())];
            truth.add(
                Cloud::Gcp,
                lines::gcp(&t.project, &t.metric_type),
                asks,
                t.end_ns / NANOS,
            );
        }
        truth
    }

    fn add(&mut self, cloud: Cloud, key: Key, asks: impl FnOnce() -> Vec<Asked>, end_s: i64) {
        let next = self.subjects.len();
        let number = *self.numbers.entry(key.clone()).or_insert(next);
        if number == next {
            self.subjects.push(Subject {
                cloud,
                key,
                asks: asks(),
            });
        }
        *self.points.entry((number, end_s)).or_default() += 1;
    }
}

fn asked(cloud: Cloud, operation: &str, scope: &str, host: &str, part: Part) -> Asked {
    Asked {
        cloud,
        operation: operation.to_owned(),
        scope: scope.to_owned(),
        host: host.to_owned(),
        parts: vec![part],
    }
}

fn part(id: String, kind: &str, metric: &str) -> Part {
    Part {
        id,
        kind: kind.to_owned(),
        metric: metric.to_owned(),
    }
}

/// What a rule does to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    Nothing,
    /// Its points come later.
    Delays,
    /// Its points cannot be read, and are counted.
    Spoils,
}

fn harm(rule: &Rule, subject: &Subject) -> Harm {
    // What does not exist or may not be read is left alone for a while, and what is written oddly cannot be read.
    let is_refusal = matches!(rule.how, How::Status(400 | 403 | 404) | How::Part(_));
    let is_azure = subject.cloud == Cloud::Azure && !rule.hits.is_whole() && is_refusal;
    if (is_azure || rule.how == How::Status(404)) && subject.asks.iter().any(|asked| rule.hits.hit(asked)) {
        return Harm::Spoils;
    }
    if matches!(rule.how, How::Part(PartFault::Odd(_))) {
        // In a list it hits what it names, whatever is asked.
        let mut hits = rule.hits.clone();
        (hits.operation, hits.host) = (None, None);
        return if subject.asks.iter().any(|asked| hits.hit(asked)) {
            Harm::Spoils
        } else {
            Harm::Nothing
        };
    }
    if subject.asks.iter().any(|asked| rule.hits.hit(asked)) {
        Harm::Delays
    } else {
        Harm::Nothing
    }
}

/// How it went.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Rules that were in force at some time.
    pub(crate) rules: usize,
    /// Points that nothing excuses.
    pub(crate) demanded: usize,
    pub(crate) excused: usize,
    /// Those that did not come, or later than a poll, by the rules that were in force.
    pub(crate) late: BTreeMap<String, Vec<String>>,
    /// Points of what was hit that never came, by the rules that hit it.
    pub(crate) lost: BTreeMap<String, Vec<String>>,
    pub(crate) doubled: BTreeMap<String, Vec<String>>,
}

/// Compares. `end_s` is when the run ended.
pub(crate) fn judge(house: &House, truth: &Truth, rules: &[Rule]) -> Verdict {
    let mut verdict = Verdict {
        rules: rules.len(),
        ..Verdict::default()
    };
    let by_subject: Vec<Vec<(&Rule, Harm)>> = truth
        .subjects
        .iter()
        .map(|subject| {
            let of = |rule| (rule, harm(rule, subject));
            rules
                .iter()
                .map(of)
                .filter(|(_, harm)| *harm != Harm::Nothing)
                .collect()
        })
        .collect();
    for ((number, end_s), wanted) in &truth.points {
        let subject = &truth.subjects[*number];
        let arrived = house.arrived.get(&(subject.key.clone(), end_s * NANOS));
        // Google's points of all series of a type come under one name.
        let times = arrived.map_or(&[][..], Vec::as_slice);
        let due_s = end_s + seconds(SETTLE) + 2 * seconds(EVERY) + LATEST_S;
        let name = || format!("{} at {end_s}", subject.key);
        let hit: Vec<&Rule> = by_subject[*number]
            .iter()
            .filter(|(rule, harm)| {
                let after_s = if *harm == Harm::Spoils {
                    LEFT_OUT_S
                } else {
                    EXCUSED_AFTER_S
                };
                rule.from_unix_s <= due_s && end_s - PERIOD_S < rule.until_unix_s.saturating_add(after_s)
            })
            .map(|(rule, _)| *rule)
            .collect();
        // A point whose unit could not be read is another series' point.
        let is_spoilt = || hit.iter().any(|rule| harm(rule, subject) == Harm::Spoils);
        if times.len() > *wanted && !is_spoilt() {
            let in_force = in_force(rules, subject.cloud, (end_s - EXCUSED_AFTER_S, due_s));
            let said = format!("{}: {} for {wanted}, at {times:?}", name(), times.len());
            verdict.doubled.entry(in_force).or_default().push(said);
        }
        if hit.is_empty() {
            verdict.demanded += 1;
            let in_time = times.iter().filter(|at_s| **at_s <= due_s).count();
            if in_time < *wanted {
                let late_s = times.iter().max().map(|at_s| at_s - due_s);
                let said = late_s.filter(|_| times.len() >= *wanted);
                let said = said.map_or("never came".to_owned(), |late_s| format!("{late_s} s too late"));
                let in_force = in_force(rules, subject.cloud, (end_s - EXCUSED_AFTER_S, due_s));
                verdict
                    .late
                    .entry(in_force)
                    .or_default()
                    .push(format!("{}: {said}", name()));
            }
        } else {
            verdict.excused += 1;
            // What one resource or metric cannot answer is left out until the next listing; what nobody can ask for meanwhile
            // comes when it can be asked for again.
            let is_outage = |rule: &&Rule| rule.hits.is_whole() && harm(rule, subject) == Harm::Delays;
            // What comes later may meet what spoils it.
            let is_spoilt_later = by_subject[*number]
                .iter()
                .any(|(rule, harm)| *harm == Harm::Spoils && rule.until_unix_s >= *end_s);
            if times.len() < *wanted && hit.iter().all(is_outage) && !is_spoilt_later {
                let by = hit
                    .iter()
                    .map(|rule| described(rule))
                    .collect::<Vec<_>>()
                    .join(" + ");
                verdict.lost.entry(by).or_default().push(name());
            }
        }
    }
    verdict
}

fn in_force(rules: &[Rule], cloud: Cloud, (from_s, to_s): (i64, i64)) -> String {
    let of = |rule: &&Rule| {
        rule.hits.cloud == Some(cloud) && rule.from_unix_s <= to_s && from_s < rule.until_unix_s
    };
    let mut all: Vec<String> = rules.iter().filter(of).map(described).collect();
    all.sort();
    all.join("\n      + ")
}

fn described(rule: &Rule) -> String {
    let hits = &rule.hits;
    let named = [
        ("operation", &hits.operation),
        ("scope", &hits.scope),
        ("host", &hits.host),
        ("type", &hits.kind),
        ("id", &hits.id),
        ("metric", &hits.metric),
    ];
    let words: Vec<String> = named
        .iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={value}")))
        .collect();
    let share = if rule.per_thousand < 1000 {
        format!(" for {} of 1000", rule.per_thousand)
    } else {
        String::new()
    };
    let cloud = hits.cloud.map_or(String::new(), |cloud| format!("{cloud:?}"));
    format!(
        "{cloud} {:?} {}{share} [{}..{})",
        rule.how,
        words.join(","),
        rule.from_unix_s,
        rule.until_unix_s
    )
}

fn seconds(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

impl Verdict {
    /// With those of another run.
    pub(crate) fn add(&mut self, other: Self) {
        self.rules += other.rules;
        self.demanded += other.demanded;
        self.excused += other.excused;
        for (all, more) in [
            (&mut self.late, other.late),
            (&mut self.lost, other.lost),
            (&mut self.doubled, other.doubled),
        ] {
            all.extend(more);
        }
    }
}
