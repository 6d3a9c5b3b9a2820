//! What this provider knows of a target: one metric with its dimensions, and the statistics asked for.

use provider_api::{Attributes, Detail, Metric, Resource, Target};
use std::any::Any;
use std::sync::Arc;

/// One metric name of one entry, shared by all its targets.
#[derive(Debug)]
pub(crate) struct MetricOf {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    /// The statistics asked for, under AWS's names within.
    pub(crate) statistics: Box<[Arc<Metric>]>,
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
