//! The right to read, proved by reading as the daemon does: of each configured type the first resource of each
//! subscription is asked for its metric definitions, and for one value. One getBatch a type costs $0.00001.
//!
//! An answer that finds fault with what was asked proves the right as well: who may not read is told so first.

use super::definitions::Definition;
use super::lists::{DEFINITIONS, Subscribed};
use super::places::{Place, places};
use super::resources::Listed;
use crate::AzureProvider;
use crate::classify::GET_BATCH;
use crate::grain::iso;
use crate::http::{Ask, Plane, encode};
use crate::plan;
use crate::wire::BatchAnswer;
use futures::future::join_all;
use provider_api::{Check, ErrorKind, ProviderError, Scope, UnixNanos, Urgency};
use std::time::Duration;

/// Types of one subscription that are tried; the role that reads these reads the others.
const MOST_TYPES: usize = 20;

/// Asked for where no definition says what there is.
const ANY_METRIC: &str = "Availability";

/// How much is asked for where no definition says a grain.
const ANY_GRAIN: Duration = Duration::from_secs(300);

/// What is said of a subscription in which there is nothing to read.
const NOTHING_TO_READ: &str = "no resource of the configured types: the right to read values is not proved";

/// What came of one question, and the type it was about.
type Tried = (String, Result<(), ProviderError>);

impl AzureProvider {
    /// What the credential may do in each of these subscriptions.
    pub(crate) async fn prove(&self, subscriptions: &[Subscribed]) -> Vec<Check> {
        let mut listed = self.resources(subscriptions).await;
        let proofs = subscriptions.iter().filter_map(|one| {
            let found = listed.remove(&one.scope)?;
            Some(async { self.prove_in(&one.scope, found).await })
        });
        join_all(proofs.collect::<Vec<_>>()).await.concat()
    }

    async fn prove_in(&self, scope: &Scope, found: Result<Listed, ProviderError>) -> Vec<Check> {
        let listed = match found {
            Ok(listed) => listed,
            Err(error) => {
                let operation = error.operation();
                return vec![Check::of(&*scope.0, operation, &Err::<(), _>(error))];
            }
        };
        let things: Vec<_> = listed.things.iter().collect();
        let by_type = places(&self.config.entries, &things);
        let firsts = by_type
            .iter()
            .filter_map(|(of, places)| Some((of.as_str(), places.first()?)));
        let asked = firsts
            .take(MOST_TYPES)
            .map(|(of, place)| self.prove_type(scope, of, place, listed.date));
        let (definitions, values): (Vec<Tried>, Vec<Tried>) = join_all(asked).await.into_iter().unzip();
        if definitions.is_empty() {
            return vec![Check {
                detail: NOTHING_TO_READ.to_owned(),
                ..Check::of(&*scope.0, GET_BATCH, &Ok(()))
            }];
        }
        [
            rows(scope, DEFINITIONS, definitions),
            rows(scope, GET_BATCH, values),
        ]
        .concat()
    }

    async fn prove_type(
        &self,
        scope: &Scope,
        resource_type: &str,
        place: &Place<'_>,
        date: Option<UnixNanos>,
    ) -> (Tried, Tried) {
        let told = self
            .of_resource(scope, resource_type, &place.id, Urgency::Fresh)
            .await;
        let first = told
            .as_ref()
            .ok()
            .and_then(|(has, _)| has.as_ref()?.metrics.first());
        let now = told.as_ref().ok().and_then(|(_, at)| *at).or(date);
        let value = self.try_value(scope, resource_type, place, first, now).await;
        let told = told.map(drop);
        (
            (resource_type.to_owned(), told),
            (resource_type.to_owned(), value),
        )
    }

    /// One value of one metric, by the cloud's own clock; whether there is one does not matter.
    async fn try_value(
        &self,
        scope: &Scope,
        resource_type: &str,
        place: &Place<'_>,
        metric: Option<&Definition>,
        now: Option<UnixNanos>,
    ) -> Result<(), ProviderError> {
        let grain = metric
            .and_then(|m| m.grains.first().copied())
            .unwrap_or(ANY_GRAIN);
        let end = now
            .unwrap_or_default()
            .floor(grain)
            .max(UnixNanos::default().plus(grain));
        let aggregation = metric.and_then(|m| m.primary.or_else(|| m.supported.iter().next()));
        let url = format!(
            "{}/subscriptions/{scope}/metrics:getBatch?api-version=2024-02-01&starttime={}&endtime={}&interval={}\
             &metricnamespace={}&metricnames={}&aggregation={}",
            self.api.cloud().metrics_base(&place.thing.region),
            crate::fetch::written(end.minus(grain)),
            crate::fetch::written(end),
            iso(grain),
            encode(&self.namespace(resource_type)),
            encode(&metric.map_or(ANY_METRIC, |m| &m.name).replace(',', "%2")),
            aggregation.map_or("average".to_owned(), |a| a.word().to_lowercase()),
        );
        let body = serde_json::json!({ "resourceids": [&*place.id] });
        let ask = Ask {
            plane: Plane::Metrics,
            operation: GET_BATCH,
            scope,
            url,
            body: Some(body.to_string().into_bytes()),
            price: plan::price(),
            urgency: Urgency::Fresh,
            group: None,
            domain: None,
            question: None,
        };
        match self.api.read::<BatchAnswer>(&ask).await {
            Err(error) if !is_about_the_question(&error) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn is_about_the_question(error: &ProviderError) -> bool {
    matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::NotFound)
}

/// One row where all types fare alike, else one for each that does not answer.
fn rows(scope: &Scope, what: &str, tried: Vec<Tried>) -> Vec<Check> {
    let all = tried.len();
    let failed: Vec<Tried> = tried.into_iter().filter(|(_, result)| result.is_err()).collect();
    let check = |result: &Result<(), ProviderError>| Check::of(&*scope.0, what, result);
    if failed.is_empty() {
        return vec![check(&Ok(()))];
    }
    if failed.len() == all {
        return failed.iter().take(1).map(|(_, result)| check(result)).collect();
    }
    let of_type = |(of, result): &Tried| {
        let check = check(result);
        Check {
            detail: format!("{of}: {}", check.detail),
            ..check
        }
    };
    failed.iter().map(of_type).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::failure;

    #[test]
    fn types_are_told_apart_only_where_they_fare_differently() {
        let scope = Scope::new("s");
        let tried = |failing: &[&str]| {
            let one = |of: &&str| {
                let refused = || failure(GET_BATCH, &scope, ErrorKind::Forbidden, "no");
                let result = if failing.contains(of) {
                    Err(refused())
                } else {
                    Ok(())
                };
                ((*of).to_owned(), result)
            };
            let rows = rows(&scope, GET_BATCH, ["a", "b"].iter().map(one).collect());
            rows.into_iter().map(|row| row.detail).collect::<Vec<_>>()
        };
        assert_eq!(tried(&[]), [""]);
        assert_eq!(tried(&["b"]), ["b: no"]);
        assert_eq!(tried(&["a", "b"]), ["no"]);
    }
}
