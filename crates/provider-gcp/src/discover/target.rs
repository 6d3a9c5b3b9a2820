//! What this provider knows of a target: a metric type in a project.

use crate::census::Seen;
use provider_api::Detail;
use std::any::Any;
use std::sync::Arc;

/// What we know of a target: a metric type in a project.
#[derive(Debug)]
pub(crate) struct GcpTarget {
    pub(crate) project: Arc<str>,
    pub(crate) metric_type: Arc<str>,
    /// The entry's own filter.
    pub(crate) filter: Option<Arc<str>>,
    /// The whole question in Google's filter language.
    pub(crate) query: Arc<str>,
    /// Whether the listing has seen data of it lately.
    pub(crate) active: bool,
    pub(crate) unit: Arc<str>,
    pub(crate) description: Arc<str>,
    pub(crate) seen: Seen,
}

impl Detail for GcpTarget {
    fn describe(&self) -> String {
        match &self.filter {
            Some(filter) => format!("{} {filter}", self.metric_type),
            None => self.metric_type.to_string(),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The part before the first slash.
pub(crate) fn host(metric_type: &str) -> &str {
    metric_type.split('/').next().unwrap_or(metric_type)
}
