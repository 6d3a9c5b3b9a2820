//! Makers of small things for this crate's tests.

use crate::AzureProvider;
use crate::config::{AzureCloud, AzureConfig, AzureCredentials, AzureEntry};
use crate::discover::{Asked, Asking, Definitions, Unasked};
use crate::fetch::Standing;
use crate::plan::{CallDetail, plan};
use crate::question::{Aggregation, AskedMetric, Question};
use crate::target::{TargetDetail, identity};
use gate::{Gate, GateConfig};
use provider_api::{
    AccountId, Attributes, Call, Cloud, Due, GroupSpec, Matcher, Members, Resource, Scope, Span, Target,
    UnixNanos, Window,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn provider() -> AzureProvider {
    let account = AccountId("test".into());
    let config = AzureConfig {
        account: account.clone(),
        tenant: Some("tenant".into()),
        subscriptions: vec!["sub".into()],
        credentials: AzureCredentials::ClientSecret {
            client_id: "app".into(),
            secret: "hush".to_owned().into(),
        },
        cloud: AzureCloud::public(),
        environment: std::collections::BTreeMap::new(),
        entries: Vec::new(),
    };
    let gate = Gate::new(Cloud::Azure, account, GateConfig::default());
    AzureProvider::new(config, gate).expect("a provider")
}

pub(crate) fn entry(resource_type: &str) -> AzureEntry {
    let minute = Duration::from_secs(60);
    AzureEntry {
        resource_type: resource_type.into(),
        names: Vec::new(),
        aggregations: Vec::new(),
        period: None,
        dimensions: Vec::new(),
        top: 100,
        tags: Vec::new(),
        copy_tags: vec!["team".into()],
        resource_groups: Vec::new(),
        regions: Vec::new(),
        every: minute,
        settle: Span::Fixed(minute),
        lookback: Span::Fixed(minute),
        initial: minute,
    }
}

pub(crate) fn question(region: &str, metrics: &[&str], aggregations: &[Aggregation]) -> Arc<Question> {
    let metrics = metrics
        .iter()
        .map(|m| AskedMetric {
            name: (*m).into(),
            description: "d".into(),
            unit: "".into(),
            aggregations: aggregations.iter().copied().collect(),
            supported: aggregations.iter().copied().collect(),
        })
        .collect();
    let question = Question {
        subscription: "sub".into(),
        region: region.into(),
        namespace: "Microsoft.Storage/storageAccounts".into(),
        grain: Duration::from_secs(60),
        dimensions: Vec::new(),
        top: 100,
        metrics,
        former: Vec::new(),
        key: 0,
        members: Members::default(),
    };
    Arc::new(question.keyed())
}

/// A pattern that fits this name in any case.
pub(crate) fn matcher(name: &str) -> Matcher {
    let wanted = name.to_owned();
    Matcher::new(name, move |given| given.eq_ignore_ascii_case(&wanted))
}

pub(crate) fn target(id: &str, question: &Arc<Question>) -> Target {
    let grain = question.grain;
    let zero = Duration::ZERO;
    let group = GroupSpec {
        scope: Scope::new("sub"),
        name: "g".into(),
        entry: 0,
        namespace: question.namespace.clone(),
        grain,
        on_grain: true,
        every: grain,
        settle: Span::Fixed(zero),
        lookback: Span::Fixed(zero),
        initial: zero,
        retention: zero,
        longest_window: zero,
    };
    let resource = Arc::new(Resource::new(Attributes::new(vec![(
        "cloud.resource_id".into(),
        id.into(),
    )])));
    let detail = TargetDetail {
        id: id.into(),
        resource,
        question: question.clone(),
    };
    Target {
        id: identity(id, question, 0),
        members: question.members,
        group: Arc::new(group),
        series: question.series(),
        detail: Arc::new(detail),
    }
}

pub(crate) fn window(start_s: i64, end_s: i64) -> Window {
    Window::new(UnixNanos::from_seconds(start_s), UnixNanos::from_seconds(end_s)).expect("not empty")
}

/// A call for these resources and metrics.
pub(crate) fn call(ids: &[&str], metrics: &[&str]) -> Call {
    let q = question("westeurope", metrics, &[Aggregation::Total]);
    let due: Vec<Due> = ids
        .iter()
        .map(|id| Due {
            target: target(id, &q),
            window: window(0, 600),
        })
        .collect();
    plan(&due, |_, _| Standing::Plain).remove(0)
}

/// What all its resources are asked.
pub(crate) fn question_of(call: &Call) -> &Question {
    &call
        .detail
        .as_any()
        .downcast_ref::<CallDetail>()
        .expect("ours")
        .question
}

/// What entries ask of region `r` of subscription `s`, and what they cannot ask for.
pub(crate) fn asking(entries: &[&AzureEntry], definitions: &Definitions) -> (Vec<Asked>, HashSet<Unasked>) {
    let subscription = "s".into();
    let entries: Vec<(usize, &AzureEntry)> = entries.iter().copied().enumerate().collect();
    let mut unasked = HashSet::new();
    let asking = Asking {
        entries: &entries,
        subscription: &subscription,
        former_subscription: "s",
        region: "r",
        definitions,
        former_definitions: definitions,
        splits: &HashMap::new(),
    };
    (asking.questions(&mut unasked), unasked)
}

/// What entries ask of region `r` of subscription `s`.
pub(crate) fn asked_of(entries: &[&AzureEntry], definitions: &Definitions) -> Vec<Asked> {
    asking(entries, definitions).0
}
