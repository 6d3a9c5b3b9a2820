//! What goes wrong when, decided from the seed: on several lanes of each cloud one rule after the other, each aimed at
//! something that the cloud has.

use crate::judge::Subject;
use cloudsim::{BadAnswer, Cloud, How, Odd, PartFault, Rule};
use fastrand::Rng;

const MINUTE_S: i64 = 60;
/// How long an episode lasts and the calm after it, in minutes.
const LASTS_MIN: std::ops::Range<i64> = 1..20;
const CALM_MIN: std::ops::Range<i64> = 1..8;
/// One in so many lasts for hours.
const LONG: u32 = 30;
const LONG_MIN: i64 = 180;

/// All that goes wrong in `[from, until)`.
pub(crate) fn episodes(
    rng: &mut Rng,
    subjects: &[Subject],
    lanes: usize,
    (from_s, until_s): (i64, i64),
) -> Vec<Rule> {
    let mut all = Vec::new();
    for cloud in [Cloud::Aws, Cloud::Azure, Cloud::Gcp] {
        let of_cloud: Vec<&Subject> = subjects.iter().filter(|one| one.cloud == cloud).collect();
        for _ in 0..lanes {
            let mut at_s = from_s + rng.i64(0..10) * MINUTE_S + rng.i64(0..MINUTE_S);
            while at_s < until_s {
                let lasts_min = if rng.u32(..LONG) == 0 {
                    LONG_MIN
                } else {
                    rng.i64(LASTS_MIN)
                };
                let end_s = (at_s + lasts_min * MINUTE_S).min(until_s);
                let subject = of_cloud[rng.usize(..of_cloud.len())];
                all.push(rule(rng, cloud, subject).between(at_s, end_s));
                at_s = end_s + rng.i64(CALM_MIN) * MINUTE_S;
            }
        }
    }
    all
}

fn rule(rng: &mut Rng, cloud: Cloud, subject: &Subject) -> Rule {
    let data = &subject.asks[0];
    let part = &data.parts[0];
    let aimed = |how| Rule::new(how).cloud(cloud);
    // One in four is a listing that fails.
    if rng.u32(..4) == 0 {
        return listing(rng, cloud, subject);
    }
    if rng.u32(..4) == 0 {
        // A whole scope, or one of its hosts.
        let rule = aimed(whole(rng, cloud))
            .operation(&data.operation)
            .scope(&data.scope);
        return if rng.bool() { rule.host(&data.host) } else { rule };
    }
    let how = partial(rng, cloud);
    let rule = aimed(how).operation(&data.operation);
    let rule = if rng.u32(..3) == 0 {
        rule
    } else {
        rule.scope(&data.scope)
    };
    let rule = match (cloud, rng.u32(..4)) {
        (Cloud::Gcp, 0) => rule.kind(&part.kind),
        // Azure refuses a resource, not one of its metrics; of a metric it says so, or that it is none.
        (Cloud::Azure, 0..=2) if !matches!(how, How::Part(_) | How::Status(400)) => rule.id(&part.id),
        (Cloud::Gcp, _) | (_, 0) => rule.metric(&part.metric),
        (_, 1) => rule.id(&part.id),
        (_, 2) => rule.id(&part.id).metric(&part.metric),
        (_, _) => rule.kind(&part.kind),
    };
    if rng.u32(..5) == 0 { rule.share(500) } else { rule }
}

fn listing(rng: &mut Rng, cloud: Cloud, subject: &Subject) -> Rule {
    let data = &subject.asks[0];
    let part = &data.parts[0];
    let operations: &[&str] = match cloud {
        Cloud::Aws => &["ListMetrics", "GetResources"],
        Cloud::Azure => &[
            "resourceGraph.query",
            "metricDefinitions.list",
            "metricDefinitions.list",
            "subscriptions.list",
        ],
        Cloud::Gcp => &["ListMetricDescriptors"],
    };
    let operation = operations[rng.usize(..operations.len())];
    let is_odd = rng.u32(..4) == 0 && operation != "subscriptions.list";
    let usual = |how| match (cloud, how) {
        // AWS has no such answer, and its SDK takes it for an empty list.
        (Cloud::Aws, How::Answer(BadAnswer::ErrorInside200)) => How::Cut,
        // Resource Graph leaves out what may not be read without a word, and the subscription reads as empty.
        (Cloud::Azure, How::Status(401 | 403)) if operation == "resourceGraph.query" => How::Status(500),
        _ => how,
    };
    let how = if is_odd {
        How::Part(PartFault::Odd(odd(rng)))
    } else {
        usual(whole(rng, cloud))
    };
    let rule = Rule::new(how).cloud(cloud).operation(operation);
    match (operation, rng.u32(..3)) {
        _ if is_odd && cloud == Cloud::Azure && operation == "resourceGraph.query" => rule.id(&part.id),
        _ if is_odd => rule.kind(&part.kind).metric(&part.metric),
        ("metricDefinitions.list", 0) => rule.id(&part.id),
        ("metricDefinitions.list", 1) | ("ListMetrics", 0) => rule.kind(&part.kind),
        ("subscriptions.list", _) | (_, 2) => rule,
        _ => rule.scope(&data.scope),
    }
}

/// What happens to whoever asks in a place.
fn whole(rng: &mut Rng, cloud: Cloud) -> How {
    match rng.u32(..10) {
        0 => How::Throttle {
            retry_after_s: rng.u32(2..90),
        },
        1 => How::Silence,
        2 => How::Cut,
        3 => How::Answer(BadAnswer::Html),
        4 => How::Answer(BadAnswer::Truncated),
        5 => How::Answer(BadAnswer::ErrorInside200),
        6 => How::Status(if cloud == Cloud::Azure { 529 } else { 503 }),
        7 => How::Status(403),
        8 => How::Status(401),
        _ => How::Status(500),
    }
}

/// What happens to whoever asks for a thing.
fn partial(rng: &mut Rng, cloud: Cloud) -> How {
    match rng.u32(..12) {
        0 if cloud != Cloud::Aws => How::Silence,
        1 if cloud != Cloud::Aws => How::Cut,
        2 if cloud != Cloud::Aws => How::Answer(BadAnswer::Html),
        3 => How::Part(PartFault::Failed),
        4 => How::Part(PartFault::Forbidden),
        5 => How::Part(PartFault::Partial),
        6 => How::Part(PartFault::Odd(odd(rng))),
        7 => How::Status(400),
        8 => How::Status(403),
        9 => How::Status(404),
        10 => How::Status(503),
        _ => How::Status(500),
    }
}

fn odd(rng: &mut Rng) -> Odd {
    let all = [
        Odd::NullList,
        Odd::NullField,
        Odd::NullElement,
        Odd::Nameless,
        Odd::Number,
    ];
    all[rng.usize(..all.len())]
}
