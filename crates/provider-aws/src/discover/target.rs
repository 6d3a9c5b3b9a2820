//! What this provider knows of a target: one metric with its dimensions, and the statistics asked for.

use super::identity;
use provider_api::{Attributes, Detail, Metric, Resource, Target, TargetId};
use std::any::Any;
use std::sync::Arc;

/// One metric name as some entries ask for it at one period, shared by all its targets.
#[derive(Debug)]
pub(crate) struct MetricOf {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    /// The statistics asked for, under AWS's names within.
    pub(crate) statistics: Box<[Arc<Metric>]>,
    /// The same as the target's identity in format 3 has them, for each entry that had a target of its own.
    pub(super) former: Box<[String]>,
}

/// One metric with its dimensions, and all its statistics.
#[derive(Debug)]
pub(crate) struct AwsTarget {
    pub(crate) metric: Arc<MetricOf>,
    pub(crate) dimensions: Attributes,
    pub(crate) resource: Arc<Resource>,
}

impl AwsTarget {
    /// Our own knowledge of a target; nothing when it is another provider's.
    pub(crate) fn of(target: &Target) -> Option<&Self> {
        target.detail.as_any().downcast_ref()
    }

    /// What format 3 knew of the target's points, one identity for each entry that asked for them.
    pub(crate) fn formerly(target: &Target) -> Vec<TargetId> {
        let Some(detail) = Self::of(target) else {
            return Vec::new();
        };
        let (metric, group) = (&detail.metric, &target.group);
        let of = |statistics: &String| {
            let (namespace, name) = (&metric.namespace, &metric.name);
            identity::former(
                &group.scope,
                namespace,
                name,
                &detail.dimensions,
                group.grain,
                statistics,
            )
        };
        metric.former.iter().map(of).collect()
    }
}

impl Detail for AwsTarget {
    fn describe(&self) -> String {
        let mut text = self.metric.name.to_string();
        for (name, value) in self.dimensions.iter() {
            let pair = format!(" {name}={value}");
            text.push_str(&pair);
        }
        text
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
