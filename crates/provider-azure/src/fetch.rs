//! Asking for values: one getBatch per piece of work, ARM per resource where getBatch is refused, and halving what is
//! refused as a whole until the part that is to blame stands alone. Which part failed is told, the rest is kept.

use crate::AzureProvider;
use crate::classify::{self, GET_BATCH};
use crate::convert::{self, Metrics};
use crate::http::{Ask, Plane, encode, failure, path};
use crate::plan::{self, CallDetail, MOST_RESOURCES};
use crate::target::{AskedMetric, Question};
use crate::wire::{BatchAnswer, ResourceValues};
use futures::stream::BoxStream;
use provider_api::{Batch, Call, ErrorKind, Failure, ProviderError, Target, TargetId, UnixNanos, Window};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// The operation that reads the values of one resource.
pub(crate) const ARM_METRICS: &str = "metrics.list";
/// Most requests that one call may become by halving; what is then still refused fails as it is.
const MOST_HALVINGS: u32 = 64;
/// After a refusal getBatch is left alone for so many requests and then tried again, because roles get granted.
const ARM_TURNS: u32 = 500;

/// What is remembered between calls. It decides how something is asked, never what.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// (type, region) → how many more requests go to ARM.
    arm: Mutex<HashMap<(String, String), u32>>,
    /// Metrics of which it was said that `top` cuts them.
    told: Mutex<HashSet<String>>,
}

impl Memory {
    fn arm_turn(&self, question: &Question) -> bool {
        let mut arm = self.arm.lock().unwrap_or_else(PoisonError::into_inner);
        let key = place(question);
        match arm.get_mut(&key) {
            Some(0) => {
                arm.remove(&key);
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
            None => false,
        }
    }

    fn prefer_arm(&self, question: &Question) -> bool {
        let mut arm = self.arm.lock().unwrap_or_else(PoisonError::into_inner);
        arm.insert(place(question), ARM_TURNS).is_none()
    }

    fn told(&self, question: &Question, metric: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        !told.insert(format!("{}/{metric}", question.namespace))
    }
}

fn place(question: &Question) -> (String, String) {
    (
        question.namespace.to_ascii_lowercase(),
        question.region.to_string(),
    )
}

/// A part of a call: some of its targets and some of its metrics.
#[derive(Clone, Debug)]
struct Piece {
    targets: Vec<Target>,
    metrics: Vec<AskedMetric>,
    arm: bool,
}

impl Piece {
    /// Two halves, by resources first; nothing when it is one metric of one resource.
    fn halves(mut self) -> Result<[Self; 2], Self> {
        let mut other = self.clone();
        if self.targets.len() > 1 {
            other.targets = self.targets.split_off(self.targets.len() / 2);
        } else if self.metrics.len() > 1 {
            other.metrics = self.metrics.split_off(self.metrics.len() / 2);
        } else {
            return Err(self);
        }
        Ok([self, other])
    }
}

/// How far a target is.
#[derive(Debug, Default)]
struct Progress {
    /// Pieces that have not been answered.
    open: usize,
    failure: Option<(ErrorKind, String)>,
    /// Something is missing in the answer: neither complete nor failed.
    lacking: bool,
}

/// One call under way.
#[derive(Debug)]
struct Work {
    pieces: Vec<Piece>,
    progress: HashMap<TargetId, Progress>,
    metrics: Metrics,
    halvings: u32,
}

impl Work {
    fn new(call: &Call, question: &Question) -> Self {
        let piece = Piece {
            targets: call.targets.clone(),
            metrics: question.metrics.clone(),
            arm: false,
        };
        let open = |t: &Target| {
            (
                t.id,
                Progress {
                    open: 1,
                    ..Progress::default()
                },
            )
        };
        let progress = call.targets.iter().map(open).collect();
        Self {
            pieces: vec![piece],
            progress,
            metrics: Metrics::new(),
            halvings: 0,
        }
    }

    /// Puts the halves of `piece` back to work, or says that it is to blame.
    fn halve(&mut self, piece: Piece, error: &ProviderError, batch: &mut Batch) {
        self.halvings += 1;
        if self.halvings > MOST_HALVINGS {
            return self.blame(&piece, error, batch);
        }
        let by_metric = piece.targets.len() == 1;
        match piece.halves() {
            Err(alone) => self.blame(&alone, error, batch),
            Ok([first, second]) => {
                for target in first.targets.iter().filter(|_| by_metric) {
                    self.progress.entry(target.id).or_default().open += 1;
                }
                self.pieces.extend([second, first]);
            }
        }
    }

    fn blame(&mut self, piece: &Piece, error: &ProviderError, batch: &mut Batch) {
        let names: Vec<&str> = piece.metrics.iter().map(|m| &*m.name).collect();
        let words = format!("{} ({})", error.message, names.join(", "));
        for target in &piece.targets {
            let progress = self.progress.entry(target.id).or_default();
            progress
                .failure
                .get_or_insert((error.kind.clone(), words.clone()));
            self.close(target.id, batch);
        }
    }

    /// One piece of `id` is done; after the last one it is complete or failed.
    fn close(&mut self, id: TargetId, batch: &mut Batch) {
        let Some(progress) = self.progress.get_mut(&id) else {
            return;
        };
        progress.open = progress.open.saturating_sub(1);
        if progress.open > 0 {
            return;
        }
        match progress.failure.take() {
            Some((kind, message)) => batch.failed.push(Failure {
                target: id,
                kind,
                message,
            }),
            None if progress.lacking => {}
            None => batch.complete.push(id),
        }
    }
}

impl AzureProvider {
    /// The answer to `call`, a batch per request.
    pub(crate) fn batches<'a>(&'a self, call: &'a Call) -> BoxStream<'a, Result<Batch, ProviderError>> {
        Box::pin(async_stream::stream! {
            let Some(detail) = call.detail.as_any().downcast_ref::<CallDetail>() else {
                yield Err(failure(GET_BATCH, &call.scope, ErrorKind::Permanent, "a call of another provider"));
                return;
            };
            let mut work = Work::new(call, &detail.question);
            while let Some(piece) = work.pieces.pop() {
                match self.piece(call, &detail.question, piece, &mut work).await {
                    Ok(Some(batch)) => yield Ok(batch),
                    Ok(None) => {}
                    Err(e) => {
                        yield Err(e);
                        return;
                    }
                }
            }
        })
    }

    /// Asks for one piece. `None` when it was only put back to work in another form.
    async fn piece(
        &self,
        call: &Call,
        question: &Question,
        mut piece: Piece,
        work: &mut Work,
    ) -> Result<Option<Batch>, ProviderError> {
        let by_arm = piece.arm || self.memory.arm_turn(question);
        if by_arm && piece.targets.len() > 1 {
            singles(piece, work);
            return Ok(None);
        }
        let answer = if by_arm {
            self.by_arm(call, question, &piece).await
        } else {
            match self.by_batch(call, question, &piece).await {
                Err(e) if classify::batch_unsupported(&e) => {
                    self.after_refusal(call, question, &mut piece, work, e).await
                }
                other => other,
            }
        };
        let mut batch = Batch::default();
        match answer {
            Ok((values, date)) => {
                batch.cloud_time = date;
                self.take(&values, &piece, call.window, work, &mut batch);
            }
            Err(e) if classify::about_time(&e) => work.blame(&piece, &e, &mut batch),
            Err(e) if classify::divisible(&e) => work.halve(piece, &e, &mut batch),
            Err(e) => return Err(e),
        }
        Ok(Some(batch))
    }

    /// getBatch was refused: when ARM answers for the first resource, the others go to ARM, too; when it does not,
    /// what it says of that resource counts if it is about the resource, else getBatch's refusal.
    async fn after_refusal(
        &self,
        call: &Call,
        question: &Question,
        piece: &mut Piece,
        work: &mut Work,
        refusal: ProviderError,
    ) -> Values {
        let rest = piece.targets.split_off(1);
        let answer = self.by_arm(call, question, piece).await;
        let about_resource = answer.as_ref().is_err_and(classify::divisible);
        if answer.is_err() && !about_resource {
            return Err(refusal);
        }
        if !rest.is_empty() {
            singles(
                Piece {
                    targets: rest,
                    metrics: piece.metrics.clone(),
                    arm: true,
                },
                work,
            );
        }
        if answer.is_ok() && self.memory.prefer_arm(question) {
            tracing::warn!(error = %refusal, namespace = %question.namespace, region = %question.region,
                "getBatch is refused; asking Resource Manager, one request per resource");
        }
        piece.arm = true;
        answer
    }

    async fn by_batch(&self, call: &Call, question: &Question, piece: &Piece) -> Values {
        let base = self.api.cloud().metrics_base(&question.region);
        let (start, end) = span(call.window, question);
        let url = format!(
            "{base}/subscriptions/{}/metrics:getBatch?api-version=2024-02-01&starttime={start}&endtime={end}&{}{}",
            question.subscription,
            common(question, &piece.metrics),
            filter(question, "filter"),
        );
        let ids: Vec<&str> = piece
            .targets
            .iter()
            .take(MOST_RESOURCES)
            .filter_map(plan::detail)
            .map(|d| &*d.id)
            .collect();
        let body = serde_json::json!({ "resourceids": ids }).to_string().into_bytes();
        let ask = ask(Plane::Metrics, GET_BATCH, call, url, Some(body));
        let (answer, date) = self.api.read::<BatchAnswer>(&ask).await?;
        Ok((answer.values, date))
    }

    async fn by_arm(&self, call: &Call, question: &Question, piece: &Piece) -> Values {
        let Some(detail) = piece.targets.first().and_then(plan::detail) else {
            return Ok((Vec::new(), None));
        };
        let (start, end) = span(call.window, question);
        let url = format!(
            "{}{}/providers/Microsoft.Insights/metrics?api-version=2024-02-01&timespan={start}/{end}&{}{}",
            self.api.cloud().arm_base(),
            path(&detail.id),
            common(question, &piece.metrics),
            filter(question, "$filter"),
        );
        let ask = ask(Plane::Arm, ARM_METRICS, call, url, None);
        let (mut answer, date) = self.api.read::<ResourceValues>(&ask).await?;
        answer.resourceid = Some(detail.id.to_string());
        Ok((vec![answer], date))
    }

    /// Puts an answer into `batch` and closes the piece for each of its targets.
    fn take(
        &self,
        values: &[ResourceValues],
        piece: &Piece,
        window: Window,
        work: &mut Work,
        batch: &mut Batch,
    ) {
        let mut by_id: HashMap<String, &ResourceValues> = HashMap::new();
        for value in values {
            by_id
                .entry(resource_of(value).unwrap_or_default())
                .or_insert(value);
        }
        for target in &piece.targets {
            let Some(detail) = plan::detail(target) else {
                continue;
            };
            let alone = values
                .first()
                .filter(|_| piece.targets.len() == 1 && values.len() == 1);
            let found = by_id.get(&detail.id.to_ascii_lowercase()).copied().or(alone);
            let progress = work.progress.entry(target.id).or_default();
            if let Some(values) = found {
                let got = convert::convert(
                    values,
                    (target.id, detail),
                    &piece.metrics,
                    window,
                    &mut work.metrics,
                );
                progress.lacking |= !got.missing.is_empty();
                for metric in got.full.iter().filter(|m| !self.memory.told(&detail.question, m)) {
                    tracing::warn!(%metric, namespace = %detail.question.namespace, top = detail.question.top,
                        "as many series as `top` allows: there may be more; raise `top`");
                }
                batch.skipped.extend(got.skips());
                if progress.failure.is_none() {
                    progress.failure.clone_from(&got.failure);
                }
                batch.series.extend(got.series);
            } else {
                progress.lacking = true;
            }
            work.close(target.id, batch);
        }
    }
}

type Values = Result<(Vec<ResourceValues>, Option<UnixNanos>), ProviderError>;

/// One piece per resource, to be asked of ARM.
fn singles(piece: Piece, work: &mut Work) {
    for target in piece.targets.into_iter().rev() {
        work.pieces.push(Piece {
            targets: vec![target],
            metrics: piece.metrics.clone(),
            arm: true,
        });
    }
}

fn ask<'a>(
    plane: Plane,
    operation: &'static str,
    call: &'a Call,
    url: String,
    body: Option<Vec<u8>>,
) -> Ask<'a> {
    Ask {
        plane,
        operation,
        scope: &call.scope,
        url,
        body,
        price: plan::price(),
    }
}

/// Whose values these are, lower case.
fn resource_of(values: &ResourceValues) -> Option<String> {
    if let Some(id) = &values.resourceid {
        return Some(id.to_ascii_lowercase());
    }
    let id = values
        .value
        .iter()
        .find_map(|m| m.id.as_deref())?
        .to_ascii_lowercase();
    id.split_once("/providers/microsoft.insights/metrics/")
        .map(|(resource, _)| resource.to_owned())
}

/// Start and end on the grain: Azure anchors its buckets at the asked start.
fn span(window: Window, question: &Question) -> (String, String) {
    let start = window.start().floor(question.grain);
    let end = window.end().floor(question.grain).max(start.plus(question.grain));
    (written(start), written(end))
}

fn written(time: UnixNanos) -> String {
    let time = jiff::Timestamp::from_second(time.seconds()).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}

/// The parameters that both APIs spell alike. A comma inside a name is written `%2` (spec).
fn common(question: &Question, metrics: &[AskedMetric]) -> String {
    let names: Vec<String> = metrics.iter().map(|m| m.name.replace(',', "%2")).collect();
    format!(
        "interval={}&metricnamespace={}&metricnames={}&aggregation={}",
        question.interval(),
        encode(&question.namespace),
        encode(&names.join(",")),
        question.aggregation_words(),
    )
}

fn filter(question: &Question, parameter: &str) -> String {
    let filter = question.filter();
    filter.map_or_else(String::new, |f| {
        format!("&{parameter}={}&top={}", encode(&f), question.top)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{question, target, window};
    use crate::target::Aggregation;
    use crate::tests::provider;
    use provider_api::conformance::{batches_fit_their_call, partial_answer_kept};
    use provider_api::{Due, Scope};

    fn call(ids: &[&str], metrics: &[&str]) -> Call {
        let q = question("westeurope", metrics, &[Aggregation::Total]);
        let due: Vec<Due> = ids
            .iter()
            .map(|id| Due {
                target: target(id, &q),
                window: window(0, 600),
            })
            .collect();
        plan::plan(&due).remove(0)
    }

    fn question_of(call: &Call) -> &Question {
        &call
            .detail
            .as_any()
            .downcast_ref::<CallDetail>()
            .expect("ours")
            .question
    }

    fn refused() -> ProviderError {
        failure(
            GET_BATCH,
            &Scope::new("sub"),
            ErrorKind::InvalidRequest,
            "Valid metrics: A",
        )
    }

    #[test]
    fn a_resource_that_is_not_in_the_answer_is_not_complete() {
        let call = call(&["/a", "/b"], &["Ingress"]);
        let mut work = Work::new(&call, question_of(&call));
        let piece = work.pieces.pop().expect("a piece");
        let body = r#"{"values":[{"resourceid":"/A","interval":"PT1M","value":[{"name":{"value":"Ingress"},"unit":"Bytes",
            "timeseries":[{"data":[{"timeStamp":"1970-01-01T00:01:00Z","total":1}]}]}]}]}"#;
        let answer: BatchAnswer = serde_json::from_str(body).expect("a batch");
        let mut batch = Batch::default();
        provider().take(&answer.values, &piece, call.window, &mut work, &mut batch);
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

    #[test]
    fn halving_finds_the_one_to_blame_and_completes_the_others() {
        let call = call(&["/a", "/b", "/c"], &["A", "B"]);
        let mut work = Work::new(&call, question_of(&call));
        let mut batch = Batch::default();
        // The cloud refuses whatever holds metric B of /b.
        while let Some(piece) = work.pieces.pop() {
            let bad = piece.metrics.iter().any(|m| &*m.name == "B")
                && piece
                    .targets
                    .iter()
                    .any(|t| plan::detail(t).is_some_and(|d| &*d.id == "/b"));
            if bad {
                work.halve(piece, &refused(), &mut batch);
            } else {
                piece.targets.iter().for_each(|t| work.close(t.id, &mut batch));
            }
        }
        assert_eq!((batch.complete.len(), batch.failed.len()), (2, 1));
        assert!(
            batch.failed[0].message.ends_with("(B)"),
            "{}",
            batch.failed[0].message
        );
        batches_fit_their_call(&call, &[batch]);
    }

    #[test]
    fn halving_ends() {
        let ids: Vec<String> = (0..50).map(|i| format!("/r{i}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let names: Vec<String> = (0..20).map(|i| format!("m{i:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let call = call(&ids, &names);
        let mut work = Work::new(&call, question_of(&call));
        let mut batch = Batch::default();
        let mut requests: u32 = 0;
        while let Some(piece) = work.pieces.pop() {
            requests += 1;
            work.halve(piece, &refused(), &mut batch);
        }
        assert!(requests <= 2 * MOST_HALVINGS + 1, "{requests}");
        assert_eq!((batch.failed.len(), batch.complete.len()), (50, 0));
    }

    #[test]
    fn requests_lie_on_the_grain_and_name_what_they_want() {
        let q = question(
            "r",
            &["Disk Read/Sec", "A,B"],
            &[Aggregation::Average, Aggregation::Total],
        );
        assert_eq!(span(window(61, 190), &q).0, "1970-01-01T00:01:00.000Z");
        assert_eq!(span(window(61, 190), &q).1, "1970-01-01T00:03:00.000Z");
        let text = common(&q, &q.metrics);
        assert!(
            text.contains("metricnames=Disk%20Read%2FSec,A%252B&aggregation=average,total"),
            "{text}"
        );
        assert_eq!(filter(&q, "filter"), "");
    }

    #[test]
    fn a_refused_place_is_tried_again_some_time() {
        let memory = Memory::default();
        let q = question("r", &["A"], &[Aggregation::Total]);
        assert!(!memory.arm_turn(&q) && memory.prefer_arm(&q) && !memory.prefer_arm(&q));
        let turns = (0..2 * ARM_TURNS).take_while(|_| memory.arm_turn(&q)).count();
        assert_eq!(u32::try_from(turns), Ok(ARM_TURNS));
        assert!(!memory.told(&q, "A") && memory.told(&q, "A"));
    }
}
