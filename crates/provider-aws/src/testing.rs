//! Small things that the tests of several files need.

use crate::config::AwsEntry;
use crate::discover::{Listed, Place};
use provider_api::{Scope, Span};
use std::sync::Arc;
use std::time::Duration;

/// All metrics of a namespace, every minute.
pub(crate) fn entry(namespace: &str) -> AwsEntry {
    AwsEntry {
        namespace: namespace.into(),
        names: Vec::new(),
        statistics: Vec::new(),
        period: None,
        dimensions: Vec::new(),
        absent: Vec::new(),
        tags: Vec::new(),
        copy_tags: Vec::new(),
        every: Duration::from_mins(5),
        settle: Span::Fixed(Duration::from_mins(3)),
        lookback: Span::Fixed(Duration::from_mins(10)),
        initial: Duration::from_mins(15),
    }
}

/// A region of account 123456789012.
pub(crate) fn place(region: &str) -> Place {
    Place {
        scope: Scope::new(region),
        account: "prod".into(),
        account_number: Some(Arc::from("123456789012")),
    }
}

/// A metric as `ListMetrics` has it.
pub(crate) fn listed(name: &str, dimensions: &[(&str, &str)]) -> Listed {
    let dimensions = dimensions
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    Listed {
        name: name.into(),
        dimensions,
    }
}
