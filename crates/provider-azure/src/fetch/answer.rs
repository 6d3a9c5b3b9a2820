//! Putting an answer into a batch: whose values are whose, and what is missing.

use super::memory::Strike;
use super::work::{Piece, Progress, Work};
use crate::AzureProvider;
use crate::convert::{Conversion, Converted};
use crate::plan;
use crate::question::AskedMetric;
use crate::target::TargetDetail;
use crate::wire::ResourceValues;
use provider_api::{Batch, Target, UnixNanos, Window};
use std::collections::HashMap;

impl AzureProvider {
    /// Puts an answer into `batch` and closes the piece for each of its targets.
    pub(super) fn take(
        &self,
        values: &[ResourceValues],
        piece: &Piece,
        window: Window,
        work: &mut Work,
        batch: &mut Batch,
    ) {
        let by_id = by_resource(values);
        // One answer to one question needs no name.
        let alone = match (values, piece.targets.as_slice()) {
            ([only], [_]) => Some(only),
            _ => None,
        };
        for target in &piece.targets {
            let Some(detail) = plan::detail(target) else {
                continue;
            };
            let found = by_id.get(&detail.id.to_ascii_lowercase()).copied().or(alone);
            let progress = work.progress.entry(target.id).or_default();
            if let Some(values) = found {
                let conversion = Conversion::new(target.id, detail, window, &mut work.metrics);
                let mut got = conversion.run(values, &piece.metrics);
                self.tell_of_cuts(&got, detail);
                self.judge(&got, target, window.end(), progress);
                batch.skipped.extend(got.skips.take());
                batch.series.extend(got.series);
            } else {
                progress.lacking = true;
            }
            work.close(target.id, batch);
        }
    }

    /// A metric that fails or is missing again and again is done without, said once; until then the target is not complete.
    fn judge(&self, got: &Converted, target: &Target, end: UnixNanos, progress: &mut Progress) {
        let Some(detail) = plan::detail(target) else {
            return;
        };
        self.memory.answered(target.id, &got.answered);
        progress.answered |= !got.answered.is_empty();
        for (metric, kind, words) in &got.failed {
            match self.memory.struck(target, &metric.name, Some(kind), end) {
                Strike::Out => {
                    self.say_out(detail, metric, words);
                    progress.refused.get_or_insert((kind.clone(), words.clone()));
                }
                Strike::Failed => {
                    progress.failure.get_or_insert((kind.clone(), words.clone()));
                }
            }
        }
        for metric in &got.missing {
            match self.memory.struck(target, &metric.name, None, end) {
                Strike::Out => self.say_out(detail, metric, "the answer does not mention it"),
                Strike::Failed => progress.lacking = true,
            }
        }
    }

    fn say_out(&self, detail: &TargetDetail, metric: &AskedMetric, why: &str) {
        if !self
            .memory
            .told(&detail.question, &format!("{} of {}", metric.name, detail.id))
        {
            tracing::warn!(account = %self.config.account, metric = %metric.name, resource = %detail.id, why,
                "metric of this resource is refused repeatedly: left out until it is answered");
        }
    }

    /// Azure does not say that `top` cut an answer; a full one is the only sign.
    fn tell_of_cuts(&self, got: &Converted, detail: &TargetDetail) {
        let question = &detail.question;
        for metric in got.full.iter().filter(|m| !self.memory.told(question, m)) {
            tracing::warn!(account = %self.config.account, %metric, namespace = %question.namespace, top = question.top,
                "as many series as `top` allows: there may be more; raise `top`");
        }
    }
}

fn by_resource(values: &[ResourceValues]) -> HashMap<String, &ResourceValues> {
    let mut by_id = HashMap::new();
    for value in values {
        by_id
            .entry(resource_of(value).unwrap_or_default())
            .or_insert(value);
    }
    by_id
}

/// Whose values these are, lower case.
fn resource_of(values: &ResourceValues) -> Option<String> {
    if let Some(id) = values.resourceid.get() {
        return Some(id.to_ascii_lowercase());
    }
    let id = values
        .metrics()
        .iter()
        .find_map(|m| m.id.get())?
        .to_ascii_lowercase();
    id.split_once("/providers/microsoft.insights/metrics/")
        .map(|(resource, _)| resource.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::memory::Standing;
    use crate::fetch::start::start;
    use crate::testing::{call, provider, question_of};
    use crate::wire::BatchAnswer;
    use provider_api::conformance::{batches_fit_their_call, partial_answer_kept};
    use std::collections::HashSet;

    #[test]
    fn a_resource_that_is_not_in_the_answer_is_not_complete() {
        let call = call(&["/a", "/b"], &["Ingress"]);
        let start = start(&call.targets, question_of(&call), |_| Standing::Plain);
        let mut work = Work::new(start, 0);
        let piece = work.pieces.pop_front().expect("a piece");
        let body = r#"{"values":[{"resourceid":"/A","interval":"PT1M","value":[{"name":{"value":"Ingress"},"unit":"Bytes",
            "timeseries":[{"data":[{"timeStamp":"1970-01-01T00:01:00Z","total":1}]}]}]}]}"#;
        let answer: BatchAnswer = serde_json::from_str(body).expect("a batch");
        let mut batch = Batch::default();
        provider().take(&answer.values.items, &piece, call.window, &mut work, &mut batch);
        let batches = [batch];
        batches_fit_their_call(&call, &batches);
        let missing = call
            .targets
            .iter()
            .filter(|t| plan::detail(t).is_some_and(|d| &*d.id == "/b"))
            .map(|t| t.id);
        partial_answer_kept(&batches, 1, &missing.collect::<HashSet<_>>());
        assert_eq!((batches[0].complete.len(), batches[0].failed.len()), (1, 0));
    }
}
