//! The real services' requests per second, per account and region; enforced only when the faults say so.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::sigv4::Caller;

/// Which account, region and operation.
type Door = (String, String, String);

/// Requests of the present second.
#[derive(Debug, Default)]
pub(super) struct Quota {
    seen: Mutex<HashMap<Door, (i64, u32)>>,
}

/// `CloudWatch`: 50 for data and 25 for lists; 400 for statistics; 15 for the tagging API (service quotas of both).
fn per_second(operation: &str) -> u32 {
    match operation {
        "GetMetricData" => 50,
        "GetMetricStatistics" => 400,
        "ListMetrics" => 25,
        _ => 15,
    }
}

impl Quota {
    /// Counts a request, and says whether it is within the quota.
    pub(super) fn admits(&self, caller: &Caller, operation: &str, now_unix_s: i64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let door = (
            caller.key.account.clone(),
            caller.region.clone(),
            operation.to_owned(),
        );
        let (second, requests) = seen.entry(door).or_insert((now_unix_s, 0));
        if *second != now_unix_s {
            (*second, *requests) = (now_unix_s, 0);
        }
        *requests += 1;
        *requests <= per_second(operation)
    }
}
