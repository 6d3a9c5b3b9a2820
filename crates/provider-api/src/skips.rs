//! Counting what a conversion leaves out, by reason and metric, so that nothing is dropped in silence.

use crate::{SkipReason, Skipped};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was left out so far of one answer or one page of it.
#[derive(Debug, Default)]
pub struct Skips(BTreeMap<(SkipReason, Arc<str>), u64>);

impl Skips {
    /// Counts `points` of `metric` (as the cloud spells it); none leaves no trace.
    pub fn add(&mut self, reason: SkipReason, metric: &Arc<str>, points: usize) {
        if points > 0 {
            let more = u64::try_from(points).unwrap_or(u64::MAX);
            let count = self.0.entry((reason, Arc::clone(metric))).or_default();
            *count = count.saturating_add(more);
        }
    }

    /// What was counted, ordered by reason and metric; counting begins anew.
    pub fn take(&mut self) -> Vec<Skipped> {
        let skipped = |((reason, metric), points)| Skipped {
            reason,
            metric,
            points,
        };
        std::mem::take(&mut self.0).into_iter().map(skipped).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_by_reason_and_metric_and_begins_anew() {
        let (cpu, disk): (Arc<str>, Arc<str>) = ("cpu".into(), "disk".into());
        let mut skips = Skips::default();
        skips.add(SkipReason::BadTime, &cpu, 2);
        skips.add(SkipReason::BadTime, &cpu, 3);
        skips.add(SkipReason::NotFinite, &disk, 1);
        skips.add(SkipReason::BadShape, &disk, 0);
        let counted: Vec<_> = skips
            .take()
            .into_iter()
            .map(|s| (s.reason, s.metric, s.points))
            .collect();
        assert_eq!(
            counted,
            [(SkipReason::NotFinite, disk, 1), (SkipReason::BadTime, cpu, 5)]
        );
        assert!(skips.take().is_empty());
    }
}
