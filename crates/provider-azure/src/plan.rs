//! Packing due targets into calls: resources of which the same is asked share one, which takes as many requests as their
//! metrics need. Pure: whether a request is in the end answered by the data plane or by ARM is `fetch`'s business and
//! changes nothing here.

use crate::classify::GET_BATCH;
use crate::fetch::Standing;
use crate::question::{Question, requests};
use crate::target::TargetDetail;
use provider_api::{Call, Detail, Due, Price, Target, Urgency, Window};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// getBatch takes at most 50 unique ids of one subscription, region and type (learn, migrate-to-batch-api).
pub(crate) const MOST_RESOURCES: usize = 50;
/// Most points that one request may ask for: about 10 MiB of JSON.
pub(crate) const MOST_POINTS: u64 = 100_000;
/// "Metric queries: $0.01 per 1,000 standard API calls" (azure.microsoft.com, Azure Monitor pricing, platform metrics;
/// list price, free allowance not taken off): billionths of a dollar per call.
const USD_NANOS_PER_CALL: u64 = 10_000;

/// What one request for metric values costs.
pub(crate) fn price() -> Price {
    Price {
        requests: 1,
        units: 1,
        usd_nanos: USD_NANOS_PER_CALL,
    }
}

/// What so many of them cost.
fn prices(count: u32) -> Price {
    let one = price();
    Price {
        requests: one.requests.saturating_mul(count),
        units: one.units.saturating_mul(count.into()),
        usd_nanos: one.usd_nanos.saturating_mul(count.into()),
    }
}

/// The question that all targets of a call share.
#[derive(Debug)]
pub(crate) struct CallDetail {
    pub(crate) question: Arc<Question>,
}

impl Detail for CallDetail {
    fn describe(&self) -> String {
        format!(
            "{} {} {}",
            self.question.region,
            self.question.namespace,
            self.question.interval()
        )
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The detail of one of our targets.
pub(crate) fn detail(target: &Target) -> Option<&TargetDetail> {
    target.detail.as_any().downcast_ref()
}

/// Targets that may share a call: the same question over the same window, asked in the same way.
struct Alike<'a> {
    question: &'a Arc<Question>,
    /// Requests that it takes.
    requests: usize,
    targets: Vec<&'a Target>,
}

/// Every due target in exactly one call. A target of another provider is left out: it has no place here.
pub(crate) fn plan(due: &[Due], standing: impl Fn(&Target, &Question) -> Standing) -> Vec<Call> {
    let mut alike: BTreeMap<(Window, Apart, u64), Alike<'_>> = BTreeMap::new();
    for d in due {
        let Some(known) = detail(&d.target) else { continue };
        let question = &known.question;
        let standing = standing(&d.target, question);
        let empty = || Alike {
            question,
            requests: count(question, &standing),
            targets: Vec::new(),
        };
        let key = (d.window, Apart::of(&standing), question.key);
        alike.entry(key).or_insert_with(empty).targets.push(&d.target);
    }
    let pack = |((window, ..), alike): ((Window, Apart, u64), Alike<'_>)| packed(&alike, window);
    alike.into_iter().flat_map(pack).collect()
}

/// What must not share a call, so that each is full. The doubtful come last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Apart {
    With(Option<Vec<usize>>),
    Alone,
    Resting,
}

impl Apart {
    fn of(standing: &Standing) -> Self {
        match standing {
            Standing::Plain => Self::With(None),
            Standing::Without { asked, .. } => Self::With(Some(asked.clone())),
            Standing::Alone => Self::Alone,
            Standing::Resting { .. } => Self::Resting,
        }
    }
}

/// How many requests a call of such targets takes, each of those that are asked alone counted as one.
fn count(question: &Question, standing: &Standing) -> usize {
    match standing {
        Standing::Plain | Standing::Alone => requests(&question.metrics).len(),
        Standing::Without { asked, .. } => {
            let metric = |at: &usize| question.metrics.get(*at).cloned();
            requests(&asked.iter().filter_map(metric).collect::<Vec<_>>()).len()
        }
        Standing::Resting { .. } => 0,
    }
}

fn packed(alike: &Alike<'_>, window: Window) -> Vec<Call> {
    let question = alike.question;
    let mut calls = Vec::new();
    let mut now: Vec<Target> = Vec::new();
    let mut points = 0;
    let more = u64::from(question.width()).saturating_mul(window.grains(question.grain));
    for target in &alike.targets {
        if !now.is_empty() && (now.len() == MOST_RESOURCES || points + more > MOST_POINTS) {
            calls.extend(call(alike, window, std::mem::take(&mut now)));
            points = 0;
        }
        points += more;
        now.push((*target).clone());
    }
    calls.extend(call(alike, window, now));
    calls
}

fn call(alike: &Alike<'_>, window: Window, targets: Vec<Target>) -> Option<Call> {
    let scope = targets.first()?.group.scope.clone();
    let count = u32::try_from(alike.requests).unwrap_or(u32::MAX);
    let detail = Arc::new(CallDetail {
        question: alike.question.clone(),
    });
    Some(Call {
        scope,
        operation: GET_BATCH,
        targets,
        window,
        price: prices(count),
        urgency: Urgency::default(),
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Aggregation;
    use crate::testing::{question, target, window};

    fn due(n: usize, region: &str, aggregation: Aggregation, w: Window) -> Vec<Due> {
        let q = question(region, &["Ingress"], &[aggregation]);
        (0..n)
            .map(|i| Due {
                target: target(&format!("/{region}/{aggregation:?}/r{i}"), &q),
                window: w,
            })
            .collect()
    }

    fn plain(_: &Target, _: &Question) -> Standing {
        Standing::Plain
    }

    #[test]
    fn what_is_asked_in_the_same_way_fills_a_call() {
        let all = due(200, "westeurope", Aggregation::Average, window(0, 600));
        let numbers: BTreeMap<_, usize> = all.iter().enumerate().map(|(i, d)| (d.target.id, i)).collect();
        let standing = |target: &Target, _: &Question| match numbers[&target.id] {
            i if i % 2 == 0 => Standing::Without {
                asked: vec![0],
                tried: vec![],
            },
            7 => Standing::Alone,
            _ => Standing::Plain,
        };
        let sizes: Vec<_> = plan(&all, standing)
            .iter()
            .map(|c| (c.targets.len(), c.price.requests))
            .collect();
        assert_eq!(sizes, [(50, 1), (49, 1), (50, 1), (50, 1), (1, 1)]);
    }

    #[test]
    fn unlike_targets_never_share_a_call_and_alike_ones_fill_it() {
        let (a, b) = (window(0, 600), window(60, 660));
        let mut all = due(120, "westeurope", Aggregation::Average, a);
        all.extend(due(3, "northeurope", Aggregation::Average, a));
        all.extend(due(3, "westeurope", Aggregation::Total, a));
        let sizes: Vec<usize> = plan(&all, plain).iter().map(|c| c.targets.len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), all.len());
        assert_eq!(sizes.len(), 5, "{sizes:?}");
        let mixed: Vec<Due> = all[..2]
            .iter()
            .cloned()
            .chain(due(1, "westeurope", Aggregation::Average, b))
            .collect();
        assert_eq!(plan(&mixed, plain).len(), 2);
    }

    #[test]
    fn long_windows_take_fewer_resources() {
        let month = window(0, 30 * 86_400);
        let calls = plan(&due(50, "westeurope", Aggregation::Average, month), plain);
        assert_eq!(calls.len(), 25, "43,200 points each, two fit into 100,000");
        assert!(calls.iter().all(|c| c.price == price()));
    }

    #[test]
    fn many_names_are_several_requests_of_one_call() {
        let names: Vec<String> = (0..45).map(|i| format!("m{i:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let q = question("r", &names, &[Aggregation::Average]);
        let one = |i| Due {
            target: target(&format!("/r{i}"), &q),
            window: window(0, 300),
        };
        let calls = plan(&(0..100).map(one).collect::<Vec<_>>(), plain);
        let sizes: Vec<_> = calls.iter().map(|c| (c.targets.len(), c.price)).collect();
        assert_eq!(sizes, [(50, prices(3)), (50, prices(3))]);
        assert_eq!((prices(3).requests, prices(3).usd_nanos), (3, 30_000));
    }
}
