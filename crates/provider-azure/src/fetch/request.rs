//! The two requests that read values: getBatch for up to fifty resources, ARM for one.

use super::work::Piece;
use crate::AzureProvider;
use crate::classify::GET_BATCH;
use crate::http::{Ask, Plane, encode, failure, path};
use crate::plan::{self, MOST_RESOURCES};
use crate::question::{AskedMetric, Question, union};
use crate::wire::{BatchAnswer, ResourceValues, Text};
use provider_api::{Call, ErrorKind, ProviderError, UnixNanos, Urgency, Window};

/// The operation that reads the values of one resource.
pub(crate) const ARM_METRICS: &str = "metrics.list";

/// Values by resource, and the cloud's clock.
pub(super) type Values = Result<(Vec<ResourceValues>, Option<UnixNanos>), ProviderError>;

impl AzureProvider {
    pub(super) async fn by_batch(&self, call: &Call, question: &Question, piece: &Piece) -> Values {
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
        let ask = ask(Plane::Metrics, GET_BATCH, call, piece, url, Some(body));
        let (answer, date) = self.api.read::<BatchAnswer>(&ask).await?;
        Ok((answer.values.items, date))
    }

    pub(super) async fn by_arm(&self, call: &Call, question: &Question, piece: &Piece) -> Values {
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
        let ask = ask(Plane::Arm, ARM_METRICS, call, piece, url, None);
        let (mut answer, date) = self.api.read::<ResourceValues>(&ask).await?;
        if answer.value.is_none() {
            let words = "an answer without values";
            return Err(failure(ARM_METRICS, &call.scope, ErrorKind::BadResponse, words));
        }
        answer.resourceid = Text(Some(detail.id.to_string()));
        Ok((vec![answer], date))
    }
}

fn ask<'a>(
    plane: Plane,
    operation: &'static str,
    call: &'a Call,
    piece: &Piece,
    url: String,
    body: Option<Vec<u8>>,
) -> Ask<'a> {
    let urgency = if piece.is_doubtful() {
        Urgency::Doubtful
    } else {
        call.urgency
    };
    Ask {
        plane,
        operation,
        scope: &call.scope,
        url,
        body,
        price: plan::price(),
        urgency,
        group: call.group(),
        domain: None,
        question: Some(piece.question()),
    }
}

/// Start and end on the grain: Azure anchors its buckets at the asked start.
fn span(window: Window, question: &Question) -> (String, String) {
    let start = window.start().floor(question.grain);
    let end = window.end().floor(question.grain).max(start.plus(question.grain));
    (written(start), written(end))
}

/// A time as both APIs want it.
pub(crate) fn written(time: UnixNanos) -> String {
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
        union(metrics).words(),
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
    use crate::question::Aggregation;
    use crate::testing::{question, window};

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
}
